//! What a request builds for: a target of the table, or one that only its user knows.

use std::path::{Path, PathBuf};

use cross_config::TargetConfig;
use cross_targets::{Libc, Target, UnknownTarget};

use crate::model::error::{Error, ErrorKind, Result};

/// The glibc that Zig links with where `zig` names none: that of the oldest distributions with
/// support (RHEL 8, Debian 10).
const ZIG_GLIBC: &str = "2.28";

/// A target as a request names it.
///
/// A triple that the table does not have, and a target specification's JSON file, are targets like
/// any other to cargo; only no recipe serves them, so they need an image or a Dockerfile.
#[derive(Clone, Debug)]
pub(crate) struct TargetName {
    asked: String,
    kind: NameKind,
}

#[derive(Clone, Debug)]
enum NameKind {
    Known(Target),
    Unknown(Box<UnknownTarget>),
    Specification { path: PathBuf, stem: String },
}

impl TargetName {
    /// Reads `text`; a relative path is relative to `dir`.
    pub(crate) fn parse(text: &str, dir: &Path) -> Result<Self> {
        let kind = if Path::new(text).extension().is_some_and(|it| it == "json") {
            specification(&dir.join(text))?
        } else {
            match Target::parse(text) {
                Ok(target) => NameKind::Known(target),
                Err(error) if !is_word(text) => return Err(unknown(&error)),
                Err(error) => NameKind::Unknown(Box::new(error)),
            }
        };
        Ok(TargetName {
            asked: text.to_owned(),
            kind,
        })
    }

    /// The row of the table, if it has one.
    pub(crate) fn known(&self) -> Option<Target> {
        match self.kind {
            NameKind::Known(target) => Some(target),
            _ => None,
        }
    }

    /// The row of the table.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownTarget`] with what may have been meant.
    pub(crate) fn in_table(&self) -> Result<Target> {
        match &self.kind {
            NameKind::Known(target) => Ok(*target),
            NameKind::Unknown(error) => Err(unknown(error)),
            NameKind::Specification { path, .. } => Err(Error::new(
                ErrorKind::UnsupportedTarget,
                format!("no recipe makes an environment for `{}`", path.display()),
            )
            .with_help(format!(
                "name an image or a Dockerfile with a C toolchain for it: `[target.{}]` in Cross.toml",
                self.triple()
            ))),
        }
    }

    /// The row of the table, with the glibc floor that `zig` asks for: a floor is what makes a
    /// recipe use Zig.
    ///
    /// # Errors
    ///
    /// As for [`in_table`](TargetName::in_table); [`ErrorKind::Config`] for a floor that is none.
    pub(crate) fn of_recipe(&self, config: &TargetConfig) -> Result<Target> {
        let target = self.in_table()?;
        let asked = config.zig.as_ref().filter(|it| it.value.enable);
        let Some(zig) = asked.filter(|_| target.facts().libc == Libc::Glibc) else {
            return Ok(target);
        };
        let version = match (&zig.value.version, target.glibc()) {
            (Some(version), _) => version.as_str(),
            (None, Some(_)) => return Ok(target),
            (None, None) => ZIG_GLIBC,
        };
        Target::parse(&format!("{}.{version}", target.triple())).map_err(|error| {
            Error::new(ErrorKind::Config, format!("{error} ({})", zig.origin))
                .with_help("write a version of glibc as `zig.version`, such as `2.17`")
        })
    }

    /// What the configuration calls it: the name as asked, a specification's file name without
    /// `.json`.
    pub(crate) fn configured(&self) -> &str {
        match &self.kind {
            NameKind::Specification { stem, .. } => stem,
            _ => &self.asked,
        }
    }

    /// The triple, without a glibc floor: the name of cargo's directory for what it builds.
    pub(crate) fn triple(&self) -> &str {
        match &self.kind {
            NameKind::Known(target) => target.triple(),
            NameKind::Unknown(_) => &self.asked,
            NameKind::Specification { stem, .. } => stem,
        }
    }

    /// Whether only a specification of the user's says what it is.
    pub(crate) fn is_specification(&self) -> bool {
        !matches!(self.kind, NameKind::Known(_))
    }

    /// What cargo's `--target` takes: the triple, or the specification's path.
    pub(crate) fn argument(&self) -> String {
        match &self.kind {
            NameKind::Specification { path, .. } => path.display().to_string(),
            _ => self.triple().to_owned(),
        }
    }

    /// The triple as in the names of cargo's variables: `CARGO_TARGET_<T>_RUNNER`.
    pub(crate) fn env_upper(&self) -> String {
        env_upper(self.triple())
    }

    /// The variable by which cargo knows what starts the target's programs.
    pub(crate) fn runner_variable(&self) -> String {
        format!("CARGO_TARGET_{}_RUNNER", self.env_upper())
    }

    /// The words that start a program of the target, whose words follow, as cargo would: by the
    /// variable that cargo reads, which is ours or that of the user's image.
    pub(crate) fn through_runner(&self) -> [String; 4] {
        let start = format!("exec ${} \"$@\"", self.runner_variable());
        ["sh", "-c", &start, "sh"].map(str::to_owned)
    }

    /// The name as it was asked for.
    pub(crate) fn asked(&self) -> &str {
        &self.asked
    }
}

/// `triple` as cargo spells it in the names of its variables.
pub(crate) fn env_upper(triple: &str) -> String {
    triple.to_uppercase().replace(['-', '.'], "_")
}

fn specification(path: &Path) -> Result<NameKind> {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    match stem {
        Some(stem) if path.is_file() => Ok(NameKind::Specification {
            stem: stem.to_owned(),
            path: path.to_owned(),
        }),
        _ => Err(Error::new(
            ErrorKind::UnknownTarget,
            format!(
                "the target specification `{}` does not exist",
                path.display()
            ),
        )
        .with_help("name a target's triple, or the path of its JSON specification")),
    }
}

/// Whether the text could be a triple: it becomes a part of paths, variables and images' names.
fn is_word(text: &str) -> bool {
    text.contains('-')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

fn unknown(error: &UnknownTarget) -> Error {
    Error::new(ErrorKind::UnknownTarget, error.to_string()).with_help(error.help())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<TargetName> {
        TargetName::parse(text, Path::new("/nonexistent"))
    }

    #[test]
    fn a_floor_belongs_to_the_name_and_not_to_the_triple() {
        let target = parse("aarch64-unknown-linux-gnu.2.17").unwrap();
        assert_eq!(target.configured(), "aarch64-unknown-linux-gnu.2.17");
        assert_eq!(target.argument(), "aarch64-unknown-linux-gnu");
        assert_eq!(target.env_upper(), "AARCH64_UNKNOWN_LINUX_GNU");
    }

    #[test]
    fn a_triple_that_is_not_in_the_table_is_a_target_without_a_recipe() {
        let target = parse("riscv32imac-unknown-none-elf").unwrap();
        assert!(target.known().is_none());
        let error = target.in_table().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownTarget);
    }

    #[test]
    fn what_cannot_be_a_triple_is_refused_at_once() {
        for text in ["", "aarch64", "a b-c", "../x-y", "-"] {
            let refused = parse(text).map(|it| it.in_table().map(drop));
            assert!(!matches!(refused, Ok(Ok(()))), "{text}");
        }
        assert_eq!(parse("a b-c").unwrap_err().kind(), ErrorKind::UnknownTarget);
    }

    #[test]
    fn a_specification_is_named_by_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("my-board.json");
        std::fs::write(&path, "{}").unwrap();
        let target = TargetName::parse("my-board.json", dir.path()).unwrap();
        assert_eq!(target.triple(), "my-board");
        assert_eq!(target.argument(), path.display().to_string());
        assert_eq!(target.env_upper(), "MY_BOARD");
        let error = TargetName::parse("other.json", dir.path()).unwrap_err();
        assert!(error.to_string().contains("other.json"));
    }
}
