//! Hashes for names and keys.

use std::ffi::OsStr;
use std::path::Path;

use hmac_sha256::Hash;

use crate::model::toolchain::Toolchain;

/// Formats bytes in lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Returns the first `digits` hexadecimal digits of the SHA-256 of `text`.
pub(crate) fn short_hash(text: &str, digits: usize) -> String {
    let mut hash = hex(&Hash::hash(text.as_bytes()));
    hash.truncate(digits);
    hash
}

/// The directory below the user's target directory that has the target directories of runs, each
/// with a key at the end of its name.
pub(crate) const TARGET_DIRS: &str = "cross";

/// The length of the key of a target directory.
const TARGET_DIR_KEY: usize = 8;

/// Whether a run writes to the directory at `path`, by its name.
pub(crate) fn is_target_dir(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str);
    let key = name
        .and_then(|name| name.rsplit_once('-'))
        .map(|(_, key)| key);
    let is_key =
        |key: &str| key.len() == TARGET_DIR_KEY && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    path.parent().is_some_and(|dir| dir.ends_with(TARGET_DIRS)) && key.is_some_and(is_key)
}

/// Returns the key of a target directory: a hash of everything that makes compiled host artifacts
/// incompatible.
pub(crate) fn target_dir_key(environment: &str, toolchain: &Toolchain) -> String {
    short_hash(
        &format!("{environment}\n{}", toolchain.identity()),
        TARGET_DIR_KEY,
    )
}
