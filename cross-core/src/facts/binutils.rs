//! The target's own tools for object files, by their common names.
//!
//! An environment has several programs that do what `strip` does. The one of that name is for the
//! environment's own programs, and does not know the format of others.

use cross_engine::EnvValue;

use crate::facts::facts::Facts;
use crate::host::toolchain::host_triple;
use crate::model::error::{Error, ErrorKind, Result};

/// The tools whose names say nothing of the target.
const NAMES: [&str; 10] = [
    "addr2line",
    "ar",
    "nm",
    "objcopy",
    "objdump",
    "ranlib",
    "readelf",
    "size",
    "strings",
    "strip",
];

impl Facts {
    /// The program of the environment that does `name` for the target, if `name` is such a tool and
    /// the target has one of its own.
    pub(crate) fn target_tool(&self, name: &str) -> Option<String> {
        of_archiver(&self.archiver()?, name)
    }

    /// The program that does `objcopy` for the target: its own, or LLVM's, which Rust brings. `None`
    /// if there is neither.
    pub(crate) fn objcopy(&self) -> Option<String> {
        let own = match self.archiver() {
            Some(archiver) => of_archiver(&archiver, "objcopy"),
            None => Some("objcopy".to_owned()),
        };
        own.or_else(|| {
            let sysroot = self.toolchain.sysroot()?;
            let native = match self.env_spec.host_toolset() {
                Some(_) => host_triple(),
                None => self.native_triple(),
            };
            let bin = sysroot.join("lib/rustlib").join(native).join("bin");
            let program = bin.join("rust-objcopy");
            program.is_file().then(|| program.display().to_string())
        })
    }

    /// Whether the linker puts debug information into a file of its own and symbols nowhere else,
    /// as Microsoft's formats have it.
    pub(crate) fn has_debug_files_only(&self) -> bool {
        let triple = self.target.triple();
        triple.ends_with("-msvc") || triple.ends_with("-uefi")
    }

    /// The program that strips the target's programs, as [`objcopy`](Facts::objcopy).
    ///
    /// # Errors
    ///
    /// If such programs cannot be changed once they are linked, or if there is no program for it.
    pub(crate) fn tool_for_object_files(&self) -> Result<String> {
        let (target, known) = (self.target.requested(), self.target.known());
        if known.is_some_and(|known| known.facts().deployment_variable().is_some()) {
            let message =
                format!("a program for {target} is signed when it is linked, and cannot change");
            return Err(Error::new(ErrorKind::UnsupportedTarget, message).with_help(
                "let rustc strip it: `strip = true` and `split-debuginfo = \"packed\"` in the profile",
            ));
        }
        self.objcopy().ok_or_else(|| {
            let message = format!("the environment for {target} has no objcopy for its files");
            Error::new(ErrorKind::ToolMissing, message).with_help(
                "use a toolchain of rustup, which has one, or an image that names its archiver (`AR_<target>`)",
            )
        })
    }

    /// The target's archiver. The variables of every environment name it, unless the environment's
    /// own tools are the target's.
    fn archiver(&self) -> Option<String> {
        let name = format!("AR_{}", self.target.env_upper().to_lowercase());
        if let Some(EnvValue::Plain(value)) = self.inputs.env.get(&name) {
            return Some(value.clone());
        }
        let image = self.state.running_image();
        image.and_then(|image| image.env.get(&name)).cloned()
    }
}

/// The tool `name` of the family of tools that `archiver` is of: `aarch64-linux-gnu-strip` for
/// `aarch64-linux-gnu-ar`. `None` if it is of none, such as a script that calls Zig.
fn of_archiver(archiver: &str, name: &str) -> Option<String> {
    let family = archiver.strip_suffix("ar")?;
    let is_script = family.starts_with('/') || family.contains(char::is_whitespace);
    let is_family = family.is_empty() || family.ends_with('-');
    (NAMES.contains(&name) && is_family && !is_script).then(|| format!("{family}{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_of_the_family_of_the_archiver() {
        let strip = |archiver| of_archiver(archiver, "strip");
        assert_eq!(
            strip("aarch64-linux-gnu-ar").as_deref(),
            Some("aarch64-linux-gnu-strip")
        );
        assert_eq!(strip("llvm-ar").as_deref(), Some("llvm-strip"));
        assert_eq!(strip("ar").as_deref(), Some("strip"));
        for other in ["/usr/local/bin/x-ar", "zig ar", "emar", "lib.exe"] {
            assert_eq!(strip(other), None, "{other}");
        }
        assert_eq!(of_archiver("llvm-ar", "cargo"), None);
    }
}
