//! Hashes for names and keys.

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

/// Returns the key of a target directory: a hash of everything that makes compiled host artifacts
/// incompatible.
pub(crate) fn target_dir_key(environment: &str, toolchain: &Toolchain) -> String {
    short_hash(&format!("{environment}\n{}", toolchain.identity()), 8)
}
