//! What the kernel has to know to start programs of a target that an emulator executes.

use std::path::Path;

use cross_engine::ForeignPrograms;
use cross_targets::{Endian, Runner, Target};

/// The machines of targets by `target_arch`, as ELF files number them.
const MACHINES: [(&str, u16); 12] = [
    ("aarch64", 183),
    ("arm", 40),
    ("loongarch64", 258),
    ("mips", 8),
    ("mips64", 8),
    ("powerpc", 20),
    ("powerpc64", 21),
    ("riscv64", 243),
    ("s390x", 22),
    ("sparc64", 43),
    ("x86", 3),
    ("x86_64", 62),
];

/// The programs of `target`, which the script `interpreter` starts in QEMU's user mode. `None` if
/// the target's runner is another one, and if the machine itself has such programs: its own would
/// be emulated too.
pub(crate) fn of(target: Target, runner: &Runner, interpreter: &Path) -> Option<ForeignPrograms> {
    let facts = target.facts();
    let is_foreign = facts.arch != std::env::consts::ARCH;
    if !is_foreign || !matches!(runner, Runner::QemuUser { .. }) {
        return None;
    }
    let (_, machine) = MACHINES.iter().find(|(arch, _)| *arch == facts.arch)?;
    let is_big = facts.endian == Endian::Big;
    Some(ForeignPrograms::new(
        facts.pointer_width,
        is_big,
        *machine,
        interpreter,
    ))
}

#[cfg(test)]
mod tests {
    use cross_targets::{DebianArch, Target};

    use super::*;

    #[test]
    fn every_target_of_qemus_user_mode_has_a_machine() {
        let host = DebianArch::Amd64;
        for target in Target::all() {
            let runner = target.runner(host);
            let programs = of(target, &runner, Path::new("/c/run"));
            let is_emulated = matches!(runner, Runner::QemuUser { .. });
            let is_own = target.facts().arch == std::env::consts::ARCH;
            let triple = target.triple();
            assert_eq!(programs.is_some(), is_emulated && !is_own, "{triple}");
        }
    }
}
