//! Generates the runner scripts, which start programs of a target.
//!
//! The scripts are generated rather than part of the environment, so that any environment that has
//! the emulator works.

use std::fmt::Write as _;

use cross_engine::INTERPRETER_AT;
use cross_targets::{Runner, Target};

pub(crate) mod system;
mod uefi;

/// The variable that gives a script the port for gdb.
pub(crate) const GDB_PORT: &str = "CROSS_GDB_PORT";
/// The program that serves gdb where no emulator is needed.
pub(crate) const GDBSERVER: &str = "gdbserver";
/// The message of a script that waits for gdb. The port and the program's path follow it, separated
/// by a colon.
pub(crate) const WAITING: &str = "cross: waits for gdb on port ";

/// The configuration's name of the runner that starts programs in QEMU's user mode.
pub(crate) const QEMU_USER: &str = "qemu-user";

/// The configuration's name of the runner that starts programs in an emulated machine.
pub(crate) const QEMU_SYSTEM: &str = "qemu-system";

/// The configuration's name of the runner that starts WebAssembly with Wasmtime.
pub(crate) const WASMTIME: &str = "wasmtime";

/// The configuration's name of the runner that starts tests by wasm-bindgen-test.
pub(crate) const WASM_BINDGEN: &str = "wasm-bindgen";

/// The program of this machine that starts them.
pub(crate) const WASM_BINDGEN_PROGRAM: &str = "wasm-bindgen-test-runner";

/// Whether the configuration's `name` is that of `runner`, rather than a command of the user's.
pub(crate) fn is_name_of(name: &str, runner: &Runner) -> bool {
    match name {
        "" | QEMU_USER | QEMU_SYSTEM => true,
        WASMTIME => matches!(runner, Runner::Wasmtime),
        WASM_BINDGEN => matches!(runner, Runner::WasmBindgen),
        _ => false,
    }
}

/// The script that starts a program as it is.
pub(crate) fn plain() -> String {
    format!("{HEAD}{KEPT}{DOCTESTS}{START} \"$@\"\n")
}

/// The script that starts a program of the target, if the runner needs a script.
pub(crate) fn script(runner: &Runner) -> Option<String> {
    Some(match runner {
        Runner::QemuUser {
            program,
            cpu,
            prefix,
            ..
        } => {
            let start = qemu(program, *cpu, Some(prefix), "");
            let for_the_kernel = for_the_kernel(program, &start);
            let doctests = format!("[ ! -e {INTERPRETER_AT} ] || {DOCTESTS}");
            [
                HEAD,
                KEPT,
                &for_the_kernel,
                &doctests,
                &checked(program, &start),
            ]
            .concat()
        }
        Runner::QemuBareMetal { program, cpu, .. } => {
            command(program, &qemu(program, Some(cpu), None, ""))
        }
        Runner::QemuSystem(machine) => system::script(machine),
        Runner::Uefi(machine) => uefi::script(machine),
        Runner::Wine { program, dlls, .. } => wine(program, dlls),
        Runner::Node => command("node", &format!("{START} node \"$@\"")),
        Runner::NodeWasi => command(
            "node",
            &format!("{START} node --no-warnings -e '{WASI}' \"$@\""),
        ),
        Runner::Wasmtime => wasmtime(),
        Runner::WasmBindgen => wasm_bindgen(),
        _ => return None,
    })
}

/// The exit code of a script that starts nothing.
pub(crate) const REFUSED: i32 = 126;

/// The script that says why no program of `target` is started, where nothing in the environments of
/// recipes starts one. Otherwise a shell would read the program as a script of its own.
pub(crate) fn refusal(target: Target) -> Option<String> {
    let sentence = refused(target)?.replace('\'', r"'\''");
    Some(format!(
        "{HEAD}echo 'error: {sentence}' >&2\nexit {REFUSED}\n"
    ))
}

/// Why no program of the target with this name is started, where nothing in the environments of
/// recipes starts one.
pub(crate) fn not_run(target: &str) -> Option<String> {
    refused(Target::parse(target).ok()?)
}

fn refused(target: Target) -> Option<String> {
    let native = cross_targets::DebianArch::from_rust_arch(std::env::consts::ARCH)?;
    (target.runner(native) == Runner::None).then(|| target.not_run())
}

/// The JavaScript by which Node runs a WASI program. The program can see every file of the
/// environment.
///
/// WASI's C library cannot tell `/x` from `x` if the directory `/` is preopened, so `/` is not.
/// Relative paths are resolved in the working directory. Absolute ones are resolved in a directory
/// of the root, unless the working directory has an entry of that name. A program that traps has
/// crashed, so the exit code is 134: 128 and the number of SIGABRT, as a shell reports it.
///
/// A program with threads imports the memory that they share, and the function that starts one.
/// Each thread is a worker with an instance of the module. So is the first one: a worker may wait
/// for another, while Node's own thread starts them and ends all of them at once.
const WASI: &str = include_str!("runner/wasi.js");

/// Gives Wasmtime the directories that [`WASI`] shows.
const WASMTIME_DIRECTORIES: &str = r#"set +f
for directory in /*; do
    [ -d "$directory" ] && [ -r "$directory" ] && [ ! -e "${directory#/}" ] || continue
    set -- "--dir=$directory" "$@"
done
"#;

/// The script that starts Wasmtime's own program, or that of a recipe with its library.
fn wasmtime() -> String {
    let start = format!(
        "{WASMTIME_DIRECTORIES}{START} {WASMTIME} run -S inherit-env=y -S inherit-network=y \
         --dir=. \"$@\""
    );
    command(WASMTIME, &start)
}

/// The script that starts wasm-bindgen's test runner, which is where cargo's plugins are, or in the
/// environment.
fn wasm_bindgen() -> String {
    let checked = checked(
        WASM_BINDGEN_PROGRAM,
        &format!("{START} {WASM_BINDGEN_PROGRAM} \"$@\""),
    );
    [
        HEAD,
        KEPT,
        "PATH=${CARGO_HOME:+$CARGO_HOME/bin:}$PATH\n",
        &checked,
    ]
    .concat()
}

/// The script that starts a program of the target under a debugger, so that it waits for gdb.
/// `None` if the runner cannot serve gdb.
pub(crate) fn debugged(runner: &Runner) -> Option<String> {
    let option = format!("-g \"${GDB_PORT}\" ");
    let (program, start) = match runner {
        Runner::QemuUser {
            program,
            cpu,
            prefix,
            ..
        } => (*program, qemu(program, *cpu, Some(prefix), &option)),
        Runner::QemuBareMetal { program, cpu, .. } => {
            (*program, qemu(program, Some(cpu), None, &option))
        }
        Runner::Native => (GDBSERVER, GDBSERVER_SCRIPT.trim_end().to_owned()),
        _ => return None,
    };
    let announce = format!(
        "program=$1\n\
         case $program in /*) ;; *) program=$PWD/$program ;; esac\n\
         echo \"{WAITING}${GDB_PORT}: $program\" >&2\n"
    );
    Some(command(program, &(announce + &start)))
}

/// Starts a program under gdbserver, which listens on the loopback address only and starts the
/// program without a shell. Gdbserver's exit code is not the program's, so the program's is read
/// from its output.
const GDBSERVER_SCRIPT: &str = r#"exec 3>&1
status=$(gdbserver --once --no-startup-with-shell "127.0.0.1:$CROSS_GDB_PORT" "$@" 2>&1 >&3 3>&- | {
    status=1
    while IFS= read -r line; do
        printf '%s\n' "$line" >&2
        case $line in
        'Child exited with status '*) status=${line##* } ;;
        'Child terminated with signal = '*)
            signal=${line#*= }
            status=$((128 + ${signal%% *}))
            ;;
        esac
    done
    echo "$status"
})
[ "$status" -le 128 ] || kill "-$((status - 128))" $$
exit "$status"
"#;

/// The message of a script if the environment has no `program`.
pub(crate) fn missing(program: &str) -> String {
    format!("{program} is not in this environment")
}

/// The first lines of a script.
const HEAD: &str = "#!/bin/sh\n# Starts a program of the target. Made by cross-core.\n";

/// The part of a script that keeps the variables that some shells drop, since they could not name
/// them. Of cargo's, only those of programs with a dash in their names are such.
const KEPT: &str = r#"set -f
IFS='
'
cross_kept=
for cross_line in $(tr '\0' '\n' </proc/$$/environ 2>/dev/null); do
    case $cross_line in
    CARGO_BIN_EXE_*-*=*) cross_kept=$cross_kept$IFS$cross_line ;;
    esac
done
"#;

/// The command that becomes the program whose words follow, after [`KEPT`].
const START: &str = "exec ${cross_kept:+/usr/bin/env}$cross_kept";

/// The part of a script that lets several documentation tests in one program have a process each.
/// Without it, rustdoc runs them in one if there is a runner, and one that ends it ends the others.
/// The program starts itself.
const DOCTESTS: &str =
    "case $1 in */rustdoctest*) export RUSTDOC_DOCTEST_BIN_PATH=\"$1\" ;; esac\n";

/// The script that runs `start`, which uses `program`, and fails with a message if there is no
/// `program`.
fn command(program: &str, start: &str) -> String {
    [HEAD, KEPT, &checked(program, start)].concat()
}

/// The part of a script that runs `start`, as [`command`] has it.
fn checked(program: &str, start: &str) -> String {
    format!(
        "command -v {program} >/dev/null || {{\n\
         \x20   echo \"{}\" >&2\n\
         \x20   exit 127\n\
         }}\n\
         {start}\n",
        missing(program)
    )
}

/// The command that starts QEMU's user mode, with further `options`.
fn qemu(program: &str, cpu: Option<&str>, prefix: Option<&str>, options: &str) -> String {
    let mut start = String::new();
    if let Some(prefix) = prefix.filter(|prefix| *prefix != "/") {
        let _ = write!(start, "QEMU_LD_PREFIX=\"${{QEMU_LD_PREFIX:-{prefix}}}\" ");
    }
    let _ = write!(start, "{START} {program} ");
    if let Some(cpu) = cpu {
        let _ = write!(start, "-cpu {cpu} ");
    }
    start.push_str(options);
    start.push_str("\"$@\"");
    start
}

/// The part of a script that starts a program for the kernel, as [`INTERPRETER_AT`] has it. `start`
/// is the command that starts `program`. The variables are those of the program that starts
/// another, so `PATH` may have no emulator.
fn for_the_kernel(program: &str, start: &str) -> String {
    let named = format!("{START} /usr/bin/{program}");
    let start = start.replace(&format!("{START} {program}"), &named);
    let start = start.replace("\"$@\"", "-0 \"$cross_name\" \"$cross_path\" \"$@\"");
    format!(
        "[ \"$0\" != {INTERPRETER_AT} ] || {{\n\
         \x20   cross_path=$1 cross_name=$2\n\
         \x20   shift 2\n\
         \x20   {start}\n\
         }}\n"
    )
}

/// The script that starts Wine. Wine needs a prefix, which it fills when it starts for the first
/// time. That takes several seconds, once per run that starts programs. All tests of a run share
/// the prefix.
fn wine(program: &str, dlls: &str) -> String {
    let start = format!(
        "export WINEPREFIX=\"${{WINEPREFIX:-/tmp/wine}}\" WINEDEBUG=\"${{WINEDEBUG:--all}}\"\n\
         export WINEPATH=\"${{WINEPATH:-{dlls}}}\" WINEDLLOVERRIDES=\"${{WINEDLLOVERRIDES:-mscoree,mshtml=}}\"\n\
         {START} {program} \"$@\""
    );
    command(program, &start)
}

#[cfg(test)]
mod tests {
    use cross_targets::{DebianArch, Target};

    use super::*;

    /// Returns the runner of a target on an x86_64 machine.
    fn runner(triple: &str) -> Runner {
        Target::parse(triple).unwrap().runner(DebianArch::Amd64)
    }

    #[test]
    fn programs_under_qemu_user_can_wait_for_a_debugger() {
        let script = debugged(&runner("i686-linux-android")).unwrap();
        let start = format!("{START} qemu-i386-static -cpu n270 -g \"$CROSS_GDB_PORT\" \"$@\"\n");
        assert!(script.ends_with(&start), "{script}");
        assert!(script.contains("gdb on port $CROSS_GDB_PORT: $program"));
        let wine = runner("x86_64-pc-windows-gnu");
        for runner in [wine, Runner::Node, Runner::None] {
            assert_eq!(debugged(&runner), None, "{runner:?}");
        }
    }

    /// `gdbserver` itself exits with 0 however the program exits.
    #[cfg(unix)]
    #[test]
    fn the_exit_that_gdbserver_reports_becomes_the_scripts_exit() {
        use cross_engine::{Cancel, Invocation, process};

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gdbserver");
        crate::host::files::write(&path, "#!/bin/sh\necho out\necho \"$SAYS\" >&2\n", true)
            .unwrap();
        let script = dir.path().join("script");
        crate::host::files::write(&script, &debugged(&Runner::Native).unwrap(), true).unwrap();
        for (says, code, signal) in [
            ("Child exited with status 0", Some(0), None),
            ("Child exited with status 7", Some(7), None),
            (
                "Child terminated with signal = 0xb (SIGSEGV)",
                None,
                Some(11),
            ),
            ("Killing process(es): 18", Some(1), None),
        ] {
            let run = Invocation::new(&script).arg("/w/app");
            let path = format!("{}:/usr/bin:/bin", dir.path().display());
            let variables = [("PATH", path.as_str()), (GDB_PORT, "1234"), ("SAYS", says)];
            let variables = variables.map(|(name, value)| (name.into(), value.into()));
            let output = process::output(&run, &variables.into(), &Cancel::new()).unwrap();
            let exit = (output.exit.code, output.exit.signal);
            assert_eq!(exit, (code, signal), "{says}");
            assert_eq!(output.stdout, "out\n");
            let expected = format!("{WAITING}1234: /w/app\n{says}\n");
            assert_eq!(output.stderr, expected);
        }
    }

    #[test]
    fn a_native_runner_has_no_script() {
        assert_eq!(script(&Runner::Native), None);
        assert_eq!(script(&Runner::None), None);
    }

    #[test]
    fn nodes_javascript_is_one_shell_word() {
        assert!(!WASI.contains('\''));
        let script = script(&Runner::NodeWasi).unwrap();
        let own = script.replace(KEPT, "");
        assert_eq!(own.matches('\'').count(), 2, "{script}");
    }

    #[test]
    fn a_script_starts_the_emulator_and_reports_a_missing_one() {
        for (runner, start) in [
            (
                runner("arm-linux-androideabi"),
                "\nSTART qemu-arm-static \"$@\"\n",
            ),
            (
                runner("powerpc-unknown-linux-gnu"),
                "\nQEMU_LD_PREFIX=\"${QEMU_LD_PREFIX:-/usr/powerpc-linux-gnu}\" START qemu-ppc-static \"$@\"\n",
            ),
            (
                runner("i686-linux-android"),
                "\nSTART qemu-i386-static -cpu n270 \"$@\"\n",
            ),
            (Runner::Node, "\nSTART node \"$@\"\n"),
            (Runner::NodeWasi, "\n' \"$@\"\n"),
        ] {
            let script = script(&runner).unwrap();
            let start = start.replace("START", START);
            assert!(script.ends_with(&start), "{script}");
            assert!(script.contains("is not in this environment"));
        }
    }
}
