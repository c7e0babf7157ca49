//! `logsift search`: what it finds, in which order, and how it prints it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use common::Sandbox;

const LOG: &str = "\
2025-02-27T10:00:00Z  INFO app::http: listening on 10.0.0.7:8080
2025-02-28T10:15:00Z  WARN app::db: slow query took 812 ms
2025-02-28T10:16:00Z ERROR app::db: connection refused by 10.0.0.9
2025-03-01T11:30:00Z DEBUG app::http: connection kept alive
2025-03-01T11:45:00Z ERROR app::http: no route to host
";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("app.log", LOG);
    sandbox.write("notes.txt", "remember the connection pool\n");
    sandbox.index().ok();
    sandbox
}

#[track_caller]
fn check(arguments: &[&str], expected: &[&str]) {
    let found = sandbox().messages(arguments);
    let starts: Vec<_> = found
        .iter()
        .map(|message| message.split(' ').next().unwrap())
        .collect();
    assert_eq!(starts, expected, "{arguments:?}: {found:#?}");
}

#[test]
fn all_words_must_occur_in_any_case_and_order() {
    check(&["REFUSED", "connection"], &["connection"]);
    check(&["refused connection"], &["connection"]);
    check(&["query", "refused"], &[]);
}

#[test]
fn phrases_and_prefixes() {
    check(&["\"route to host\""], &["no"]);
    check(&["\"host to route\""], &[]);
    check(&["liste*"], &["listening"]);
    check(&["liste"], &[]);
}

#[test]
fn what_means_something_to_fts5_is_just_text() {
    check(&["10.0.0.7:8080"], &["listening"]);
    check(&["slow AND query"], &[]);
    check(&["(slow)"], &["slow"]);
    check(&["message:slow"], &[]);
    check(&["slow^"], &["slow"]);
}

#[test]
fn expressions_of_fts5_on_request() {
    check(&["--fts", "slow OR route"], &["slow", "no"]);
    check(
        &["--fts", "connection NOT refused"],
        &["remember", "connection"],
    );
}

#[test]
fn a_wrong_expression_is_an_error() {
    let output = sandbox().run(&["search", "--fts", "slow AND"]);
    assert_eq!((output.status, output.out.as_str()), (2, ""));
    assert!(output.err.contains("fts5: syntax error"), "{}", output.err);
}

#[test]
fn levels_include_what_is_more_severe() {
    check(&["--level", "error"], &["connection", "no"]);
    check(&["--level", "warning"], &["slow", "connection", "no"]);
    check(
        &["--level", "INFO"],
        &["listening", "slow", "connection", "no"],
    );
    check(&["--level", "fatal"], &[]);
}

#[test]
fn since_and_until_bound_the_time() {
    check(&["--since", "2025-03-01"], &["connection", "no"]);
    check(&["--until", "2025-02-28"], &["listening"]);
    check(
        &[
            "--since",
            "2025-02-28T10:15:00Z",
            "--until",
            "2025-02-28T10:16:00Z",
        ],
        &["slow"],
    );
    check(&["--since", "20m"], &["no"]);
    check(
        &["--since", "1d", "--level", "debug"],
        &["connection", "no"],
    );
}

#[test]
fn sources_are_modules_or_files() {
    check(&["--source", "app::db"], &["slow", "connection"]);
    check(&["--source", "notes"], &["remember"]);
    check(&["--source", "app"], &[]);
}

#[test]
fn a_limit_keeps_the_newest_and_prints_them_in_order() {
    check(&["--limit", "2"], &["connection", "no"]);
    check(&["--limit", "1", "connection"], &["connection"]);
    check(
        &["--limit", "0"],
        &[
            "remember",
            "listening",
            "slow",
            "connection",
            "connection",
            "no",
        ],
    );
}

#[test]
fn text_is_for_people() {
    let found = sandbox().run(&["search", "slow"]).ok();
    assert_eq!(
        found,
        "2025-02-28T10:15:00.000Z WARN  app::db: slow query took 812 ms\n"
    );
    let found = sandbox().run(&["search", "--color", "always", "slow"]).ok();
    assert!(
        found.contains("\u{1b}[1m\u{1b}[4mslow\u{1b}[0m query"),
        "{found:?}"
    );
}

#[test]
fn json_is_for_programs() {
    let sandbox = sandbox();
    let found = sandbox.run(&["search", "--json", "refused"]).ok();
    let value: serde_json::Value = serde_json::from_str(&found).unwrap();
    let file = sandbox.path("app.log").canonicalize().unwrap();
    let expected = serde_json::json!({
        "time": "2025-02-28T10:16:00Z",
        "level": "error",
        "source": "app::db",
        "file": file.to_str().unwrap(),
        "line": 3,
        "message": "connection refused by 10.0.0.9",
    });
    assert_eq!(value, expected);
    let found = sandbox.run(&["search", "--json", "remember"]).ok();
    assert!(
        found.starts_with(r#"{"time":null,"level":null,"#),
        "{found}"
    );
}

#[test]
fn nothing_found_is_status_1_without_a_word() {
    let output = sandbox().run(&["search", "unheard"]);
    assert_eq!(
        (output.status, output.out.as_str(), output.err.as_str()),
        (1, "", "")
    );
}

#[test]
fn escapes_in_a_log_do_not_reach_the_terminal() {
    let sandbox = Sandbox::new();
    sandbox.write("a.log", "ERROR evil \u{1b}]0;title\u{7} text\n");
    sandbox.index().ok();
    for color in ["always", "never"] {
        let found = sandbox.run(&["search", "--color", color, "evil"]).ok();
        assert!(!found.contains("\u{1b}]0"), "{found:?}");
    }
}

#[test]
fn words_beyond_ascii() {
    let sandbox = Sandbox::new();
    sandbox.write("a.log", "Überlauf im Zähler 数据库\n");
    sandbox.index().ok();
    assert_eq!(sandbox.messages(&["überlauf"]).len(), 1);
    assert_eq!(sandbox.messages(&["zahler"]).len(), 1);
    assert_eq!(sandbox.messages(&["数据库"]).len(), 1);
}
