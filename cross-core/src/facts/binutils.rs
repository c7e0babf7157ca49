//! The target's own compilers, linker and tools for object files, by their common names.
//!
//! An environment has several programs that do what `strip` or `cc` does. The one of that name is for
//! the environment's own programs, and does not know the format of others.

use std::path::PathBuf;

use cross_engine::EnvValue;
use cross_targets::{Level, Recipe, Target, toml_table};

use crate::facts::facts::Facts;
use crate::host::toolchain::host_triple;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::step::Warning;

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

/// Those of them that read the files of every target.
const OF_ANY_TARGET: [&str; 2] = ["readelf", "strings"];

/// The compilers whose names say nothing of the target, each with the variable that names the
/// target's.
const COMPILERS: [(&str, &str); 4] = [("cc", "CC"), ("gcc", "CC"), ("c++", "CXX"), ("g++", "CXX")];

/// What GNU's families of tools have besides. LLVM's `llvm-as` is another program.
const OF_GNU: [&str; 3] = ["as", "cpp", "ld"];

/// The packer of split debug information, of GNU's and LLVM's families.
const DWP: &str = "dwp";

/// It finds the target's libraries by a variable only.
const PKG_CONFIG: &str = "pkg-config";

/// A program for the target's object files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectTool {
    /// Its name in the environment, or its path.
    pub(crate) program: String,
    /// The directory of the shared libraries that it does not find itself.
    pub(crate) libraries: Option<PathBuf>,
}

impl ObjectTool {
    fn named(program: String) -> Self {
        ObjectTool {
            program,
            libraries: None,
        }
    }

    /// The variable that lets it find its libraries, for a run of this program only.
    pub(crate) fn variable(&self) -> Option<(String, EnvValue)> {
        let libraries = self.libraries.as_ref()?.display().to_string();
        Some(("LD_LIBRARY_PATH".to_owned(), EnvValue::Plain(libraries)))
    }

    /// The words by which a script with the [functions](FUNCTIONS) starts it.
    pub(crate) fn words(&self) -> [String; 2] {
        let libraries = self.libraries.as_ref();
        let libraries = libraries.map(|dir| dir.display().to_string());
        [self.program.clone(), libraries.unwrap_or_default()]
    }
}

/// Functions of scripts for such a tool, of which `$tool` and `$libraries` are the
/// [words](ObjectTool::words): `start ARGUMENT…`, and `strip_archive FROM TO`. Rust's own libraries
/// for Windows have members with nothing but debug information, some of them empty, which binutils
/// refuse.
pub(crate) const FUNCTIONS: &str = r#"start() (
  [ -z "$libraries" ] || export LD_LIBRARY_PATH="$libraries"
  exec "$tool" "$@"
)
strip_archive() {
  "${tool%objcopy}ar" t "$1" 2>/dev/null | grep '\.dwo$' >"$2.members" || :
  if [ -s "$2.members" ]; then
    cp -- "$1" "$2.archive"
    "${tool%objcopy}ar" d "$2.archive" "@$2.members"
    set -- "$2.archive" "$2"
  fi
  start --strip-debug "$1" "$2"
}
"#;

impl Facts {
    /// The program of the environment that does `name` for the target, if `name` is such a tool and
    /// the target has one of its own. `None` if the environment's own one does it.
    ///
    /// # Errors
    ///
    /// If no program of the environment does it.
    pub(crate) fn target_tool(&self, name: &str) -> Result<Option<ObjectTool>> {
        if let Some(own) = self.build_tool(name) {
            return Ok(Some(ObjectTool::named(own)));
        }
        let archiver = self.archiver().filter(|_| NAMES.contains(&name));
        let Some(archiver) = archiver else {
            return Ok(None);
        };
        let own = of_archiver(&archiver, name)
            .or_else(|| self.named_tool(name))
            .or_else(|| self.llvms(name))
            .map(ObjectTool::named)
            .or_else(|| self.rusts_objcopy().filter(|_| name == "objcopy"));
        // What is in the user's image is unknown.
        let is_known = self.env_spec.recipe().is_some() || self.env_spec.host_toolset().is_some();
        match own {
            None if is_known && !self.reads_with_own(name) => Err(self.without_tool(name)),
            own => Ok(own),
        }
    }

    /// Why `program`, a compiler or another tool of a build, is not the target's, if the environment
    /// has the target's tools under other names, and this one for its own programs.
    pub(crate) fn native_tool(&self, program: &str) -> Option<Warning> {
        let is_compiler = COMPILERS.iter().any(|(name, _)| *name == program);
        let is_known = self.env_spec.recipe().is_some() || self.env_spec.host_toolset().is_some();
        let is_other = OF_GNU.contains(&program) || [DWP, PKG_CONFIG].contains(&program);
        let has_own = || self.build_tool(program).is_some() || self.archiver().is_none();
        if !(is_compiler || is_other) || !is_known || has_own() {
            return None;
        }
        let target = self.target.requested();
        let compiler = self.variable("CC").filter(|it| it != Recipe::NO_LINKER);
        let help = match (program, compiler) {
            (PKG_CONFIG, _) => {
                let lower = self.target.env_upper().to_lowercase();
                let all = "PKG_CONFIG_LIBDIR";
                format!("set `{all}` to the value of `{all}_{lower}`, the target's directories")
            }
            (DWP, _) => self.with_llvm(DWP),
            (_, Some(compiler)) => {
                format!("the target's compiler is `{compiler}`, which also assembles and links")
            }
            (_, None) => "the environment compiles no C for the target".to_owned(),
        };
        Some(Warning {
            code: "native-tool".to_owned(),
            message: format!(
                "`{program}` of the environment for {target} is for the machine that builds"
            ),
            help: Some(help),
        })
    }

    /// The target's program that does what the compiler or the tool of a build `name` does; `None` if
    /// the environment has none, or if its own one does it.
    fn build_tool(&self, name: &str) -> Option<String> {
        if let Some((_, variable)) = COMPILERS.iter().find(|(tool, _)| *tool == name) {
            return self.program(variable);
        }
        if !OF_GNU.contains(&name) && name != DWP {
            return None;
        }
        let own = of_archiver(&self.archiver()?, name);
        own.or_else(|| self.llvms(name).filter(|_| name == DWP))
    }

    /// The program that a variable of the target names for the tool.
    fn named_tool(&self, name: &str) -> Option<String> {
        match name {
            "ar" => self.program("AR"),
            "ranlib" => self.program("RANLIB"),
            _ => None,
        }
    }

    /// The program that a variable of the target names.
    fn program(&self, variable: &str) -> Option<String> {
        let is_program = |program: &String| {
            program != Recipe::NO_LINKER && !program.contains(char::is_whitespace)
        };
        self.variable(variable).filter(is_program)
    }

    /// LLVM's program that does `name`, if it is installed. It knows all formats.
    fn llvms(&self, name: &str) -> Option<String> {
        let program = format!("llvm-{name}");
        let is_installed = match self.env_spec.host_toolset() {
            Some(_) => self.host.find_program(&program).is_some(),
            None => self.installs_llvm(),
        };
        is_installed.then_some(program)
    }

    /// Whether the recipe, or the user's `packages`, installs LLVM's tools.
    fn installs_llvm(&self) -> bool {
        let recipe = self.env_spec.recipe();
        let is_llvm = |package: &String| package.split([':', '=']).next() == Some("llvm");
        recipe.is_some_and(|named| named.recipe.packages.iter().any(is_llvm))
    }

    /// Whether the environment's own tool of that name reads the target's files: those of the machine
    /// that it runs on.
    fn reads_with_own(&self, name: &str) -> bool {
        let native = self.native_triple();
        let native = native.split('-').next().unwrap_or_default();
        let reads = |target: Target| {
            let facts = target.facts();
            let is_elf = !matches!(facts.os, "windows" | "uefi" | "macos" | "unknown")
                && facts.deployment_variable().is_none();
            let is_native = facts.arch == native || (facts.arch, native) == ("x86", "x86_64");
            is_elf && is_native
        };
        OF_ANY_TARGET.contains(&name) || self.target.known().is_none_or(reads)
    }

    fn without_tool(&self, name: &str) -> Error {
        let target = self.target.requested();
        let message = format!(
            "no `{name}` of the environment for {target} reads the target's files: its own is for those of \
             the machine that builds"
        );
        Error::new(ErrorKind::ToolMissing, message).with_help(self.with_llvm(name))
    }

    /// How LLVM's program that does `name` is had.
    fn with_llvm(&self, name: &str) -> String {
        match self.env_spec.host_toolset() {
            Some(_) => format!("install LLVM's tools and run `llvm-{name}`"),
            None => format!(
                "set `packages = [\"llvm:native\"]` in Cross.toml, under `{}`, for LLVM's; the \
                 environment's own is `/usr/bin/{name}`",
                toml_table(self.target.triple())
            ),
        }
    }

    /// The program that does `objcopy` for the target: its own, or LLVM's, which the environment or
    /// Rust brings, or that of a machine of its kind. `None` if there is none.
    fn objcopy(&self) -> Option<ObjectTool> {
        let own = match self.archiver() {
            Some(archiver) => of_archiver(&archiver, "objcopy"),
            None => Some("objcopy".to_owned()),
        };
        let installed = own.or_else(|| self.llvms("objcopy"));
        let reads = || self.target.known().is_some() && self.reads_with_own("objcopy");
        let of_machine = || reads().then(|| ObjectTool::named("objcopy".to_owned()));
        let installed = installed.map(ObjectTool::named);
        installed
            .or_else(|| self.rusts_objcopy())
            .or_else(of_machine)
    }

    /// LLVM's program that Rust brings. It looks for its library in another directory than the one
    /// that has it.
    fn rusts_objcopy(&self) -> Option<ObjectTool> {
        let sysroot = self.toolchain.sysroot()?;
        let native = match self.env_spec.host_toolset() {
            Some(_) => host_triple(),
            None => self.native_triple(),
        };
        let bin = sysroot.join("lib/rustlib").join(native).join("bin");
        let program = bin.join("rust-objcopy");
        program.is_file().then(|| ObjectTool {
            program: program.display().to_string(),
            libraries: Some(sysroot.join("lib")),
        })
    }

    /// Whether the linker puts debug information into a file of its own and symbols nowhere else,
    /// as Microsoft's formats have it.
    pub(crate) fn has_debug_files_only(&self) -> bool {
        let triple = self.target.triple();
        triple.ends_with("-msvc") || triple.ends_with("-uefi")
    }

    /// Whether the linker signs programs and dynamic libraries, as that of Apple's systems does for
    /// ARM's processors, where the environment links any.
    fn signs_programs(&self) -> bool {
        let Some(known) = self.target.known() else {
            return false;
        };
        let is_apples = |target: Target| target.facts().deployment_variable().is_some();
        let mut slices = known.slices();
        let is_signed = slices.any(|it| is_apples(it) && it.facts().arch == "aarch64");
        let links = known.facts().level() != Level::Libraries || self.env_spec.sdk.is_some();
        is_signed && links
    }

    /// The program that strips the target's programs: the one that does `objcopy`.
    ///
    /// # Errors
    ///
    /// If such programs cannot be changed once they are linked, or if there is no program for it.
    pub(crate) fn tool_for_object_files(&self) -> Result<ObjectTool> {
        let target = self.target.requested();
        if self.signs_programs() {
            let message =
                format!("a program for {target} is signed when it is linked, and cannot change");
            return Err(Error::new(ErrorKind::UnsupportedTarget, message).with_help(
                "let rustc strip it: `strip = true` in the profile, and `split-debuginfo = \"packed\"` to keep its \
                 debug information (`packages = [\"llvm:native\"]` has the program `dsymutil` for that)",
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
        self.variable("AR")
    }

    /// A variable of the environment such as `AR_aarch64_unknown_linux_gnu`.
    fn variable(&self, name: &str) -> Option<String> {
        let name = format!("{name}_{}", self.target.env_upper().to_lowercase());
        if let Some(EnvValue::Plain(value)) = self.inputs.env.get(&name) {
            return Some(value.clone());
        }
        let image = self.state.running_image(&self.env_spec);
        image.and_then(|image| image.env.get(&name)).cloned()
    }
}

/// The tool `name` of the family of tools that `archiver` is of: `aarch64-linux-gnu-strip` for
/// `aarch64-linux-gnu-ar`, `llvm-strip` for `llvm-lib`. `None` if it is of none, such as a script
/// that calls Zig.
fn of_archiver(archiver: &str, name: &str) -> Option<String> {
    let family = match archiver {
        "llvm-lib" => "llvm-",
        archiver => archiver.strip_suffix("ar")?,
    };
    let is_script = family.starts_with('/') || family.contains(char::is_whitespace);
    let is_family = family.is_empty() || family.ends_with('-');
    let has = NAMES.contains(&name) || name == DWP || OF_GNU.contains(&name) && family != "llvm-";
    (has && is_family && !is_script).then(|| format!("{family}{name}"))
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
        assert_eq!(strip("llvm-lib").as_deref(), Some("llvm-strip"));
        assert_eq!(strip("ar").as_deref(), Some("strip"));
        for other in ["/usr/local/bin/x-ar", "zig ar", "emar", "lib.exe"] {
            assert_eq!(strip(other), None, "{other}");
        }
        assert_eq!(of_archiver("llvm-ar", "cargo"), None);
        assert_eq!(of_archiver("llvm-ar", "as"), None, "it is for bitcode");
        assert_eq!(of_archiver("llvm-ar", DWP).as_deref(), Some("llvm-dwp"));
        let linker = of_archiver("s390x-linux-gnu-ar", "ld");
        assert_eq!(linker.as_deref(), Some("s390x-linux-gnu-ld"));
    }
}
