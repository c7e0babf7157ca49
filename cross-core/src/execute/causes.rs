//! Recognizes why cargo failed in what it and the programs that it started printed, and names the
//! remedy.
//!
//! A remedy is named only if the words of the program that failed are known. Otherwise there is
//! none, and the error carries the words themselves. The words are those of a hostile inside: what
//! is taken from them is a short name of harmless characters.

mod apple;
mod linking;
mod packages;
mod patterns;
mod rust_libraries;
mod unnamed;

use cross_targets::{Libc, Target, toml_table};

use crate::model::error::{Error, ErrorKind};
use crate::model::printable::{beginning, printable};
use crate::model::step::{EnvironmentKind, Verb};
use crate::model::toolchain::ToolchainSource;
use crate::plan::plan::Plan;
pub(crate) use linking::of_unread_output;
use unnamed::Unnamed;

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
    /// The target has no `test`, the crate that cargo's tests are linked with.
    NoHarness,
    /// The target's `std` has no threads, which cargo's tests start.
    NoThreads,
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
    /// No library defines a symbol.
    Symbol(String),
    /// A library or an object file is for another machine: its file name.
    Foreign(String),
    /// A linker passed over a library for another machine. Only if it finds no other one, this is
    /// the reason: the library as the linker knows it, and the file's name.
    PassedOver(String, String),
    /// A program or a library of the environment is too old: its name.
    Outdated(String),
    /// A program needs a newer glibc than the environment's: the version.
    Glibc(String),
    /// A module of Perl is missing.
    PerlModule(String),
    /// A module of Python is missing.
    PythonModule(String),
    /// A program that was built is not executable where it is.
    NoExec,
    /// There are too many open files.
    OpenFiles,
    /// Git lacks an object that a partial clone fetches when it is needed.
    PartialClone,
    /// The toolchain lacks the files with which programs for Windows begin and end.
    NoStartFiles,
    /// The recipe has no linker and no C compiler for the target.
    LibrariesOnly,
    /// A framework of Apple's is missing: its name.
    Framework(String),
    /// A program or C code needs an SDK of Apple's.
    Sdk,
    /// The crate `pkg-config` refuses to look for libraries of a foreign target.
    PkgConfigRefuses,
}

/// Programs that download, and what compiles has no network.
const DOWNLOADERS: [&str; 8] = ["aria2c", "curl", "go", "npm", "pip", "pip3", "wget", "yarn"];

/// How many causes a help names.
const NAMED: usize = 3;
/// The longest part of a line that is searched, in bytes.
const SEARCHED: usize = 4 << 10;

/// The causes that were recognized in the output of one run, the first ones first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Causes {
    found: Vec<Cause>,
    /// The libraries that a linker passed over, with the names of their files.
    passed_over: Vec<(String, String)>,
    /// Whether cargo said that it could not start a program. The reason is in a later line.
    was_not_started: bool,
    unnamed: Unnamed,
    /// The linker that a compiler driver was told to use. Its own words call it `ld`.
    named_linker: Option<String>,
}

impl Causes {
    /// Reads a line that cargo printed, or one of a diagnostic.
    pub(crate) fn read(&mut self, line: &str) {
        let line = printable(beginning(line, SEARCHED));
        self.unnamed.read(&line);
        let is_denied = self.was_not_started && line.contains("Permission denied (os error 13)");
        self.was_not_started |= line.contains("could not execute process");
        let cause = match is_denied {
            true => Some(Cause::NoExec),
            false => patterns::find(&line),
        };
        if let Some(name) = patterns::named_linker(&line) {
            self.named_linker = Some(name.to_owned());
        }
        let Some(cause) = cause else {
            return;
        };
        // The note about a target without `std` follows the error that the crate is missing.
        if cause == Cause::NeverStd {
            self.found.retain(|cause| *cause != Cause::NoStd);
        }
        let cause = match cause {
            Cause::PassedOver(library, file) => {
                if self.passed_over.len() < NAMED {
                    self.passed_over.push((library, file));
                }
                return;
            }
            Cause::Library(name) => match self.passed_over.iter().find(|(it, _)| *it == name) {
                Some((_, file)) => Cause::Foreign(file.clone()),
                None => Cause::Library(name),
            },
            Cause::Linker(name) if name == "ld" => {
                Cause::Linker(self.named_linker.clone().unwrap_or(name))
            }
            cause => cause,
        };
        let is_known = self.found.contains(&cause)
            || cause == Cause::NoStd && self.found.contains(&Cause::NeverStd);
        if self.found.len() < NAMED && !is_known {
            self.found.push(cause);
        }
    }

    /// Returns the remedies for the run of `plan`.
    pub(crate) fn help(&self, plan: &Plan) -> Option<String> {
        let found = self.with_unnamed(plan);
        let remedies = found.iter().map(|cause| Remedy { plan }.of(cause));
        let remedies: Vec<_> = remedies.chain(self.unnamed.variables(plan)).collect();
        (!remedies.is_empty()).then(|| remedies.join("; "))
    }

    /// What was found, by what is known of the target: for one that nothing is linked for, a linker
    /// and an SDK are missing for the reason in its row.
    fn of_target(&self, plan: &Plan) -> Vec<Cause> {
        let in_row = |cause: &Cause| match cause {
            Cause::LibrariesOnly => true,
            Cause::Sdk => linking::is_without_linker(plan),
            Cause::Linker(_) => {
                linking::is_without_linker(plan) && plan.environment.kind == EnvironmentKind::Host
            }
            _ => false,
        };
        let mut found = Vec::new();
        for cause in &self.found {
            let cause = match in_row(cause) {
                true => Cause::LibrariesOnly,
                false => cause.clone(),
            };
            if !found.contains(&cause) {
                found.push(cause);
            }
        }
        found
    }

    /// The same with the programs that only the sources name.
    fn with_unnamed(&self, plan: &Plan) -> Vec<Cause> {
        let mut found = self.of_target(plan);
        // A message that names a program is about that one.
        if !found.iter().any(|cause| matches!(cause, Cause::Tool(_))) {
            found.extend(self.unnamed.programs(plan).into_iter().map(Cause::Tool));
        }
        found
    }

    /// Adds the remedies to the error of a failed cargo, and corrects its kind where the cause is
    /// known better.
    pub(crate) fn explain(&self, error: Error, plan: &Plan) -> Error {
        if matches!(
            error.kind(),
            ErrorKind::TestFailed | ErrorKind::ProgramFailed
        ) {
            return self.explain_program(error, plan);
        }
        if error.kind() != ErrorKind::CargoFailed {
            return error;
        }
        let found = self.of_target(plan);
        let has = |cause| found.contains(&cause);
        let error = match () {
            () if has(Cause::NoStd) => error.with_kind(ErrorKind::Toolchain),
            () if has(Cause::Memory) => error.with_kind(ErrorKind::Killed),
            () if needs_sdk(&found, plan) && plan.environment.sdk.is_none() => {
                error.with_kind(ErrorKind::SdkMissing)
            }
            () if has(Cause::LibrariesOnly) => error.with_kind(ErrorKind::UnsupportedTarget),
            () => error,
        };
        match self.help(plan) {
            Some(help) => error.and_help(help),
            None => error,
        }
    }
}

/// Whether one of the causes is that something is missing that only an SDK of the user's has.
fn needs_sdk(found: &[Cause], plan: &Plan) -> bool {
    let target = || Target::parse(&plan.target).ok();
    found.iter().any(|cause| match cause {
        Cause::Framework(_) | Cause::Sdk => true,
        Cause::LibrariesOnly => target().is_some_and(|target| target.facts().sdk.is_some()),
        _ => false,
    })
}

impl Causes {
    /// Adds what a failed test or program misses of the environment. Its output may be about
    /// anything, so only what has a package counts.
    fn explain_program(&self, error: Error, plan: &Plan) -> Error {
        let is_known = |cause: &&Cause| match cause {
            Cause::Tool(name) => plan.verb == Verb::Exec || packages::of_tool(name).is_some(),
            Cause::PerlModule(_) | Cause::PythonModule(_) | Cause::Glibc(_) | Cause::NoThreads => {
                true
            }
            _ => false,
        };
        let found = self.with_unnamed(plan);
        let known = found.iter().filter(is_known);
        let remedies = known.map(|cause| Remedy { plan }.of(cause));
        let remedies: Vec<_> = remedies.chain(self.unnamed.variables(plan)).collect();
        match (remedies.is_empty(), error.code()) {
            (true, _) => error,
            // A shell says so of a command that it did not find.
            (false, Some(127)) => error.with_help(remedies.join("; ")),
            (false, _) => error.and_help(remedies.join("; ")),
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
            Cause::Framework(name) => self.apples(&format!("the framework `{name}`")),
            Cause::Sdk => self.apples("what programs and C code need"),
            Cause::Header(path) if self.is_of_apple() => self.apples(&format!("`{path}`")),
            Cause::Library(name) if self.is_of_apple() => {
                self.apples(&format!("the library `{name}`"))
            }
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
            Cause::NoHarness => self.without_harness("has no `std`, which cargo's tests use"),
            Cause::NoThreads => {
                self.without_harness("has a `std` without threads, which cargo's tests start")
            }
            Cause::Memory => self.memory(),
            Cause::Old => self.too_old(),
            Cause::Nightly => {
                "use a nightly toolchain of rustup (`toolchain = \"host\"` in Cross.toml, and \
                 `cargo +nightly`, or `Request::toolchain(\"nightly\")`), or do without the feature"
                    .to_owned()
            }
            Cause::Subcommand(name) => self.subcommand(name),
            Cause::Symbol(name) => self.symbol(name),
            Cause::Foreign(file) | Cause::PassedOver(_, file) => format!(
                "`{file}` is not for {0}: what compiles it has to use the compiler of the target \
                 (`CC_{1}`, which the crates cc and cmake use), and no directory of another machine \
                 may be searched (`rustc-link-search`, `LIBRARY_PATH`, `-L` in flags)",
                self.triple(),
                self.triple().replace(['-', '.'], "_"),
            ),
            Cause::Outdated(name) => self.outdated(name),
            Cause::Glibc(version) => format!(
                "a program or a library in this run needs glibc {version}, which is newer than the \
                 environment's: {}, or use one that was built for an older glibc",
                self.newer()
            ),
            Cause::PerlModule(module) => {
                let package = module.to_lowercase().replace("::", "-");
                let package = format!("lib{package}-perl");
                let core = match self.plan.environment.kind {
                    EnvironmentKind::Recipe => String::new(),
                    _ => "Perl's own modules are in the package `perl`; ".to_owned(),
                };
                format!(
                    "{core}the Perl module `{module}` is in the Debian package `{package}`, if there is \
                     one: {}",
                    self.add(&format!("{package}:native"))
                )
            }
            Cause::PythonModule(module) => {
                let top = module.split('.').next().unwrap_or(module);
                let package = format!("python3-{}", top.to_lowercase().replace('_', "-"));
                format!(
                    "the Python module `{top}` is in the Debian package `{package}`, if there is one: {}",
                    self.add(&format!("{package}:native"))
                )
            }
            Cause::NoExec => format!(
                "no program can be started in `{}`: if its file system is mounted `noexec`, move the \
                 target directory (`build.target-dir`, `CARGO_TARGET_DIR`) to another one",
                self.plan.publish_dir.display()
            ),
            Cause::OpenFiles => {
                "a process may not open more files: raise the limit (`ulimit -n`) of the shell or the \
                 service that starts this, or compile with fewer jobs (`Request::jobs`, `--jobs 1`)"
                    .to_owned()
            }
            Cause::PartialClone => {
                "the repository is a partial clone, and what compiles has no network to fetch what git \
                 left out: `git fetch --refetch --no-filter` fetches all of it, and so does a clone \
                 without `--filter`"
                    .to_owned()
            }
            Cause::NoStartFiles => format!(
                "the environment's Rust has no `rsbegin.o`, which programs for {} begin with, and `std` \
                 built from source does not bring it: set `toolchain = \"host\"` in Cross.toml, for which \
                 rustup adds it (libraries can be built without)",
                self.triple()
            ),
            Cause::LibrariesOnly => self.libraries_only(),
            Cause::PkgConfigRefuses => format!(
                "the environment does not say where the libraries for {0} are: set \
                 `PKG_CONFIG_ALLOW_CROSS=1` and `PKG_CONFIG_PATH` in the image, or in \
                 `env.passthrough` (`\"PKG_CONFIG_ALLOW_CROSS=1\"`)",
                self.triple()
            ),
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

    /// A symbol that no library defines.
    fn symbol(&self, name: &str) -> String {
        let link = |library: &str| {
            format!(
                "`{name}` is defined in `{library}`, which no package links: link it with \
                 `println!(\"cargo::rustc-link-lib={library}\")` in the build script of the package \
                 that calls it"
            )
        };
        match packages::of_symbol(name) {
            Some("c") => format!(
                "`{name}` is of a newer glibc than the environment's, so something was compiled outside \
                 of it: compile that in the environment, or {}",
                self.newer()
            ),
            Some(library) => link(library),
            None => format!(
                "no library that is linked for {} defines `{name}`: the build script of the package that \
                 calls it has to name the library (`cargo::rustc-link-lib`) or to compile the file that \
                 defines it",
                self.triple()
            ),
        }
    }

    /// How an environment gets newer packages.
    fn newer(&self) -> String {
        match self.plan.environment.kind {
            EnvironmentKind::Recipe => format!(
                "set a newer `suite` in Cross.toml, under `[build]` or `{}`",
                toml_table(self.triple())
            ),
            EnvironmentKind::Host => "update this machine".to_owned(),
            _ => "use an image with a newer distribution".to_owned(),
        }
    }

    fn outdated(&self, name: &str) -> String {
        format!(
            "the `{name}` of the environment is older than the build requires: {}",
            self.newer()
        )
    }

    /// A program of the build machine.
    fn tool(&self, name: &str, package: Option<&str>) -> String {
        let remedy = self.tool_alone(name, package);
        match DOWNLOADERS.contains(&name) && self.plan.compiles_without_network() {
            true => format!(
                "{remedy}; if it downloads, set `network = \"host\"` there, too: what compiles has no \
                 network otherwise"
            ),
            false => remedy,
        }
    }

    fn tool_alone(&self, name: &str, package: Option<&str>) -> String {
        match package {
            Some(package) => format!(
                "`{name}` is in the Debian package `{package}`: {}",
                self.add(&format!("{package}:native"))
            ),
            None => format!(
                "`{name}` is started, but it is not in the environment: {}",
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
                "set `packages = [\"{package}\"]` in Cross.toml, under `[build]` or `{}`",
                toml_table(self.triple())
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
