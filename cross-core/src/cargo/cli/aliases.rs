//! Expands the user's aliases, from configuration files and `CARGO_ALIAS_*`, as cargo does.
//!
//! Cargo's built-in aliases (`b` for `build`) are in the table of subcommands. A user's alias
//! overrides them.

use std::ffi::OsString;

use super::command_line::Head;
use super::commands;
use super::configs::{Configs, StringOrList};
use super::problem;
use super::render::to_text;
use crate::model::error::Result;

/// A command line after alias expansion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expanded {
    pub(crate) words: Vec<OsString>,
    /// The aliases that were expanded, in order.
    pub(crate) through: Vec<AliasExpansion>,
    /// The warnings that cargo would print.
    pub(crate) warnings: Vec<String>,
}

/// One alias that was expanded.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct AliasExpansion {
    /// The alias.
    pub alias: String,
    /// The words that the alias stands for.
    pub words: Vec<String>,
}

/// The aliases in force.
pub(crate) struct Aliases<'a> {
    /// The configuration files, without `--config`: cargo ignores aliases there.
    pub(crate) configs: &'a Configs,
    /// Looks up a variable of the caller.
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
    /// Expands the subcommand of `words` until it is not an alias.
    ///
    /// # Errors
    ///
    /// For an alias that is recursive, is empty, or has no subcommand.
    pub(crate) fn expand(&self, words: &[OsString]) -> Result<Expanded> {
        let mut expanded = Expanded {
            words: words.to_vec(),
            through: Vec::new(),
            warnings: Vec::new(),
        };
        while let Some((at, alias, stands_for)) = self.step(&mut expanded)? {
            let inner = subcommand(&alias, &stands_for)?;
            let through = expanded.through.iter();
            let mut names: Vec<&str> = through.map(|expansion| expansion.alias.as_str()).collect();
            names.push(&alias);
            if names.contains(&inner.as_str()) {
                let path = names.join(" -> ");
                return Err(problem::refused(format!(
                    "alias {} has unresolvable recursive definition: {path} -> {inner}",
                    names[0]
                ))
                .with_help("make one of these aliases name a command that is not an alias"));
            }
            let words = to_text(&stands_for);
            expanded.words.splice(at..=at, stands_for);
            expanded.through.push(AliasExpansion { alias, words });
        }
        Ok(expanded)
    }

    /// The alias that is the subcommand: its position, its name, and the words it stands for.
    fn step(&self, expanded: &mut Expanded) -> Result<Option<(usize, String, Vec<OsString>)>> {
        let Some((at, name)) = Head::parse(&expanded.words)?.command else {
            return Ok(None);
        };
        let Some(name) = name.to_str() else {
            return Ok(None);
        };
        if commands::is_builtin(name) {
            // Cargo does not check the type of an alias that it ignores.
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

    /// The words that the user's alias of this name stands for. A string is split at white space,
    /// and quotes have no meaning. A list is taken as it is. The variable overrides a string and is
    /// appended to a list.
    fn get(&self, name: &str) -> Result<Option<Vec<String>>> {
        let upper = name.to_ascii_uppercase().replace('-', "_");
        let variable = (self.variable)(&format!("CARGO_ALIAS_{upper}"));
        let split = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let file = self.configs.string_or_list("alias", name)?;
        Ok(match (variable, file) {
            (Some(text), None | Some(StringOrList::String(_))) => Some(split(&text)),
            (Some(text), Some(StringOrList::List(mut words))) => {
                words.extend(split(&text) as Vec<String>);
                Some(words)
            }
            (None, Some(StringOrList::String(text))) => Some(split(&text)),
            (None, Some(StringOrList::List(words))) => Some(words),
            (None, None) => None,
        })
    }
}

/// The subcommand in the words that an alias stands for.
fn subcommand(alias: &str, words: &[OsString]) -> Result<String> {
    let head = Head::parse(words)?;
    let first = words.first().map(|word| word.to_string_lossy());
    if first.is_some_and(|word| word.starts_with('+')) {
        return Err(problem::refused(format!(
            "alias `{alias}` begins with a toolchain, which an alias cannot choose"
        ))
        .with_help(format!(
            "remove the toolchain from the alias, and write it before `{alias}`"
        )));
    }
    let command = head
        .command
        .map(|(_, name)| name.to_string_lossy().into_owned());
    command.ok_or_else(|| {
        problem::refused(format!("alias `{alias}` has no subcommand"))
            .with_help(format!("add a subcommand to `alias.{alias}`"))
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
            let found = variables.iter().find(|(variable, _)| *variable == name);
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
    fn aliases_are_expanded_as_cargo_does() {
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
            // The words before the alias stay there.
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
    fn every_expansion_is_recorded() {
        let expanded = expand(CONFIG, &[], &["deep"]).unwrap();
        let through = expanded.through.iter();
        let names: Vec<_> = through.map(|expansion| expansion.alias.as_str()).collect();
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
    fn variables_define_aliases_too() {
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
    fn an_invalid_alias_is_an_error() {
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
                "alias `toolchain` begins with a toolchain, which an alias cannot choose",
            ),
            (
                "number",
                "`alias.number` in `/w/.cargo/config.toml` is neither a string nor a list",
            ),
        ] {
            let error = expand(CONFIG, &[], &[alias]).unwrap_err();
            assert_eq!(error.to_string(), message);
            assert!(error.help().is_some(), "{alias}");
        }
    }
}
