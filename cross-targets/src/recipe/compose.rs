//! From a row to its recipe: the packages, files, commands and variables that its tools need.

use std::collections::BTreeMap;

use super::debian_rust::{self, DebianRust};
use super::file::File;
use super::packages::{BASE, with_arch};
use super::programs::Programs;
use super::unsupported::Unsupported;
use super::{Recipe, RustSource, StdSource};
use super::{clang, cmake, exclusions, ndk, system_emulation, zig};
use crate::facts::debian_arch::DebianArch;
use crate::facts::sdk::Sdk;
use crate::facts::target_facts::{Emulator, Facts, Libc, Std, Support, Tools, Zig};
use crate::target::Target;
use crate::target::qemu_machine::Machine;
use crate::target::runner::Runner;

/// The native C++ compiler. Cross recipes leave it out: build scripts hardly ever compile C++ for
/// themselves, and it is large.
const NATIVE_CXX: &str = "g++";

/// The libraries of the target a program needs to start. They are Debian's own packages and not
/// those of the cross compiler (`libc6-arm64-cross`), so that the loader, libc and any library the
/// user adds (`libssl3:arm64`) are of one version.
const RUNTIME: [&str; 3] = ["libc6", "libgcc-s1", "libstdc++6"];

/// The linker of bare metal where Rust is Debian's, which is a package and the name of its program.
const PACKAGED_LINKER: &str = "lld";

/// The suite of recipes that a directory of the user's completes: its clang knows Solaris' GNU ld.
const SDK_SUITE: &str = "trixie";

/// What they have besides, where Debian's clang does the work.
const CLANG: [&str; 3] = ["clang", "lld", "llvm"];

/// Where the packages of bare metal have a set of libraries for each kind of processor: 2 GB.
const MULTILIBS: [&str; 2] = [
    "/usr/lib/arm-none-eabi/newlib",
    "/usr/lib/gcc/arm-none-eabi/*",
];

/// The recipe of a target on a machine of architecture `build`.
pub(crate) fn compose(
    target: Target,
    build: DebianArch,
    rust: RustSource,
) -> Result<Recipe, Unsupported> {
    Ok(composer(target, build, rust)?.recipe())
}

/// The recipe that has a machine of the target's own.
pub(crate) fn compose_with_machine(
    target: Target,
    build: DebianArch,
    rust: RustSource,
) -> Result<Recipe, Unsupported> {
    let composer = composer(target, build, rust)?;
    let machine = target.machine().ok_or_else(|| {
        let why = "no machine of QEMU's boots a kernel of Debian's for it";
        Unsupported::new(target, why)
    })?;
    Ok(Composer {
        machine: Some(machine),
        ..composer
    }
    .recipe())
}

fn composer(target: Target, build: DebianArch, rust: RustSource) -> Result<Composer, Unsupported> {
    let facts = target.facts();
    if let Support::NotYet { why } = facts.support {
        return Err(Unsupported::new(target, why));
    }
    let suite = facts
        .suite
        .ok_or_else(|| Unsupported::new(target, "no Debian suite is known to serve it"))?;
    // The suite's glibc is what GCC links with: for another, Zig does.
    let by_zig = facts.tools == Tools::Zig || target.glibc().is_some();
    let zig = facts.zig.filter(|_| by_zig);
    if by_zig && zig.is_none() {
        return Err(Unsupported::new(target, "Zig can't link for it"));
    }
    Ok(Composer::new(target, suite, facts.tools, zig, build, rust))
}

/// The recipe of a target that a directory of the user's completes.
pub(crate) fn compose_with_sdk(
    target: Target,
    build: DebianArch,
    rust: RustSource,
) -> Result<Recipe, Unsupported> {
    let tools = match target.facts().sdk {
        Some(Sdk::Ndk { .. }) if build != DebianArch::Amd64 => {
            let why = "the programs of Android's NDK run on x86_64 machines only";
            return Err(Unsupported::new(target, why));
        }
        Some(Sdk::Ndk { .. }) => Tools::Ndk,
        Some(Sdk::Sysroot { .. }) => Tools::Clang,
        None => {
            let why = "no directory of the user's completes a recipe for it";
            return Err(Unsupported::new(target, why));
        }
    };
    Ok(Composer::new(target, SDK_SUITE, tools, None, build, rust).recipe())
}

pub(super) struct Composer {
    target: Target,
    facts: &'static Facts,
    suite: &'static str,
    /// What compiles where Zig doesn't.
    tools: Tools,
    /// Where Zig compiles.
    zig: Option<Zig>,
    build: DebianArch,
    rust: RustSource,
    /// Whether `std` is built although there is a package of it.
    builds_std: bool,
    /// What runs the target's programs in place of their usual emulator.
    machine: Option<Machine>,
}

impl Composer {
    pub(super) fn new(
        target: Target,
        suite: &'static str,
        tools: Tools,
        zig: Option<Zig>,
        build: DebianArch,
        rust: RustSource,
    ) -> Self {
        Self {
            target,
            facts: target.facts(),
            suite,
            tools,
            zig,
            build,
            builds_std: rust == RustSource::PackagedSource,
            machine: None,
            rust: match rust {
                RustSource::External => RustSource::External,
                _ => RustSource::Packaged,
            },
        }
    }

    fn recipe(&self) -> Recipe {
        let packages = [
            self.tools(),
            self.runtime(),
            self.emulator(),
            self.rust_packages(),
        ]
        .concat();
        Recipe {
            suite: self.suite.to_owned(),
            architecture: self.build,
            foreign: self.all_foreign(),
            target_arch: self.linked_arch().map(str::to_owned),
            packages,
            exclude: self.exclude(),
            env: self.env(),
            files: self.files(),
            commands: self
                .zig
                .map_or_else(Vec::new, |_| zig::commands())
                .into_iter()
                .chain(self.machine.as_ref().map(system_emulation::command))
                .chain([exclusions::command()])
                .collect(),
            std: self.std(),
        }
    }

    /// Whether the build machine's own compiler is the target's.
    fn is_native(&self) -> bool {
        self.zig.is_none() && self.facts.debian_arch == Some(self.build.as_str())
    }

    /// The architecture whose packages a program of the target starts with.
    fn started_arch(&self) -> Option<&'static str> {
        let released = self.facts.libc == Libc::Glibc && self.facts.sysroot == "/";
        self.facts.debian_arch.filter(|_| released)
    }

    /// The architecture whose packages it is linked with: none where Zig serves a processor that
    /// Debian's packages are too new for.
    fn linked_arch(&self) -> Option<&'static str> {
        self.started_arch().filter(|_| self.tools == Tools::Gcc)
    }

    /// Wine's architecture: that of the programs it runs.
    fn wine_arch(&self) -> Option<&'static str> {
        match self.runner() {
            Runner::Wine { .. } if self.facts.pointer_width == 32 => Some("i386"),
            Runner::Wine { .. } => Some("amd64"),
            _ => None,
        }
    }

    fn foreign(&self) -> Option<&'static str> {
        self.started_arch()
            .or(self.wine_arch())
            .filter(|&arch| arch != self.build.as_str())
    }

    /// The same with the architecture of the machine's kernel.
    fn all_foreign(&self) -> Vec<String> {
        let kernels = self.machine.map(|it| it.debian_arch);
        let kernels = kernels
            .filter(|&arch| arch != self.build.as_str())
            .filter(|&arch| self.foreign() != Some(arch));
        let all = self.foreign().into_iter().chain(kernels);
        all.map(str::to_owned).collect()
    }

    fn runner(&self) -> Runner {
        if let Some(machine) = self.machine {
            return Runner::QemuSystem(machine);
        }
        match self.facts.sdk {
            // What is linked with is there, and not what is started with.
            Some(_) => Runner::None,
            None => self.target.runner(self.build),
        }
    }

    fn tools(&self) -> Vec<String> {
        let compiler: &[&str] = match self.tools {
            _ if self.zig.is_some() => &[zig::INSTALLER],
            _ if self.is_native() => &[NATIVE_CXX],
            Tools::Emscripten => &["emscripten"],
            Tools::Clang if self.facts.sdk.is_some() => &CLANG,
            _ => self.facts.cross_packages,
        };
        BASE.iter()
            .chain(compiler)
            .map(|&package| package.to_owned())
            .collect()
    }

    fn runtime(&self) -> Vec<String> {
        match self.started_arch() {
            Some(arch) if arch != self.build.as_str() => RUNTIME
                .iter()
                .map(|library| format!("{library}:{arch}"))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn emulator(&self) -> Vec<String> {
        let package = match self.runner() {
            Runner::QemuUser { .. } | Runner::QemuBareMetal { .. } => "qemu-user-static",
            Runner::Wine { .. } if self.facts.pointer_width == 32 => "wine32:i386",
            Runner::Wine { .. } => "wine64",
            Runner::NodeWasi => "nodejs",
            // Emscripten's package depends on Node.
            _ => return Vec::new(),
        };
        vec![package.to_owned()]
    }

    /// Whether a package of the distribution is the `std` that programs get.
    fn has_packaged_std(&self) -> bool {
        !self.builds_std && debian_rust::has_std(self.facts)
    }

    fn rust_packages(&self) -> Vec<String> {
        if self.rust == RustSource::External {
            return Vec::new();
        }
        let rust = DebianRust::of(self.suite);
        let of_target = if !self.has_packaged_std() {
            Some(rust.source.to_owned())
        } else if self.facts.libc == Libc::Wasi {
            Some(debian_rust::WASM_STD.to_owned())
        } else {
            self.started_arch()
                .filter(|&arch| arch != self.build.as_str())
                .map(|arch| with_arch(rust.std, arch))
        };
        [rust.rustc, rust.cargo, rust.std]
            .map(str::to_owned)
            .into_iter()
            .chain(of_target)
            .chain(self.packaged_linker())
            .collect()
    }

    /// rustup's toolchains have the linker of bare metal with them, Debian's have it apart. (Where
    /// clang compiles, it is there anyway.)
    fn packaged_linker(&self) -> Option<String> {
        matches!(self.tools, Tools::Newlib { .. }).then(|| PACKAGED_LINKER.to_owned())
    }

    fn std(&self) -> StdSource {
        let crates = self.target.std_crates();
        match self.rust {
            RustSource::Packaged if !self.has_packaged_std() => StdSource::Source {
                path: Some(debian_rust::SOURCE),
                crates,
            },
            RustSource::External if self.facts.std == Std::BuildStd => {
                StdSource::Source { path: None, crates }
            }
            _ => StdSource::Prebuilt,
        }
    }

    fn exclude(&self) -> Vec<String> {
        let native = self.is_native();
        let mut exclude = exclusions::exclude(self.build, native);
        if let Some(Emulator::QemuUser { program, .. } | Emulator::QemuBareMetal { program, .. }) =
            self.facts.emulator.filter(|_| !self.emulator().is_empty())
        {
            // The package has the emulators of 30 architectures: 366 MB.
            exclude.push("/usr/bin/qemu-*".to_owned());
            exclude.push(format!("!/usr/bin/{program}"));
            // Since trixie the name that ends in `-static` is a link to the one that doesn't.
            exclude.push(format!("!/usr/bin/{}", program.trim_end_matches("-static")));
        }
        if let Tools::Newlib { multilib } = self.tools {
            for directory in MULTILIBS {
                // The files, not the directories: dpkg makes no directory again for what is in it.
                exclude.push(format!("{directory}/arm/*.[ao]"));
                exclude.push(format!("{directory}/thumb/*.[ao]"));
                exclude.push(format!("!{directory}/{multilib}/*"));
            }
        }
        if self.tools == Tools::Clang {
            exclude.extend(clang::UNNEEDED.map(str::to_owned));
        }
        if let (RustSource::Packaged, Some(multiarch), true) =
            (self.rust, self.facts.multiarch, self.foreign().is_some())
        {
            // Debian's `std` depends on the whole compiler for the target, which nobody runs: 200 MB.
            exclude.push(format!("/usr/lib/{multiarch}/libLLVM*"));
            exclude.push(format!("/usr/lib/{multiarch}/librustc_driver*"));
        }
        exclude
    }

    pub(super) fn programs(&self) -> Programs {
        let c = self.facts.c_triple;
        match self.tools {
            _ if self.zig.is_some() => Programs::named(zig::PREFIX, "cc", "c++"),
            Tools::Emscripten => Programs::named("em", "cc", "++"),
            Tools::Clang => clang::programs(),
            Tools::Ndk => ndk::programs(self.facts),
            Tools::Mingw => Programs::gnu(&format!("{c}-"), "-posix"),
            _ => Programs::gnu(&format!("{c}-"), ""),
        }
    }

    pub(super) fn files(&self) -> Vec<File> {
        let machine = self
            .machine
            .map_or_else(Vec::new, |_| system_emulation::files());
        if self.is_native() {
            return machine;
        }
        let zig = self
            .zig
            .map(|it| zig::files(it, self.facts.libc, self.target.glibc()));
        let others = match self.tools {
            Tools::Clang => clang::files(self.facts),
            Tools::Ndk => ndk::files(self.facts),
            _ => Vec::new(),
        };
        let cmake = cmake::file(self.facts, &self.programs());
        zig.into_iter()
            .flatten()
            .chain(others)
            .chain(cmake)
            .chain(machine)
            .collect()
    }

    pub(super) fn env(&self) -> BTreeMap<String, String> {
        let mut env = BTreeMap::new();
        let mut set = |name: String, value: &str| env.insert(name, value.to_owned());
        if self.rust == RustSource::Packaged && !self.has_packaged_std() {
            // Debian's cargo is a stable one, whose source we have.
            set("RUSTC_BOOTSTRAP".to_owned(), "1");
        }
        if self.is_native() {
            return env;
        }
        let (upper, lower) = (self.target.env_upper(), self.target.env_lower());
        let programs = self.programs();
        match self.tools {
            // Debian's Rust has its own linker under LLVM's name only.
            Tools::Newlib { .. } if self.rust != RustSource::External => {
                set(format!("CARGO_TARGET_{upper}_LINKER"), PACKAGED_LINKER);
            }
            // Rust links bare metal with its own linker and knows Emscripten's by itself.
            Tools::Newlib { .. } | Tools::Emscripten => {}
            _ if self.facts.libc == Libc::Wasi => {
                set(format!("CARGO_TARGET_{upper}_LINKER"), clang::WASI_LINKER);
            }
            _ => {
                set(format!("CARGO_TARGET_{upper}_LINKER"), &programs.cc);
            }
        }
        set(format!("CC_{lower}"), &programs.cc);
        set(format!("CXX_{lower}"), &programs.cxx);
        set(format!("AR_{lower}"), &programs.ar);
        set(format!("RANLIB_{lower}"), &programs.ranlib);
        if !self.facts.c_flags.is_empty() && self.zig.is_none() {
            set(format!("CFLAGS_{lower}"), self.facts.c_flags);
            set(format!("CXXFLAGS_{lower}"), self.facts.c_flags);
        }
        set(
            format!("CMAKE_TOOLCHAIN_FILE_{lower}"),
            cmake::path(self.facts),
        );
        set("PKG_CONFIG_ALLOW_CROSS".to_owned(), "1");
        // Instead of the build machine's directories, which pkg-config would search first.
        set(
            format!("PKG_CONFIG_LIBDIR_{lower}"),
            &self.pkg_config_directories(),
        );
        if let Some(arguments) = self.bindgen_arguments() {
            set(format!("BINDGEN_EXTRA_CLANG_ARGS_{lower}"), &arguments);
        }
        if let Runner::QemuUser { prefix, .. } = self.runner() {
            set("QEMU_LD_PREFIX".to_owned(), prefix);
        }
        if self.tools == Tools::Emscripten {
            // Debian built Emscripten's libraries; a run can't add to them.
            set("EM_FROZEN_CACHE".to_owned(), "1");
        }
        env
    }

    fn pkg_config_directories(&self) -> String {
        match (self.linked_arch(), self.facts.multiarch) {
            (Some(_), Some(multiarch)) => {
                format!("/usr/lib/{multiarch}/pkgconfig:/usr/share/pkgconfig")
            }
            // Nothing is there but what a user puts there.
            _ => format!("/usr/local/{}/lib/pkgconfig", self.facts.c_triple),
        }
    }

    /// Where clang, which is the build machine's, finds the headers of Debian's cross compiler.
    fn bindgen_arguments(&self) -> Option<String> {
        if self.facts.libc == Libc::Wasi {
            return Some(clang::WASI_BINDGEN.to_owned());
        }
        if self.tools != Tools::Gcc {
            return None;
        }
        let (c, multiarch) = (self.facts.c_triple, self.facts.multiarch?);
        Some(format!(
            "--sysroot=/usr/{c} -idirafter/usr/include/{multiarch} -idirafter/usr/include"
        ))
    }
}
