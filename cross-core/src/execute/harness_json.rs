//! Translates libtest's JSON into libtest's text, which [`HarnessOutput`] judges.
//!
//! The JSON is unstable: what is unknown here stays as it is, and a harness without totals is
//! reported.
//!
//! [`HarnessOutput`]: super::harness_output::HarnessOutput

use std::borrow::Cow;

use serde::Deserialize;

/// How a message begins. A test may have written before it, without ending its line.
const START: &str = "{ \"type\": \"";

/// What follows the result of a test, and may be as long as the test likes.
const OUTPUT: [&str; 2] = [", \"stdout\": ", ", \"message\": "];

/// A message of the harness.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    event: String,
    name: String,
    /// Why a test is ignored.
    message: String,
    test_count: u64,
    passed: u64,
    failed: u64,
    ignored: u64,
    measured: u64,
    filtered_out: u64,
}

/// Returns what a line of JSON is in libtest's text. Other lines stay as they are.
pub(crate) fn as_text(line: &str) -> Cow<'_, str> {
    let Some(at) = line.find(START) else {
        return line.into();
    };
    let message = &line[at..];
    // A long output is cut, and is not needed.
    let end = OUTPUT.iter().filter_map(|key| message.find(key)).min();
    let short = end.map_or(message.trim_end().into(), |end| {
        Cow::from(format!("{} }}", &message[..end]))
    });
    let whole = message.trim_end();
    let Ok(message) = serde_json::from_str::<Message>(&short) else {
        return line.into();
    };
    let Message {
        passed,
        failed,
        ignored,
        measured,
        filtered_out,
        ..
    } = message;
    let status = match message.event.as_str() {
        "ok" => "ok",
        "failed" | "allowed_failure" => "FAILED",
        "ignored" => "ignored",
        _ => "",
    };
    match message.kind.as_str() {
        "suite" if message.event == "started" => {
            format!("running {} tests", message.test_count).into()
        }
        "suite" if !status.is_empty() => format!(
            "test result: {status}. {passed} passed; {failed} failed; {ignored} ignored; \
             {measured} measured; {filtered_out} filtered out"
        )
        .into(),
        "test" if status == "ignored" => {
            let whole = serde_json::from_str::<Message>(whole).unwrap_or_default();
            match whole.message.replace('\n', " ").as_str() {
                "" => format!("test {} ... ignored", message.name).into(),
                reason => format!("test {} ... ignored, {reason}", message.name).into(),
            }
        }
        "test" if !status.is_empty() => format!("test {} ... {status}", message.name).into(),
        _ => line.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_text() {
        for (json, text) in [
            (
                r#"{ "type": "suite", "event": "started", "test_count": 2 }"#,
                "running 2 tests",
            ),
            (
                r#"{ "type": "test", "name": "a::b", "event": "ok" }"#,
                "test a::b ... ok",
            ),
            (
                r#"written{ "type": "test", "name": "c", "event": "failed", "stdout": "cut off"#,
                "test c ... FAILED",
            ),
            (
                r#"{ "type": "test", "name": "d", "event": "ignored", "message": "slow" }"#,
                "test d ... ignored, slow",
            ),
            (
                r#"{ "type": "test", "name": "e", "event": "ignored" }"#,
                "test e ... ignored",
            ),
            (
                r#"{ "type": "suite", "event": "failed", "passed": 1, "failed": 1, "ignored": 0, "measured": 0, "filtered_out": 3, "exec_time": 0.1 }"#,
                "test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 3 filtered out",
            ),
        ] {
            assert_eq!(as_text(json), text);
        }
        for other in [
            r#"{ "type": "test", "event": "started", "name": "a" }"#,
            r#"{ "type": "report", "total_time": 0.1 }"#,
            "test a ... ok",
            r#"{"type":"#,
        ] {
            assert_eq!(as_text(other), other);
        }
    }
}
