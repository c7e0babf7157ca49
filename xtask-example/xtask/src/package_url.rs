//! Package URLs, which name packages of every kind: `pkg:cargo/serde@1.0.1`.

use std::fmt::Write as _;
use std::path::Path;

use cross_core::contents::InstalledPackage;
use cross_core::toolchain::Toolchain;

use crate::crates::{Crate, Source};

/// The address of what only this machine has.
pub(crate) const LOCAL: &str = "urn:cross-core:local";

/// Returns `pkg:KIND/NAME@VERSION?QUALIFIERS`. `kind` may have a namespace. Qualifiers are given in
/// alphabetical order, as the specification wants it.
pub(crate) fn package_url(
    kind: &str,
    name: &str,
    version: &str,
    qualifiers: &[(&str, &str)],
) -> String {
    let mut url = format!("pkg:{kind}/{}@{}", encoded(name), encoded(version));
    let given = qualifiers.iter().filter(|(_, value)| !value.is_empty());
    for (n, (key, value)) in given.enumerate() {
        let separator = if n == 0 { '?' } else { '&' };
        let _ = write!(url, "{separator}{key}={}", encoded(value));
    }
    url
}

/// A release of Rust.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rust<'a> {
    pub(crate) version: &'a str,
    /// The commit of its sources, if it is known: the nightlies of many days have one version.
    pub(crate) commit: Option<&'a str>,
}

impl<'a> Rust<'a> {
    /// `None` if its version is unknown.
    pub(crate) fn of(toolchain: &'a Toolchain) -> Option<Self> {
        let commit = toolchain.commit.as_deref();
        Some(Rust {
            version: toolchain.version.as_deref()?,
            // The day follows.
            commit: commit.and_then(|commit| commit.split(' ').next()),
        })
    }

    /// The URL of its part `name`, for `target` if there is one for each.
    pub(crate) fn url(&self, name: &str, target: Option<&str>) -> String {
        let sources = |commit| format!("git+https://github.com/rust-lang/rust@{commit}");
        let sources = self.commit.map(sources).unwrap_or_default();
        let qualifiers = [
            ("target", target.unwrap_or_default()),
            ("vcs_url", &sources),
        ];
        package_url("generic", name, self.version, &qualifiers)
    }
}

/// The URL of a crate. A crate that is in no registry says where it is, since one on crates.io could
/// have the same name.
pub(crate) fn of_crate(one: &Crate) -> String {
    let place = match &one.source {
        Source::CratesIo => None,
        Source::Registry(index) => Some(("repository_url", index.clone())),
        Source::Git(url, revision) => Some(("vcs_url", format!("git+{url}@{revision}"))),
        Source::Directory(dir) => {
            let dir = match dir.as_os_str().is_empty() {
                true => Path::new("."),
                false => dir,
            };
            Some(("download_url", format!("file://{}", dir.display())))
        }
        Source::Outside | Source::Ignored => Some(("download_url", LOCAL.to_owned())),
    };
    let place = place.as_ref().map(|(key, value)| (*key, value.as_str()));
    package_url("cargo", &one.name, &one.version, place.as_slice())
}

/// The URL of a package of a distribution, such as `debian`, in its release, such as `bookworm`.
pub(crate) fn of_package(package: &InstalledPackage, origin: &str, release: &str) -> String {
    let has_own_source =
        package.source == package.name && package.source_version == package.version;
    let upstream = match has_own_source {
        true => String::new(),
        false => format!("{}@{}", package.source, package.source_version),
    };
    let qualifiers = [
        ("arch", package.architecture.as_str()),
        ("distro", release),
        ("upstream", &upstream),
    ];
    let kind = format!("deb/{}", encoded(&origin.to_lowercase()));
    package_url(&kind, &package.name, &package.version, &qualifiers)
}

/// `text` with every byte encoded that has a meaning in a package URL.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut url, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => {
                url.push(char::from(byte));
            }
            _ => {
                let _ = write!(url, "%{byte:02X}");
            }
        }
        url
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_in_a_url_is_encoded() {
        let package = InstalledPackage::new("libstdc++6", "1:12.2.0-14+b1~x", "arm64");
        assert_eq!(
            of_package(&package, "Debian", "bookworm"),
            "pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bb1~x?arch=arm64&distro=bookworm"
        );
        let package = package.source("gcc-12", "12.2.0-14");
        assert_eq!(
            of_package(&package, "Debian", ""),
            "pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14%2Bb1~x?arch=arm64&upstream=gcc-12%4012.2.0-14"
        );
    }
}
