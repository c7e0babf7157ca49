//! Versions of glibc.

use std::fmt;
use std::str::FromStr;

/// A version of glibc, such as the `2.17` in `x86_64-unknown-linux-gnu.2.17`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct GlibcVersion {
    /// The major version: `2` in `2.17`.
    pub major: u16,
    /// The minor version: `17` in `2.17`.
    pub minor: u16,
}

impl GlibcVersion {
    /// The version `major.minor`.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }
}

impl fmt::Display for GlibcVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for GlibcVersion {
    type Err = InvalidGlibcVersion;

    /// Parses two decimal numbers without sign or leading zero: `2.17`.
    fn from_str(text: &str) -> Result<Self, InvalidGlibcVersion> {
        let read = || {
            let (major, minor) = text.split_once('.')?;
            Some(Self::new(number(major)?, number(minor)?))
        };
        read().ok_or_else(|| InvalidGlibcVersion {
            text: text.to_owned(),
        })
    }
}

/// Parses a number in canonical form. (`u16::from_str` also accepts `+2` and `02`.)
fn number(text: &str) -> Option<u16> {
    let number: u16 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// The text is not a glibc version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a glibc version")]
pub struct InvalidGlibcVersion {
    text: String,
}

impl InvalidGlibcVersion {
    /// A remedy: the format of a version.
    pub fn help(&self) -> String {
        "write two numbers, such as `2.17`".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_same_text() {
        for text in ["2.17", "2.36", "2.5", "0.0", "10.65535"] {
            assert_eq!(text.parse::<GlibcVersion>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn orders_by_number_not_by_text() {
        assert!(GlibcVersion::new(2, 5) < GlibcVersion::new(2, 17));
        assert!(GlibcVersion::new(2, 99) < GlibcVersion::new(3, 0));
    }

    #[test]
    fn refuses_nonsense_and_names_it() {
        for text in [
            "", ".", "2", "2.", ".17", "2.17.1", "+2.17", "02.17", "2.017", "2.-1", "2.x", " 2.17",
            "2.65536", "2.١",
        ] {
            let error = text.parse::<GlibcVersion>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{text}` is not a glibc version")
            );
        }
    }
}
