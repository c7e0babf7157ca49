//! The limit of the memory of a container.

use std::fmt;

use serde::Serialize;

use crate::diagnostics::diagnostic::Diagnostic;
use crate::values::scalar::{Scalar, invalid};

/// The limit of the memory that all processes of a container use together, in bytes.
///
/// In configuration it is a number of bytes, or a number with a unit in powers of 1024: `k`, `m`,
/// `g` or `t`, which `KiB`, `MiB`, `GiB` and `TiB` spell out. Units are read in any case, as docker
/// and podman read them for `--memory`.
///
/// ```
/// use cross_config::MemoryLimit;
///
/// assert_eq!(MemoryLimit::parse("512m").unwrap().bytes(), 512 * 1024 * 1024);
/// assert_eq!(MemoryLimit::parse("4GiB").unwrap().to_string(), "4g");
/// assert_eq!(MemoryLimit::parse("4 GB"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct MemoryLimit(u64);

/// The units, and the number of bytes of each.
const UNITS: [(&str, u64); 4] = [
    ("t", 1 << 40),
    ("g", 1 << 30),
    ("m", 1 << 20),
    ("k", 1 << 10),
];

/// docker refuses a smaller limit, because a container does not start with less.
const MINIMUM: u64 = 6 << 20;

impl MemoryLimit {
    /// Parses the notation of configuration: `4g`, `512MiB`, `1073741824`. Returns `None` for any
    /// other text, and for less than 6 MiB, the least that docker accepts.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = text.get(digits.len()..)?.to_ascii_lowercase();
        let unit = unit.strip_suffix("ib").unwrap_or(&unit);
        let factor = match unit {
            "" if text.len() == digits.len() => 1,
            unit => UNITS.iter().find(|(name, _)| *name == unit)?.1,
        };
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = is_number.then(|| digits.parse().ok())??;
        Self::from_bytes(number.checked_mul(factor)?)
    }

    /// The limit of `bytes`, or `None` for less than 6 MiB.
    #[must_use]
    pub fn from_bytes(bytes: u64) -> Option<Self> {
        (bytes >= MINIMUM).then_some(Self(bytes))
    }

    /// The limit in bytes.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl fmt::Display for MemoryLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.iter().find(|(_, bytes)| self.0 % bytes == 0);
        match unit {
            Some((name, bytes)) => write!(f, "{}{name}", self.0 / bytes),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Scalar for MemoryLimit {
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
        let expected = "a size of at least 6 MiB, such as `512m` or `4g`";
        Self::parse(text).ok_or_else(|| invalid(key, text, expected))
    }

    fn describe(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_docker_reads_them() {
        let bytes = |text| MemoryLimit::parse(text).map(MemoryLimit::bytes);
        for (text, expected) in [
            ("6m", 6 << 20),
            ("6291456", 6 << 20),
            ("8192k", 8 << 20),
            ("4g", 4 << 30),
            ("4G", 4 << 30),
            ("4GiB", 4 << 30),
            ("4gib", 4 << 30),
            ("1t", 1 << 40),
        ] {
            assert_eq!(bytes(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_size() {
        for text in [
            "",
            "g",
            "ib",
            "4ib",
            "-4g",
            "+4g",
            "4.5g",
            "4 g",
            "4gb",
            "4GB",
            "4gg",
            "5m",
            "0",
            "max",
            "99999999999999999999",
            "99999999t",
            "４g",
            "4g4",
        ] {
            assert_eq!(MemoryLimit::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_displayed_limit_is_read_again() {
        for bytes in [6 << 20, (6 << 20) + 1, 1 << 30, (1 << 30) + 1024, 3 << 40] {
            let limit = MemoryLimit::from_bytes(bytes).unwrap();
            assert_eq!(
                MemoryLimit::parse(&limit.to_string()),
                Some(limit),
                "{limit}"
            );
        }
    }
}
