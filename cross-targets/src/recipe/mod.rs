//! How to make the environment that compiles for a target and runs its programs: pure data.

use std::collections::BTreeMap;
use std::fmt::Write as _;

mod clang;
mod cmake;
mod compose;
mod debian_rust;
mod exclusions;
mod file;
mod host_tools;
mod ndk;
mod packages;
mod programs;
mod system_emulation;
mod target_recipes;
mod unsupported;
mod zig;

use crate::facts::debian_arch::DebianArch;

pub use file::File;
pub use host_tools::{HostEmulator, Toolset, ToolsetKind};
pub use unsupported::Unsupported;

/// Where the Rust that compiles in the environment comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RustSource {
    /// From outside: the host's toolchain is mounted into the environment.
    External,
    /// From the distribution: `rustc`, `cargo` and `std` are packages of the recipe.
    Packaged,
    /// The same, with the source of `std`, which is built even where there is a package of it.
    PackagedSource,
}

/// Where the standard library of an environment's target comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StdSource {
    /// With the compiler: rustup installs it, or it is a package of the recipe.
    Prebuilt,
    /// From source: cargo has to be called with `-Z build-std`.
    Source {
        /// Where the source is in the environment, as rustc expects it below its sysroot. `None`
        /// where it is the component `rust-src` of a toolchain from outside.
        path: Option<&'static str>,
        /// What to build: the value of `-Z build-std=…`. Empty for cargo's own choice, which is all
        /// that a program and its tests need.
        crates: &'static [&'static str],
    },
}

/// How to make an environment: a Debian root file system with these packages and settings.
///
/// A recipe is pure data. Two recipes whose [`canonical`](Recipe::canonical) texts are equal make
/// the same environment, up to what Debian updates within a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recipe {
    /// The Debian suite: `bookworm`.
    pub suite: String,
    /// The architecture of the environment's own programs.
    pub architecture: DebianArch,
    /// Debian's names of the further architectures to enable.
    pub foreign: Vec<String>,
    /// Debian's name of the architecture whose libraries programs of the target are linked with.
    /// `None` where Debian has no such packages.
    pub target_arch: Option<String>,
    /// The packages to install, in apt's syntax: `name`, `name:arch`, `name=version*`.
    pub packages: Vec<String>,
    /// Which files of the packages are not unpacked: globs on the absolute path, where `*` matches
    /// `/` too. An entry that starts with `!` takes matching files in again. The last entry that
    /// matches a file decides. They are dpkg's `path-exclude` and `path-include` options in order.
    pub exclude: Vec<String>,
    /// The variables set for every program that runs in the environment.
    pub env: BTreeMap<String, String>,
    /// The files to write into the root file system when the packages are installed.
    pub files: Vec<File>,
    /// Shell commands run as root in the root file system when the files are written, in order and
    /// with a network. Each must succeed.
    pub commands: Vec<String>,
    /// Where `std` comes from.
    pub std: StdSource,
}

impl Recipe {
    /// Adds packages to install. A bare name is a package for the build machine; `name:arch` is one
    /// for an architecture of [`Recipe::foreign`].
    #[must_use]
    pub fn extend_packages(
        mut self,
        packages: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        for package in packages {
            let package = package.into();
            if !self.packages.contains(&package) {
                self.packages.push(package);
            }
        }
        self
    }

    /// Adds packages to link with: a bare name, also with a version, is the target's package
    /// (`libssl-dev` becomes `libssl-dev:arm64`). A name with an architecture stays what it is, and
    /// so does every name where [`Recipe::target_arch`] is `None`.
    #[must_use]
    pub fn extend_target_packages(
        self,
        packages: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let build = self.architecture.as_str();
        let arch = self.target_arch.clone().filter(|arch| arch != build);
        let qualify = |package: String| match &arch {
            Some(arch) => packages::with_arch(&package, arch),
            None => package,
        };
        self.extend_packages(packages.into_iter().map(|package| qualify(package.into())))
    }

    /// Takes another Debian suite than the proven one: an older one for an older glibc.
    #[must_use]
    pub fn suite(mut self, suite: impl Into<String>) -> Self {
        self.suite = suite.into();
        self
    }

    /// What every recipe of this suite and machine begins with: the same for all of them, so that it
    /// has to be made once only. It is no environment by itself, and has no commands.
    #[must_use]
    pub fn base(&self) -> Self {
        Self {
            suite: self.suite.clone(),
            architecture: self.architecture,
            foreign: Vec::new(),
            target_arch: None,
            packages: packages::BASE.map(str::to_owned).to_vec(),
            exclude: exclusions::of_all(),
            env: BTreeMap::new(),
            files: Vec::new(),
            commands: Vec::new(),
            std: StdSource::Prebuilt,
        }
    }

    /// Adds commands to run as root in the finished root file system.
    #[must_use]
    pub fn extend_commands(
        mut self,
        commands: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.commands.extend(commands.into_iter().map(Into::into));
        self
    }

    /// What makes the environment when its packages are installed: a command for each file, then
    /// [`Recipe::commands`].
    pub fn all_commands(&self) -> impl Iterator<Item = String> {
        let files = self.files.iter().map(File::command);
        files.chain(self.commands.iter().cloned())
    }

    /// The recipe as stable text, to hash: every field is in it, one entry a line, entries escaped
    /// so that no two recipes share a text. The first line names the version of the format.
    pub fn canonical(&self) -> String {
        let mut text = String::from("cross recipe 2\n");
        let mut line = |key: &str, value: &str| {
            // Writing to a String can't fail.
            let _ = writeln!(text, "{key} {}", one_line(value));
        };
        line("suite", &self.suite);
        line("architecture", self.architecture.as_str());
        self.foreign.iter().for_each(|arch| line("foreign", arch));
        self.target_arch
            .iter()
            .for_each(|arch| line("target", arch));
        self.packages
            .iter()
            .for_each(|package| line("package", package));
        self.exclude.iter().for_each(|glob| line("exclude", glob));
        for (name, value) in &self.env {
            line("variable", name);
            line("value", value);
        }
        for file in &self.files {
            line(if file.executable { "program" } else { "file" }, &file.path);
            line("text", &file.text);
        }
        self.commands
            .iter()
            .for_each(|command| line("command", command));
        if let StdSource::Source { path, crates } = self.std {
            line("std", path.unwrap_or("rust-src"));
            crates.iter().for_each(|name| line("crate", name));
        }
        text
    }
}

/// The value without line breaks, and reversibly so.
fn one_line(value: &str) -> String {
    value.replace('\\', r"\\").replace('\n', r"\n")
}

#[cfg(test)]
mod tests;
