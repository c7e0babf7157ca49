//! Versions of Apple's systems.

use std::fmt;
use std::str::FromStr;

/// A version of one of Apple's systems, such as the `11.0` in `MACOSX_DEPLOYMENT_TARGET=11.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct SystemVersion {
    /// The major version: `10` in `10.15.4`.
    pub major: u16,
    /// The minor version: `15` in `10.15.4`.
    pub minor: u8,
    /// The last number: `4` in `10.15.4`.
    pub patch: u8,
}

impl SystemVersion {
    /// The version `major.minor.patch`.
    pub const fn new(major: u16, minor: u8, patch: u8) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// The version as Mach-O files have it: four digits for the major number, and two for each
    /// other.
    pub const fn from_packed(packed: u32) -> Self {
        let [_, _, minor, patch] = packed.to_be_bytes();
        Self::new((packed >> 16) as u16, minor, patch)
    }
}

impl fmt::Display for SystemVersion {
    /// Writes two numbers, or three where the last is not zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        match self.patch {
            0 => Ok(()),
            patch => write!(f, ".{patch}"),
        }
    }
}

impl FromStr for SystemVersion {
    type Err = InvalidSystemVersion;

    /// Parses one to three decimal numbers without sign or leading zero: `11`, `11.0`, `10.15.4`.
    fn from_str(text: &str) -> Result<Self, InvalidSystemVersion> {
        let read = || {
            let mut numbers = text.split('.').map(number);
            let major = numbers.next()??;
            let mut next = || numbers.next().unwrap_or(Some(0));
            let [minor, patch] = [next()?, next()?].map(u8::try_from);
            let version = Self::new(major, minor.ok()?, patch.ok()?);
            numbers.next().is_none().then_some(version)
        };
        read().ok_or_else(|| InvalidSystemVersion {
            text: text.to_owned(),
        })
    }
}

/// Parses a number in canonical form. (`u16::from_str` also accepts `+2` and `02`.)
fn number(text: &str) -> Option<u16> {
    let number: u16 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// The text is not a version of one of Apple's systems.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a version of one of Apple's systems")]
pub struct InvalidSystemVersion {
    text: String,
}

impl InvalidSystemVersion {
    /// A remedy: the format of a version.
    pub fn help(&self) -> String {
        "write up to three numbers, such as `11.0`".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_number_and_not_by_text() {
        let of = |text: &str| text.parse::<SystemVersion>().unwrap();
        assert!(of("9.0") < of("10.9") && of("10.9") < of("10.15.4") && of("10.15.4") < of("11"));
        assert_eq!(of("11"), of("11.0.0"));
    }

    #[test]
    fn a_version_is_written_with_two_numbers_or_three() {
        for (text, written) in [("11", "11.0"), ("10.15.4", "10.15.4"), ("13.0.0", "13.0")] {
            assert_eq!(text.parse::<SystemVersion>().unwrap().to_string(), written);
        }
        assert_eq!(
            SystemVersion::from_packed(0x000a_0f04).to_string(),
            "10.15.4"
        );
        assert_eq!(
            SystemVersion::from_packed(u32::MAX).to_string(),
            "65535.255.255"
        );
    }

    #[test]
    fn nonsense_is_refused_and_named() {
        for text in [
            "", ".", "11.", ".0", "1.2.3.4", "+11", "011", "11.256", "11.x", " 11",
        ] {
            let error = text.parse::<SystemVersion>().unwrap_err();
            assert!(error.to_string().starts_with(&format!("`{text}` is not")));
        }
    }
}
