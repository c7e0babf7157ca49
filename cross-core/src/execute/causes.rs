//! Recognizes why cargo failed in what it and the programs that it started printed, and names the
//! remedy.
//!
//! A remedy is named only if the words of the program that failed are known. Otherwise there is
//! none, and the error carries the words themselves. The words are those of a hostile inside: what
//! is taken from them is a short name of harmless characters.

mod packages;
mod patterns;

use cross_targets::{Libc, Target};

use crate::model::error::{Error, ErrorKind};
use crate::model::printable::{beginning, printable};
use crate::model::step::EnvironmentKind;
use crate::model::toolchain::ToolchainSource;
use crate::plan::plan::Plan;

/// A known reason why cargo failed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cause {
    /// A library for the target is missing: its name as pkg-config or the linker knows it.
    Library(String),
    /// A header is missing: the path in `#include`.
    Header(String),
    /// A program that the build starts is missing.
    Tool(String),
    /// The linker that rustc or the compiler driver was told to use is missing.
    Linker(String),
    /// The toolchain has no `std` or `core` for the target.
    NoStd,
    /// The target has no `std`, and the program uses it.
    NeverStd,
    /// A process was killed, or could not get memory.
    Memory,
    /// The manifest, the lock file or a dependency needs a newer Rust.
    Old,
    /// The code uses features of a nightly toolchain.
    Nightly,
    /// Two packages link the same native library.
    Links(String),
    /// Cargo has no such subcommand.
    Subcommand(String),
}

/// How many causes a help names.
const NAMED: usize = 3;
/// The longest part of a line that is searched, in bytes.
const SEARCHED: usize = 4 << 10;

/// The causes that were recognized in the output of one run, the first ones first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Causes {
    found: Vec<Cause>,
}

impl Causes {
    /// Reads a line that cargo printed, or one of a diagnostic.
    pub(crate) fn read(&mut self, line: &str) {
        let line = printable(beginning(line, SEARCHED));
        let Some(cause) = patterns::find(&line) else {
            return;
        };
        // The note about a target without `std` follows the error that the crate is missing.
        if cause == Cause::NeverStd {
            self.found.retain(|cause| *cause != Cause::NoStd);
        }
        let is_known = self.found.contains(&cause)
            || cause == Cause::NoStd && self.found.contains(&Cause::NeverStd);
        if self.found.len() < NAMED && !is_known {
            self.found.push(cause);
        }
    }

    /// Returns the remedies for the run of `plan`.
    pub(crate) fn help(&self, plan: &Plan) -> Option<String> {
        let remedies: Vec<_> = self
            .found
            .iter()
            .map(|cause| Remedy { plan }.of(cause))
            .collect();
        (!remedies.is_empty()).then(|| remedies.join("; "))
    }

    /// Adds the remedies to the error of a failed cargo, and corrects its kind where the cause is
    /// known better.
    pub(crate) fn explain(&self, error: Error, plan: &Plan) -> Error {
        if error.kind() != ErrorKind::CargoFailed {
            return error;
        }
        let has = |cause| self.found.contains(&cause);
        let error = match () {
            () if has(Cause::NoStd) => error.with_kind(ErrorKind::Toolchain),
            () if has(Cause::Memory) => error.with_kind(ErrorKind::Killed),
            () => error,
        };
        match self.help(plan) {
            Some(help) => error.and_help(help),
            None => error,
        }
    }
}

/// The remedies for the environment of a plan.
struct Remedy<'a> {
    plan: &'a Plan,
}

impl Remedy<'_> {
    fn of(&self, cause: &Cause) -> String {
        match cause {
            Cause::Library(name) => match packages::of_library(name) {
                Some(package) => self.library(&format!("the library `{name}`"), package),
                None => self.unknown("library", name, &format!("lib{name}*.so* {name}.pc")),
            },
            Cause::Header(path) => match packages::of_header(path) {
                Some(package) => self.library(&format!("the header `{path}`"), package),
                None => self.unknown("header", path, path),
            },
            Cause::Tool(name) => self.tool(name, packages::of_tool(name)),
            Cause::Linker(name) => self.linker(name),
            Cause::NoStd => self.no_std(),
            Cause::NeverStd => format!(
                "{} has no `std`: begin the program with `#![no_std]`, as its dependencies must, \
                 or build `std` with `build-std` in Cross.toml if the target can have one",
                self.triple()
            ),
            Cause::Memory => self.memory(),
            Cause::Old => self.too_old(),
            Cause::Nightly => {
                "use a nightly toolchain of rustup (`toolchain = \"host\"` in Cross.toml, and \
                 `cargo +nightly`, or `Request::toolchain(\"nightly\")`), or do without the feature"
                    .to_owned()
            }
            Cause::Subcommand(name) => self.subcommand(name),
            Cause::Links(library) => format!(
                "only one package of a program may link `{library}`: `cargo tree --invert` shows \
                 who requires each of the packages, and the versions have to be brought together"
            ),
        }
    }

    fn triple(&self) -> &str {
        &self.plan.target
    }

    /// The target's row of the table, if it has one.
    fn target(&self) -> Option<Target> {
        Target::parse(&self.plan.target).ok()
    }

    /// The Debian architecture whose libraries programs of the target link with.
    fn arch(&self) -> Option<&'static str> {
        let facts = self.target()?.facts();
        facts.debian_arch.filter(|_| facts.libc == Libc::Glibc)
    }

    /// A Debian package with a library for the target.
    fn library(&self, what: &str, package: &str) -> String {
        match self.arch() {
            Some(arch) => format!(
                "{what} for {} is in the Debian package `{package}`: {}",
                self.triple(),
                self.add(&format!("{package}:{arch}"))
            ),
            None => self.without_package(what),
        }
    }

    /// A library or a header that no package is known for.
    fn unknown(&self, kind: &str, name: &str, file: &str) -> String {
        let what = format!("the {kind} `{name}`");
        match self.arch() {
            Some(arch) => {
                let files: Vec<_> = file.split(' ').map(|f| format!("`{f}`")).collect();
                format!(
                    "{what} is not in the environment: if a Debian package has it \
                     (search the contents of packages for {}), {}",
                    files.join(" or "),
                    self.add(&format!("<package>:{arch}"))
                )
            }
            None => self.without_package(&what),
        }
    }

    fn without_package(&self, what: &str) -> String {
        format!(
            "no Debian package has {what} for {}: build it from source, for which many crates \
             have a feature (`vendored`, `bundled` or `static`)",
            self.triple()
        )
    }

    /// A program of the build machine.
    fn tool(&self, name: &str, package: Option<&str>) -> String {
        match package {
            Some(package) => format!(
                "`{name}` is in the Debian package `{package}`: {}",
                self.add(&format!("{package}:native"))
            ),
            None => format!(
                "the build starts `{name}`, which is not in the environment: {}",
                self.add("<package>:native")
            ),
        }
    }

    /// How a package, with its architecture or `native`, gets into the environment.
    fn add(&self, package: &str) -> String {
        let (name, arch) = package.split_once(':').unwrap_or((package, "native"));
        let installed = match arch {
            "native" => name,
            _ => package,
        };
        match self.plan.environment.kind {
            EnvironmentKind::Recipe => format!(
                "set `packages = [\"{package}\"]` in Cross.toml, under `[build]` or `[target.{}]`",
                self.triple()
            ),
            EnvironmentKind::Dockerfile => {
                format!("install `{installed}` in the Dockerfile")
            }
            EnvironmentKind::Host => format!("install `{installed}` on this machine"),
            EnvironmentKind::Image | EnvironmentKind::PublishedImage => {
                let add_arch = match arch {
                    "native" => String::new(),
                    _ => format!("\"dpkg --add-architecture {arch}\", "),
                };
                format!(
                    "set `pre-build = [{add_arch}\"apt-get update\", \"apt-get install \
                     --assume-yes {installed}\"]` in Cross.toml if the image is Debian's or \
                     Ubuntu's, or use an image that has it"
                )
            }
        }
    }

    fn linker(&self, name: &str) -> String {
        let origin = format!(
            "`linker` or `-fuse-ld` of cargo's configuration, of RUSTFLAGS or of a build script \
             names the linker `{name}`"
        );
        match packages::of_linker(name) {
            Some(package) => format!("{origin}: {}", self.add(&format!("{package}:native"))),
            None => format!(
                "{origin}, which is not in the environment: remove it, as the environment sets the \
                 target's own linker"
            ),
        }
    }

    fn subcommand(&self, name: &str) -> String {
        let component = match name {
            "clippy" | "clippy-driver" => Some("clippy"),
            "fmt" => Some("rustfmt"),
            "miri" => Some("miri"),
            _ => None,
        };
        match (component, &self.plan.toolchain.source) {
            (Some(component), ToolchainSource::Image) => format!(
                "the environment's Rust has no `cargo {name}`: set `toolchain = \"host\"` in \
                 Cross.toml, and run `rustup component add {component}`"
            ),
            (
                Some(component),
                ToolchainSource::Host {
                    name: toolchain, ..
                },
            ) => {
                format!("run `rustup component add --toolchain {toolchain} {component}`")
            }
            (Some(component), ToolchainSource::Directory { sysroot }) => {
                format!(
                    "put `{component}` into the toolchain `{}`",
                    sysroot.display()
                )
            }
            (None, _) => format!(
                "an environment sees the plugins nextest, hack and llvm-cov of the host, if they \
                 are installed with `cargo install`; `cargo {name}` has to be in the environment"
            ),
        }
    }

    fn no_std(&self) -> String {
        let triple = self.triple();
        let triple = triple
            .split_once('.')
            .filter(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()))
            .map_or(triple, |(triple, _)| triple);
        match &self.plan.toolchain.source {
            ToolchainSource::Host { name, .. } => format!(
                "the toolchain `{name}` has no `std` for {triple}: run `rustup target add \
                 --toolchain {name} {triple}`"
            ),
            ToolchainSource::Directory { sysroot } => format!(
                "the toolchain in `{}` has no `std` for {triple}: put `rust-std` for it there, or \
                 set `toolchain` to `host` or `image`",
                sysroot.display()
            ),
            ToolchainSource::Image => format!(
                "the environment's Rust has no `std` for {triple}: set `toolchain = \"host\"` in \
                 Cross.toml, for which rustup adds it, or build it with `build-std`"
            ),
        }
    }

    fn memory(&self) -> String {
        let limit = self.plan.runs().find_map(|spec| spec.memory);
        let limit = match limit {
            Some(bytes) => format!(
                "all processes together may use {} MiB: raise `memory` in Cross.toml, or ",
                bytes >> 20
            ),
            None => String::new(),
        };
        format!(
            "a process was killed or got no memory, which happens when memory runs out: {limit}\
             compile with fewer jobs (`Request::jobs`, `--jobs 1`)"
        )
    }

    fn too_old(&self) -> String {
        match &self.plan.toolchain.source {
            ToolchainSource::Image => "the environment's Rust is the distribution's, and too old \
                 for this: set `toolchain = \"host\"` in Cross.toml, which takes rustup's, or a \
                 newer `suite`"
                .to_owned(),
            ToolchainSource::Host { name, .. } => format!(
                "the toolchain `{name}` is too old for this: `rustup update`, or choose a newer \
                 one (`cargo +stable`, `Request::toolchain`)"
            ),
            ToolchainSource::Directory { sysroot } => format!(
                "the toolchain in `{}` is too old for this: set `toolchain` to a newer one",
                sysroot.display()
            ),
        }
    }
}

#[cfg(test)]
mod tests;
