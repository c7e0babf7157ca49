//! Commands of the machine, run through the library's process door.

use std::path::{Path, PathBuf};

use cross_engine::process::{self, Output};
use cross_engine::{Cancel, Invocation, Variables};

use crate::ambient;

/// Runs `command` and returns its output, even if it fails.
pub fn output(command: &Invocation) -> Output {
    let variables: Variables = ambient::variables().collect();
    process::output(command, &variables, &Cancel::new()).unwrap()
}

/// Runs `command` and returns its standard output. Panics if it fails.
pub fn stdout(command: &Invocation) -> String {
    let said = output(command);
    assert!(
        said.exit.success(),
        "`{command}` ended with {}: {}",
        said.exit,
        said.stderr
    );
    said.stdout
}

/// Returns the cargo that runs the tests.
pub fn cargo() -> PathBuf {
    ambient::variable("CARGO").map_or_else(|| on_path("cargo"), PathBuf::from)
}

/// Returns the rustc beside [`cargo`].
pub fn rustc() -> PathBuf {
    let beside = cargo().with_file_name("rustc");
    if beside.exists() {
        beside
    } else {
        on_path("rustc")
    }
}

/// The program `name`, as a shell would find it.
pub fn on_path(name: &str) -> PathBuf {
    found(name).unwrap_or_else(|| panic!("`{name}` is not on PATH"))
}

/// The program `name`, if this machine has it.
pub fn found(name: &str) -> Option<PathBuf> {
    let path = ambient::variable("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
}

/// Returns the root of this repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Returns the words that start a command as the first process of a new process namespace, as an
/// engine does.
pub fn as_first_process() -> Vec<&'static str> {
    let mut words = vec!["unshare", "--pid", "--fork", "--kill-child"];
    if !is_root() {
        words.push("--map-root-user");
    }
    words
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    Path::new("/proc/self").metadata().unwrap().uid() == 0
}
