//! Cargo's aliases: the user's, from configuration files and `CARGO_ALIAS_*`, expanded as cargo does.
//!
//! Cargo's own other names (`b` for `build`) stand in the table of subcommands, and an alias of the
//! user's goes before them.

use std::ffi::OsString;

use super::command_line::Head;
use super::commands;
use super::configs::{Configs, Texts};
use super::problem;
use super::render::shown;
use crate::model::error::Result;

/// A command line after its aliases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expanded {
    pub(crate) words: Vec<OsString>,
    /// The aliases it went through, in order.
    pub(crate) through: Vec<AliasExpansion>,
    /// What cargo warns of.
    pub(crate) warnings: Vec<String>,
}

/// One alias that was expanded.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct AliasExpansion {
    /// The alias.
    pub alias: String,
    /// What it stands for.
    pub words: Vec<String>,
}

/// The aliases in force.
pub(crate) struct Aliases<'a> {
    /// Of files alone: cargo knows no alias of `--config`.
    pub(crate) configs: &'a Configs,
    /// Looks a variable up in the caller's environment.
    pub(crate) variable: &'a dyn Fn(&str) -> Option<String>,
}

impl std::fmt::Debug for Aliases<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aliases")
            .field("configs", self.configs)
            .finish_non_exhaustive()
    }
}

impl Aliases<'_> {
    /// Expands the subcommand of `words` until it is no alias.
    ///
    /// # Errors
    ///
    /// An alias that leads back to itself, that is empty, or that has no subcommand in it.
    pub(crate) fn expand(&self, words: &[OsString]) -> Result<Expanded> {
        let mut expanded = Expanded {
            words: words.to_vec(),
            through: Vec::new(),
            warnings: Vec::new(),
        };
        while let Some((at, alias, stands_for)) = self.step(&mut expanded)? {
            let inner = subcommand(&alias, &stands_for)?;
            let mut names: Vec<&str> = expanded
                .through
                .iter()
                .map(|it| it.alias.as_str())
                .collect();
            names.push(&alias);
            if names.contains(&inner.as_str()) {
                let path = names.join(" -> ");
                return Err(problem::refused(format!(
                    "alias {} has unresolvable recursive definition: {path} -> {inner}",
                    names[0]
                ))
                .with_help("let one of them name a command that is no alias"));
            }
            let words = shown(&stands_for);
            expanded.words.splice(at..=at, stands_for);
            expanded.through.push(AliasExpansion { alias, words });
        }
        Ok(expanded)
    }

    /// The alias the words begin with: where it stands, its name, and what it stands for.
    fn step(&self, expanded: &mut Expanded) -> Result<Option<(usize, String, Vec<OsString>)>> {
        let Some((at, name)) = Head::read(&expanded.words)?.command else {
            return Ok(None);
        };
        let Some(name) = name.to_str() else {
            return Ok(None);
        };
        if commands::is_builtin(name) {
            // Cargo does not look at the type of an alias that it ignores.
            if !matches!(self.get(name), Ok(None) | Err(_)) {
                expanded.warnings.push(format!(
                    "alias `{name}` is ignored: it is shadowed by a built-in command"
                ));
            }
            return Ok(None);
        }
        let Some(words) = self.get(name)? else {
            return Ok(None);
        };
        let words = words.into_iter().map(OsString::from).collect();
        Ok(Some((at, name.to_owned(), words)))
    }

    /// What the user's alias of this name stands for. A text is split at white space, without
    /// regard to quotes; a list is taken as it is. The variable goes before a text and is joined to
    /// a list.
    fn get(&self, name: &str) -> Result<Option<Vec<String>>> {
        let upper = name.to_ascii_uppercase().replace('-', "_");
        let variable = (self.variable)(&format!("CARGO_ALIAS_{upper}"));
        let split = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let file = self.configs.texts("alias", name)?;
        Ok(match (variable, file) {
            (Some(text), None | Some(Texts::One(_))) => Some(split(&text)),
            (Some(text), Some(Texts::BatchRequest(mut words))) => {
                words.extend(split(&text) as Vec<String>);
                Some(words)
            }
            (None, Some(Texts::One(text))) => Some(split(&text)),
            (None, Some(Texts::BatchRequest(words))) => Some(words),
            (None, None) => None,
        })
    }
}

/// The subcommand in what an alias stands for.
fn subcommand(alias: &str, words: &[OsString]) -> Result<String> {
    let head = Head::read(words)?;
    let first = words.first().map(|word| word.to_string_lossy());
    if first.is_some_and(|word| word.starts_with('+')) {
        return Err(problem::refused(format!(
            "alias `{alias}` begins with a toolchain, which cargo cannot choose"
        ))
        .with_help(format!(
            "leave it out of the alias, and write it before `{alias}`"
        )));
    }
    let command = head
        .command
        .map(|(_, name)| name.to_string_lossy().into_owned());
    command.ok_or_else(|| {
        problem::refused(format!("alias `{alias}` has no subcommand"))
            .with_help(format!("add one to `alias.{alias}`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cargo::cli::configs::Origin;

    fn expand(config: &str, variables: &[(&str, &str)], words: &[&str]) -> Result<Expanded> {
        let origin = Origin::File("/w/.cargo/config.toml".into());
        let configs = Configs::parse([(origin, config.to_owned())]).unwrap();
        let variable = |name: &str| {
            let found = variables.iter().find(|(it, _)| *it == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let aliases = Aliases {
            configs: &configs,
            variable: &variable,
        };
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        aliases.expand(&words)
    }

    const CONFIG: &str = r#"
        [alias]
        xtask = "run --quiet --package xtask --"
        list = ["run", "--", "a b"]
        deep = "xtask deep"
        quoted = "run -- 'a b'"
        b = "build --release"
        clippy = "clippy-driver --x"
        rec = "back --release"
        back = "rec"
        own = "own x"
        empty = ""
        flags = "--version"
        toolchain = "+stable build"
        build = "check"
        two-words = "doc"
        number = 3
        test = 3
    "#;

    #[test]
    fn aliases_become_what_cargo_makes_of_them() {
        for (words, expected) in [
            (
                &["xtask", "ci"][..],
                &["run", "--quiet", "--package", "xtask", "--", "ci"][..],
            ),
            (
                &["xtask", "--", "ci"],
                &["run", "--quiet", "--package", "xtask", "--", "--", "ci"],
            ),
            (&["list", "c"], &["run", "--", "a b", "c"]),
            (
                &["deep", "--", "x"],
                &[
                    "run",
                    "--quiet",
                    "--package",
                    "xtask",
                    "--",
                    "deep",
                    "--",
                    "x",
                ],
            ),
            (&["quoted"], &["run", "--", "'a", "b'"]),
            // A built-in alias may be redefined, and a plugin shadowed.
            (&["b", "-q"], &["build", "--release", "-q"]),
            (&["clippy"], &["clippy-driver", "--x"]),
            // What stands before the alias stays there.
            (
                &["+nightly", "--color", "always", "b"],
                &["+nightly", "--color", "always", "build", "--release"],
            ),
            (&["-Z", "b", "t"], &["-Z", "b", "t"]),
            (&["two-words"], &["doc"]),
            (&["unknown", "b"], &["unknown", "b"]),
            (&["--list"], &["--list"]),
            (&[], &[]),
        ] {
            let expanded = expand(CONFIG, &[], words).unwrap();
            assert_eq!(expanded.words, expected, "{words:?}");
        }
    }

    #[test]
    fn the_way_is_told() {
        let expanded = expand(CONFIG, &[], &["deep"]).unwrap();
        let names: Vec<_> = expanded
            .through
            .iter()
            .map(|it| it.alias.as_str())
            .collect();
        assert_eq!(names, ["deep", "xtask"]);
        assert_eq!(expanded.through[0].words, ["xtask", "deep"]);
    }

    #[test]
    fn a_built_in_command_is_never_shadowed() {
        let expanded = expand(CONFIG, &[], &["build", "-q"]).unwrap();
        assert_eq!(expanded.words, ["build", "-q"]);
        assert_eq!(
            expanded.warnings,
            ["alias `build` is ignored: it is shadowed by a built-in command"]
        );
        assert!(expand(CONFIG, &[], &["test"]).unwrap().warnings.is_empty());
    }

    #[test]
    fn variables_name_aliases_too() {
        let variables = [
            ("CARGO_ALIAS_XTASK", "run -- variable"),
            ("CARGO_ALIAS_NEW_ONE", "check --tests"),
            ("CARGO_ALIAS_LIST", "joined"),
        ];
        for (words, expected) in [
            (&["xtask"][..], &["run", "--", "variable"][..]),
            (&["new-one"], &["check", "--tests"]),
            (&["new_one"], &["check", "--tests"]),
            (&["list"], &["run", "--", "a b", "joined"]),
        ] {
            assert_eq!(expand(CONFIG, &variables, words).unwrap().words, expected);
        }
    }

    #[test]
    fn an_alias_that_leads_nowhere_is_an_error() {
        for (alias, message) in [
            (
                "rec",
                "alias rec has unresolvable recursive definition: rec -> back -> rec",
            ),
            (
                "own",
                "alias own has unresolvable recursive definition: own -> own",
            ),
            ("empty", "alias `empty` has no subcommand"),
            ("flags", "alias `flags` has no subcommand"),
            (
                "toolchain",
                "alias `toolchain` begins with a toolchain, which cargo cannot choose",
            ),
            (
                "number",
                "`alias.number` in `/w/.cargo/config.toml` is no text and no list",
            ),
        ] {
            let error = expand(CONFIG, &[], &[alias]).unwrap_err();
            assert_eq!(error.to_string(), message);
            assert!(error.help().is_some(), "{alias}");
        }
    }
}
