//! What a single written text may be: one type per kind, each knowing how to read itself.

use std::path::{Path, PathBuf};

use cross_targets::Glibc;

use crate::diagnostics::diagnostic::{Code, Diagnostic};
use crate::values::known_targets;

/// A text that a key takes, checked where it is written.
///
/// Problems come without a place: whoever reads the source knows it and adds it.
pub(crate) trait Word: Sized + Clone {
    /// Reads `text`, or says what is wrong with it; `key` is for the message.
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic>;

    /// This value for people, without secrets.
    fn show(&self) -> String;

    /// What is allowed, but probably not meant.
    fn doubt(&self) -> Option<Diagnostic> {
        None
    }

    /// Makes it relative to `base`, if it is a relative path.
    fn rebase(&mut self, _key: &str, _base: &Path) -> Result<(), Diagnostic> {
        Ok(())
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
    /// A runner's command; empty means that the target's usual runner is wanted after all.
    Runner: |_| None;
    /// A distribution's suite. It becomes an argument and part of a URL, so its alphabet is closed.
    Suite: |text| (!is_suite(text)).then_some("a suite such as `bookworm`");
    /// A Debian package name, with an optional architecture: `libssl-dev`, `libssl-dev:arm64`.
    Package: |text| (!is_package(text)).then_some("a Debian package name such as `libssl-dev`");
    /// A version of glibc.
    GlibcVersion: |text| text.parse::<Glibc>().is_err().then_some("a glibc version such as `2.17`");
}

/// A name or path: any text but the empty one. Only what has a separator is a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(pub(crate) String);

impl Word for Name {
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
        if is_blank(text) {
            return Err(invalid(key, text, "a name or a path"));
        }
        Ok(Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }

    fn rebase(&mut self, key: &str, base: &Path) -> Result<(), Diagnostic> {
        if !self.0.contains(std::path::is_separator) || Path::new(&self.0).is_absolute() {
            return Ok(());
        }
        match absolute(base, &self.0).into_os_string().into_string() {
            Ok(resolved) => {
                self.0 = resolved;
                Ok(())
            }
            Err(_) => {
                let message = format!(
                    "`{}` in `{key}` is relative to a directory whose name is not UTF-8",
                    self.0
                );
                Err(Diagnostic::error(Code::InvalidValue, message).help("write an absolute path"))
            }
        }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

/// The path of a file or directory, which need not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilePath(pub(crate) PathBuf);

impl Word for FilePath {
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
        // An engine would take a URL for a context; here every value is a path, and says so.
        if is_blank(text) || text.contains("://") {
            return Err(invalid(key, text, "a path"));
        }
        Ok(Self(PathBuf::from(text)))
    }

    fn show(&self) -> String {
        self.0.display().to_string()
    }

    fn rebase(&mut self, _key: &str, base: &Path) -> Result<(), Diagnostic> {
        self.0 = absolute(base, &self.0);
        Ok(())
    }
}

impl From<FilePath> for PathBuf {
    fn from(path: FilePath) -> Self {
        path.0
    }
}

/// `path` relative to `base`. `components` drops the `.` in `./toolchain`.
pub(crate) fn absolute(base: &Path, path: impl AsRef<Path>) -> PathBuf {
    base.join(path).components().collect()
}

pub(crate) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// The text that starts with `first`-like and goes on with `rest`-like characters.
pub(crate) fn is_made_of(text: &str, first: fn(char) -> bool, rest: fn(char) -> bool) -> bool {
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
        known_targets::doubt(&self.0)
    }
}

impl From<Triple> for String {
    fn from(triple: Triple) -> Self {
        triple.0
    }
}

pub(crate) fn invalid(key: &str, text: &str, wanted: &str) -> Diagnostic {
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
}
