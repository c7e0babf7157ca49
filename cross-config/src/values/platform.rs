//! Platforms of images, as engines and Rust name them.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::diagnostics::diagnostic::Diagnostic;
use crate::values::scalar::{Scalar, invalid};

/// The platform of an image, and the triple of the Rust toolchain that runs on it.
///
/// The format is `linux/arm64`, `linux/arm64/v8`, `linux/arm64=aarch64-unknown-linux-musl` or
/// `aarch64-unknown-linux-gnu`. `Display` writes the full form with both parts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Platform {
    /// The operating system, as engines name it: `linux`.
    pub os: String,
    /// The architecture, as engines name it: `amd64`, `arm64`.
    pub architecture: String,
    /// The architecture's variant, as engines name it: `v8`.
    pub variant: Option<String>,
    /// The triple of the toolchain that runs in the image.
    pub triple: String,
}

impl Platform {
    /// The value of an engine's `--platform` option: `linux/arm64/v8`.
    #[must_use]
    pub fn oci(&self) -> String {
        let Self {
            os, architecture, ..
        } = self;
        match &self.variant {
            Some(variant) => format!("{os}/{architecture}/{variant}"),
            None => format!("{os}/{architecture}"),
        }
    }
}

/// `linux/amd64`, with `x86_64-unknown-linux-gnu`.
impl Default for Platform {
    fn default() -> Self {
        Self {
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
            variant: None,
            triple: "x86_64-unknown-linux-gnu".to_owned(),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.oci(), self.triple)
    }
}

/// The text is not a platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a platform", text.escape_debug())]
pub struct InvalidPlatform {
    text: String,
}

impl InvalidPlatform {
    /// A remedy: the accepted formats.
    #[must_use]
    pub fn help(&self) -> String {
        format!("write {EXPECTED}")
    }
}

const EXPECTED: &str =
    "a platform such as `linux/amd64`, `linux/arm64/v8=aarch64-unknown-linux-musl`, or a triple";

impl FromStr for Platform {
    type Err = InvalidPlatform;

    fn from_str(text: &str) -> Result<Self, InvalidPlatform> {
        let read = || match text.split_once('=') {
            Some((platform, triple)) => with_triple(platform, triple),
            None if text.contains('/') => with_triple(text, default_triple(text)?),
            None => from_triple(text),
        };
        read().ok_or_else(|| InvalidPlatform {
            text: text.to_owned(),
        })
    }
}

/// Names of operating systems: the name in image platforms, followed by aliases.
const SYSTEMS: &[&[&str]] = &[
    &["linux"],
    &["android"],
    &["darwin", "macos"],
    &["freebsd"],
    &["illumos"],
    &["netbsd"],
    &["solaris"],
    &["windows"],
];

/// Names of architectures: the name in image platforms, followed by aliases.
const ARCHITECTURES: &[&[&str]] = &[
    &["386", "i386", "i586", "i686"],
    &["amd64", "x86_64"],
    &["arm", "armv7"],
    &["arm64", "aarch64"],
    &["loong64", "loongarch64"],
    &["mips"],
    &["mips64"],
    &["mips64le", "mips64el"],
    &["mipsle", "mipsel"],
    &["ppc64", "powerpc64"],
    &["ppc64le", "powerpc64le"],
    &["riscv64", "riscv64gc"],
    &["s390x"],
    &["wasm", "wasm32"],
];

/// The default triples of platforms.
#[rustfmt::skip]
const DEFAULT_TRIPLES: &[(&str, &str)] = &[
    ("linux/386", "i686-unknown-linux-gnu"),
    ("linux/amd64", "x86_64-unknown-linux-gnu"),
    ("linux/arm", "armv7-unknown-linux-gnueabihf"),
    ("linux/arm/v5", "armv5te-unknown-linux-gnueabi"),
    ("linux/arm/v6", "arm-unknown-linux-gnueabihf"),
    ("linux/arm/v7", "armv7-unknown-linux-gnueabihf"),
    ("linux/arm64", "aarch64-unknown-linux-gnu"),
    ("linux/arm64/v8", "aarch64-unknown-linux-gnu"),
    ("linux/loong64", "loongarch64-unknown-linux-gnu"),
    ("linux/ppc64le", "powerpc64le-unknown-linux-gnu"),
    ("linux/riscv64", "riscv64gc-unknown-linux-gnu"),
    ("linux/s390x", "s390x-unknown-linux-gnu"),
];

fn canonical(names: &[&[&'static str]], name: &str) -> Option<&'static str> {
    let names = names.iter().find(|names| names.contains(&name))?;
    names.first().copied()
}

fn split(platform: &str) -> Option<(&'static str, &'static str, Option<&str>)> {
    let mut parts = platform.split('/');
    let os = canonical(SYSTEMS, parts.next()?)?;
    let architecture = canonical(ARCHITECTURES, parts.next()?)?;
    let variant = parts.next();
    let is_variant =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric());
    (parts.next().is_none() && variant.is_none_or(is_variant)).then_some((
        os,
        architecture,
        variant,
    ))
}

fn default_triple(platform: &str) -> Option<&'static str> {
    let (os, architecture, variant) = split(platform)?;
    let layer_values = [Some(os), Some(architecture), variant];
    let layer_values: Vec<_> = layer_values.into_iter().flatten().collect();
    let layer_values = layer_values.join("/");
    let (_, triple) = DEFAULT_TRIPLES
        .iter()
        .find(|(platform, _)| *platform == layer_values)?;
    Some(triple)
}

fn with_triple(platform: &str, triple: &str) -> Option<Platform> {
    let (os, architecture, variant) = split(platform)?;
    is_triple(triple).then(|| Platform {
        os: os.to_owned(),
        architecture: architecture.to_owned(),
        variant: variant.map(str::to_owned),
        triple: triple.to_owned(),
    })
}

fn from_triple(triple: &str) -> Option<Platform> {
    let (first, rest) = triple.split_once('-')?;
    let is_in_triple = |os: &&str| rest.split('-').any(|part| part.starts_with(os));
    // Searches from the end, because Android triples also contain `linux`.
    let os = SYSTEMS.iter().map(|names| names[0]).rfind(is_in_triple)?;
    let (architecture, variant) = match first {
        _ if first.starts_with("armv5") => ("arm", Some("v5")),
        "arm" | "armv6" => ("arm", Some("v6")),
        _ if first.starts_with("armv7") || first.starts_with("thumbv7") => ("arm", Some("v7")),
        _ => (canonical(ARCHITECTURES, first)?, None),
    };
    is_triple(triple).then(|| Platform {
        os: os.to_owned(),
        architecture: architecture.to_owned(),
        variant: variant.map(str::to_owned),
        triple: triple.to_owned(),
    })
}

fn is_triple(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let is_part = |part: &&str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
    };
    parts.len() >= 2 && parts.iter().all(is_part)
}

impl Scalar for Platform {
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
        text.parse().map_err(|_| invalid(key, text, EXPECTED))
    }

    fn describe(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_cross_documents_is_read() {
        for (text, full) in [
            ("linux/amd64", "linux/amd64=x86_64-unknown-linux-gnu"),
            ("linux/arm64", "linux/arm64=aarch64-unknown-linux-gnu"),
            ("linux/arm64/v8", "linux/arm64/v8=aarch64-unknown-linux-gnu"),
            (
                "linux/arm64=aarch64-unknown-linux-musl",
                "linux/arm64=aarch64-unknown-linux-musl",
            ),
            (
                "x86_64-unknown-linux-musl",
                "linux/amd64=x86_64-unknown-linux-musl",
            ),
            (
                "armv7-unknown-linux-gnueabihf",
                "linux/arm/v7=armv7-unknown-linux-gnueabihf",
            ),
            (
                "arm-unknown-linux-gnueabihf",
                "linux/arm/v6=arm-unknown-linux-gnueabihf",
            ),
            ("linux/i386", "linux/386=i686-unknown-linux-gnu"),
            ("aarch64-apple-darwin", "darwin/arm64=aarch64-apple-darwin"),
            (
                "x86_64-pc-windows-msvc",
                "windows/amd64=x86_64-pc-windows-msvc",
            ),
            (
                "aarch64-linux-android",
                "android/arm64=aarch64-linux-android",
            ),
            (
                "macos/arm64=aarch64-apple-darwin",
                "darwin/arm64=aarch64-apple-darwin",
            ),
        ] {
            let platform: Platform = text.parse().unwrap();
            assert_eq!(platform.to_string(), full);
            assert_eq!(platform.to_string().parse(), Ok(platform), "{text}");
        }
    }

    #[test]
    fn what_is_no_platform_is_refused_with_the_forms() {
        for bad in [
            "",
            "linux",
            "linux/",
            "linux/vax",
            "plan9/amd64",
            "linux/amd64/",
            "linux/amd64/v1/x",
            "linux/amd64=",
            "linux/amd64=x86_64",
            "linux/mips64",
            "--platform",
            "x86_64-unknown-plan9",
            "linux/amd64/v9 --x=x86_64-unknown-linux-gnu",
        ] {
            let error = bad.parse::<Platform>().unwrap_err();
            assert!(error.help().contains("linux/amd64"), "{bad}");
            assert!(error.to_string().contains("is not a platform"), "{bad}");
        }
    }
}
