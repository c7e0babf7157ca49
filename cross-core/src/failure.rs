//! What the failure of a command means: which class, in whose words, and what to do about it.

use cross_engine::process::Exit;
use cross_engine::{Invocation, Network, RunSpec};

use crate::error::{Error, ErrorKind};
use crate::plan::HostFailure;

/// A failed command of the host.
pub(crate) fn host_failure(
    command: &Invocation,
    failure: HostFailure,
    exit: Exit,
    said: &[String],
) -> Error {
    let program = command.program_name();
    let words = said
        .iter()
        .rev()
        .take(12)
        .rev()
        .cloned()
        .collect::<Vec<_>>()
        .join("\n");
    let (kind, what, help) = match failure {
        HostFailure::Fetch => (
            ErrorKind::Fetch,
            "dependencies cannot be fetched",
            "dependencies are fetched on the host, with your own credentials and proxies: \
             `cargo fetch` shows the same message",
        ),
        HostFailure::Toolchain => (
            ErrorKind::Toolchain,
            "the toolchain lacks std for the target, and it cannot be installed",
            "install it with `rustup target add`, or set `toolchain = \"image\"` to use the \
             distribution's Rust",
        ),
    };
    Error::new(kind, format!("{what} (`{program}`: {exit}):\n{words}")).with_help(help)
}

/// What the system says when a file system is full, in whatever a compiler or linker prints.
const DISK_FULL: &str = "No space left on device";

/// Whether `line` reports it, rather than being source code that speaks of it.
pub(crate) fn says_disk_full(line: &str) -> bool {
    let before = |words: &str| words.ends_with(": ");
    let after = |words: &str| words.starts_with(" (os error 28)");
    line.split_once(DISK_FULL)
        .is_some_and(|(head, tail)| before(head) || after(tail))
}

/// A cargo that failed for want of space, whatever complained of it first.
pub(crate) fn disk_full(spec: &RunSpec, exit: Exit) -> Error {
    let command = subcommand(spec);
    Error::new(
        ErrorKind::CargoFailed,
        format!("{command} failed with {exit}: {DISK_FULL}"),
    )
    .with_help("free some space on the file system of the target directory")
    .with_code(exit.code)
}

/// `cargo build`, for messages.
fn subcommand(spec: &RunSpec) -> String {
    spec.command[..spec.command.len().min(2)].join(" ")
}

/// A failed cargo, with what is known of the reason.
pub(crate) fn cargo_failure(spec: &RunSpec, exit: Exit, first_error: Option<String>) -> Error {
    let command = subcommand(spec);
    let because = first_error
        .as_deref()
        .map_or(String::new(), |text| format!(": {text}"));
    // A shell, and so a container's first process, says 128 + n for a signal.
    let killed = exit
        .signal
        .or(exit.code.filter(|code| *code == 137).map(|code| code - 128));
    if let Some(signal) = killed {
        return Error::new(
            ErrorKind::Killed,
            format!("{command} was killed by signal {signal}{because}"),
        )
        .with_help("signal 9 is often the system's, when memory runs out: try fewer `jobs`");
    }
    let error = Error::new(
        ErrorKind::CargoFailed,
        format!("{command} failed with {exit}{because}"),
    )
    .with_code(exit.code);
    let told = first_error.unwrap_or_default();
    let wants_network = ["resolve host", "name resolution", "etwork is unreachable"];
    if spec.network == Network::None && wants_network.iter().any(|text| told.contains(text)) {
        return error.with_help(
            "what compiles has no network; set `network = \"host\"` in Cross.toml if a build script needs one",
        );
    }
    error.with_help("cargo's diagnostics say where and why")
}
