//! Scalars: the types of single strings, each with its own parser.

use std::path::{Path, PathBuf};

use cross_targets::SystemVersion;

use crate::diagnostics::diagnostic::{Diagnostic, DiagnosticCode};
use crate::values::known_targets;

/// A string that a key takes. It is validated when it is parsed.
///
/// Problems have no location; the reader of the source adds it.
pub(crate) trait Scalar: Sized + Clone {
    /// Parses `text`. `key` is for messages.
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic>;

    /// The value for explanations, with secrets redacted.
    fn describe(&self) -> String;

    /// Returns a warning if the value is valid but suspicious.
    fn lint(&self) -> Option<Diagnostic> {
        None
    }

    /// Resolves a relative path against `base`.
    fn resolve_paths(&mut self, _key: &str, _base: &Path) -> Result<(), Diagnostic> {
        Ok(())
    }
}

/// Declares newtypes of validated strings. `$check` returns a description of valid values if the
/// text is invalid.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident: $check:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) struct $name(pub(crate) String);

        impl Scalar for $name {
            fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
                let check: fn(&str) -> Option<&'static str> = $check;
                match check(text) {
                    None => Ok(Self(text.to_owned())),
                    Some(expected) => Err(invalid(key, text, expected)),
                }
            }

            fn describe(&self) -> String {
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
    /// The command of a runner. An empty command selects the target's default runner.
    Runner: |_| None;
    /// A Debian suite. Only safe characters are allowed, because it becomes an argument and a part
    /// of a URL.
    Suite: |text| (!is_suite(text)).then_some("a suite such as `bookworm`");
    /// The URL of a package mirror.
    MirrorUrl: |text| (!is_mirror(text)).then_some("a URL such as `http://snapshot.debian.org/archive/debian/{date}`");
    /// A Debian package name with an optional architecture: `libssl-dev`, `libssl-dev:arm64`.
    Package: |text| (!is_package(text)).then_some("a Debian package name such as `libssl-dev`");
    /// A version of glibc.
    GlibcVersion: |text| text.parse::<cross_targets::GlibcVersion>().is_err().then_some("a glibc version such as `2.17`");
}

/// A name or path: any text that is not blank. Text with a separator is a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameOrPath(pub(crate) String);

impl Scalar for NameOrPath {
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
        if is_blank(text) {
            return Err(invalid(key, text, "a name or a path"));
        }
        Ok(Self(text.to_owned()))
    }

    fn describe(&self) -> String {
        self.0.clone()
    }

    fn resolve_paths(&mut self, key: &str, base: &Path) -> Result<(), Diagnostic> {
        if !self.0.contains(std::path::is_separator) || Path::new(&self.0).is_absolute() {
            return Ok(());
        }
        match resolve_path(base, &self.0).into_os_string().into_string() {
            Ok(resolved) => {
                self.0 = resolved;
                Ok(())
            }
            Err(_) => {
                let message = format!(
                    "`{}` in `{key}` is relative to a directory whose name is not UTF-8",
                    self.0
                );
                Err(Diagnostic::error(DiagnosticCode::InvalidValue, message)
                    .help("write an absolute path"))
            }
        }
    }
}

impl From<NameOrPath> for String {
    fn from(name: NameOrPath) -> Self {
        name.0
    }
}

/// The path of a file or directory that may not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilePath(pub(crate) PathBuf);

impl Scalar for FilePath {
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
        // Engines accept URLs as a context; this key does not.
        if is_blank(text) || text.contains("://") {
            return Err(invalid(key, text, "a path"));
        }
        Ok(Self(PathBuf::from(text)))
    }

    fn describe(&self) -> String {
        self.0.display().to_string()
    }

    fn resolve_paths(&mut self, _key: &str, base: &Path) -> Result<(), Diagnostic> {
        self.0 = resolve_path(base, &self.0);
        Ok(())
    }
}

impl From<FilePath> for PathBuf {
    fn from(path: FilePath) -> Self {
        path.0
    }
}

/// Joins `path` to `base`. `components` normalizes the `.` in `./toolchain`.
pub(crate) fn resolve_path(base: &Path, path: impl AsRef<Path>) -> PathBuf {
    base.join(path).components().collect()
}

pub(crate) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// Whether the first character satisfies `first` and the others satisfy `rest`.
pub(crate) fn has_chars(text: &str, first: fn(char) -> bool, rest: fn(char) -> bool) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(first) && chars.all(rest)
}

fn is_lower_or_digit(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn is_suite(text: &str) -> bool {
    has_chars(text, is_lower_or_digit, |c| {
        is_lower_or_digit(c) || matches!(c, '-' | '.' | '_')
    })
}

/// Only characters of URLs are allowed, because it becomes an argument. A path of this machine
/// begins with `file:///`.
fn is_mirror(text: &str) -> bool {
    let rest = ["http://", "https://", "file:///"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&()*+,;=%{}".contains(c);
    rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(is_allowed))
}

/// Debian policy §5.6.7: at least two lower-case letters, digits, plus or minus signs, and full
/// stops.
fn is_package(text: &str) -> bool {
    let (name, architecture) = match text.split_once(':') {
        Some((name, architecture)) => (name, Some(architecture)),
        None => (text, None),
    };
    let name_char = |c| is_lower_or_digit(c) || matches!(c, '+' | '-' | '.');
    let architecture_char = |c| is_lower_or_digit(c) || c == '-';
    name.len() > 1
        && has_chars(name, is_lower_or_digit, name_char)
        && architecture.is_none_or(|architecture| {
            has_chars(architecture, is_lower_or_digit, architecture_char)
        })
}

impl Scalar for SystemVersion {
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
        let expected = "a version of the system, such as `11.0`";
        text.parse().map_err(|_| invalid(key, text, expected))
    }

    fn describe(&self) -> String {
        self.to_string()
    }
}

/// The name of a target, which may be a custom one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Triple(pub(crate) String);

impl Scalar for Triple {
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
        if text.trim().is_empty() {
            return Err(invalid(key, text, "a target triple"));
        }
        Ok(Self(text.to_owned()))
    }

    fn describe(&self) -> String {
        self.0.clone()
    }

    fn lint(&self) -> Option<Diagnostic> {
        known_targets::lint(&self.0)
    }
}

impl From<Triple> for String {
    fn from(triple: Triple) -> Self {
        triple.0
    }
}

pub(crate) fn invalid(key: &str, text: &str, expected: &str) -> Diagnostic {
    Diagnostic::error(
        DiagnosticCode::InvalidValue,
        format!("invalid value `{}` for `{key}`", text.escape_debug()),
    )
    .help(format!("write {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code<W: Scalar>(text: &str) -> Option<DiagnosticCode> {
        W::parse("key", text).err().map(|problem| problem.code)
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
            assert_eq!(
                code::<Package>(bad),
                Some(DiagnosticCode::InvalidValue),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_mirror_is_a_url_of_one_word() {
        for url in ["http://m/{date}", "https://m:1/a/b", "file:///srv/mirror"] {
            assert!(is_mirror(url), "{url}");
        }
        for text in [
            "",
            "m",
            "http://",
            "http://m/a b",
            "ftp://m/",
            "file://m",
            "http://m/'x'",
            "-o x",
        ] {
            assert!(!is_mirror(text), "{text}");
        }
    }

    #[test]
    fn suites_cannot_be_options_or_paths() {
        assert_eq!(code::<Suite>("bookworm"), None);
        assert_eq!(code::<Suite>("bookworm-backports"), None);
        for bad in ["", "-x", "../x", "a b", "Bookworm"] {
            assert_eq!(
                code::<Suite>(bad),
                Some(DiagnosticCode::InvalidValue),
                "{bad}"
            );
        }
    }
}
