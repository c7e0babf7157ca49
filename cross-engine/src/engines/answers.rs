//! Answers of an engine's client, which have to be answers: a list that failed looks like an empty
//! one.

use crate::engines::engine::Engine;
use crate::process::cancel::Cancel;
use crate::process::error::{Error, ErrorKind, Result};
use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::process::{self, Exit};

/// The output of `command`, or else the `failure` that its exit and its standard error are.
pub(crate) fn output(
    command: &Invocation,
    host: &Host,
    cancel: &Cancel,
    failure: impl FnOnce(Exit, &str) -> Error,
) -> Result<String> {
    let output = process::output(command, &host.variables, cancel)?;
    match output.exit.success() {
        true => Ok(output.stdout),
        false => Err(failure(output.exit, &output.stderr)),
    }
}

/// The output of `list`, which names what `engine` has.
pub(crate) fn list(
    engine: &Engine,
    list: &Invocation,
    host: &Host,
    cancel: &Cancel,
) -> Result<String> {
    output(list, host, cancel, |end, cause| {
        let message = format!("{engine} gave no list ({end}): {}", cause.trim());
        let help = format!("run `{list}`, which has to succeed");
        Error::new(ErrorKind::EngineUnusable, message).with_help(help)
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::engines::engine::EngineKind;
    use crate::process::invocation::Variables;

    #[test]
    fn a_list_that_failed_is_not_an_empty_one() {
        let engine = Engine::sample(EngineKind::Docker);
        let variables = Variables::from([("PATH".into(), "/usr/bin:/bin".into())]);
        let host = Host::new(variables, "/cache");
        let list = |script: &str| {
            let list = Invocation::new("sh").args(["-c", script]);
            super::list(&engine, &list, &host, &Cancel::new())
        };
        assert_eq!(list("echo one").unwrap(), "one\n");
        let error = list("echo one; echo the daemon is gone >&2; exit 1").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EngineUnusable);
        assert!(error.to_string().contains("the daemon is gone"), "{error}");
        assert!(error.help().unwrap().contains("which has to succeed"));
    }
}
