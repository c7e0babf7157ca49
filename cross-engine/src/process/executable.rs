//! Programs that unit tests make and start.

use std::path::Path;

use crate::process;
use crate::process::cancel::Cancel;
use crate::process::invocation::{Invocation, Variables};

/// Writes a program. A process of its own writes it: a process that another test starts meanwhile
/// would inherit the open file from this one, and what is open for writing cannot be started.
pub(crate) fn create(path: &Path, script: &str) {
    let write = "printf %s \"$2\" >\"$1\" && chmod 755 \"$1\"";
    let path = path.to_str().unwrap();
    let write = Invocation::new("/bin/sh").args(["-c", write, "sh", path, script]);
    let variables = Variables::from([("PATH".into(), "/usr/bin:/bin".into())]);
    let output = process::output(&write, &variables, &Cancel::new()).unwrap();
    assert!(output.exit.success(), "{output:?}");
}
