//! The linker and runner that the user configured for cargo. The engine `host` uses them.

use std::path::Path;

use cross_targets::{Target, Toolset, ToolsetKind};

use super::context::ToolSearchContext;
use crate::cargo::cli::configs::Configs;
use crate::model::error::Result;
use crate::request::cross::Cross;

/// A linker that the user configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    linker: String,
    /// The variable or file that names the linker.
    pub(super) by: String,
}

/// The linker that a variable or cargo's configuration names.
///
/// # Errors
///
/// If cargo's configuration is not TOML.
pub(super) fn linker(context: &ToolSearchContext<'_>, target: Target) -> Result<Option<Named>> {
    let cross = &context.request.cross;
    let variable = format!("CARGO_TARGET_{}_LINKER", context.target.env_upper());
    if let Some(linker) = cross.text_variable(&variable) {
        let linker = linker.to_owned();
        let by = variable;
        return Ok(Some(Named { linker, by }));
    }
    Ok(in_files(&configs(cross)?, target.triple()))
}

/// Whether a variable or cargo's configuration names a runner for the target.
///
/// # Errors
///
/// If cargo's configuration is not TOML.
pub(super) fn has_runner(context: &ToolSearchContext<'_>, target: Target) -> Result<bool> {
    let cross = &context.request.cross;
    if cross
        .text_variable(&context.target.runner_variable())
        .is_some()
    {
        return Ok(true);
    }
    let configs = configs(cross)?;
    let mut tables = configs.files().map(|(_, table)| table.get("target"));
    Ok(tables.any(|table| {
        let runner = table.and_then(|targets| targets.get(target.triple())?.get("runner"));
        runner.is_some()
    }))
}

fn configs(cross: &Cross) -> Result<Configs> {
    let home = cross.cargo_home().ok();
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    Configs::find(cross.dir(), home.as_deref(), &read)
}

/// The linker in cargo's configuration. A path with a directory is relative to the directory that
/// contains `.cargo`.
fn in_files(configs: &Configs, triple: &str) -> Option<Named> {
    let (file, linker) = configs.files().find_map(|(file, table)| {
        let linker = table.get("target")?.get(triple)?.get("linker")?;
        Some((file, linker.as_str()?))
    })?;
    let base = file.parent().and_then(Path::parent);
    let linker = match base.filter(|_| linker.contains('/')) {
        Some(base) => base.join(linker).display().to_string(),
        None => linker.to_owned(),
    };
    let by = format!("`{}`", file.display());
    Some(Named { linker, by })
}

impl Named {
    /// The toolset with this linker, which is also the C compiler unless its name is that of a pure
    /// linker.
    pub(super) fn toolset(&self, target: Target, sets: Vec<Toolset>) -> Option<Toolset> {
        let variable = format!("CARGO_TARGET_{}_LINKER", target.env_upper());
        let mut set = sets.into_iter().next()?;
        let name = Path::new(&self.linker).file_name()?.to_string_lossy();
        let compiles = name != "ld" && !name.contains("lld");
        set.kind = match compiles {
            true => ToolsetKind::Distribution,
            false => ToolsetKind::RustLld,
        };
        set.compiler = compiles.then(|| self.linker.clone());
        set.required = vec![self.linker.clone()];
        // Cargo knows the linker already, and no package is known to have it.
        set.env.remove(&variable);
        set.packages.clear();
        Some(set)
    }
}

#[cfg(test)]
mod tests {
    use cross_targets::DebianArch;

    use super::*;
    use crate::cargo::cli::configs::Origin;

    fn of(file: &str, text: &str) -> Option<Named> {
        let origin = Origin::File(file.into());
        let configs = Configs::parse([(origin, text.to_owned())]).unwrap();
        in_files(&configs, "aarch64-unknown-linux-gnu")
    }

    #[test]
    fn a_path_is_relative_to_the_file_and_a_name_is_not() {
        let text =
            |linker: &str| format!("[target.aarch64-unknown-linux-gnu]\nlinker = \"{linker}\"\n");
        let file = "/w/.cargo/config.toml";
        let linker = |name: &str| of(file, &text(name)).unwrap().linker;
        assert_eq!(linker("my-gcc"), "my-gcc");
        assert_eq!(Path::new(&linker("tools/gcc")), Path::new("/w/tools/gcc"));
        assert_eq!(linker("/opt/gcc"), "/opt/gcc");
        assert_eq!(of(file, "[target.x]\nlinker = \"y\"\n"), None);
    }

    #[test]
    fn only_the_named_linker_is_required() {
        let target = Target::parse("aarch64-unknown-linux-gnu").unwrap();
        let named = |linker: &str| {
            let sets = target.toolsets(DebianArch::Amd64);
            let linker = linker.to_owned();
            let by = "a variable".to_owned();
            Named { linker, by }.toolset(target, sets).unwrap()
        };
        let gcc = named("my-gcc");
        assert_eq!(
            (gcc.compiler.as_deref(), &gcc.required[..]),
            (Some("my-gcc"), &["my-gcc".to_owned()][..])
        );
        assert!(
            !gcc.env
                .contains_key("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER")
        );
        assert_eq!(named("/opt/bin/ld.lld").compiler, None);
    }
}
