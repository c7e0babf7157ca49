//! The commands that make an image or an environment: supervised, heard, and cleaned up after.

use std::ops::ControlFlow;
use std::path::Path;

use crate::engines::diagnosis;
use crate::image::progress::{Progress, ProgressSink};
use crate::process::cancel::Cancel;
use crate::process::error::{Error, ErrorKind, Result, utf8};
use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::process::lifeline;
use crate::process::{self, Exit, Stdin};

/// How much of what a maker printed is kept to explain its failure.
const KEPT_LINES: usize = 200;

/// Runs the commands of one making.
pub(crate) struct Maker<'a, 'p> {
    host: &'a Host,
    staging: &'a Path,
    /// Directories that go as the staging does where a command fails or its caller is killed.
    others: Vec<&'a Path>,
    cancel: &'a Cancel,
    progress: &'a mut ProgressSink<'p>,
}

impl<'a, 'p> Maker<'a, 'p> {
    pub(crate) fn new(
        host: &'a Host,
        staging: &'a Path,
        cancel: &'a Cancel,
        progress: &'a mut ProgressSink<'p>,
    ) -> Self {
        Maker {
            host,
            staging,
            others: Vec::new(),
            cancel,
            progress,
        }
    }

    /// The same for what is made in another directory.
    pub(crate) fn within<'b>(&'b mut self, staging: &'b Path) -> Maker<'b, 'p> {
        let around = self.staging;
        let mut maker = self.leaving(around);
        maker.staging = staging;
        maker
    }

    /// The same, but what is left of it if it is killed is also this directory.
    pub(crate) fn leaving<'b>(&'b mut self, other: &'b Path) -> Maker<'b, 'p> {
        let others = self.others.iter().copied().chain([other]);
        Maker {
            host: self.host,
            staging: self.staging,
            others: others.collect(),
            cancel: self.cancel,
            progress: self.progress,
        }
    }

    /// Tells how it goes on.
    pub(crate) fn tell(&mut self, progress: Progress<'_>) -> ControlFlow<()> {
        (self.progress)(progress)
    }

    /// The machine whose commands they are.
    pub(crate) fn host(&self) -> &'a Host {
        self.host
    }

    /// Where everything is made.
    pub(crate) fn staging(&self) -> &'a Path {
        self.staging
    }

    /// Tells that a new stage begins.
    pub(crate) fn stage(&mut self, name: &str) -> Result<()> {
        if (self.progress)(Progress::Stage(name)).is_break() {
            return Err(Error::new(
                ErrorKind::Cancelled,
                format!("cancelled before {name}"),
            ));
        }
        Ok(())
    }

    /// The handle that stops the making.
    pub(crate) fn cancel(&self) -> &'a Cancel {
        self.cancel
    }

    /// Tells a line as if a command had printed it.
    pub(crate) fn line(&mut self, text: &str) -> Result<()> {
        match (self.progress)(Progress::Line(text)) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::new(ErrorKind::Cancelled, "cancelled")),
        }
    }

    /// Runs a command whose failure means what `meaning` says of its status and of the lines it printed
    /// last.
    pub(crate) fn run(
        &mut self,
        command: Invocation,
        meaning: &dyn Fn(Exit, &str) -> Error,
    ) -> Result<()> {
        let (exit, said) = self.run_heard(command, &[], &mut |_| None)?;
        match exit.success() {
            true => Ok(()),
            false => Err(meaning(exit, &said)),
        }
    }

    /// Runs a command and returns the last lines it printed; those that `stage` translates tell a stage.
    pub(crate) fn run_heard(
        &mut self,
        command: Invocation,
        others: &[&Path],
        stage: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Result<(Exit, String)> {
        let leavings: Vec<_> = std::iter::once(self.staging)
            .chain(self.others.iter().copied())
            .chain(others.iter().copied())
            .collect();
        let supervised = lifeline::supervised_removing(command, &leavings)?;
        let mut said = Vec::new();
        let exit = process::run(
            &supervised,
            &self.host.variables,
            self.cancel,
            Stdin::Null,
            &mut |_, line| {
                if said.len() == KEPT_LINES {
                    said.remove(0);
                }
                let line = diagnosis::uncoloured(line.trim_end_matches('\r'));
                said.push(line.clone());
                match stage(&line) {
                    Some(stage) => (self.progress)(Progress::Stage(&stage)),
                    None => (self.progress)(Progress::Line(&line)),
                }
            },
        )?;
        Ok((exit, said.join("\n")))
    }
}

/// `command` in mount and process namespaces of its own, which end when it is killed.
pub(crate) fn isolated(command: Invocation) -> Result<Invocation> {
    let mut unshare = Invocation::new("unshare")
        .args([
            "--mount",
            "--pid",
            "--fork",
            "--mount-proc",
            "--kill-child",
            "--",
        ])
        .arg(utf8(&command.program)?)
        .args(command.args);
    unshare.env = command.env;
    Ok(unshare)
}
