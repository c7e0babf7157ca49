//! The command line as a whole: help, errors, exit statuses and databases that cannot be used.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::io::{self, Write};

use common::{NOW, Sandbox, text};
use logsift::cli::{self, Console};
use rusqlite::Connection;

#[test]
fn the_version_is_the_packages() {
    let output = Sandbox::new().run(&["--version"]);
    let expected = format!("logsift {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(output.ok(), expected);
}

#[test]
fn the_help_tells_the_exit_statuses() {
    let help = Sandbox::new().run(&["--help"]).ok();
    assert!(
        help.contains("Exit status: 0 on success, 1 if a search found nothing"),
        "{help}"
    );
}

#[test]
fn wrong_arguments_are_status_2() {
    let sandbox = Sandbox::new();
    for arguments in [
        &["index"][..],
        &["serch", "x"],
        &["search", "--level", "loud"],
        &["search", "--fts"],
        &["index", "--utc-offset", "Mars", "x"],
    ] {
        let output = sandbox.run(arguments);
        assert_eq!(
            (output.status, output.out.as_str()),
            (2, ""),
            "{arguments:?}"
        );
        assert!(output.err.starts_with("error: "), "{}", output.err);
    }
    let output = sandbox.run(&["serch", "x"]);
    assert!(
        output.err.contains("'search'"),
        "no suggestion: {}",
        output.err
    );
}

#[test]
fn times_and_queries_without_meaning_are_explained() {
    let sandbox = Sandbox::new();
    sandbox.index().ok();
    let output = sandbox.run(&["search", "--since", "yesterday"]);
    assert_eq!(output.status, 2);
    assert!(
        output.err.contains("`yesterday` is no time"),
        "{}",
        output.err
    );
    let output = sandbox.run(&["search", "--", "--"]);
    assert_eq!(output.status, 2);
    assert!(output.err.contains("no letter or digit"), "{}", output.err);
}

#[test]
fn a_search_without_a_database_says_how_to_make_one() {
    let sandbox = Sandbox::new();
    for command in ["search", "stats"] {
        let output = sandbox.run(&[command]);
        assert_eq!(output.status, 2);
        assert!(output.err.contains("logsift index"), "{}", output.err);
        assert!(!sandbox.path(".logs.db").exists());
    }
}

#[test]
fn databases_of_other_programs_are_left_alone() {
    let sandbox = Sandbox::new();
    let log = sandbox.write("a.log", "one\n");
    let other = Connection::open(sandbox.path(".logs.db")).unwrap();
    other.execute_batch("CREATE TABLE theirs (x)").unwrap();
    let output = sandbox.run(&["index", text(&log)]);
    assert_eq!(output.status, 2);
    assert!(output.err.contains("another program"), "{}", output.err);
    let output = sandbox.run(&["search", "one"]);
    assert!(
        output.err.contains("not a logsift database"),
        "{}",
        output.err
    );
    let sql = "SELECT count(*) FROM sqlite_schema";
    let tables: u64 = other.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let sandbox = Sandbox::new();
    let content = "this is a text, not a database\n".repeat(100);
    let path = sandbox.write(".logs.db", &content);
    for arguments in [&["index", text(&path)][..], &["search", "x"]] {
        let output = sandbox.run(arguments);
        assert_eq!(output.status, 2);
        assert!(output.err.contains("not a database"), "{}", output.err);
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), content);
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.index().ok();
    let connection = Connection::open(sandbox.path(".logs.db")).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    for arguments in [&["index", "-"][..], &["search", "x"]] {
        let output = sandbox.run(arguments);
        assert_eq!(output.status, 2);
        assert!(output.err.contains("newer logsift"), "{}", output.err);
    }
}

/// A pipe whose reader has gone, or a full disk.
struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn search_into(sandbox: &Sandbox, kind: io::ErrorKind) -> (u8, String) {
    let db = sandbox.path(".logs.db");
    let mut err = Vec::new();
    let mut console = Console {
        stdin: &mut io::empty(),
        stdout: &mut Broken(kind),
        stderr: &mut err,
        now: NOW.parse().unwrap(),
        color: false,
    };
    let arguments = ["logsift", "search", "--json", "--db", text(&db)];
    let status = cli::run(arguments, &mut console);
    (status, String::from_utf8(err).unwrap())
}

#[test]
fn a_reader_that_stops_reading_is_no_error_but_a_full_disk_is() {
    let sandbox = Sandbox::new();
    sandbox.write("a.log", "one\n");
    sandbox.index().ok();
    let kind = io::ErrorKind::BrokenPipe;
    assert_eq!(search_into(&sandbox, kind), (0, String::new()));
    let (status, err) = search_into(&sandbox, io::ErrorKind::StorageFull);
    assert_eq!(status, 2);
    assert!(err.starts_with("logsift: "), "{err}");
}
