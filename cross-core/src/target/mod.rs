//! The target of a build, and the runners of its programs.

pub(crate) mod emulator_crash;
pub(crate) mod foreign_programs;
pub(crate) mod name;
pub(crate) mod runner;
