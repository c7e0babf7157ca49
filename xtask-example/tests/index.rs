//! `logsift index`: which files it reads, and that it reads only what is new.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use common::{Sandbox, text};
use flate2::Compression;
use flate2::write::GzEncoder;

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn append(path: &Path, content: &str) {
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(content.as_bytes()).unwrap();
}

fn set_modified(path: &Path, seconds: u64) {
    let file = File::options().write(true).open(path).unwrap();
    let time = UNIX_EPOCH + Duration::from_secs(seconds);
    file.set_modified(time).unwrap();
}

#[test]
fn a_directory_is_read_with_all_below_it() {
    let sandbox = Sandbox::new();
    sandbox.write("a.log", "one\ntwo\n");
    sandbox.write("sub/deep/b.log", "three\n");
    sandbox.write(".hidden/c.log", "four\n");
    let summary = sandbox.index().ok();
    assert_eq!(summary, "3 entries from 2 files\n");
    assert_eq!(sandbox.messages(&[]), ["one", "two", "three"]);
}

#[test]
fn compressed_files_are_known_by_their_content() {
    let sandbox = Sandbox::new();
    sandbox.write("app.log.1.gz", gzip(b"packed one\n"));
    sandbox.write(
        "odd-name",
        [gzip(b"packed two\n"), gzip(b"packed three\n")].concat(),
    );
    sandbox.write("not-really.gz", "plain four\n");
    sandbox.index().ok();
    let found = sandbox.messages(&[]);
    assert_eq!(
        found,
        ["packed one", "plain four", "packed two", "packed three"]
    );
}

#[test]
fn a_damaged_file_fails_alone_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    let packed = gzip("many words\n".repeat(1000).as_bytes());
    sandbox.write("bad.gz", &packed[..packed.len() - 10]);
    sandbox.write("good.log", "good\n");
    let output = sandbox.index();
    assert_eq!(output.status, 2);
    assert!(output.err.contains("cannot index"), "{}", output.err);
    assert!(output.err.contains("bad.gz"), "{}", output.err);
    assert_eq!(sandbox.messages(&[]), ["good"]);
}

#[test]
fn files_that_are_no_text_are_left_out() {
    let sandbox = Sandbox::new();
    sandbox.write("core", b"\x7fELF\x02\x01\x01\x00\x00");
    sandbox.write("packed.gz", gzip(b"\x00\x01\x02"));
    let summary = sandbox.index().ok();
    assert_eq!(summary, "0 entries from 0 files, 2 not text\n");
}

#[test]
fn the_database_among_the_logs_is_no_log() {
    let sandbox = Sandbox::with_database("visible.db");
    sandbox.write("a.log", "one\n");
    sandbox.index().ok();
    let summary = sandbox.index().ok();
    assert_eq!(summary, "0 entries from 0 files, 1 unchanged, 1 not text\n");
    assert_eq!(sandbox.messages(&[]), ["one"]);
}

#[test]
fn unchanged_files_are_skipped() {
    let sandbox = Sandbox::new();
    let path = sandbox.write("a.log", "one\n");
    sandbox.index().ok();
    assert_eq!(
        sandbox.index().ok(),
        "0 entries from 0 files, 1 unchanged\n"
    );
    // Another time, the same content: told by its hash.
    set_modified(&path, 1_000_000);
    assert_eq!(
        sandbox.index().ok(),
        "0 entries from 0 files, 1 unchanged\n"
    );
    assert_eq!(sandbox.messages(&[]), ["one"]);
}

#[test]
fn of_a_grown_file_only_the_new_lines_are_read() {
    let sandbox = Sandbox::new();
    let path = sandbox.write("a.log", "ERROR one\nERROR two\n");
    sandbox.index().ok();
    append(&path, "ERROR three\n");
    let output = sandbox.run(&["index", "-v", text(&path)]).ok();
    assert!(output.contains("a.log: grown by 1 entry"), "{output}");
    assert_eq!(sandbox.messages(&[]), ["one", "two", "three"]);
    let last = sandbox.run(&["search", "-n", "three"]).ok();
    assert!(last.contains("a.log:3: "), "{last}");
}

#[test]
fn an_entry_that_was_half_written_is_completed() {
    let sandbox = Sandbox::new();
    let path = sandbox.write("a.log", "2025-01-02T03:04:05Z ERROR conn");
    sandbox.index().ok();
    assert_eq!(sandbox.messages(&[]), ["conn"]);
    append(&path, "ection lost\n  at net.rs:7\n");
    sandbox.index().ok();
    assert_eq!(sandbox.messages(&[]), ["connection lost\n  at net.rs:7"]);
    append(&path, "  at main.rs:1\n2025-01-02T03:04:06Z INFO up\n");
    sandbox.index().ok();
    let found = sandbox.messages(&[]);
    assert_eq!(
        found,
        ["connection lost\n  at net.rs:7\n  at main.rs:1", "up"]
    );
    assert_eq!(sandbox.messages(&["conn"]), Vec::<String>::new());
}

#[test]
fn a_file_with_other_content_replaces_what_was_read() {
    let sandbox = Sandbox::new();
    let path = sandbox.write("a.log", "old one\nold two\n");
    sandbox.index().ok();
    sandbox.write("a.log", "new one\n");
    let output = sandbox.run(&["index", "-v", text(&path)]).ok();
    assert!(output.contains("a.log: changed, 1 entry"), "{output}");
    assert_eq!(sandbox.messages(&[]), ["new one"]);
    assert_eq!(sandbox.run(&["search", "old"]).status, 1);
}

#[test]
fn files_that_are_gone_stay_until_they_are_pruned() {
    let sandbox = Sandbox::new();
    let gone = sandbox.write("gone.log", "gone\n");
    let kept = sandbox.write("kept.log", "kept\n");
    sandbox.index().ok();
    sandbox.run_with(&["index", "-"], b"typed\n").ok();
    fs::remove_file(gone).unwrap();
    sandbox.index().ok();
    assert_eq!(sandbox.messages(&["gone"]), ["gone"]);
    let summary = sandbox.run(&["index", "--prune", text(&kept)]).ok();
    assert_eq!(summary, "0 entries from 0 files, 1 unchanged, 1 pruned\n");
    assert_eq!(sandbox.messages(&[]), ["kept", "typed"]);
}

#[test]
fn standard_input_is_added_each_time() {
    let sandbox = Sandbox::new();
    sandbox.run_with(&["index", "-"], b"first\nsecond\n").ok();
    sandbox
        .run_with(&["index", "--source", "pipe", "-"], b"third\n")
        .ok();
    assert_eq!(sandbox.messages(&[]), ["first", "second", "third"]);
    assert_eq!(sandbox.messages(&["--source", "pipe"]), ["third"]);
    let found = sandbox.run(&["search", "-n", "third"]).ok();
    assert!(found.starts_with("-:3: "), "{found}");
}

#[test]
fn a_missing_file_is_an_error_but_the_others_are_read() {
    let sandbox = Sandbox::new();
    let path = sandbox.write("a.log", "one\n");
    let missing = sandbox.path("missing.log");
    let output = sandbox.run(&["index", text(&missing), text(&path)]);
    assert_eq!(output.status, 2);
    assert!(output.err.contains("missing.log"), "{}", output.err);
    assert_eq!(output.out, "1 entry from 1 file\n");
}

#[test]
fn syslog_years_come_from_the_time_of_the_file() {
    let sandbox = Sandbox::new();
    let path = sandbox.write("syslog", "Dec 31 23:00:00 web cron[1]: last of the year\n");
    set_modified(&path, 1_704_070_800); // 2024-01-01T01:00:00Z
    sandbox.index().ok();
    let found = sandbox.run(&["search"]).ok();
    assert_eq!(
        found,
        "2023-12-31T23:00:00.000Z -     cron: last of the year\n"
    );
}

#[test]
fn times_without_offset_get_the_one_given() {
    let sandbox = Sandbox::new();
    let path = sandbox.write("a.log", "2025-01-02 03:04:05 INFO x\n");
    sandbox
        .run(&["index", "--utc-offset", "-05:00", text(&path)])
        .ok();
    let found = sandbox.run(&["search"]).ok();
    assert_eq!(found, "2025-01-02T08:04:05.000Z INFO  a: x\n");
}

#[test]
fn many_entries_keep_their_order_and_are_all_found() {
    let sandbox = Sandbox::new();
    let lines: String = (0..500)
        .map(|n| {
            format!(
                "2025-01-02T03:{:02}:{:02}Z INFO number n{n}\n",
                n / 60,
                n % 60
            )
        })
        .collect();
    sandbox.write("a.log", lines);
    assert_eq!(sandbox.index().ok(), "500 entries from 1 file\n");
    let found = sandbox.messages(&["--limit", "0", "number"]);
    let expected: Vec<_> = (0..500).map(|n| format!("number n{n}")).collect();
    assert_eq!(found, expected);
}

#[cfg(unix)]
#[test]
fn links_are_followed_only_when_named() {
    let sandbox = Sandbox::new();
    sandbox.write("logs/a.log", "one\n");
    let outside = sandbox.write("outside.log", "two\n");
    std::os::unix::fs::symlink(&outside, sandbox.path("logs/link.log")).unwrap();
    std::os::unix::fs::symlink("..", sandbox.path("logs/loop")).unwrap();
    sandbox.run(&["index", text(&sandbox.path("logs"))]).ok();
    assert_eq!(sandbox.messages(&[]), ["one"]);
    sandbox
        .run(&["index", text(&sandbox.path("logs/link.log"))])
        .ok();
    assert_eq!(sandbox.messages(&[]), ["one", "two"]);
}
