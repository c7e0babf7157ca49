//! The process around [`logsift::cli::run`]: arguments, streams, clock and exit status.

use std::io::{self, BufWriter};
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use logsift::cli::{self, Console};

fn main() -> ExitCode {
    let stdout = io::stdout();
    let color = AutoStream::choice(&stdout) != ColorChoice::Never;
    let mut console = Console {
        stdin: &mut io::stdin().lock(),
        stdout: &mut BufWriter::new(stdout.lock()),
        stderr: &mut io::stderr().lock(),
        now: jiff::Timestamp::now(),
        color,
    };
    ExitCode::from(cli::run(std::env::args_os(), &mut console))
}
