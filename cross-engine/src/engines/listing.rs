//! Lists that an engine gives.

use crate::engines::engine::Engine;
use crate::process;
use crate::process::cancel::Cancel;
use crate::process::error::{Error, ErrorKind, Result};
use crate::process::host::Host;
use crate::process::invocation::Invocation;

/// The output of `list`. A list that failed is an error, since it looks like an empty one.
pub(crate) fn listed(
    engine: &Engine,
    list: &Invocation,
    host: &Host,
    cancel: &Cancel,
) -> Result<String> {
    let output = process::output(list, &host.variables, cancel)?;
    if output.exit.success() {
        return Ok(output.stdout);
    }
    let (end, cause) = (output.exit, output.stderr.trim());
    let message = format!("{engine} gave no list ({end}): {cause}");
    let help = format!("run `{list}`, which has to succeed");
    Err(Error::new(ErrorKind::EngineUnusable, message).with_help(help))
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
            listed(&engine, &list, &host, &Cancel::new())
        };
        assert_eq!(list("echo one").unwrap(), "one\n");
        let error = list("echo one; echo the daemon is gone >&2; exit 1").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EngineUnusable);
        assert!(error.to_string().contains("the daemon is gone"), "{error}");
        assert!(error.help().unwrap().contains("which has to succeed"));
    }
}
