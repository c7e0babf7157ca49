//! The scripts that start programs of a target: generated, so that any environment with the emulator
//! works.

use std::fmt::Write as _;

use cross_targets::Runner;

/// The script that starts a program of the target, if it needs one.
pub(crate) fn script(runner: &Runner) -> Option<String> {
    Some(match runner {
        Runner::QemuUser {
            program,
            cpu,
            prefix,
        } => qemu(program, *cpu, Some(prefix)),
        Runner::QemuBareMetal { program, cpu } => qemu(program, Some(cpu), None),
        Runner::Wine { program, dlls } => wine(program, dlls),
        Runner::Node => command("node", "exec node \"$@\""),
        _ => return None,
    })
}

/// `start`, which uses `program`; an environment without it is told so.
fn command(program: &str, start: &str) -> String {
    format!(
        "#!/bin/sh\n\
         # Starts a program of the target. Made by cross-core.\n\
         command -v {program} >/dev/null || {{\n\
         \x20   echo \"{program} is not in this environment\" >&2\n\
         \x20   exit 127\n\
         }}\n\
         {start}\n"
    )
}

fn qemu(program: &str, cpu: Option<&str>, prefix: Option<&str>) -> String {
    let mut start = String::new();
    if let Some(prefix) = prefix.filter(|it| *it != "/") {
        let _ = write!(start, "QEMU_LD_PREFIX=\"${{QEMU_LD_PREFIX:-{prefix}}}\" ");
    }
    let _ = write!(start, "exec {program} ");
    if let Some(cpu) = cpu {
        let _ = write!(start, "-cpu {cpu} ");
    }
    start.push_str("\"$@\"");
    command(program, &start)
}

/// Wine needs a home of its own, which it fills when it starts for the first time: several seconds,
/// once a run and not on a mere build. Tests of one run share it.
fn wine(program: &str, dlls: &str) -> String {
    let start = format!(
        "export WINEPREFIX=\"${{WINEPREFIX:-/tmp/wine}}\" WINEDEBUG=\"${{WINEDEBUG:--all}}\"\n\
         export WINEPATH=\"${{WINEPATH:-{dlls}}}\" WINEDLLOVERRIDES=\"${{WINEDLLOVERRIDES:-mscoree,mshtml=}}\"\n\
         exec {program} \"$@\""
    );
    command(program, &start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_by_itself_has_no_script() {
        assert_eq!(script(&Runner::Native), None);
        assert_eq!(script(&Runner::None), None);
    }

    #[test]
    fn a_script_starts_the_emulator_and_says_when_there_is_none() {
        for (runner, start) in [
            (
                Runner::QemuUser {
                    program: "qemu-arm-static",
                    cpu: None,
                    prefix: "/",
                },
                "\nexec qemu-arm-static \"$@\"\n",
            ),
            (
                Runner::QemuUser {
                    program: "qemu-ppc-static",
                    cpu: Some("g4"),
                    prefix: "/usr/powerpc-linux-gnu",
                },
                "\nQEMU_LD_PREFIX=\"${QEMU_LD_PREFIX:-/usr/powerpc-linux-gnu}\" exec qemu-ppc-static -cpu g4 \"$@\"\n",
            ),
            (Runner::Node, "\nexec node \"$@\"\n"),
        ] {
            let script = script(&runner).unwrap();
            assert!(script.ends_with(start), "{script}");
            assert!(script.contains("is not in this environment"));
        }
    }
}
