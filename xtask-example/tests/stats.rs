//! `logsift stats`: the counts, as text and as JSON.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::Sandbox;
use serde_json::{Value, json};

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(
        "app.log",
        "2025-01-02T03:10:00Z ERROR db: a\n\
         2025-01-02T03:59:59.999999Z INFO web: b\n\
         2025-01-02T04:00:00Z INFO web: c\n\
         2025-01-02T06:00:00+01:00 INFO web: d\n",
    );
    sandbox.write("notes.txt", "e\n");
    sandbox.index().ok();
    sandbox
}

fn stats(sandbox: &Sandbox) -> Value {
    let text = sandbox.run(&["stats", "--json"]).ok();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn json_has_every_count() {
    let expected = json!({
        "files": 2,
        "entries": 5,
        "first": "2025-01-02T03:10:00Z",
        "last": "2025-01-02T05:00:00Z",
        "levels": [
            { "level": "error", "count": 1 },
            { "level": "info", "count": 3 },
            { "level": null, "count": 1 },
        ],
        "sources": [
            { "source": "web", "count": 3 },
            { "source": "db", "count": 1 },
            { "source": "notes", "count": 1 },
        ],
        "hours": [
            { "hour": "2025-01-02T03:00:00Z", "count": 2, "errors": 1 },
            { "hour": "2025-01-02T04:00:00Z", "count": 1, "errors": 0 },
            { "hour": "2025-01-02T05:00:00Z", "count": 1, "errors": 0 },
        ],
    });
    assert_eq!(stats(&sandbox()), expected);
}

#[test]
fn text_has_a_table_for_each() {
    let text = sandbox().run(&["stats"]).ok();
    assert!(
        text.starts_with("5 entries in 2 files\nfrom 2025-01-02T03:10:00Z to "),
        "{text}"
    );
    for line in [
        "         1  error",
        "         1  (none)",
        "         3  web",
        "         2           1  2025-01-02 03:00  ########################################",
        "         1           0  2025-01-02 04:00  ####################",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line:?} is not in\n{text}"
        );
    }
}

#[test]
fn an_empty_database_counts_nothing() {
    let sandbox = Sandbox::new();
    sandbox.index().ok();
    assert_eq!(sandbox.run(&["stats"]).ok(), "0 entries in 0 files\n");
    assert_eq!(stats(&sandbox)["first"], Value::Null);
}

#[test]
fn hours_before_1970_begin_at_their_start() {
    let sandbox = Sandbox::new();
    sandbox.write("a.log", "1969-12-31T22:30:00Z INFO old\n");
    sandbox.index().ok();
    assert_eq!(stats(&sandbox)["hours"][0]["hour"], "1969-12-31T22:00:00Z");
}

#[test]
fn long_tables_are_cut_and_say_so() {
    let sandbox = Sandbox::new();
    let lines: String = (0..25)
        .map(|n| format!("2025-01-{:02}T00:00:00Z INFO m{n}: x\n", n + 1))
        .collect();
    sandbox.write("a.log", lines);
    sandbox.index().ok();
    let text = sandbox.run(&["stats"]).ok();
    assert!(text.contains("and 5 more\n"), "{text}");
    assert!(!text.contains("2025-01-01 00:00"), "{text}");
    assert!(text.contains("2025-01-25 00:00"), "{text}");
    assert_eq!(stats(&sandbox)["sources"].as_array().unwrap().len(), 25);
}
