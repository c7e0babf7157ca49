//! The command line: its arguments, and the exit statuses.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;
use jiff::tz::Offset;

use crate::commands;
use crate::ingest::Options;
use crate::level::Level;

const AFTER_HELP: &str = "\
Exit status: 0 on success, 1 if a search found nothing, 2 on an error.";

/// What the program reads from and writes to.
#[expect(missing_debug_implementations, reason = "streams have none")]
pub struct Console<'a> {
    /// Standard input, for `index -`.
    pub stdin: &'a mut dyn Read,
    /// Where results go.
    pub stdout: &'a mut dyn Write,
    /// Where errors go.
    pub stderr: &'a mut dyn Write,
    /// The time that `--since 2h` counts from.
    pub now: Timestamp,
    /// Whether `stdout` shows colors; `--color` overrules it.
    pub color: bool,
}

/// Index log files into SQLite and search them.
#[derive(Debug, Parser)]
#[command(name = "logsift", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// The database
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "LOGSIFT_DB",
        default_value = "logsift.db"
    )]
    pub(crate) db: PathBuf,
    /// When to use colors
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read log files into the database, as far as they are not there already
    Index(IndexArgs),
    /// Print the entries that match, oldest first
    Search(SearchArgs),
    /// Count the entries by level, source and hour
    Stats(StatsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct IndexArgs {
    /// Files (also compressed with gzip), directories with all below them, or - for standard input
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The source of entries that name none [default: the name of the file]
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// The offset from UTC of times that name none, such as +01:00
    #[arg(long, value_name = "OFFSET", default_value = "+00:00", value_parser = offset, allow_hyphen_values = true)]
    utc_offset: Offset,
    /// Remove files from the database that no longer exist
    #[arg(long)]
    pub(crate) prune: bool,
    /// Say what is done with each file
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

impl IndexArgs {
    pub(crate) fn options(&self) -> Options {
        Options {
            offset: self.utc_offset,
            source: self.source.clone(),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// Words that must all occur: word, "a phrase", or prefix*. Without any, all entries match
    pub(crate) query: Vec<String>,
    /// Only entries at least this severe
    #[arg(long, ignore_case = true)]
    pub(crate) level: Option<Level>,
    /// Only entries from this time on: 2025-01-02, 2025-01-02T03:04:05Z, or 2h for two hours ago
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only entries before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Only entries from this program, module or file
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,
    /// Only the newest N; 0 for all
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: u32,
    /// Take the query as an expression of SQLite's FTS5, with AND, OR, NOT, NEAR and parentheses
    #[arg(long, requires = "query")]
    pub(crate) fts: bool,
    /// Print the file and line of each entry too
    #[arg(short = 'n', long)]
    pub(crate) location: bool,
    /// Print a JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    /// Print a JSON object, with all sources and hours
    #[arg(long)]
    pub(crate) json: bool,
}

/// How a command ended; the number is the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Success = 0,
    NoMatch = 1,
    Failure = 2,
}

/// Runs the program with these arguments, of which the first is its name; returns the exit status.
pub fn run<I, T>(arguments: I, console: &mut Console<'_>) -> u8
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let done = match Cli::try_parse_from(arguments) {
        Ok(cli) => execute(&cli, console),
        Err(error) => explain(&error, console),
    };
    let done = done.and_then(|status| {
        console.stdout.flush()?;
        Ok(status)
    });
    done.unwrap_or_else(|error| fail(&error, console)) as u8
}

fn execute(cli: &Cli, console: &mut Console<'_>) -> Result<Status> {
    console.color = match cli.color {
        Color::Auto => console.color,
        Color::Always => true,
        Color::Never => false,
    };
    commands::run(cli, console)
}

/// Prints the help or version that was asked for, or what is wrong with the arguments.
fn explain(error: &clap::Error, console: &mut Console<'_>) -> Result<Status> {
    let text = error.render();
    if error.use_stderr() {
        write!(console.stderr, "{text}")?;
        return Ok(Status::Failure);
    }
    match console.color {
        true => write!(console.stdout, "{}", text.ansi())?,
        false => write!(console.stdout, "{text}")?,
    }
    Ok(Status::Success)
}

fn fail(error: &anyhow::Error, console: &mut Console<'_>) -> Status {
    // Who reads has seen enough, as `head` does: nothing is wrong.
    if error.chain().any(is_broken_pipe) {
        return Status::Success;
    }
    // Without standard error there is nobody left to tell, except by the status.
    let _ = writeln!(console.stderr, "logsift: {error:#}");
    Status::Failure
}

fn is_broken_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    kind == Some(io::ErrorKind::BrokenPipe)
}

/// `+01:00`, `-0530` or `Z`.
fn offset(text: &str) -> Result<Offset, String> {
    let wrong = || "write it like +01:00".to_owned();
    if !text.starts_with(['+', '-', 'Z']) {
        return Err(wrong());
    }
    // The parser of times knows all notations of offsets: this is midnight at the offset.
    let context = crate::timestamp::Context {
        offset: Offset::UTC,
        latest: Timestamp::UNIX_EPOCH,
    };
    let time = format!("1970-01-02T00:00:00{text}");
    let (time, _, rest) = crate::timestamp::leading(&time, &context).ok_or_else(wrong)?;
    if !rest.is_empty() {
        return Err(wrong());
    }
    let seconds = i32::try_from(24 * 60 * 60 - time.as_second()).map_err(|_| wrong())?;
    Offset::from_seconds(seconds).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn offsets_in_all_notations() {
        assert_eq!(offset("+01:00"), Ok(Offset::constant(1)));
        assert_eq!(offset("-0530").unwrap().seconds(), -19800);
        assert_eq!(offset("Z"), Ok(Offset::UTC));
        for wrong in ["", "1", "+1", "Europe/Paris", ".5", "+01:00x", "+01:00 x"] {
            assert!(offset(wrong).is_err(), "{wrong}");
        }
    }
}
