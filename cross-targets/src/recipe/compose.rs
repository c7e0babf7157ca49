//! Composes recipes from rows of the table: packages, files, commands and variables.

use std::collections::BTreeMap;

use super::debian_rust::{self, DebianRust};
use super::file::RecipeFile;
use super::packages::{BASE, with_arch};
use super::programs::{Programs, prefix};
use super::unsupported::UnsupportedTarget;
use super::{Recipe, RustSource, StdSource};
use super::{
    clang, clang_cl, cmake, exclusions, ndk, no_linker, system_emulation, uefi, wasmtime, wheel,
    zig,
};
use crate::facts::debian_arch::DebianArch;
use crate::facts::sdk::Sdk;
use crate::facts::target_facts::{
    CToolchain, Libc, StdAvailability, SupportLevel, TargetEmulator, TargetFacts, ZigTarget,
};
use crate::facts::uefi_machine::UefiMachine;
use crate::target::Target;
use crate::target::qemu_machine::QemuMachine;
use crate::target::runner::Runner;

/// The native C++ compiler. Cross recipes omit it: build scripts rarely compile C++ for the host,
/// and it is large.
const NATIVE_CXX: &str = "g++";

/// The target libraries that programs need to start. They are Debian's regular packages instead of
/// those of the cross compiler (`libc6-arm64-cross`), so that the loader, libc and libraries that
/// the user adds (`libssl3:arm64`) have the same version.
const RUNTIME: [&str; 3] = ["libc6", "libgcc-s1", "libstdc++6"];

/// The linker for bare metal with Debian's Rust; the name of both package and program.
const PACKAGED_LINKER: &str = "lld";

/// The suite of recipes with an SDK. Its clang supports GNU ld for Solaris.
const SDK_SUITE: &str = "trixie";

/// The additional packages of recipes that use Debian's clang.
const CLANG: [&str; 3] = ["clang", "lld", "llvm"];

/// The directories of multilibs in the bare-metal packages, which have one for each kind of
/// processor: 2 GB.
const MULTILIBS: [&str; 2] = [
    "/usr/lib/arm-none-eabi/newlib",
    "/usr/lib/gcc/arm-none-eabi/*",
];

/// Composes the recipe of a target for a build machine.
pub(crate) fn compose(
    target: Target,
    build: DebianArch,
    rust: RustSource,
) -> Result<Recipe, UnsupportedTarget> {
    Ok(composer(target, build, rust)?.recipe())
}

/// Composes the recipe with another runner.
pub(crate) fn compose_with_runner(
    target: Target,
    build: DebianArch,
    rust: RustSource,
    runner: Runner,
) -> Result<Recipe, UnsupportedTarget> {
    Ok(Composer {
        runner: Some(runner),
        ..composer(target, build, rust)?
    }
    .recipe())
}

fn composer(
    target: Target,
    build: DebianArch,
    rust: RustSource,
) -> Result<Composer, UnsupportedTarget> {
    let facts = target.facts();
    if let SupportLevel::NotYet { why } = facts.support {
        return Err(UnsupportedTarget::new(target, why));
    }
    let suite = facts
        .suite
        .ok_or_else(|| UnsupportedTarget::new(target, "no Debian suite supports it"))?;
    // GCC links with the glibc of the suite. Other versions need Zig.
    let with_zig = facts.c_toolchain == CToolchain::Zig || target.glibc().is_some();
    let zig = facts.zig.filter(|_| with_zig);
    if let Some(refused) = target.refused_glibc() {
        return Err(UnsupportedTarget::new(target, refused.why));
    }
    Ok(Composer::new(
        target,
        suite,
        facts.c_toolchain,
        zig,
        build,
        rust,
    ))
}

/// Composes the recipe with an SDK that the user provides.
pub(crate) fn compose_with_sdk(
    target: Target,
    build: DebianArch,
    rust: RustSource,
) -> Result<Recipe, UnsupportedTarget> {
    let tools = match target.facts().sdk {
        Some(Sdk::Ndk { .. }) if build != DebianArch::Amd64 => {
            let why = "Android's NDK runs on x86_64 machines only";
            return Err(UnsupportedTarget::new(target, why));
        }
        Some(Sdk::Ndk { .. }) => CToolchain::Ndk,
        Some(Sdk::Apple { .. } | Sdk::Sysroot { .. }) => CToolchain::Clang,
        Some(Sdk::Windows { .. }) => CToolchain::ClangCl,
        None => {
            let why = "it takes no SDK";
            return Err(UnsupportedTarget::new(target, why));
        }
    };
    Ok(Composer::new(target, SDK_SUITE, tools, None, build, rust).recipe())
}

pub(super) struct Composer {
    target: Target,
    facts: &'static TargetFacts,
    suite: &'static str,
    /// The C toolchain if Zig is not used.
    c_toolchain: CToolchain,
    /// Zig's options if Zig is used.
    zig: Option<ZigTarget>,
    build: DebianArch,
    rust: RustSource,
    /// Whether `std` is built from source even if there is a package of it.
    builds_std: bool,
    /// The runner that replaces the usual one.
    runner: Option<Runner>,
    /// The processor, if the recipe builds for several.
    slice: Option<&'static str>,
}

impl Composer {
    pub(super) fn new(
        target: Target,
        suite: &'static str,
        c_toolchain: CToolchain,
        zig: Option<ZigTarget>,
        build: DebianArch,
        rust: RustSource,
    ) -> Self {
        Self {
            target,
            facts: target.facts(),
            suite,
            c_toolchain,
            zig,
            build,
            builds_std: rust == RustSource::PackagedSource,
            runner: None,
            slice: None,
            rust: match rust {
                RustSource::External => RustSource::External,
                _ => RustSource::Packaged,
            },
        }
    }

    /// The composers of the targets that are built for this one. Empty if it is built itself.
    fn slices(&self) -> impl Iterator<Item = Composer> + '_ {
        let is_joined = !self.facts.slices.is_empty();
        let slices = self.target.slices().filter(move |_| is_joined);
        slices.map(|target| {
            let facts = target.facts();
            let zig = self.zig.and(facts.zig);
            Composer {
                builds_std: self.builds_std,
                slice: Some(facts.arch),
                ..Composer::new(
                    target,
                    self.suite,
                    self.c_toolchain,
                    zig,
                    self.build,
                    self.rust,
                )
            }
        })
    }

    fn recipe(&self) -> Recipe {
        let packages = [
            self.tool_packages(),
            self.runtime_packages(),
            self.emulator_packages(),
            self.rust_packages(),
        ]
        .concat();
        Recipe {
            suite: self.suite.to_owned(),
            architecture: self.build,
            foreign: self.all_foreign(),
            target_arch: self.link_arch().map(str::to_owned),
            packages,
            exclude: self.exclude(),
            env: self.env(),
            files: self.files(),
            commands: self
                .zig
                .map_or_else(Vec::new, |_| zig::commands(self.facts))
                .into_iter()
                .chain(self.machine().as_ref().map(system_emulation::command))
                .chain(self.wasmtime(wasmtime::commands))
                .chain(
                    self.uefi()
                        .map(|machine| uefi::command(&machine, self.facts)),
                )
                .chain([exclusions::command()])
                .collect(),
            downloads: self
                .zig
                .map(|_| zig::download(self.build))
                .into_iter()
                .chain(self.wasmtime(|| vec![wasmtime::download(self.build)]))
                .collect(),
            std: self.std(),
        }
    }

    /// Whether the compiler of the build machine compiles for the target.
    fn is_native(&self) -> bool {
        self.zig.is_none() && self.facts.debian_arch == Some(self.build.as_str())
    }

    /// The Debian architecture of the libraries that programs start with.
    fn runtime_arch(&self) -> Option<&'static str> {
        let released = self.facts.libc == Libc::Glibc && self.facts.sysroot == "/";
        self.facts.debian_arch.filter(|_| released)
    }

    /// The Debian architecture of the packages that programs link with. `None` if Zig compiles for
    /// a processor that is older than Debian's packages support.
    fn link_arch(&self) -> Option<&'static str> {
        self.runtime_arch()
            .filter(|_| self.c_toolchain == CToolchain::Gcc)
    }

    /// Whether Rust links with its own linker.
    fn links_itself(&self) -> bool {
        let is_bare = matches!(self.facts.libc, Libc::Newlib | Libc::None);
        is_bare && self.c_toolchain != CToolchain::None
    }

    /// The architecture of Wine, which is that of the programs it runs.
    fn wine_arch(&self) -> Option<&'static str> {
        match self.runner() {
            Runner::Wine { .. } if self.facts.pointer_width == 32 => Some("i386"),
            Runner::Wine { .. } => Some("amd64"),
            _ => None,
        }
    }

    fn foreign(&self) -> Option<&'static str> {
        self.runtime_arch()
            .or(self.wine_arch())
            .filter(|&arch| arch != self.build.as_str())
    }

    /// All foreign architectures, including that of the virtual machine's kernel.
    fn all_foreign(&self) -> Vec<String> {
        let kernels = self.machine().map(|machine| machine.debian_arch);
        let kernels = kernels
            .filter(|&arch| arch != self.build.as_str())
            .filter(|&arch| self.foreign() != Some(arch));
        let all = self.foreign().into_iter().chain(kernels);
        all.map(str::to_owned).collect()
    }

    fn runner(&self) -> Runner {
        match (self.runner, self.facts.sdk) {
            (Some(runner), _) => runner,
            (None, Some(_)) if self.c_toolchain == CToolchain::None => Runner::None,
            (None, Some(_)) => self.target.runner_with_sdk(self.build),
            (None, None) => self.target.runner(self.build),
        }
    }

    /// The virtual machine that replaces the usual emulator.
    fn machine(&self) -> Option<QemuMachine> {
        match self.runner() {
            Runner::QemuSystem(machine) => Some(machine),
            _ => None,
        }
    }

    /// The virtual machine with UEFI firmware.
    fn uefi(&self) -> Option<UefiMachine> {
        match self.runner() {
            Runner::Uefi(machine) => Some(machine),
            _ => None,
        }
    }

    /// What Wasmtime adds to the recipe, if it is the runner.
    fn wasmtime<T>(&self, added: impl FnOnce() -> Vec<T>) -> Vec<T> {
        match self.runner() {
            Runner::Wasmtime => added(),
            _ => Vec::new(),
        }
    }

    fn tool_packages(&self) -> Vec<String> {
        let compiler: &[&str] = match self.c_toolchain {
            _ if self.zig.is_some() => &[wheel::INSTALLER],
            _ if self.is_native() => &[NATIVE_CXX],
            CToolchain::Emscripten => &["emscripten"],
            CToolchain::Clang if self.facts.sdk.is_some() => &CLANG,
            CToolchain::ClangCl => &CLANG,
            CToolchain::None => &[],
            _ => self.facts.cross_packages,
        };
        BASE.iter()
            .chain(compiler)
            .map(|&package| package.to_owned())
            .collect()
    }

    fn runtime_packages(&self) -> Vec<String> {
        match self.runtime_arch() {
            Some(arch) if arch != self.build.as_str() => RUNTIME
                .iter()
                .map(|library| format!("{library}:{arch}"))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn emulator_packages(&self) -> Vec<String> {
        let package = match self.runner() {
            Runner::QemuUser { .. } | Runner::QemuBareMetal { .. } => "qemu-user-static",
            Runner::Wine { .. } if self.facts.pointer_width == 32 => "wine32:i386",
            Runner::Wine { .. } => "wine64",
            Runner::NodeWasi | Runner::WasmBindgen => "nodejs",
            Runner::Wasmtime => return wasmtime::packages(),
            // Emscripten's package depends on Node.js.
            _ => return Vec::new(),
        };
        vec![package.to_owned()]
    }

    /// Whether `std` for the target is a package of the distribution.
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
            self.runtime_arch()
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

    /// The linker for bare metal, which is a separate package in Debian. (rustup's toolchains
    /// bundle it; clang recipes have it anyway.)
    fn packaged_linker(&self) -> Option<String> {
        matches!(self.c_toolchain, CToolchain::Newlib { .. }).then(|| PACKAGED_LINKER.to_owned())
    }

    fn std(&self) -> StdSource {
        let crates = self.target.std_crates();
        match self.rust {
            RustSource::Packaged if !self.has_packaged_std() => StdSource::Source {
                path: Some(debian_rust::SOURCE),
                crates,
            },
            RustSource::External if self.facts.std == StdAvailability::BuildStd => {
                StdSource::Source { path: None, crates }
            }
            _ => StdSource::Prebuilt,
        }
    }

    fn exclude(&self) -> Vec<String> {
        let native = self.is_native();
        let mut exclude = exclusions::exclude(self.build, native);
        if let Some(
            TargetEmulator::QemuUser { program, .. }
            | TargetEmulator::QemuBareMetal { program, .. },
        ) = self
            .facts
            .emulator
            .filter(|_| !self.emulator_packages().is_empty())
        {
            // The package contains emulators for 30 architectures: 366 MB.
            exclude.push("/usr/bin/qemu-*".to_owned());
            exclude.push(format!("!/usr/bin/{program}"));
            // Since trixie, the name that ends in `-static` is a link to the one without the
            // suffix.
            exclude.push(format!("!/usr/bin/{}", program.trim_end_matches("-static")));
        }
        if let CToolchain::Newlib { multilib } = self.c_toolchain {
            for directory in MULTILIBS {
                // Excludes files only: dpkg does not recreate excluded directories for included
                // files.
                exclude.push(format!("{directory}/arm/*.[ao]"));
                exclude.push(format!("{directory}/thumb/*.[ao]"));
                exclude.push(format!("!{directory}/{multilib}/*"));
            }
        }
        if matches!(self.c_toolchain, CToolchain::Clang | CToolchain::ClangCl) {
            exclude.extend(clang::UNNEEDED.map(str::to_owned));
        }
        if let (RustSource::Packaged, Some(multiarch), true) =
            (self.rust, self.facts.multiarch, self.foreign().is_some())
        {
            // Debian's `std` depends on the whole compiler for the target, which is never run: 200
            // MB.
            exclude.push(format!("/usr/lib/{multiarch}/libLLVM*"));
            exclude.push(format!("/usr/lib/{multiarch}/librustc_driver*"));
        }
        exclude
    }

    pub(super) fn programs(&self) -> Programs {
        let c = self.facts.c_triple;
        match self.c_toolchain {
            _ if self.zig.is_some() => Programs::named(&prefix(self.slice), "cc", "c++"),
            CToolchain::Emscripten => Programs::named("em", "cc", "++"),
            CToolchain::Clang => clang::programs(&prefix(self.slice)),
            CToolchain::ClangCl => clang_cl::programs(),
            CToolchain::None => no_linker::programs(),
            CToolchain::Ndk => ndk::programs(self.facts),
            CToolchain::Mingw => Programs::gnu(&format!("{c}-"), "-posix"),
            _ => Programs::gnu(&format!("{c}-"), ""),
        }
    }

    pub(super) fn files(&self) -> Vec<RecipeFile> {
        if !self.facts.slices.is_empty() {
            let mut files: Vec<_> = self.slices().flat_map(|slice| slice.files()).collect();
            // They share what is needed for the installation.
            files.sort_by(|one, other| one.path.cmp(&other.path));
            files.dedup();
            return files;
        }
        let machine = self
            .machine()
            .map_or_else(Vec::new, |_| system_emulation::files());
        if self.is_native() {
            return machine;
        }
        let zig = self
            .zig
            .map(|zig| zig::files(zig, self.facts, self.target.glibc(), &prefix(self.slice)));
        let others = match self.c_toolchain {
            CToolchain::Clang => clang::files(self.facts, &prefix(self.slice)),
            CToolchain::ClangCl => clang_cl::files(self.facts),
            CToolchain::Ndk => ndk::files(self.facts),
            CToolchain::None => no_linker::files(self.facts),
            _ => Vec::new(),
        };
        let cmake = cmake::file(self.facts, &self.programs(), self.slice);
        zig.into_iter()
            .flatten()
            .chain(others)
            .chain(cmake)
            .chain(machine)
            .chain(self.wasmtime(wasmtime::files))
            .chain(self.uefi().map(|_| uefi::start()))
            .collect()
    }

    pub(super) fn env(&self) -> BTreeMap<String, String> {
        let mut env: BTreeMap<_, _> = self.slices().flat_map(|slice| slice.env()).collect();
        if !self.facts.slices.is_empty() {
            return env;
        }
        let mut set = |name: String, value: &str| env.insert(name, value.to_owned());
        if self.rust == RustSource::Packaged && !self.has_packaged_std() {
            // `-Z build-std` on Debian's stable cargo; the source matches it.
            set("RUSTC_BOOTSTRAP".to_owned(), "1");
        }
        if self.is_native() {
            return env;
        }
        let (upper, lower) = (self.target.env_upper(), self.target.env_lower());
        let programs = self.programs();
        match self.c_toolchain {
            // Debian ships Rust's linker only under its LLVM name.
            _ if self.links_itself() && self.rust != RustSource::External => {
                set(format!("CARGO_TARGET_{upper}_LINKER"), PACKAGED_LINKER);
            }
            // Rust links bare metal with its own linker, and finds Emscripten's.
            _ if self.links_itself() => {}
            CToolchain::Emscripten => {}
            // A component of rustup's links kernels, if it is installed.
            CToolchain::None if self.facts.os == "cuda" => {}
            CToolchain::ClangCl => {
                set(format!("CARGO_TARGET_{upper}_LINKER"), clang_cl::LINKER);
            }
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
            &cmake::path(self.facts, self.slice),
        );
        set("PKG_CONFIG_ALLOW_CROSS".to_owned(), "1");
        // Replaces the build machine's directories in pkg-config's search path.
        set(
            format!("PKG_CONFIG_LIBDIR_{lower}"),
            &self.pkg_config_directories(),
        );
        if self.facts.os == "macos" && self.zig.is_some() {
            // Otherwise rustc and cc-rs look for Apple's Xcode.
            set("SDKROOT".to_owned(), zig::MACOS);
        }
        if let Some(arguments) = self.bindgen_arguments() {
            set(format!("BINDGEN_EXTRA_CLANG_ARGS_{lower}"), &arguments);
        }
        if let Runner::QemuUser { prefix, .. } = self.runner() {
            set("QEMU_LD_PREFIX".to_owned(), prefix);
        }
        if self.c_toolchain == CToolchain::Emscripten {
            // Debian prebuilt Emscripten's libraries; builds cannot add to them.
            set("EM_FROZEN_CACHE".to_owned(), "1");
        }
        env
    }

    fn pkg_config_directories(&self) -> String {
        match (self.link_arch(), self.facts.multiarch) {
            (Some(_), Some(multiarch)) => {
                format!("/usr/lib/{multiarch}/pkgconfig:/usr/share/pkgconfig")
            }
            // Empty unless the user installs something there.
            _ => format!("/usr/local/{}/lib/pkgconfig", self.facts.c_triple),
        }
    }

    /// Arguments for libclang, so that it finds the headers of Debian's cross compiler.
    fn bindgen_arguments(&self) -> Option<String> {
        if self.facts.libc == Libc::Wasi {
            return Some(clang::WASI_BINDGEN.to_owned());
        }
        if self.c_toolchain != CToolchain::Gcc {
            return None;
        }
        let (c, multiarch) = (self.facts.c_triple, self.facts.multiarch?);
        Some(format!(
            "--sysroot=/usr/{c} -idirafter/usr/include/{multiarch} -idirafter/usr/include"
        ))
    }
}
