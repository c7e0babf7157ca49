//! Runners: how programs of a target are started on a build machine.

use super::qemu_machine::QemuMachine;
use crate::facts::debian_arch::DebianArch;
use crate::facts::target_facts::{Libc, TargetEmulator, TargetFacts};
use crate::facts::uefi_machine::UefiMachine;

/// How programs of a target are started in the environment that built them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Runner {
    /// Directly: the machine executes the target's instructions and the environment has its
    /// libraries.
    Native,
    /// Under QEMU's user mode.
    #[non_exhaustive]
    QemuUser {
        /// The program: `qemu-aarch64-static`.
        program: &'static str,
        /// The value of `-cpu`; `None` for the default.
        cpu: Option<&'static str>,
        /// The directory that QEMU searches first for the loader and libraries (`QEMU_LD_PREFIX`):
        /// [`TargetFacts::sysroot`].
        prefix: &'static str,
    },
    /// A bare-metal program under QEMU's user mode.
    #[non_exhaustive]
    QemuBareMetal {
        /// The program: `qemu-arm-static`.
        program: &'static str,
        /// The value of `-cpu`.
        cpu: &'static str,
    },
    /// In a virtual machine, in the environment of
    /// [`Target::recipe_with_runner`](crate::Target::recipe_with_runner).
    QemuSystem(QemuMachine),
    /// Under Wine.
    #[non_exhaustive]
    Wine {
        /// The program: `/usr/lib/wine/wine64`.
        program: &'static str,
        /// The directories of the C and C++ runtime DLLs (`WINEPATH`).
        dlls: &'static str,
    },
    /// A program of UEFI's, in a virtual machine with UEFI firmware.
    Uefi(UefiMachine),
    /// Under Node.js.
    Node,
    /// WebAssembly with WASI, with threads or without, under Node.js.
    NodeWasi,
    /// WebAssembly with WASI, under Wasmtime.
    Wasmtime,
    /// Tests by wasm-bindgen-test, under Node.js: wasm-bindgen's test runner starts them, a program
    /// of the build machine's that fits the version of the project's wasm-bindgen.
    WasmBindgen,
    /// Programs of the target cannot be started.
    None,
}

impl Runner {
    /// Selects the runner of a target on a build machine.
    pub(crate) fn choose(facts: &TargetFacts, build: DebianArch) -> Self {
        if runs_natively(facts, build) {
            return Runner::Native;
        }
        Runner::of(facts.emulator, facts, build)
    }

    /// The runner that starts programs of a target under this emulator.
    pub(crate) fn of(
        emulator: Option<TargetEmulator>,
        facts: &TargetFacts,
        build: DebianArch,
    ) -> Self {
        match emulator {
            Some(TargetEmulator::QemuUser { program, cpu }) => Runner::QemuUser {
                program,
                cpu,
                prefix: facts.sysroot,
            },
            Some(TargetEmulator::QemuBareMetal { program, cpu }) => {
                Runner::QemuBareMetal { program, cpu }
            }
            // Wine does not emulate the processor.
            Some(TargetEmulator::Wine { program, dlls }) if build == DebianArch::Amd64 => {
                Runner::Wine { program, dlls }
            }
            Some(TargetEmulator::Node) => Runner::Node,
            Some(TargetEmulator::Uefi(machine)) => Runner::Uefi(machine),
            Some(TargetEmulator::NodeWasi) => Runner::NodeWasi,
            Some(TargetEmulator::Wasmtime) => Runner::Wasmtime,
            Some(TargetEmulator::Wine { .. }) | None => Runner::None,
        }
    }
}

/// Whether the kernel of a build machine executes programs of the target.
///
/// 32-bit x86 programs run on amd64 (Debian enables them). 32-bit ARM programs do not count as
/// native on arm64, because many server processors cannot execute them.
pub(crate) fn runs_natively(facts: &TargetFacts, build: DebianArch) -> bool {
    // The loaders of other C libraries are on the devices of their systems alone.
    let has_loader = matches!(facts.libc, Libc::Glibc | Libc::Musl);
    has_loader
        && match build {
            // Most kernels do not execute programs of x32, which is x86_64 with short pointers.
            DebianArch::Amd64 => match facts.arch {
                "x86_64" => facts.pointer_width == 64,
                arch => arch == "x86",
            },
            DebianArch::Arm64 => facts.arch == "aarch64",
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Target;

    fn runner(triple: &str, build: DebianArch) -> Runner {
        Target::parse(triple).unwrap().runner(build)
    }

    fn qemu(program: &'static str) -> Runner {
        Runner::QemuUser {
            program,
            cpu: None,
            prefix: "/",
        }
    }

    #[test]
    fn what_the_machine_runs_is_native() {
        use DebianArch::{Amd64, Arm64};
        for (triple, native_on) in [
            ("x86_64-unknown-linux-gnu", Amd64),
            ("x86_64-unknown-linux-gnu.2.17", Amd64),
            ("x86_64-unknown-linux-musl", Amd64),
            ("i686-unknown-linux-gnu", Amd64),
            ("i586-unknown-linux-gnu", Amd64),
            ("aarch64-unknown-linux-gnu", Arm64),
            ("aarch64-unknown-linux-musl", Arm64),
        ] {
            let other = if native_on == Amd64 { Arm64 } else { Amd64 };
            assert_eq!(runner(triple, native_on), Runner::Native, "{triple}");
            assert!(
                matches!(runner(triple, other), Runner::QemuUser { .. }),
                "{triple}"
            );
        }
    }

    #[test]
    fn what_it_does_not_run_is_emulated() {
        for build in [DebianArch::Amd64, DebianArch::Arm64] {
            assert_eq!(
                runner("powerpc64le-unknown-linux-gnu", build),
                qemu("qemu-ppc64le-static")
            );
            assert_eq!(
                runner("armv7-unknown-linux-gnueabihf", build),
                qemu("qemu-arm-static")
            );
            assert_eq!(
                runner("riscv64gc-unknown-linux-gnu", build),
                qemu("qemu-riscv64-static")
            );
            assert_eq!(runner("wasm32-unknown-emscripten", build), Runner::Node);
            assert_eq!(runner("x86_64-unknown-freebsd", build), Runner::None);
        }
    }

    #[test]
    fn a_port_has_its_libraries_with_its_compiler() {
        assert_eq!(
            runner("sparc64-unknown-linux-gnu", DebianArch::Amd64),
            Runner::QemuUser {
                program: "qemu-sparc64-static",
                cpu: None,
                prefix: "/usr/sparc64-linux-gnu"
            }
        );
    }

    #[test]
    fn wine_needs_the_programs_own_processor() {
        assert_eq!(
            runner("x86_64-pc-windows-gnu", DebianArch::Amd64),
            Runner::Wine {
                program: "/usr/lib/wine/wine64",
                dlls: r"Z:\usr\lib\gcc\x86_64-w64-mingw32\14-posix;Z:\usr\x86_64-w64-mingw32\lib"
            }
        );
        assert_eq!(
            runner("i686-pc-windows-gnu", DebianArch::Arm64),
            Runner::None
        );
    }

    #[test]
    fn the_processor_alone_does_not_make_a_program_native() {
        assert!(matches!(
            runner("x86_64-linux-android", DebianArch::Amd64),
            Runner::QemuUser { cpu: Some(_), .. }
        ));
        for (triple, build) in [
            ("x86_64-unknown-linux-ohos", DebianArch::Amd64),
            ("aarch64-unknown-linux-ohos", DebianArch::Arm64),
        ] {
            assert_eq!(runner(triple, build), Runner::None, "{triple}");
        }
        let bare = runner("thumbv7em-none-eabihf", DebianArch::Arm64);
        assert_eq!(
            bare,
            Runner::QemuBareMetal {
                program: "qemu-arm-static",
                cpu: "cortex-m4"
            }
        );
    }
}
