//! What a single written text may be: one type per kind, each knowing how to read itself.

use std::fmt;

use serde::Serialize;

use crate::diagnostic::{Code, Diagnostic};
use crate::{triples, variables};

/// A text that a key takes, checked where it is written.
///
/// Problems come without a place: whoever reads the source knows it and adds it.
pub(crate) trait Word: Sized {
    /// Reads `text`, or says what is wrong with it; `key` is for the message.
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic>;

    /// This value for people, without secrets.
    fn show(&self) -> String;

    /// What is allowed, but probably not meant.
    fn doubt(&self) -> Option<Diagnostic> {
        None
    }
}

/// Declares newtypes of checked text; `$check` says what a text must be, if it is not.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident: $check:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) struct $name(pub(crate) String);

        impl Word for $name {
            fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
                let check: fn(&str) -> Option<&'static str> = $check;
                match check(text) {
                    None => Ok(Self(text.to_owned())),
                    Some(wanted) => Err(invalid(key, text, wanted)),
                }
            }

            fn show(&self) -> String {
                self.0.clone()
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
    )*};
}

texts! {
    /// A name or path: any text but the empty one.
    Name: |text| text.trim().is_empty().then_some("a name or a path");
    /// A runner's command; empty means that the target's usual runner is wanted after all.
    Runner: |_| None;
    /// A distribution's suite. It becomes an argument and part of a URL, so its alphabet is closed.
    Suite: |text| (!is_suite(text)).then_some("a suite such as `bookworm`");
    /// A Debian package name, with an optional architecture: `libssl-dev`, `libssl-dev:arm64`.
    Package: |text| (!is_package(text)).then_some("a Debian package name such as `libssl-dev`");
}

/// The text that starts with `first`-like and goes on with `rest`-like characters.
fn is_made_of(text: &str, first: fn(char) -> bool, rest: fn(char) -> bool) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(first) && chars.all(rest)
}

fn is_lower_or_digit(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn is_suite(text: &str) -> bool {
    is_made_of(text, is_lower_or_digit, |c| {
        is_lower_or_digit(c) || matches!(c, '-' | '.' | '_')
    })
}

/// Debian policy §5.6.7: lower-case letters, digits, plus, minus, full stop; at least two.
fn is_package(text: &str) -> bool {
    let (name, architecture) = match text.split_once(':') {
        Some((name, architecture)) => (name, Some(architecture)),
        None => (text, None),
    };
    let name_char = |c| is_lower_or_digit(c) || matches!(c, '+' | '-' | '.');
    let architecture_char = |c| is_lower_or_digit(c) || c == '-';
    name.len() > 1
        && is_made_of(name, is_lower_or_digit, name_char)
        && architecture.is_none_or(|it| is_made_of(it, is_lower_or_digit, architecture_char))
}

/// The name of a target, which may be one that only its user knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Triple(pub(crate) String);

impl Word for Triple {
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
        if text.trim().is_empty() {
            return Err(invalid(key, text, "a target triple"));
        }
        Ok(Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }

    fn doubt(&self) -> Option<Diagnostic> {
        triples::doubt(&self.0)
    }
}

impl From<Triple> for String {
    fn from(triple: Triple) -> Self {
        triple.0
    }
}

/// What network an environment has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Network {
    /// None at all.
    None,
    /// The host's own.
    Host,
    /// Whatever the engine gives when nothing is asked for.
    Default,
}

impl Network {
    const ALL: [Self; 3] = [Self::None, Self::Host, Self::Default];

    /// The name in configuration: `none`, `host` or `default`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Host => "host",
            Self::Default => "default",
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Word for Network {
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
        let named = Self::ALL.into_iter().find(|it| it.as_str() == text);
        named.ok_or_else(|| invalid(key, text, "one of `none`, `host`, `default`"))
    }

    fn show(&self) -> String {
        self.as_str().to_owned()
    }
}

/// A variable that reaches the environment, with a value of its own or the host's.
///
/// `Debug` hides the value, which may be a secret.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Passthrough {
    /// The variable's name.
    pub name: String,
    /// Its value; `None` passes the host's value on, if the host has one.
    pub value: Option<String>,
}

impl Word for Passthrough {
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        // Only the name goes into the message: the value may be a secret.
        if !is_made_of(name, is_variable_char, is_variable_char) {
            return Err(invalid(
                key,
                name,
                "a variable's name (letters, digits, `_`), or `NAME=value`",
            ));
        }
        if variables::RESERVED.contains(&name) {
            let message = format!("`{name}` in `{key}` is reserved");
            return Err(Diagnostic::error(Code::ReservedName, message).help(format!(
                "remove `{name}`: the library sets it itself; to choose a runner, set `runner`"
            )));
        }
        Ok(Self {
            name: name.to_owned(),
            value,
        })
    }

    fn show(&self) -> String {
        match self.value {
            Some(_) => format!("{}=[redacted]", self.name),
            None => self.name.clone(),
        }
    }
}

impl fmt::Debug for Passthrough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passthrough({})", self.show())
    }
}

fn is_variable_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn invalid(key: &str, text: &str, wanted: &str) -> Diagnostic {
    Diagnostic::error(
        Code::InvalidValue,
        format!("`{}` is not a value of `{key}`", text.escape_debug()),
    )
    .help(format!("write {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<W: Word>(text: &str) -> Option<Code> {
        W::parse("key", text).err().map(|it| it.code)
    }

    #[test]
    fn packages_are_debian_names() {
        for good in [
            "libssl-dev",
            "g++-12",
            "libssl-dev:arm64",
            "python3.11",
            "0ad",
        ] {
            assert_eq!(code::<Package>(good), None, "{good}");
        }
        for bad in [
            "",
            "x",
            "-o",
            "a b",
            "Libssl",
            "lib/ssl",
            "a,b",
            "libssl-dev:",
            "libssl-dev:a:b",
            "--all",
        ] {
            assert_eq!(code::<Package>(bad), Some(Code::InvalidValue), "{bad}");
        }
    }

    #[test]
    fn suites_cannot_be_options_or_paths() {
        assert_eq!(code::<Suite>("bookworm"), None);
        assert_eq!(code::<Suite>("bookworm-backports"), None);
        for bad in ["", "-x", "../x", "a b", "Bookworm"] {
            assert_eq!(code::<Suite>(bad), Some(Code::InvalidValue), "{bad}");
        }
    }

    #[test]
    fn passthrough_takes_a_name_or_a_name_and_value() {
        let with_value = Passthrough::parse("key", "A=b=c").unwrap();
        assert_eq!(
            (with_value.name.as_str(), with_value.value.as_deref()),
            ("A", Some("b=c"))
        );
        assert_eq!(Passthrough::parse("key", "A").unwrap().value, None);
        assert_eq!(
            Passthrough::parse("key", "A=").unwrap().value.as_deref(),
            Some("")
        );
        assert_eq!(code::<Passthrough>("A-B"), Some(Code::InvalidValue));
        assert_eq!(code::<Passthrough>("=b"), Some(Code::InvalidValue));
        assert_eq!(
            code::<Passthrough>("CROSS_RUNNER"),
            Some(Code::ReservedName)
        );
        assert_eq!(
            code::<Passthrough>("CROSS_RUNNER=x"),
            Some(Code::ReservedName)
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = Passthrough::parse("key", "TOKEN=hunter2").unwrap();
        assert!(!format!("{secret:?} {}", secret.show()).contains("hunter2"));
        let message = Passthrough::parse("key", "TO-KEN=hunter2").unwrap_err();
        assert!(!format!("{message:?}").contains("hunter2"));
    }
}
