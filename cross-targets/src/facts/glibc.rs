//! The version of glibc a target is limited to.

use std::fmt;
use std::str::FromStr;

/// A version of glibc, for instance the `2.17` of `x86_64-unknown-linux-gnu.2.17`: the newest one a
/// binary may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Glibc {
    /// The `2` of `2.17`.
    pub major: u16,
    /// The `17` of `2.17`.
    pub minor: u16,
}

impl Glibc {
    /// The version `major.minor`.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }
}

impl fmt::Display for Glibc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Glibc {
    type Err = NotGlibc;

    /// Reads `2.17`: two decimal numbers without sign or leading zero.
    fn from_str(text: &str) -> Result<Self, NotGlibc> {
        let read = || {
            let (major, minor) = text.split_once('.')?;
            Some(Self::new(number(major)?, number(minor)?))
        };
        read().ok_or_else(|| NotGlibc {
            text: text.to_owned(),
        })
    }
}

/// The number `text` is the one spelling of. (`u16::from_str` takes `+2` and `02` too.)
fn number(text: &str) -> Option<u16> {
    let number: u16 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// The text is not a version of glibc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotGlibc {
    text: String,
}

impl NotGlibc {
    /// What to write instead.
    pub fn help(&self) -> String {
        "write two numbers, for instance `2.17`".to_owned()
    }
}

impl fmt::Display for NotGlibc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a glibc version", self.text)
    }
}

impl std::error::Error for NotGlibc {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_same_text() {
        for text in ["2.17", "2.36", "2.5", "0.0", "10.65535"] {
            assert_eq!(text.parse::<Glibc>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn orders_by_number_not_by_text() {
        assert!(Glibc::new(2, 5) < Glibc::new(2, 17));
        assert!(Glibc::new(2, 99) < Glibc::new(3, 0));
    }

    #[test]
    fn refuses_nonsense_and_names_it() {
        for text in [
            "", ".", "2", "2.", ".17", "2.17.1", "+2.17", "02.17", "2.017", "2.-1", "2.x", " 2.17",
            "2.65536", "2.١",
        ] {
            let error = text.parse::<Glibc>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{text}` is not a glibc version")
            );
        }
    }
}
