//! logsift indexes log files into an SQLite database with full-text search, and queries it.
//!
//! Everything the program does is reachable through [`cli::run`], with the process (arguments,
//! streams, clock) passed in. The tests use that too: they need not start the binary, which the
//! machine they run on may be unable to execute when the build was for another one.

pub mod cli;
mod commands;
mod db;
mod entries;
mod ingest;
mod level;
mod lines;
mod output;
mod parse;
mod query;
mod search;
mod stats;
mod timestamp;
mod walk;
mod when;
