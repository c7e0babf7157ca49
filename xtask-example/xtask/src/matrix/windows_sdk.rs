//! The smallest directory that takes the place of Microsoft's SDK: libraries of imports, and a C
//! runtime of ours, in the layout of `xwin`.
//!
//! It has no headers, so a target that is proven with it is proven with C that includes none.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cross_core::targets::{Sdk, Target};

use crate::failure::Failure;

/// The directory with the sources of the C runtime and the list of imports.
const SOURCES: &str = "../sdk/windows";
/// What the evidence says of the directory.
pub(crate) const DESCRIPTION: &str = "imports of the system's DLLs and a C runtime of ours";

/// Makes the directory for `target`, if its SDK is Microsoft's, for the crate in `dir`.
pub(crate) fn make(target: Target, dir: &Path) -> Result<Option<PathBuf>, Failure> {
    let Some(Sdk::Windows { arch, .. }) = target.facts().sdk else {
        return Ok(None);
    };
    let maker = Maker {
        target,
        arch,
        machine: match arch {
            "x86_64" => "x64",
            "x86" => "x86",
            _ => "arm64",
        },
        linker: linker()?,
        sources: dir.join(SOURCES),
        directory: dir.join("target/windows-sdk"),
        work: tempfile::tempdir().map_err(|error| Failure::new(error.to_string()))?,
    };
    maker.make()?;
    Ok(Some(maker.directory))
}

/// The linker of the host's toolchain, which also makes libraries.
fn linker() -> Result<PathBuf, Failure> {
    let mut rustc = Command::new("rustc");
    let sysroot = output(rustc.args(["--print", "sysroot"]))?;
    let mut rustc = Command::new("rustc");
    let host = output(rustc.args(["--print", "host-tuple"]))?;
    let programs = Path::new(&sysroot)
        .join("lib/rustlib")
        .join(host)
        .join("bin");
    Ok(programs.join("rust-lld"))
}

struct Maker {
    target: Target,
    /// The processor in the names of directories.
    arch: &'static str,
    /// The processor in the options of the linker.
    machine: &'static str,
    linker: PathBuf,
    sources: PathBuf,
    directory: PathBuf,
    work: tempfile::TempDir,
}

impl Maker {
    fn make(&self) -> Result<(), Failure> {
        let imports = self.sources.join("imports.txt");
        let text =
            fs::read_to_string(&imports).map_err(|error| Failure::io("read", &imports, &error))?;
        for (dll, names) in imported(&text) {
            self.imports(dll, &names)?;
        }
        // C that clang compiles asks for the old names of functions.
        self.imports("oldnames", &["chdir@4"])?;
        let mut parts = vec![self.library("vcruntime140")?, self.library("ucrtbase")?];
        for name in ["crt", "start"] {
            let object = self.work.path().join(name).with_extension("obj");
            let mut rustc = Command::new("rustc");
            rustc
                .args(["--edition=2024", "--crate-type=lib", "--emit=obj"])
                .args(["-Cpanic=abort", "-Copt-level=1", "--target"])
                .arg(self.target.triple())
                .arg("-o")
                .arg(&object)
                .arg(self.sources.join(name).with_extension("rs"));
            output(&mut rustc)?;
            parts.push(object);
        }
        let runtime = self.place("crt/lib", "msvcrt")?;
        self.archive(&runtime, |lib| lib.args(&parts))
    }

    /// The library for the imports from a DLL.
    fn library(&self, dll: &str) -> Result<PathBuf, Failure> {
        match dll {
            "ucrtbase" => self.place("sdk/lib/ucrt", "ucrt"),
            "vcruntime140" => self.place("crt/lib", "vcruntime"),
            "oldnames" => self.place("crt/lib", dll),
            _ => self.place("sdk/lib/um", dll),
        }
    }

    fn imports(&self, dll: &str, names: &[&str]) -> Result<(), Failure> {
        let exports: Vec<_> = names.iter().map(|name| self.export(name)).collect();
        let text = format!("LIBRARY {dll}.dll\nEXPORTS\n{}\n", exports.join("\n"));
        let list = self.work.path().join(dll).with_extension("def");
        fs::write(&list, text).map_err(|error| Failure::io("write", &list, &error))?;
        let option = format!("/def:{}", list.display());
        self.archive(&self.library(dll)?, |lib| lib.arg(option))
    }

    /// A function as the list of a library's exports has it. On 32-bit x86, the size of its
    /// arguments is a part of the name in object files.
    fn export(&self, name: &str) -> String {
        match name.split_once('@') {
            None => name.to_owned(),
            Some((plain, _)) if self.machine == "x86" => format!("_{name} == {plain}"),
            Some((plain, _)) => plain.to_owned(),
        }
    }

    fn archive(
        &self,
        library: &Path,
        add: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Result<(), Failure> {
        let mut lib = Command::new(&self.linker);
        lib.args(["-flavor", "link", "/lib"]);
        lib.arg(format!("/machine:{}", self.machine));
        lib.arg(format!("/out:{}", library.display()));
        output(add(&mut lib)).map(drop)
    }

    /// The path of a library below the directory `kind`.
    fn place(&self, kind: &str, name: &str) -> Result<PathBuf, Failure> {
        let directory = self.directory.join(kind).join(self.arch);
        fs::create_dir_all(&directory)
            .map_err(|error| Failure::io("create", &directory, &error))?;
        Ok(directory.join(name).with_extension("lib"))
    }
}

/// The imported functions by the DLLs that have them.
fn imported(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut dll = "";
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            Some(name) => {
                dll = name;
                all.insert(dll, Vec::new());
            }
            None if line.is_empty() => {}
            None => all.entry(dll).or_default().push(line),
        }
    }
    all
}

/// Runs a command, and returns what it printed.
fn output(command: &mut Command) -> Result<String, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let done = command
        .output()
        .map_err(|error| Failure::new(format!("`{program}` cannot be started: {error}")))?;
    match done.status.success() {
        true => Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned()),
        false => Err(Failure::new(format!(
            "`{program}` failed: {}{}",
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_names_the_dlls_that_every_program_of_rust_imports_from() {
        let text = include_str!("../../../../tests/sdk/windows/imports.txt");
        let all = imported(text);
        assert!(all["kernel32"].contains(&"ExitProcess@4"));
        for dll in ["dbghelp", "ntdll", "userenv", "ws2_32"] {
            assert!(all.contains_key(dll), "{dll}");
        }
    }
}
