//! What the kernel has to know to start programs of a target that an emulator executes.

use std::path::Path;

use cross_config::Origin;
use cross_engine::ForeignPrograms;
use cross_targets::{Endian, Runner, Target};

use crate::host::interpreters;
use crate::model::step::Warning;
use crate::target::name::TargetName;

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

/// The warning for `runner = "native"` on a machine whose kernel does not execute programs of the
/// target.
pub(crate) fn not_native(target: &TargetName, runner: &Runner, origin: &Origin) -> Option<Warning> {
    let programs = of(target.known()?, runner, Path::new("/"))?;
    let mut registered = interpreters::registered().into_iter();
    if registered.any(|it| it.executes(&programs)) {
        return None;
    }
    Some(Warning {
        code: "runner".to_owned(),
        message: format!(
            "`runner = \"native\"` ({origin}) leaves programs for {} to the kernel of this machine, which \
             has no interpreter for them",
            target.triple()
        ),
        help: Some(
            "remove `runner`, and they run in QEMU; or register QEMU with the kernel (binfmt_misc)"
                .to_owned(),
        ),
    })
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
