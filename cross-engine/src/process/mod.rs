//! Processes of the host, and the values that starting one takes.

pub(crate) mod cancel;
mod child;
pub mod clock;
pub(crate) mod descriptors;
pub(crate) mod error;
#[cfg(test)]
#[cfg(unix)]
pub(crate) mod executable;
pub(crate) mod hex;
pub(crate) mod host;
pub(crate) mod invocation;
pub(crate) mod lifeline;
pub(crate) mod lock;
pub(crate) mod owner;
pub(crate) mod script;
pub mod shell_text;
mod tail_lines;
pub(crate) mod unique_name;
pub mod untrusted;
pub mod whole_file;

pub(crate) use child::{ChildIo, run_with_io, spawn_error, spawn_line_reader};
pub use child::{
    Exit, Output, Sink, Stdin, Stream, command, output, run, run_inherited, start_detached,
};
pub use tail_lines::TailLines;
