//! What the user has named to cargo, which holds on the host: it is about this machine.

use std::path::Path;

use cross_targets::{Target, Toolset, ToolsetKind};

use super::ToolSearchContext;
use crate::cargo::cli::configs::Configs;
use crate::model::error::Result;
use crate::request::cross::Cross;

/// A linker that the user has named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    linker: String,
    /// Who says so: a variable or a file.
    pub(super) by: String,
}

/// The linker that a variable names, or cargo's configuration.
///
/// # Errors
///
/// When cargo's configuration is not TOML.
pub(super) fn linker(given: &ToolSearchContext<'_>, target: Target) -> Result<Option<Named>> {
    let cross = &given.request.cross;
    let variable = format!("CARGO_TARGET_{}_LINKER", given.target.env_upper());
    if let Some(linker) = cross.text_variable(&variable) {
        let linker = linker.to_owned();
        let by = variable;
        return Ok(Some(Named { linker, by }));
    }
    Ok(in_files(&configs(cross)?, target.triple()))
}

/// Whether the user has named what starts programs of the target, in the same places.
///
/// # Errors
///
/// When cargo's configuration is not TOML.
pub(super) fn has_runner(given: &ToolSearchContext<'_>, target: Target) -> Result<bool> {
    let cross = &given.request.cross;
    if cross
        .text_variable(&given.target.runner_variable())
        .is_some()
    {
        return Ok(true);
    }
    let configs = configs(cross)?;
    let mut tables = configs.files().map(|(_, table)| table.get("target"));
    Ok(tables.any(|it| {
        it.and_then(|it| it.get(target.triple())?.get("runner"))
            .is_some()
    }))
}

fn configs(cross: &Cross) -> Result<Configs> {
    let home = cross.cargo_home().ok();
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    Configs::find(cross.dir(), home.as_deref(), &read)
}

/// What the files say. A path with a directory is relative to the one that has `.cargo`.
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
    /// The tools with this linker, which compiles C too unless it is none but a linker.
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
        // It is named already, and not by its package.
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
    fn a_name_is_a_name_and_a_path_is_where_the_file_is() {
        let text =
            |linker: &str| format!("[target.aarch64-unknown-linux-gnu]\nlinker = \"{linker}\"\n");
        let file = "/w/.cargo/config.toml";
        let linker = |name: &str| of(file, &text(name)).unwrap().linker;
        assert_eq!(linker("my-gcc"), "my-gcc");
        assert_eq!(linker("tools/gcc"), "/w/tools/gcc");
        assert_eq!(linker("/opt/gcc"), "/opt/gcc");
        assert_eq!(of(file, "[target.x]\nlinker = \"y\"\n"), None);
    }

    #[test]
    fn what_is_named_is_looked_for_and_nothing_else() {
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
