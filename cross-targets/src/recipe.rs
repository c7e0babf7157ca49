//! How to make the environment that compiles for a target and runs its programs: pure data.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use crate::facts::{Emulator, Facts, Support};
use crate::runner::{Runner, runs_natively};
use crate::target::Target;

/// The Debian architecture of a build machine, and so of the environment's own programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DebianArch {
    /// 64-bit x86.
    Amd64,
    /// 64-bit ARM.
    Arm64,
}

impl DebianArch {
    /// From Rust's name, as `std::env::consts::ARCH` has it: `x86_64` or `aarch64`. `None` for any
    /// other machine: no recipe is made for one.
    pub fn from_rust_arch(arch: &str) -> Option<Self> {
        match arch {
            "x86_64" => Some(DebianArch::Amd64),
            "aarch64" => Some(DebianArch::Arm64),
            _ => None,
        }
    }

    /// Debian's name: `amd64` or `arm64`.
    pub const fn as_str(self) -> &'static str {
        match self {
            DebianArch::Amd64 => "amd64",
            DebianArch::Arm64 => "arm64",
        }
    }
}

impl fmt::Display for DebianArch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where the Rust that compiles in the environment comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RustSource {
    /// From outside: the host's toolchain is mounted into the environment.
    External,
    /// From the distribution: `rustc`, `cargo` and `std` are packages of the recipe.
    Packaged,
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
    /// Debian's names of the further architectures to enable. The first is the target's.
    pub foreign: Vec<String>,
    /// The packages to install, in apt's syntax: `name`, `name:arch`, `name=version*`.
    pub packages: Vec<String>,
    /// Which files of the packages are not unpacked: globs on the absolute path, where `*` matches
    /// `/` too. An entry that starts with `!` takes matching files in again. The last entry that
    /// matches a file decides. They are dpkg's `path-exclude` and `path-include` options in order.
    pub exclude: Vec<String>,
    /// The variables set for every program that runs in the environment.
    pub env: BTreeMap<String, String>,
    /// Shell commands run as root in the finished root file system, in order. Each must succeed.
    pub commands: Vec<String>,
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
    /// (`libssl-dev` becomes `libssl-dev:arm64`). A name with an architecture stays what it is.
    #[must_use]
    pub fn extend_target_packages(
        self,
        packages: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let arch = self.foreign.first().cloned();
        let qualify = |package: String| match &arch {
            Some(arch) => with_arch(&package, arch),
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

    /// Adds commands to run as root in the finished root file system.
    #[must_use]
    pub fn extend_commands(
        mut self,
        commands: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.commands.extend(commands.into_iter().map(Into::into));
        self
    }

    /// The recipe as stable text, to hash: every field is in it, one entry a line, entries escaped
    /// so that no two recipes share a text. The first line names the version of the format.
    pub fn canonical(&self) -> String {
        let mut text = String::from("cross recipe 1\n");
        let mut line = |key: &str, value: &str| {
            // Writing to a String can't fail.
            let _ = writeln!(text, "{key} {}", one_line(value));
        };
        line("suite", &self.suite);
        line("architecture", self.architecture.as_str());
        self.foreign.iter().for_each(|arch| line("foreign", arch));
        self.packages
            .iter()
            .for_each(|package| line("package", package));
        self.exclude.iter().for_each(|glob| line("exclude", glob));
        for (name, value) in &self.env {
            line("variable", name);
            line("value", value);
        }
        self.commands
            .iter()
            .for_each(|command| line("command", command));
        text
    }

    pub(crate) fn of(
        target: Target,
        build: DebianArch,
        rust: RustSource,
    ) -> Result<Self, Unsupported> {
        let facts = target.facts();
        if let Support::NotYet { why } = facts.support {
            return Err(Unsupported { target, why });
        }
        if target.glibc().is_some() {
            return Err(Unsupported {
                target,
                why: "a glibc floor needs a recipe with an older glibc; none is proven yet",
            });
        }
        match (facts.suite, facts.debian_arch, facts.multiarch) {
            (Some(suite), Some(arch), Some(multiarch)) => Ok(Debian {
                target,
                facts,
                suite,
                arch,
                multiarch,
                build,
            }
            .recipe(rust)),
            _ => Err(Unsupported {
                target,
                why: "Debian has no packages for it",
            }),
        }
    }
}

/// `name` or `name=version` with the architecture where apt wants it.
fn with_arch(package: &str, arch: &str) -> String {
    let (name, version) = package.split_at(package.find('=').unwrap_or(package.len()));
    if name.contains(':') {
        package.to_owned()
    } else {
        format!("{name}:{arch}{version}")
    }
}

/// The value without line breaks, and reversibly so.
fn one_line(value: &str) -> String {
    value.replace('\\', r"\\").replace('\n', r"\n")
}

/// What every environment has: to compile and run build scripts and the C they build, and to
/// verify what is fetched.
const BASE: [&str; 5] = ["ca-certificates", "gcc", "libc6-dev", "make", "pkg-config"];

/// The native C++ compiler. Cross recipes leave it out: build scripts hardly ever compile C++ for
/// themselves, and it is large.
const NATIVE_CXX: &str = "g++";

/// The libraries of the target a program needs to start. They are Debian's own packages and not
/// those of the cross compiler (`libc6-arm64-cross`), so that the loader, libc and any library the
/// user adds (`libssl3:arm64`) are of one version.
const RUNTIME: [&str; 3] = ["libc6", "libgcc-s1", "libstdc++6"];

/// What no build reads: manuals and translations (licences stay, as in Debian's slim images), and
/// the tools that print GCC's intermediate code (60 MB).
const UNREAD: [&str; 6] = [
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/info/*",
    "/usr/share/doc/*",
    "!/usr/share/doc/*/copyright",
    "/usr/bin/*lto-dump*",
];

/// The parts of a proven recipe, whose row is known to have them.
struct Debian {
    target: Target,
    facts: &'static Facts,
    suite: &'static str,
    /// The target's architecture.
    arch: &'static str,
    multiarch: &'static str,
    build: DebianArch,
}

impl Debian {
    fn recipe(&self, rust: RustSource) -> Recipe {
        let packages = [
            self.tools(),
            self.runtime(),
            self.emulator(),
            self.rust(rust),
        ]
        .concat();
        Recipe {
            suite: self.suite.to_owned(),
            architecture: self.build,
            foreign: if self.is_cross() {
                vec![self.arch.to_owned()]
            } else {
                Vec::new()
            },
            packages,
            exclude: self.exclude(rust),
            env: self.env(),
            commands: Vec::new(),
        }
    }

    /// Whether the target's compiler is another than the build machine's own.
    fn is_cross(&self) -> bool {
        self.arch != self.build.as_str()
    }

    fn tools(&self) -> Vec<String> {
        let compiler: &[&str] = if self.is_cross() {
            self.facts.cross_packages
        } else {
            &[NATIVE_CXX]
        };
        BASE.iter()
            .chain(compiler)
            .map(|&package| package.to_owned())
            .collect()
    }

    fn runtime(&self) -> Vec<String> {
        if !self.is_cross() {
            return Vec::new();
        }
        RUNTIME
            .iter()
            .map(|library| format!("{library}:{}", self.arch))
            .collect()
    }

    /// The emulating program, where the build machine needs one.
    fn qemu(&self) -> Option<&'static str> {
        match self.facts.emulator {
            Some(Emulator::QemuUser { program, .. }) if !runs_natively(self.facts, self.build) => {
                Some(program)
            }
            _ => None,
        }
    }

    fn emulator(&self) -> Vec<String> {
        self.qemu()
            .map(|_| "qemu-user-static".to_owned())
            .into_iter()
            .collect()
    }

    fn rust(&self, rust: RustSource) -> Vec<String> {
        if rust == RustSource::External {
            return Vec::new();
        }
        let rust = PackagedRust::of(self.suite);
        let std = self.is_cross().then(|| with_arch(rust.std, self.arch));
        [rust.rustc, rust.cargo, rust.std]
            .map(str::to_owned)
            .into_iter()
            .chain(std)
            .collect()
    }

    fn exclude(&self, rust: RustSource) -> Vec<String> {
        let mut exclude: Vec<String> = UNREAD.iter().map(|&glob| glob.to_owned()).collect();
        if let Some(program) = self.qemu() {
            // The package has the emulators of 30 architectures: 366 MB.
            exclude.push("/usr/bin/qemu-*".to_owned());
            exclude.push(format!("!/usr/bin/{program}"));
            // Since trixie the name that ends in `-static` is a link to the one that doesn't.
            exclude.push(format!("!/usr/bin/{}", program.trim_end_matches("-static")));
        }
        if self.is_cross() && rust == RustSource::Packaged {
            // Debian's `std` depends on the whole compiler for the target, which nobody runs: 200 MB.
            exclude.push(format!("/usr/lib/{}/libLLVM*", self.multiarch));
            exclude.push(format!("/usr/lib/{}/librustc_driver*", self.multiarch));
        }
        exclude
    }

    fn env(&self) -> BTreeMap<String, String> {
        let mut env = BTreeMap::new();
        if !self.is_cross() {
            return env;
        }
        let (c, upper, lower) = (
            self.facts.c_triple,
            self.target.env_upper(),
            self.target.env_lower(),
        );
        let mut set = |name: String, value: String| env.insert(name, value);
        set(format!("CARGO_TARGET_{upper}_LINKER"), format!("{c}-gcc"));
        for (variable, tool) in [
            ("CC", "gcc"),
            ("CXX", "g++"),
            ("AR", "ar"),
            ("RANLIB", "ranlib"),
        ] {
            set(format!("{variable}_{lower}"), format!("{c}-{tool}"));
        }
        set("PKG_CONFIG_ALLOW_CROSS".to_owned(), "1".to_owned());
        // Instead of the build machine's directories, which pkg-config would search first.
        let libdir = format!("/usr/lib/{}/pkgconfig:/usr/share/pkgconfig", self.multiarch);
        set(format!("PKG_CONFIG_LIBDIR_{lower}"), libdir);
        if let Runner::QemuUser { prefix, .. } = self.target.runner(self.build) {
            set("QEMU_LD_PREFIX".to_owned(), prefix.to_owned());
        }
        env
    }
}

/// The distribution's Rust packages.
struct PackagedRust {
    rustc: &'static str,
    cargo: &'static str,
    std: &'static str,
}

impl PackagedRust {
    fn of(suite: &str) -> Self {
        match suite {
            // Bookworm's own Rust is 1.63; Debian keeps a newer one for browsers. It is pinned
            // because an update may reach the architectures on different days.
            "bookworm" => Self {
                rustc: "rustc-web=1.85*",
                cargo: "cargo-web=1.85*",
                std: "libstd-rust-web-dev=1.85*",
            },
            _ => Self {
                rustc: "rustc",
                cargo: "cargo",
                std: "libstd-rust-dev",
            },
        }
    }
}

/// The target is known and has no recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    target: Target,
    why: &'static str,
}

impl Unsupported {
    /// The target that was asked for.
    pub fn target(&self) -> Target {
        self.target
    }

    /// What is missing.
    pub fn why(&self) -> &'static str {
        self.why
    }

    /// What to do about it, in one sentence.
    pub fn help(&self) -> String {
        if self.target.glibc().is_some() && self.target.facts().support == Support::Recipe {
            return format!(
                "build for `{}`, which takes the glibc of its environment",
                self.target.triple()
            );
        }
        let proven: Vec<&str> = Target::all()
            .filter(|target| target.glibc().is_none() && target.facts().support == Support::Recipe)
            .map(Target::triple)
            .collect();
        format!(
            "configure an image or Dockerfile for it, or build for a target with a recipe: {}",
            proven.join(", ")
        )
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no environment can be made for {}: {}",
            self.target, self.why
        )
    }
}

impl std::error::Error for Unsupported {}

#[cfg(test)]
mod tests;
