//! Cargo's messages about test binaries.

use super::DOCUMENTATION;

/// Returns the name in cargo's announcement of a binary.
pub(super) fn started_name(line: &str) -> Option<&str> {
    if line.starts_with(DOCUMENTATION) {
        return Some(line);
    }
    let name = line.strip_prefix("Running ")?;
    name.ends_with(')').then_some(name)
}

/// Whether cargo says in this line that tests failed.
pub(super) fn is_blame(line: &str) -> bool {
    let Some(error) = line.strip_prefix("error: ") else {
        return false;
    };
    error.starts_with("test failed")
        || error.starts_with("doctest failed")
        || error.ends_with(" failed:")
}

/// Returns the exit status in cargo's message about the failure of a test binary.
pub(super) fn exit_status(line: &str) -> Option<i32> {
    let (_, status) = line.rsplit_once("(exit status: ")?;
    status.strip_suffix(')')?.parse().ok()
}

/// Returns the file name of the test binary in cargo's message about its failure. The binary is
/// between the runner and the binary's arguments.
pub(super) fn binary_in(line: &str) -> String {
    let command = line.split('`').nth(1).unwrap_or(line);
    let is_binary = |arg: &&str| arg.contains("/deps/") || arg.contains("/examples/");
    let path = command.split(' ').find(is_binary).unwrap_or(command);
    let name = path.trim_matches(['\'', '"']).rsplit('/').next();
    name.unwrap_or(path).to_owned()
}
