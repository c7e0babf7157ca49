//! The error for a text that does not name a known target.

use super::Target;
use crate::facts::toml_table::toml_table;
use crate::table::nearest::{nearest, sanitizer};

/// The text does not name a known target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub struct UnknownTarget {
    input: String,
    problem: Problem,
}

/// What is wrong, as the end of the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    /// Rustc knows the triple, and the table has no row for it.
    #[error("there is no recipe for the target")]
    NoRow,
    /// The triple is unknown. Holds similar triples.
    #[error("")]
    NoSuchTriple(Vec<&'static str>),
    /// The suffix of this triple is not a glibc version.
    #[error(": its suffix is not a glibc version")]
    InvalidGlibc(&'static str),
    /// This triple does not use glibc, so it cannot have a glibc version.
    #[error(": `{0}` doesn't use glibc, so it can't have a glibc version")]
    NotGlibc(&'static str),
}

impl UnknownTarget {
    pub(super) fn new(input: &str, problem: Problem) -> Self {
        Self {
            input: input.to_owned(),
            problem,
        }
    }

    fn message(&self) -> String {
        match &self.problem {
            Problem::NoRow => format!("{} `{}`", self.problem, self.input),
            problem => format!("unknown target `{}`{problem}", self.input),
        }
    }

    /// What can be done for a target of rustc's without a row, as the beginning of a sentence.
    fn instead(&self) -> String {
        let mut ways = String::new();
        if let Some(near) = nearest(&self.input) {
            ways = format!("build for `{near}`, the nearest target that has a recipe, ");
        }
        if self.input.contains("-apple-") {
            ways += "build on macOS, ";
        }
        match ways.is_empty() {
            true => ways,
            false => ways + "or ",
        }
    }

    /// The remedy for a target of rustc's without a row.
    fn without_row(&self) -> String {
        let triple = &self.input;
        if let Some(sanitizer) = sanitizer(triple) {
            return format!(
                "only rustup's nightly toolchains have its `std`: with one of them, build for \
                 `x86_64-unknown-linux-gnu` with `-Zsanitizer={sanitizer}` in RUSTFLAGS and \
                 with `build-std`"
            );
        }
        format!(
            "{}name an image or a Dockerfile that has a C toolchain for it, in `{}` of Cross.toml, and \
             set `build-std` there (`[\"core\", \"alloc\"]` if it has no `std`): rustup has no libraries \
             of Rust's for it",
            self.instead(),
            toml_table(triple)
        )
    }

    /// The text that was parsed.
    pub fn input(&self) -> &str {
        &self.input
    }

    /// Similar triples, most similar first. At most three, possibly none; none for a target of
    /// rustc's, which is spelled correctly.
    pub fn suggestions(&self) -> &[&'static str] {
        match &self.problem {
            Problem::NoRow => &[],
            Problem::NoSuchTriple(near) => near,
            Problem::InvalidGlibc(triple) | Problem::NotGlibc(triple) => {
                std::slice::from_ref(triple)
            }
        }
    }

    /// A one-sentence remedy.
    pub fn help(&self) -> String {
        match &self.problem {
            Problem::NoRow => self.without_row(),
            Problem::NoSuchTriple(near) if near.is_empty() => {
                "use a known Rust target triple, such as `aarch64-unknown-linux-gnu`: \
                 docs/targets.md and `Target::all` list them"
                    .to_owned()
            }
            Problem::NoSuchTriple(near) => format!("did you mean {}?", alternatives(near)),
            Problem::InvalidGlibc(triple) => {
                format!("write the minimum glibc version as two numbers: `{triple}.2.17`")
            }
            Problem::NotGlibc(triple) => {
                let oldest = Target::parse(triple).ok().and_then(|target| {
                    let variable = target.facts().deployment_variable()?;
                    Some(format!(
                        "; `deployment-target` or {variable} says which version of its system programs run on"
                    ))
                });
                let oldest = oldest.unwrap_or_default();
                format!("remove the glibc version: `{triple}`{oldest}")
            }
        }
    }
}

/// Quotes the names and joins them as alternatives: "`a`, `b` or `c`".
fn alternatives(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} or {last}", before.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_of_rustc_is_no_spelling_mistake() {
        for (triple, help) in [
            ("aarch64_be-unknown-linux-gnu", "name an image"),
            (
                "arm64e-apple-darwin",
                "build for `aarch64-apple-darwin`, the nearest target that has a recipe, build on \
                 macOS, or name an image",
            ),
            (
                "x86_64-win7-windows-msvc",
                "build for `x86_64-pc-windows-msvc`, the nearest target that has a recipe, or name",
            ),
            ("armv7s-apple-ios", "build on macOS, or name an image"),
            ("thumbv7a-pc-windows-msvc", "name an image"),
            ("xtensa-esp32-none-elf", "name an image"),
        ] {
            let error = Target::parse(triple).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("there is no recipe for the target `{triple}`")
            );
            assert!(error.suggestions().is_empty());
            assert!(error.help().starts_with(help), "{}", error.help());
            assert!(error.help().contains(&format!("`[target.{triple}]`")));
            assert!(error.help().contains("`build-std`"), "{}", error.help());
        }
    }

    #[test]
    fn a_triple_with_a_dot_is_quoted_as_the_configuration_needs_it() {
        let help = Target::parse("thumbv8m.main-nuttx-eabi")
            .unwrap_err()
            .help();
        assert!(
            help.contains("in `[target.\"thumbv8m.main-nuttx-eabi\"]` of"),
            "{help}"
        );
    }

    #[test]
    fn a_target_of_nightly_toolchains_says_what_builds_the_same() {
        for (triple, option) in [
            ("x86_64-unknown-linux-gnumsan", "-Zsanitizer=memory"),
            ("x86_64-unknown-linux-gnutsan", "-Zsanitizer=thread"),
        ] {
            let help = Target::parse(triple).unwrap_err().help();
            assert!(help.starts_with("only rustup's nightly toolchains have its `std`"));
            assert!(help.contains(option) && !help.contains("  "), "{help}");
        }
    }

    #[test]
    fn a_version_of_apples_system_has_a_key_of_its_own() {
        let help = |text| Target::parse(text).unwrap_err().help();
        let mac = help("x86_64-apple-darwin.11.0");
        assert!(
            mac.starts_with("remove the glibc version: `x86_64-apple-darwin`; `deployment-target`")
        );
        assert!(mac.contains("MACOSX_DEPLOYMENT_TARGET"), "{mac}");
        let other = help("x86_64-unknown-linux-musl.2.17");
        assert!(other.ends_with("`x86_64-unknown-linux-musl`"), "{other}");
    }

    #[test]
    fn alternatives_read_as_a_sentence() {
        assert_eq!(alternatives(&["a"]), "`a`");
        assert_eq!(alternatives(&["a", "b"]), "`a` or `b`");
        assert_eq!(alternatives(&["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
