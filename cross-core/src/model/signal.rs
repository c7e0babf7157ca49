//! The signals of faults.

/// The signals that a fault of the program raises, with their numbers on Linux. `SIGKILL` and the
/// others are sent by other processes.
pub(crate) const FAULTS: [(i32, &str); 6] = [
    (4, "SIGILL"),
    (5, "SIGTRAP"),
    (6, "SIGABRT"),
    (7, "SIGBUS"),
    (8, "SIGFPE"),
    (11, "SIGSEGV"),
];

/// The name of the fault's signal that terminated a process. A shell, and so a container's first
/// process, reports the signal `n` as the exit code `128 + n`.
pub(crate) fn fault(code: Option<i32>, signal: Option<i32>) -> Option<&'static str> {
    let number = signal.or_else(|| Some(code? - 128))?;
    let fault = FAULTS.iter().find(|(signal, _)| *signal == number);
    fault.map(|(_, name)| *name)
}
