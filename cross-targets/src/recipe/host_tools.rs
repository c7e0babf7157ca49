//! Host tools that build for a target without an environment. They are the same tools and variables
//! as in an environment, in order of preference.

use std::collections::BTreeMap;

use super::RustSource;
use super::compose::Composer;
use super::file::{RecipeFile, quoted};
use super::programs::Programs;
use super::zig;
use crate::facts::debian_arch::DebianArch;
use crate::facts::target_facts::{CToolchain, Libc, StdAvailability, SupportLevel, TargetFacts};
use crate::target::Target;
use crate::target::runner::{Runner, runs_natively};

/// Tools of the host that build for a target, if they are installed.
///
/// The variables are those of the target's [`Recipe`](crate::Recipe), because both are composed
/// from the same row.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Toolset {
    /// The kind of tools.
    pub kind: ToolsetKind,
    /// The C compiler, which also links: the name of a program, or the path of one of
    /// [`files`](Toolset::files). `None` if there is only Rust's own linker.
    pub compiler: Option<String>,
    /// The names of required programs. Zig is not among them: see
    /// [`relocated`](Toolset::relocated).
    pub required: Vec<String>,
    /// The Debian packages that provide these programs. Empty if there are none.
    pub packages: Vec<String>,
    /// The environment variables that make builds use these tools.
    pub env: BTreeMap<String, String>,
    /// The scripts and configuration files that the variables refer to.
    pub files: Vec<RecipeFile>,
    /// Whether the compiler can link programs, and not only compile.
    pub links: bool,
}

/// The kinds of [`Toolset`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ToolsetKind {
    /// The distribution's compiler for the target: a cross GCC, or `cc` if the target is the host.
    Distribution,
    /// Zig.
    Zig,
    /// The LLVM linker that Rust toolchains bundle, for targets whose `std` has everything else. It
    /// does not compile C.
    RustLld,
}

impl ToolsetKind {
    /// The name: `distribution`, `zig` or `rust-lld`.
    pub const fn as_str(self) -> &'static str {
        match self {
            ToolsetKind::Distribution => "distribution",
            ToolsetKind::Zig => "zig",
            ToolsetKind::RustLld => "rust-lld",
        }
    }
}

/// The emulator that a host needs to run programs of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostEmulator {
    /// Names of the program, best first. Any of them works.
    pub names: Vec<String>,
    /// The Debian packages that provide the emulator.
    pub packages: Vec<String>,
    /// Candidate directories of the target's loader and libraries, best first. Each has the path of
    /// a file that exists if the libraries are installed. Empty if programs need none.
    pub prefixes: Vec<(String, String)>,
}

/// The native compilers, best first. rustc and cc-rs also prefer the one that the machine itself
/// uses.
const NATIVE: [(&str, &str, &str, &[&str]); 3] = [
    ("cc", "c++", "ar", &["gcc", "g++", "libc6-dev"]),
    ("gcc", "g++", "ar", &["gcc", "g++", "libc6-dev"]),
    ("clang", "clang++", "ar", &["clang", "libc6-dev"]),
];

/// Debian's GCC for musl, which exists only for the machine's own architecture, under the name in
/// the row.
const MUSL_PACKAGE: &str = "musl-tools";

/// The name under which rustc finds Rust's linker in its own directory.
const RUST_LLD: &str = "rust-lld";

/// The toolsets that build for `target` on a machine of architecture `build`, best first.
pub(crate) fn toolsets(target: Target, build: DebianArch) -> Vec<Toolset> {
    let facts = target.facts();
    if matches!(facts.support, SupportLevel::NotYet { .. }) {
        return Vec::new();
    }
    let native = facts.debian_arch == Some(build.as_str()) && facts.libc == Libc::Glibc;
    let mut sets = Vec::new();
    // The distribution's compiler links with the glibc of the distribution. Other versions need
    // Zig.
    if target.glibc().is_none() {
        match native {
            true => sets.extend(NATIVE.map(|row| native_toolset(target, row))),
            false => sets.extend(distribution_toolset(target, build)),
        }
    }
    sets.extend(zig_toolset(target, build));
    sets.extend(rust_lld_toolset(facts, &target.env_upper()));
    sets
}

/// The machine's own compiler. No variables are needed for `cc`, which is the default.
fn native_toolset(target: Target, row: (&str, &str, &str, &[&str])) -> Toolset {
    let (cc, cxx, ar, packages) = row;
    let (upper, lower) = (target.env_upper(), target.env_lower());
    let env = [
        (format!("CARGO_TARGET_{upper}_LINKER"), cc),
        (format!("CC_{lower}"), cc),
        (format!("CXX_{lower}"), cxx),
        (format!("AR_{lower}"), ar),
    ];
    let env = env.into_iter().filter(|_| cc != "cc");
    Toolset {
        kind: ToolsetKind::Distribution,
        compiler: Some(cc.to_owned()),
        required: vec![cc.to_owned()],
        packages: packages.iter().map(|&package| package.to_owned()).collect(),
        env: env.map(|(name, value)| (name, value.to_owned())).collect(),
        files: Vec::new(),
        links: true,
    }
}

/// The distribution's cross compiler.
fn distribution_toolset(target: Target, build: DebianArch) -> Option<Toolset> {
    let facts = target.facts();
    // Debian's musl supports the machine's own architecture only. The recipe uses Zig.
    let musl = facts.libc == Libc::Musl && runs_natively(facts, build);
    let tools = match facts.c_toolchain {
        CToolchain::Zig if musl || facts.libc == Libc::Glibc => CToolchain::Gcc,
        CToolchain::Zig | CToolchain::None => return None,
        tools => tools,
    };
    let composer = Composer::on_host(target, tools, None, build);
    let Programs { cc, .. } = composer.programs();
    let required = match tools {
        CToolchain::Clang => vec!["clang".to_owned(), "llvm-ar".to_owned()],
        _ => vec![cc.clone()],
    };
    let packages: &[&str] = match tools {
        CToolchain::Emscripten => &["emscripten"],
        _ if musl => &[MUSL_PACKAGE],
        _ => facts.cross_packages,
    };
    Some(Toolset {
        kind: ToolsetKind::Distribution,
        compiler: Some(cc),
        required,
        packages: packages.iter().map(|&package| package.to_owned()).collect(),
        env: composer.env(),
        files: composer.files(),
        links: matches!(tools, CToolchain::Gcc | CToolchain::Mingw),
    })
}

fn zig_toolset(target: Target, build: DebianArch) -> Option<Toolset> {
    let facts = target.facts();
    let composer = Composer::on_host(target, facts.c_toolchain, Some(facts.zig?), build);
    let mut files = composer.files();
    files.retain(|file| !zig::is_for_installation(file));
    Some(Toolset {
        kind: ToolsetKind::Zig,
        compiler: Some(composer.programs().cc),
        required: Vec::new(),
        packages: Vec::new(),
        env: composer.env(),
        files,
        links: true,
    })
}

/// Rust's own linker, for targets whose `std` has the start files and the libc, or that have
/// neither.
fn rust_lld_toolset(facts: &TargetFacts, upper: &str) -> Option<Toolset> {
    let musl = facts.libc == Libc::Musl && facts.std == StdAvailability::Prebuilt;
    let has_own = matches!(facts.libc, Libc::Newlib | Libc::None | Libc::Wasi);
    let has_own = has_own || matches!(facts.support, SupportLevel::Libraries { .. });
    if !musl && !has_own {
        return None;
    }
    // The other targets use it by default.
    let linker = (format!("CARGO_TARGET_{upper}_LINKER"), RUST_LLD.to_owned());
    Some(Toolset {
        kind: ToolsetKind::RustLld,
        compiler: None,
        required: if musl {
            vec![RUST_LLD.to_owned()]
        } else {
            Vec::new()
        },
        packages: Vec::new(),
        env: musl.then_some(linker).into_iter().collect(),
        files: Vec::new(),
        links: false,
    })
}

impl Toolset {
    /// Returns the toolset with its files in `directory` and the Zig program at `zig`, both
    /// absolute paths on the host.
    #[must_use]
    pub fn relocated(mut self, directory: &str, zig: &str) -> Self {
        let moved: Vec<_> = self
            .files
            .iter()
            .map(|file| {
                let name = file.path.rsplit('/').next().unwrap_or_default();
                (file.path.clone(), format!("{directory}/{name}"))
            })
            .collect();
        let place = |text: &str, word: &dyn Fn(&str) -> String| {
            moved.iter().fold(text.to_owned(), |text, (old, new)| {
                text.replace(old, &word(new))
            })
        };
        let as_is = |path: &str| path.to_owned();
        for value in self.env.values_mut().chain(&mut self.compiler) {
            *value = place(value, &as_is);
        }
        if let Some(interfaces) = self.env.get_mut("SDKROOT") {
            let zigs = zig.rsplit_once('/').map_or("", |(parent, _)| parent);
            *interfaces = format!("{zigs}/lib/libc/darwin");
        }
        for (file, (_, path)) in self.files.iter_mut().zip(&moved) {
            file.text = match file.executable {
                true => file.text.replace(zig::PROGRAM, &quoted(zig)),
                // CMake splits words at spaces.
                false => place(&file.text, &|path| path.replace(' ', "\\ ")),
            };
            file.path.clone_from(path);
        }
        self
    }
}

/// The emulator for programs of `target` on a machine of architecture `build`. `None` if none is
/// needed, or none exists.
pub(crate) fn emulator(target: Target, build: DebianArch) -> Option<HostEmulator> {
    let facts = target.facts();
    let (program, package) = match target.runner(build) {
        Runner::QemuUser { program, .. } | Runner::QemuBareMetal { program, .. } => {
            (program, "qemu-user")
        }
        Runner::Wine { program, .. } if facts.pointer_width == 32 => (program, "wine32:i386"),
        Runner::Wine { program, .. } => (program, "wine64"),
        Runner::Node | Runner::NodeWasi => ("node", "nodejs"),
        // The engine `host` has no program for the firmware to start.
        Runner::Uefi(_) => return None,
        // No suite has it.
        Runner::Wasmtime => ("wasmtime", ""),
        _ => return None,
    };
    let mut names = vec![program.to_owned()];
    match program.strip_suffix("-static") {
        // The dynamically linked variant runs the same programs.
        Some(dynamic) => names.push(dynamic.to_owned()),
        None if package.starts_with("wine") => names.push("wine".to_owned()),
        None => {}
    }
    let mut prefixes = Vec::new();
    if let (Libc::Glibc, Runner::QemuUser { .. }) = (facts.libc, target.runner(build)) {
        let multiarch = facts.multiarch.filter(|_| facts.sysroot == "/");
        prefixes.extend(multiarch.map(|dir| ("/".to_owned(), format!("/usr/lib/{dir}/libc.so.6"))));
        // Debian ships another copy with its cross compiler, and so do other distributions.
        let own = format!("/usr/{}", facts.c_triple);
        let libc = |dir: &str| (own.clone(), format!("{own}/{dir}/libc.so.6"));
        prefixes.extend(["lib", "lib64"].map(libc));
    }
    Some(HostEmulator {
        names,
        packages: Some(package)
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .into_iter()
            .collect(),
        prefixes,
    })
}

impl Composer {
    /// A composer for a host, which has the programs but not the rest of a Debian environment.
    fn on_host(
        target: Target,
        c_toolchain: CToolchain,
        zig: Option<crate::facts::target_facts::ZigTarget>,
        build: DebianArch,
    ) -> Self {
        let suite = target.facts().suite.unwrap_or_default();
        Composer::new(target, suite, c_toolchain, zig, build, RustSource::External)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(target: &str) -> Vec<Toolset> {
        toolsets(Target::parse(target).unwrap(), DebianArch::Amd64)
    }

    fn kinds(target: &str) -> Vec<&'static str> {
        sets(target).iter().map(|set| set.kind.as_str()).collect()
    }

    #[test]
    fn a_distributions_compiler_comes_before_zig_and_rusts_linker_last() {
        for (target, expected) in [
            ("aarch64-unknown-linux-gnu", &["distribution", "zig"][..]),
            ("aarch64-unknown-linux-gnu.2.17", &["zig"]),
            ("aarch64-unknown-linux-musl", &["zig", "rust-lld"]),
            (
                "x86_64-unknown-linux-musl",
                &["distribution", "zig", "rust-lld"],
            ),
            ("x86_64-pc-windows-gnu", &["distribution"]),
            ("thumbv7em-none-eabihf", &["distribution", "rust-lld"]),
            ("wasm32-wasip1", &["distribution", "rust-lld"]),
            ("aarch64-linux-android", &[]),
        ] {
            assert_eq!(kinds(target), expected, "{target}");
        }
        let native = kinds("x86_64-unknown-linux-gnu");
        assert_eq!(
            native,
            ["distribution", "distribution", "distribution", "zig"]
        );
    }

    /// Both come from one row, so a difference means that the row was not used.
    #[test]
    fn the_variables_are_those_of_the_environment() {
        for target in [
            "aarch64-unknown-linux-gnu",
            "x86_64-pc-windows-gnu",
            "thumbv7em-none-eabihf",
        ] {
            let known = Target::parse(target).unwrap();
            let recipe = known
                .recipe(DebianArch::Amd64, RustSource::External)
                .unwrap();
            assert_eq!(sets(target)[0].env, recipe.env, "{target}");
            assert!(!sets(target)[0].packages.is_empty(), "{target}");
        }
    }

    #[test]
    fn scripts_are_where_the_machine_has_room_for_them() {
        let set = sets("aarch64-unknown-linux-musl").swap_remove(0);
        let set = set.relocated("/c/a b", "/opt/my zig/zig");
        assert_eq!(set.compiler.as_deref(), Some("/c/a b/cross-cc"));
        assert_eq!(set.env["CC_aarch64_unknown_linux_musl"], "/c/a b/cross-cc");
        let file = |name: &str| {
            let path = format!("/c/a b/{name}");
            &set.files
                .iter()
                .find(|file| file.path == path)
                .unwrap()
                .text
        };
        assert!(file("cross-cc").contains("exec '/opt/my zig/zig' cc -target aarch64-linux-musl"));
        assert!(file("toolchain.cmake").contains("set(CMAKE_C_COMPILER /c/a\\ b/cross-cc)"));
        for file in &set.files {
            for foreign in ["/usr/local", "/opt/zig", "requirements"] {
                assert!(!file.text.contains(foreign), "{foreign} in {}", file.path);
            }
        }
    }

    #[test]
    fn an_emulator_has_more_than_one_name_and_its_libraries_more_than_one_place() {
        let of = |target: &str| emulator(Target::parse(target).unwrap(), DebianArch::Amd64);
        let qemu = of("aarch64-unknown-linux-gnu").unwrap();
        assert_eq!(qemu.names, ["qemu-aarch64-static", "qemu-aarch64"]);
        assert_eq!(qemu.packages, ["qemu-user"]);
        let places: Vec<_> = qemu.prefixes.iter().map(|(dir, _)| dir.as_str()).collect();
        assert_eq!(
            places,
            ["/", "/usr/aarch64-linux-gnu", "/usr/aarch64-linux-gnu"]
        );
        assert!(
            of("aarch64-unknown-linux-musl")
                .unwrap()
                .prefixes
                .is_empty()
        );
        assert_eq!(of("x86_64-unknown-linux-gnu"), None);
        assert_eq!(of("wasm32-wasip1").unwrap().names, ["node"]);
    }
}
