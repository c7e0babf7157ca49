//! The output of a test binary, read while the binary writes it.

use cross_engine::Cancel;
use cross_engine::process::untrusted::{LineSplitter, RegularFile, Room, limits};

use crate::model::error::{Error, ErrorKind, MapEngineError as _};

/// Why the delivery of output stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The listener stopped the request.
    Listener,
    /// The output could not be delivered.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

/// The output of a test binary on one stream: a file that is still being written.
pub(super) struct BinaryOutput {
    file: RegularFile,
    lines: LineSplitter,
    /// The name of the binary.
    name: String,
    /// How many more bytes may be read.
    pub(super) remaining: u64,
}

impl BinaryOutput {
    pub(super) fn new(file: RegularFile, name: String) -> Self {
        BinaryOutput {
            file,
            lines: LineSplitter::new(),
            name,
            remaining: limits::TEST_OUTPUT,
        }
    }

    /// Passes the lines that have been written so far to `deliver`. If the output is `complete`,
    /// the last line may lack its line ending.
    pub(super) fn read(
        &mut self,
        complete: bool,
        cancel: &Cancel,
        deliver: &mut dyn FnMut(&str) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        while cancel.check().is_ok() {
            let bytes = self.file.chunk().map_engine_error()?;
            if bytes.is_empty() {
                break;
            }
            let read = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let remaining = self.remaining.checked_sub(read);
            self.remaining = remaining.ok_or_else(|| too_much(&self.name))?;
            // A binary may write faster than its lines are delivered.
            let written = self.file.as_file().metadata().map_or(0, |file| file.len());
            if written > limits::TEST_OUTPUT {
                return Err(too_much(&self.name).into());
            }
            for line in self.lines.push(&bytes) {
                deliver(&line)?;
            }
        }
        let rest = complete.then(|| self.lines.finish()).flatten();
        rest.map_or(Ok(()), |line| deliver(&line))
    }

    /// Returns the beginning of a line that has no end yet.
    pub(super) fn begun(&mut self) -> Option<String> {
        self.lines.finish()
    }

    /// Returns the lines that have been written so far, and the beginning of the next one.
    pub(super) fn so_far(mut self) -> Result<Vec<String>, Stop> {
        let (mut lines, mut room) = (Vec::new(), Room::default());
        loop {
            let bytes = self.file.chunk().map_engine_error()?;
            if bytes.is_empty() || !room.take(bytes.len()) {
                break;
            }
            lines.extend(self.lines.push(&bytes));
        }
        lines.extend(self.lines.finish());
        Ok(lines)
    }
}

/// The error for a test binary whose output would fill the disk.
pub(super) fn too_much(name: &str) -> Error {
    let limit = limits::TEST_OUTPUT;
    let message = format!("the test binary `{name}` prints more than {limit} bytes");
    Error::new(ErrorKind::TestFailed, message).with_help(
        "a test may print without end: the last lines of its output tell which one; large output belongs in a file",
    )
}
