//! Wraps a command of bubblewrap, so that an interpreter is registered for it.

use crate::engines::engine::Engine;
use crate::process::descriptors::Confined;
use crate::process::error::{Result, utf8};
use crate::process::invocation::Invocation;
use crate::process::script;
use crate::spec::foreign_programs::{ForeignPrograms, Registrar};

const REGISTER: &str = include_str!("register_interpreter.sh");

/// What a run does if the kernel refuses to register its interpreter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfRefused {
    /// It fails.
    Fail,
    /// It goes on, and its programs cannot start one another.
    GoOn,
}

/// Wraps a command of bubblewrap, which has a user namespace of its own, so that the interpreter of
/// `programs` is registered for it.
pub(crate) fn registering(
    engine: &Engine,
    inner: Invocation,
    programs: &ForeignPrograms,
    registrar: &Registrar,
    if_refused: IfRefused,
) -> Result<Invocation> {
    let run = Invocation::new(&registrar.unshare)
        .args(["--user", "--map-root-user", "--mount"])
        .args(script::words(script::joined([REGISTER])))
        .arg(match if_refused {
            IfRefused::Fail => "fail",
            IfRefused::GoOn => "go-on",
        })
        .args([utf8(&registrar.mount)?, utf8(&registrar.on)?])
        .arg(programs.registration())
        .arg(utf8(&inner.program)?);
    let (uid, gid) = engine.user;
    let confined = Confined::ClosedByBubblewrap(run.args.len());
    // In the outer namespace the user is root. The inner one shows the user's own identity.
    let run = run
        .args(["--uid", &uid.to_string(), "--gid", &gid.to_string()])
        .args(inner.args);
    Ok(Invocation {
        program: run.program,
        args: run.args,
        confined: Some(confined),
        ..inner
    })
}
