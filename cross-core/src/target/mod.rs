//! What is built for, and how its programs are started.

pub(crate) mod emulator_crash;
pub(crate) mod name;
pub(crate) mod runner;
