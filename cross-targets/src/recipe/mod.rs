//! Recipes: descriptions of environments that compile for a target and run its programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

mod clang;
mod clang_cl;
mod cmake;
mod compose;
mod debian_rust;
mod download;
mod exclusions;
mod file;
mod host_tools;
mod ndk;
mod no_linker;
mod packages;
mod programs;
mod system_emulation;
mod target_recipes;
mod uefi;
mod unsupported;
mod wasmtime;
mod wheel;
mod zig;
mod zig_parts;

use crate::facts::debian_arch::DebianArch;

pub use download::RecipeDownload;
pub use file::RecipeFile;
pub use host_tools::{HostEmulator, Toolset, ToolsetKind};
pub use unsupported::UnsupportedTarget;

/// Where the Rust toolchain of an environment comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RustSource {
    /// The host's toolchain is mounted into the environment.
    External,
    /// `rustc`, `cargo` and `std` are packages of the recipe.
    Packaged,
    /// Like [`Packaged`](Self::Packaged), but `std` is built from source even if there is a package
    /// of it.
    PackagedSource,
}

/// Where the standard library of an environment's target comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StdSource {
    /// Prebuilt: installed by rustup, or a package of the recipe.
    Prebuilt,
    /// Built from source: cargo has to be called with `-Z build-std`.
    #[non_exhaustive]
    Source {
        /// The path of the source in the environment, in the layout that rustc expects below its
        /// sysroot. `None` for the component `rust-src` of the mounted toolchain.
        path: Option<&'static str>,
        /// The value of `-Z build-std=…`. Empty for cargo's default, which is enough for programs
        /// and their tests.
        crates: &'static [&'static str],
    },
}

/// A description of an environment: a Debian root file system with packages and settings.
///
/// A recipe is plain data. Two recipes with equal [`canonical`](Recipe::canonical) texts produce
/// the same environment, up to updates within the Debian suite.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recipe {
    /// The Debian suite: `bookworm`.
    pub suite: String,
    /// The architecture of the environment.
    pub architecture: DebianArch,
    /// The foreign architectures to enable, by their Debian names.
    pub foreign: Vec<String>,
    /// The Debian architecture of the libraries that programs of the target link with. `None` if
    /// Debian has no such packages.
    pub target_arch: Option<String>,
    /// The packages to install, in apt's syntax: `name`, `name:arch`, `name=version*`.
    pub packages: Vec<String>,
    /// Files of packages to skip, as globs on absolute paths in which `*` also matches `/`. An
    /// entry that starts with `!` includes matching files again. The last entry that matches a file
    /// applies. These are dpkg's `path-exclude` and `path-include` options, in order.
    pub exclude: Vec<String>,
    /// Environment variables for programs that run in the environment.
    pub env: BTreeMap<String, String>,
    /// Files to write into the root file system after the packages are installed.
    pub files: Vec<RecipeFile>,
    /// Shell commands to run as root in the root file system after the files are written, in order
    /// and with network access. Each has to succeed.
    pub commands: Vec<String>,
    /// What the commands download that is no package. The commands name it and verify it.
    pub downloads: Vec<RecipeDownload>,
    /// Where `std` comes from.
    pub std: StdSource,
}

impl Recipe {
    /// The path of the program that takes the place of compiler and linker where a recipe has
    /// neither. It says [`TargetFacts::lacks`](crate::TargetFacts::lacks) and fails.
    pub const NO_LINKER: &'static str = "/usr/local/bin/cross-no-linker";

    /// Adds packages to install. A bare name is a package for the build machine; `name:arch` is one
    /// for an architecture in [`Recipe::foreign`].
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

    /// Adds packages for the target: a bare name, with or without a version, gets the target's
    /// architecture (`libssl-dev` becomes `libssl-dev:arm64`). A name with an architecture is
    /// unchanged, as is every name if [`Recipe::target_arch`] is `None`.
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

    /// Adds the programs that commands of a `pre-build` or a Dockerfile written for `cross` rely
    /// on: curl, Git, file, autoconf, automake, libtool, unzip, wget and xz.
    ///
    /// ```
    /// # use cross_targets::{DebianArch, RustSource, Target};
    /// let target = Target::parse("aarch64-unknown-linux-gnu").unwrap();
    /// let recipe = target.recipe(DebianArch::Amd64, RustSource::External)?;
    /// assert!(recipe.with_command_tools().packages.iter().any(|name| name == "curl"));
    /// # Ok::<(), cross_targets::UnsupportedTarget>(())
    /// ```
    #[must_use]
    pub fn with_command_tools(self) -> Self {
        self.extend_packages(packages::FOR_COMMANDS)
    }

    /// Sets a Debian suite other than the proven one, such as an older suite for an older glibc.
    #[must_use]
    pub fn suite(mut self, suite: impl Into<String>) -> Self {
        self.suite = suite.into();
        self
    }

    /// The common base of all recipes of this suite and architecture, which only has to be built
    /// once. The base is not an environment itself and has no commands.
    #[must_use]
    pub fn base(&self) -> Self {
        Self {
            suite: self.suite.clone(),
            architecture: self.architecture,
            foreign: Vec::new(),
            target_arch: None,
            packages: packages::BASE.map(str::to_owned).to_vec(),
            exclude: exclusions::common_globs(),
            env: BTreeMap::new(),
            files: Vec::new(),
            commands: Vec::new(),
            downloads: Vec::new(),
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

    /// The commands to run after the packages are installed: one for each file, then
    /// [`Recipe::commands`].
    pub fn all_commands(&self) -> impl Iterator<Item = String> {
        let files = self.files.iter().map(RecipeFile::command);
        files.chain(self.commands.iter().cloned())
    }

    /// The recipe as stable text for hashing. It contains every field, one entry per line (what is
    /// downloaded is in the commands and files that download it), escaped
    /// so that different recipes have different texts. The first line is the version of the format.
    pub fn canonical(&self) -> String {
        let mut text = String::from("cross recipe 2\n");
        let mut line = |key: &str, value: &str| {
            // Writing to a `String` cannot fail.
            let _ = writeln!(text, "{key} {}", escape_line_breaks(value));
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

/// Escapes line breaks, reversibly.
fn escape_line_breaks(value: &str) -> String {
    value.replace('\\', r"\\").replace('\n', r"\n")
}

#[cfg(test)]
mod tests;
