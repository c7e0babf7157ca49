//! What the reader of an error does next: every kind of error, really provoked, with its message
//! and its help.
//!
//! Each table is a list of rows: the cause, the kind, words of the message, words of the help, and
//! the function that provokes it. A row without words of help has none: the error then carries the
//! words of the program that failed, which the row checks.

mod builds;
mod environments;
mod evidence;
mod machine;
mod programs;
mod requests;
mod review;

use cross_core::{Error, ErrorKind, Outcome, Result};
use cross_tests::Case;

use super::TARGET;

/// One cause of an error.
struct Row {
    cause: &'static str,
    /// The name of the kind, which the review compares with the source.
    kind_name: &'static str,
    kind: ErrorKind,
    message: &'static [&'static str],
    help: &'static [&'static str],
    provoke: fn() -> Error,
}

/// Makes the table of a module, and a test for each row.
macro_rules! rows {
    ($($cause:ident => $kind:ident $message:tt $help:tt $provoke:expr;)*) => {
        pub(super) const ROWS: &[super::Row] = &[$(super::Row {
            cause: stringify!($cause),
            kind_name: stringify!($kind),
            kind: cross_core::ErrorKind::$kind,
            message: &$message,
            help: &$help,
            provoke: $provoke,
        }),*];
        $(
            #[test]
            fn $cause() {
                super::check(ROWS, stringify!($cause));
            }
        )*
    };
}
use rows;

/// Helps that tell a reader nothing to do. They are compared without case.
const PLATITUDES: [&str; 16] = [
    "see cargo's diagnostics",
    "diagnostics say where and why",
    "see the output above",
    "see its own message",
    "check the logs",
    "check your configuration",
    "something went wrong",
    "an error occurred",
    "fix the error",
    "fix the problem",
    "fix it",
    "fix what it reports",
    "contact your administrator",
    "try again later",
    "unknown error",
    "please",
];

/// Provokes the error of the row `cause`, and compares it with the row.
#[track_caller]
fn check(rows: &[Row], cause: &str) {
    let row = rows.iter().find(|row| row.cause == cause).unwrap();
    let error = (row.provoke)();
    let (message, help) = (error.to_string(), error.help().unwrap_or_default());
    let told = format!("{message}\nhelp: {help}\n{}", error.cargo_output());
    assert_eq!(error.kind(), row.kind, "{told}");
    for word in row.message {
        assert!(message.contains(word), "`{word}` in the message: {told}");
    }
    for word in row.help {
        assert!(help.contains(word), "`{word}` in the help: {told}");
    }
    let is_platitude = |words: &&&str| help.to_lowercase().contains(**words);
    assert_eq!(PLATITUDES.iter().find(is_platitude), None, "{told}");
    if row.help.is_empty() {
        assert_eq!(help, "", "no remedy is known: {told}");
    }
    let controls = |text: &str| {
        text.chars()
            .any(|c| c.is_control() && c != '\n' && c != '\t')
    };
    assert!(!controls(&message) && !controls(help), "{told:?}");
}

#[track_caller]
fn failed(result: Result<Outcome>) -> Error {
    match result {
        Ok(outcome) => panic!("it succeeded: {outcome:?}"),
        Err(error) => error,
    }
}
