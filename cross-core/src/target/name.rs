//! The name of a target: a target of the table, another triple, or a target specification.

use std::path::{Path, PathBuf};

use cross_config::TargetConfig;
use cross_targets::{GlibcVersion, Libc, Target, UnknownTarget, toml_table};

use crate::model::error::{Error, ErrorKind, Result};

/// The glibc that Zig links with if `zig` names no version: that of the oldest distributions that
/// are still supported (RHEL 8, Debian 10), or the target's first one.
const ZIG_GLIBC: GlibcVersion = GlibcVersion::new(2, 28);

/// A target as a request names it.
///
/// A triple that is not in the table, and the JSON file of a target specification, are targets like
/// any other to cargo. No recipe exists for them, so they need an image or a Dockerfile.
#[derive(Clone, Debug)]
pub(crate) struct TargetName {
    requested: String,
    kind: NameKind,
}

#[derive(Clone, Debug)]
enum NameKind {
    Known(Target),
    Unknown(Box<UnknownTarget>),
    Specification { path: PathBuf, stem: String },
}

impl TargetName {
    /// Parses `text`. A relative path is relative to `dir`.
    pub(crate) fn parse(text: &str, dir: &Path) -> Result<Self> {
        let extension = Path::new(text).extension();
        let kind = if extension.is_some_and(|extension| extension == "json") {
            specification(&dir.join(text))?
        } else {
            match Target::parse(text) {
                Ok(target) => NameKind::Known(target),
                Err(error) if !may_be_triple(text) => return Err(unknown(&error)),
                Err(error) => NameKind::Unknown(Box::new(error)),
            }
        };
        Ok(TargetName {
            requested: text.to_owned(),
            kind,
        })
    }

    /// The target's row of the table, if there is one.
    pub(crate) fn known(&self) -> Option<Target> {
        match self.kind {
            NameKind::Known(target) => Some(target),
            _ => None,
        }
    }

    /// The target's row of the table.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownTarget`], with suggestions, if there is no row;
    /// [`ErrorKind::UnsupportedTarget`] for a target specification.
    pub(crate) fn in_table(&self) -> Result<Target> {
        match &self.kind {
            NameKind::Known(target) => Ok(*target),
            NameKind::Unknown(error) => Err(unknown(error)),
            NameKind::Specification { path, .. } => Err(Error::new(
                ErrorKind::UnsupportedTarget,
                format!("there is no recipe for `{}`", path.display()),
            )
            .with_help(format!(
                "name an image or a Dockerfile that has a C toolchain for it, in `{}` of Cross.toml",
                toml_table(self.triple())
            ))),
        }
    }

    /// The target's row of the table, with the glibc floor that `zig` asks for. A recipe uses Zig
    /// if the target has a floor.
    ///
    /// # Errors
    ///
    /// As for [`in_table`](TargetName::in_table), and [`ErrorKind::Config`] for an invalid floor.
    pub(crate) fn of_recipe(&self, config: &TargetConfig) -> Result<Target> {
        let target = self.in_table()?;
        let enabled = config.zig.as_ref().filter(|zig| zig.value.enable);
        let Some(zig) = enabled.filter(|_| target.facts().libc == Libc::Glibc) else {
            return Ok(target);
        };
        let usual = || target.oldest_glibc().unwrap_or(ZIG_GLIBC).max(ZIG_GLIBC);
        let version = match (&zig.value.version, target.glibc()) {
            (Some(version), _) => version.clone(),
            (None, Some(_)) => return Ok(target),
            (None, None) => usual().to_string(),
        };
        Target::parse(&format!("{}.{version}", target.triple())).map_err(|error| {
            Error::new(ErrorKind::Config, format!("{error} ({})", zig.origin))
                .with_help("set `zig.version` to a version of glibc, such as `2.17`")
        })
    }

    /// The target's name in the configuration: the name as requested, or the file name of a target
    /// specification without `.json`.
    pub(crate) fn configured(&self) -> &str {
        match &self.kind {
            NameKind::Specification { stem, .. } => stem,
            _ => &self.requested,
        }
    }

    /// The triple, without a glibc floor. Cargo's directory for the target has this name.
    pub(crate) fn triple(&self) -> &str {
        match &self.kind {
            NameKind::Known(target) => target.triple(),
            NameKind::Unknown(_) => &self.requested,
            NameKind::Specification { stem, .. } => stem,
        }
    }

    /// Whether only a specification of the user's says what it is.
    pub(crate) fn is_specification(&self) -> bool {
        !matches!(self.kind, NameKind::Known(_))
    }

    /// Whether its programs may be for 32-bit x86, as far as the name says.
    pub(crate) fn may_be_x86(&self) -> bool {
        let arch = self.triple().split('-').next().unwrap_or_default();
        let is_x86 = ["i386", "i486", "i586", "i686"].contains(&arch);
        is_x86 || matches!(self.kind, NameKind::Specification { .. })
    }

    /// The triples that cargo builds for, which name its directories: the target's own, or those
    /// whose files are joined.
    pub(crate) fn slices(&self) -> Vec<&str> {
        match self.kind {
            NameKind::Known(target) => target.slices().map(Target::triple).collect(),
            _ => vec![self.triple()],
        }
    }

    /// Whether cargo's files for several triples are joined into the target's.
    pub(crate) fn is_joined(&self) -> bool {
        self.slices().len() > 1
    }

    /// The values of cargo's `--target`.
    pub(crate) fn arguments(&self) -> Vec<String> {
        match self.is_joined() {
            true => self.slices().into_iter().map(str::to_owned).collect(),
            false => vec![self.argument()],
        }
    }

    /// The error if `what` is for one triple, and the target is several.
    pub(crate) fn refuse_joined(&self, what: &str) -> Result<()> {
        if !self.is_joined() {
            return Ok(());
        }
        let slices = self.slices();
        let message = format!(
            "{what} for {}, which is {} joined",
            self.triple(),
            slices.join(" and ")
        );
        let help = format!("request it for one of them, such as `{}`", slices[0]);
        Err(Error::new(ErrorKind::UnsupportedTarget, message).with_help(help))
    }

    /// The value of cargo's `--target`: the triple, or the path of the target specification. For
    /// several triples, it is the first.
    pub(crate) fn argument(&self) -> String {
        match &self.kind {
            NameKind::Specification { path, .. } => path.display().to_string(),
            NameKind::Known(_) => self.slices()[0].to_owned(),
            NameKind::Unknown(_) => self.triple().to_owned(),
        }
    }

    /// The triple as in the names of cargo's variables: the `<T>` of `CARGO_TARGET_<T>_RUNNER`.
    pub(crate) fn env_upper(&self) -> String {
        env_upper(self.triple())
    }

    /// The variable that names the runner of the target's programs to cargo.
    pub(crate) fn runner_variable(&self) -> String {
        runner_variable(self.triple())
    }

    /// The command that starts a program of the target as cargo would, through the variable that
    /// names the runner. The variable is set by this library or by the user's image. The program
    /// and its arguments follow the command.
    pub(crate) fn through_runner(&self) -> [String; 4] {
        let start = format!("exec ${} \"$@\"", self.runner_variable());
        ["sh", "-c", &start, "sh"].map(str::to_owned)
    }

    /// The name as requested.
    pub(crate) fn requested(&self) -> &str {
        &self.requested
    }
}

/// How the script of [`through_runner`](TargetName::through_runner) begins.
pub(crate) const THROUGH_RUNNER: &str = "exec $CARGO_TARGET_";

/// The variables that name cargo's runners to it.
#[derive(Clone, Debug)]
pub(crate) struct RunnerVariables {
    /// The runner of the target's programs.
    pub(crate) target: String,
    /// The runner of the host's, which the tests of procedural macros have.
    pub(crate) host: String,
}

/// The variable that names the runner of the programs for `triple` to cargo.
pub(crate) fn runner_variable(triple: &str) -> String {
    format!("CARGO_TARGET_{}_RUNNER", env_upper(triple))
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

/// Whether the text could be a triple. A triple is used in paths, variables and names of images.
fn may_be_triple(text: &str) -> bool {
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
    fn a_floor_is_part_of_the_name_and_not_of_the_triple() {
        let target = parse("aarch64-unknown-linux-gnu.2.17").unwrap();
        assert_eq!(target.configured(), "aarch64-unknown-linux-gnu.2.17");
        assert_eq!(target.argument(), "aarch64-unknown-linux-gnu");
        assert_eq!(target.env_upper(), "AARCH64_UNKNOWN_LINUX_GNU");
    }

    #[test]
    fn a_triple_that_is_not_in_the_table_is_a_target_without_a_recipe() {
        let target = parse("riscv32e-unknown-none-elf").unwrap();
        assert!(target.known().is_none());
        let error = target.in_table().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownTarget);
    }

    #[test]
    fn programs_for_32_bit_x86_are_known_by_the_triple() {
        for (triple, is_x86) in [
            ("i686-unknown-linux-gnu", true),
            ("i586-unknown-linux-musl", true),
            ("i686-pc-windows-gnu", true),
            ("x86_64-unknown-linux-gnu", false),
            ("aarch64-unknown-linux-gnu", false),
        ] {
            assert_eq!(parse(triple).unwrap().may_be_x86(), is_x86, "{triple}");
        }
    }

    #[test]
    fn a_text_that_cannot_be_a_triple_is_refused() {
        for text in ["", "aarch64", "a b-c", "../x-y", "-"] {
            let row = parse(text).and_then(|target| target.in_table());
            assert!(row.is_err(), "{text}");
        }
        assert_eq!(parse("a b-c").unwrap_err().kind(), ErrorKind::UnknownTarget);
    }

    #[test]
    fn a_name_with_a_dot_is_quoted_where_toml_needs_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("my.board.json"), "{}").unwrap();
        let target = TargetName::parse("my.board.json", dir.path()).unwrap();
        let help = target.in_table().unwrap_err();
        let help = help.help().unwrap();
        assert!(help.contains("in `[target.\"my.board\"]` of"), "{help}");
    }

    #[test]
    fn zig_links_with_the_first_glibc_of_a_young_processor() {
        let glibc = |triple: &str| {
            let text = format!("[target.{triple}]\nzig = true\n");
            let layer = cross_config::Layer::cross_toml(Path::new("Cross.toml"), &text);
            let config = cross_config::Config::merge([layer]).for_target(triple);
            let target = parse(triple).unwrap().of_recipe(&config).unwrap();
            target.glibc().unwrap().to_string()
        };
        assert_eq!(glibc("loongarch64-unknown-linux-gnu"), "2.36");
        assert_eq!(glibc("riscv64gc-unknown-linux-gnu"), "2.28");
        assert_eq!(glibc("x86_64-unknown-linux-gnu"), "2.28");
    }

    #[test]
    fn a_target_specification_has_the_name_of_its_file() {
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
