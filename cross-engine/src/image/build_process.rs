//! The commands of a build: supervised, with their progress reported, and cleaned up after.

use std::ops::ControlFlow;
use std::path::Path;

use crate::engines::diagnosis;
use crate::image::progress::{Progress, ProgressSink};
use crate::process::TailLines;
use crate::process::cancel::Cancel;
use crate::process::error::{Error, ErrorKind, Result, utf8};
use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::process::lifeline;
use crate::process::{self, Exit, Stdin};

/// The number of lines of output that are kept to explain a failure.
const OUTPUT_LINES: usize = 200;

/// Runs the commands of one build.
pub(crate) struct BuildProcess<'a, 'p> {
    host: &'a Host,
    staging: &'a Path,
    /// Directories that are removed like the staging directory.
    others: Vec<&'a Path>,
    cancel: &'a Cancel,
    progress: &'a mut ProgressSink<'p>,
}

impl<'a, 'p> BuildProcess<'a, 'p> {
    pub(crate) fn new(
        host: &'a Host,
        staging: &'a Path,
        cancel: &'a Cancel,
        progress: &'a mut ProgressSink<'p>,
    ) -> Self {
        BuildProcess {
            host,
            staging,
            others: Vec::new(),
            cancel,
            progress,
        }
    }

    /// The same build process with another staging directory.
    pub(crate) fn within<'b>(&'b mut self, staging: &'b Path) -> BuildProcess<'b, 'p> {
        let outer = self.staging;
        let mut build_process = self.removing(outer);
        build_process.staging = staging;
        build_process
    }

    /// The same build process, which also removes this directory if a command fails.
    pub(crate) fn removing<'b>(&'b mut self, other: &'b Path) -> BuildProcess<'b, 'p> {
        let others = self.others.iter().copied().chain([other]);
        BuildProcess {
            host: self.host,
            staging: self.staging,
            others: others.collect(),
            cancel: self.cancel,
            progress: self.progress,
        }
    }

    /// Reports progress.
    pub(crate) fn report(&mut self, progress: Progress<'_>) -> ControlFlow<()> {
        (self.progress)(progress)
    }

    /// The host that runs the commands.
    pub(crate) fn host(&self) -> &'a Host {
        self.host
    }

    /// The staging directory.
    pub(crate) fn staging(&self) -> &'a Path {
        self.staging
    }

    /// Reports that a new stage begins.
    pub(crate) fn stage(&mut self, name: &str) -> Result<()> {
        if (self.progress)(Progress::Stage(name)).is_break() {
            return Err(Error::new(
                ErrorKind::Cancelled,
                format!("cancelled before {name}"),
            ));
        }
        Ok(())
    }

    /// The handle that stops the build.
    pub(crate) fn cancel(&self) -> &'a Cancel {
        self.cancel
    }

    /// Reports a line like one of a command's output.
    pub(crate) fn line(&mut self, text: &str) -> Result<()> {
        match (self.progress)(Progress::Line(text)) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::new(ErrorKind::Cancelled, "cancelled")),
        }
    }

    /// Runs a command. `meaning` converts its status and its last lines to an error if it fails.
    pub(crate) fn run(
        &mut self,
        command: Invocation,
        meaning: &dyn Fn(Exit, &str) -> Error,
    ) -> Result<()> {
        let (exit, output) = self.run_with_stages(command, &[], &mut |_| None)?;
        match exit.success() {
            true => Ok(()),
            false => Err(meaning(exit, &output)),
        }
    }

    /// Runs a command, and returns the last lines that it printed. A line that `stage` converts is
    /// reported as a stage. The directories `others` are removed if the command fails.
    pub(crate) fn run_with_stages(
        &mut self,
        command: Invocation,
        others: &[&Path],
        stage: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Result<(Exit, String)> {
        let directories: Vec<_> = std::iter::once(self.staging)
            .chain(self.others.iter().copied())
            .chain(others.iter().copied())
            .collect();
        let supervised = lifeline::supervised_removing(command, &directories)?;
        let mut output = TailLines::new(OUTPUT_LINES);
        let exit = process::run(
            &supervised,
            &self.host.variables,
            self.cancel,
            Stdin::Null,
            &mut |_, line| {
                let line = diagnosis::strip_colours(line.trim_end_matches('\r'));
                output.push(line.clone());
                match stage(&line) {
                    Some(stage) => (self.progress)(Progress::Stage(&stage)),
                    None => (self.progress)(Progress::Line(&line)),
                }
            },
        )?;
        Ok((exit, output.text()))
    }
}

/// Wraps `command` to run in mount and process namespaces of its own, which end if it is killed.
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
