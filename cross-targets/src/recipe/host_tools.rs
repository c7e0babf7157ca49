//! What a machine needs to build for a target by itself: the same tools and variables as in an environment,
//! in the order in which they are worth looking for.

use std::collections::BTreeMap;

use super::RustSource;
use super::compose::Composer;
use super::file::{File, quoted};
use super::programs::Programs;
use super::zig;
use crate::facts::debian_arch::DebianArch;
use crate::facts::target_facts::{Facts, Libc, Std, Support, Tools};
use crate::target::Target;
use crate::target::runner::{Runner, runs_natively};

/// Tools of a machine that build for a target, if they are there.
///
/// The variables are those of the target's [`Recipe`](crate::Recipe), which come from the same row.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Toolset {
    /// What kind of tools these are.
    pub kind: ToolsetKind,
    /// The C compiler, which links too: a program's name, or the path of one of
    /// [`files`](Toolset::files). `None` where Rust's own linker is all there is.
    pub compiler: Option<String>,
    /// The programs it cannot do without, by name. Zig is not among them: see
    /// [`placed`](Toolset::placed).
    pub required: Vec<String>,
    /// The Debian packages that have them. Empty where Debian has none.
    pub packages: Vec<String>,
    /// The variables that make builds use these tools.
    pub env: BTreeMap<String, String>,
    /// The scripts and settings that the variables name.
    pub files: Vec<File>,
    /// Whether a program can be linked by the compiler alone, and not only compiled.
    pub links: bool,
}

/// The kinds of [`Toolset`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ToolsetKind {
    /// A distribution's compiler for the target: a cross GCC, or what is called `cc` where the target is
    /// the machine itself.
    Distribution,
    /// Zig.
    Zig,
    /// LLVM's linker as Rust's toolchains have it, where `std` brings the rest: nothing compiles C.
    RustLld,
}

impl ToolsetKind {
    /// Its name: `distribution`, `zig`, `rust-lld`.
    pub const fn as_str(self) -> &'static str {
        match self {
            ToolsetKind::Distribution => "distribution",
            ToolsetKind::Zig => "zig",
            ToolsetKind::RustLld => "rust-lld",
        }
    }
}

/// What a machine needs to start programs of a target that it cannot run by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostEmulator {
    /// The names of the program, any of which will do, best first.
    pub names: Vec<String>,
    /// The Debian packages that have it.
    pub packages: Vec<String>,
    /// Where the target's loader and libraries may be, best first: a directory each, and a file below it
    /// that shows that they are there. Empty where programs need none.
    pub prefixes: Vec<(String, String)>,
}

/// The native compilers, best first: what the machine itself calls its own is what rustc and cc call, too.
const NATIVE: [(&str, &str, &str, &[&str]); 3] = [
    ("cc", "c++", "ar", &["gcc", "g++", "libc6-dev"]),
    ("gcc", "g++", "ar", &["gcc", "g++", "libc6-dev"]),
    ("clang", "clang++", "ar", &["clang", "libc6-dev"]),
];

/// What Debian has of musl: a GCC for its own architectures, under the name that the row has.
const MUSL_PACKAGE: &str = "musl-tools";

/// Rust's linker, as rustc finds it below its own directory.
const RUST_LLD: &str = "rust-lld";

/// The sets of tools that build for `target` on a machine of architecture `build`, best first.
pub(crate) fn toolsets(target: Target, build: DebianArch) -> Vec<Toolset> {
    let facts = target.facts();
    if matches!(facts.support, Support::NotYet { .. }) {
        return Vec::new();
    }
    let native = facts.debian_arch == Some(build.as_str()) && facts.libc == Libc::Glibc;
    let mut sets = Vec::new();
    // A distribution's compiler links with the glibc that it comes with: for another, Zig does.
    if target.glibc().is_none() {
        match native {
            true => sets.extend(NATIVE.map(|row| machine(target, row))),
            false => sets.extend(distribution(target, build)),
        }
    }
    sets.extend(by_zig(target, build));
    sets.extend(by_rust_lld(facts, &target.env_upper()));
    sets
}

/// The machine's own compiler. That `cc` is used need not be said.
fn machine(target: Target, row: (&str, &str, &str, &[&str])) -> Toolset {
    let (cc, cxx, ar, packages) = row;
    let (upper, lower) = (target.env_upper(), target.env_lower());
    let said = [
        (format!("CARGO_TARGET_{upper}_LINKER"), cc),
        (format!("CC_{lower}"), cc),
        (format!("CXX_{lower}"), cxx),
        (format!("AR_{lower}"), ar),
    ];
    let said = said.into_iter().filter(|_| cc != "cc");
    Toolset {
        kind: ToolsetKind::Distribution,
        compiler: Some(cc.to_owned()),
        required: vec![cc.to_owned()],
        packages: packages.iter().map(|&it| it.to_owned()).collect(),
        env: said.map(|(name, value)| (name, value.to_owned())).collect(),
        files: Vec::new(),
        links: true,
    }
}

/// A distribution's cross compiler.
fn distribution(target: Target, build: DebianArch) -> Option<Toolset> {
    let facts = target.facts();
    // Debian's musl is for the machine's own architecture; the row itself is made with Zig.
    let musl = facts.libc == Libc::Musl && runs_natively(facts, build);
    let tools = match facts.tools {
        Tools::Zig if musl || facts.libc == Libc::Glibc => Tools::Gcc,
        Tools::Zig | Tools::None => return None,
        tools => tools,
    };
    let composer = Composer::on_host(target, tools, None, build);
    let Programs { cc, .. } = composer.programs();
    let required = match tools {
        Tools::Clang => vec!["clang".to_owned(), "llvm-ar".to_owned()],
        _ => vec![cc.clone()],
    };
    let packages: &[&str] = match tools {
        Tools::Emscripten => &["emscripten"],
        _ if musl => &[MUSL_PACKAGE],
        _ => facts.cross_packages,
    };
    Some(Toolset {
        kind: ToolsetKind::Distribution,
        compiler: Some(cc),
        required,
        packages: packages.iter().map(|&it| it.to_owned()).collect(),
        env: composer.env(),
        files: composer.files(),
        links: matches!(tools, Tools::Gcc | Tools::Mingw),
    })
}

fn by_zig(target: Target, build: DebianArch) -> Option<Toolset> {
    let facts = target.facts();
    let composer = Composer::on_host(target, facts.tools, Some(facts.zig?), build);
    let mut files = composer.files();
    files.retain(|file| !zig::is_installers(file));
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

/// Rust's own linker, where `std` has the start files and the libc, or there is neither.
fn by_rust_lld(facts: &Facts, upper: &str) -> Option<Toolset> {
    let musl = facts.libc == Libc::Musl && facts.std == Std::Prebuilt;
    let has_own = facts.os == "none" || facts.libc == Libc::Wasi;
    if !musl && !has_own {
        return None;
    }
    // The others are linked by it without being told so.
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
    /// The same, with its files in `directory` and `zig` for Zig's program, both absolute paths of the
    /// machine.
    #[must_use]
    pub fn placed(mut self, directory: &str, zig: &str) -> Self {
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
        for (file, (_, path)) in self.files.iter_mut().zip(&moved) {
            file.text = match file.executable {
                true => file.text.replace(zig::PROGRAM, &quoted(zig)),
                // CMake's words end at a space.
                false => place(&file.text, &|path| path.replace(' ', "\\ ")),
            };
            file.path.clone_from(path);
        }
        self
    }
}

/// What starts programs of `target` on a machine of architecture `build`; `None` where nothing has to, or
/// nothing can.
pub(crate) fn emulator(target: Target, build: DebianArch) -> Option<HostEmulator> {
    let facts = target.facts();
    let (program, package) = match target.runner(build) {
        Runner::QemuUser { program, .. } | Runner::QemuBareMetal { program, .. } => {
            (program, "qemu-user")
        }
        Runner::Wine { program, .. } if facts.pointer_width == 32 => (program, "wine32:i386"),
        Runner::Wine { program, .. } => (program, "wine64"),
        Runner::Node | Runner::NodeWasi => ("node", "nodejs"),
        _ => return None,
    };
    let mut names = vec![program.to_owned()];
    match program.strip_suffix("-static") {
        // What is linked dynamically starts the same programs.
        Some(dynamic) => names.push(dynamic.to_owned()),
        None if package.starts_with("wine") => names.push("wine".to_owned()),
        None => {}
    }
    let mut prefixes = Vec::new();
    if let (Libc::Glibc, Runner::QemuUser { .. }) = (facts.libc, target.runner(build)) {
        let multiarch = facts.multiarch.filter(|_| facts.sysroot == "/");
        prefixes.extend(multiarch.map(|dir| ("/".to_owned(), format!("/usr/lib/{dir}/libc.so.6"))));
        // With its compiler Debian has a copy of its own, and so have other distributions.
        let own = format!("/usr/{}", facts.c_triple);
        let libc = |dir: &str| (own.clone(), format!("{own}/{dir}/libc.so.6"));
        prefixes.extend(["lib", "lib64"].map(libc));
    }
    Some(HostEmulator {
        names,
        packages: vec![package.to_owned()],
        prefixes,
    })
}

impl Composer {
    /// For a machine, which has the programs and not Debian's environment around them.
    fn on_host(
        target: Target,
        tools: Tools,
        zig: Option<crate::facts::target_facts::Zig>,
        build: DebianArch,
    ) -> Self {
        let suite = target.facts().suite.unwrap_or_default();
        Composer::new(target, suite, tools, zig, build, RustSource::External)
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

    /// One source: a variable that an environment has and a host has not is a row's that was forgotten.
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
        let set = set.placed("/c/a b", "/opt/my zig/zig");
        assert_eq!(set.compiler.as_deref(), Some("/c/a b/cross-cc"));
        assert_eq!(set.env["CC_aarch64_unknown_linux_musl"], "/c/a b/cross-cc");
        let file = |name: &str| {
            let path = format!("/c/a b/{name}");
            &set.files.iter().find(|it| it.path == path).unwrap().text
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
