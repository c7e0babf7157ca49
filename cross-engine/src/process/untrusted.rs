//! The one door through which this process reads what ran inside an environment.
//!
//! Compilers, build scripts, macros and tests are hostile. What they leave behind is a claim: a
//! file may be a symbolic link to a private key, a FIFO that nobody writes to, a device, or a
//! sparse file of an exabyte, and it may be replaced between two system calls. Everything that is
//! read of theirs goes through this module:
//!
//! - A [`Dir`] is opened once, for a directory of ours that a run can write to. A [`RegularFile`]
//!   is opened beneath it: no component of the path is followed if it is a link, and nothing but a
//!   regular file is opened at all.
//! - Reads are bounded by the constants in [`limits`], and never block.
//! - A [`LineSplitter`] cuts streams into lines of bounded length, and [`Room`] bounds what is kept
//!   of them.
//! - [`Dir::publish`] makes a file appear elsewhere as a copy, never as a link to an inode that the
//!   inside can still change.
//!
//! # Hard links
//!
//! The number of links of a file is not looked at. Cargo itself makes `debug/app` and
//! `debug/deps/app-1b2c` one file. And a link gives the inside nothing: the kernel makes hard links
//! within one mount only, and the directories that a run can write to are mounts of their own, so a
//! link there is a second name of something that the run could read anyway. It would give the
//! inside something if *we* linked, or wrote into a file that is there. This module does neither.

mod dir;
mod file;
pub mod limits;
pub(crate) mod lines;
mod open;
mod publish;
pub(crate) mod refused;
mod room;

pub use dir::{Dir, Entry};
pub use file::RegularFile;
pub use lines::LineSplitter;
pub use refused::Refused;

pub use crate::os::FileKind;
pub use room::Room;

#[cfg(test)]
mod tests;
