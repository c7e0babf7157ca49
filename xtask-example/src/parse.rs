//! From the text of a line to a record: when, how severe, from where, what.
//!
//! Understood are JSON objects, syslog (RFC 3164 and 5424), and text that starts with a time, a
//! level, or both, the way most loggers write it. Any other line is a message and nothing else.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::level::Level;
use crate::timestamp::{self, Context, Style};

/// How many words after the time may come before the level.
const LEVEL_WITHIN_WORDS: usize = 4;

/// One line's content.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Record {
    pub(crate) time: Option<Timestamp>,
    pub(crate) level: Option<Level>,
    /// The program, module or logger that it names.
    pub(crate) source: Option<String>,
    pub(crate) message: String,
}

/// Reads one line, given without its end.
pub(crate) fn line(text: &str, context: &Context) -> Record {
    let trimmed = text.trim();
    json(trimmed, context)
        .or_else(|| with_priority(trimmed, context))
        .unwrap_or_else(|| plain(text.trim_end(), context))
}

/// A JSON object per line, by the field names that loggers commonly use.
fn json(text: &str, context: &Context) -> Option<Record> {
    if !text.starts_with('{') {
        return None;
    }
    let mut fields: Map<String, Value> = serde_json::from_str(text).ok()?;
    let mut take = |names: &[&str]| names.iter().find_map(|name| fields.remove(*name));
    let time = take(&["timestamp", "@timestamp", "time", "ts"]);
    let level = take(&["level", "lvl", "severity"]);
    let source = take(&["source", "logger", "target", "service"]);
    let message = take(&["message", "msg"]).map(|value| scalar(&value));
    Some(Record {
        time: time.and_then(|value| time_of(&value, context)),
        level: level.and_then(|value| level_of(&value)),
        source: source.map(|value| scalar(&value)),
        message: with_fields(message.unwrap_or_default(), &fields),
    })
}

fn time_of(value: &Value, context: &Context) -> Option<Timestamp> {
    let text = scalar(value);
    let (time, _, rest) = timestamp::leading(&text, context)?;
    rest.is_empty().then_some(time)
}

fn level_of(value: &Value) -> Option<Level> {
    match value {
        Value::Number(number) => Level::from_bunyan(number.as_u64()?),
        other => Level::from_word(other.as_str()?),
    }
}

/// Strings without quotes, anything else as JSON.
fn scalar(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// The other fields go after the message, so that a search finds them too.
fn with_fields(mut message: String, fields: &Map<String, Value>) -> String {
    for (name, value) in fields {
        if !message.is_empty() {
            message.push(' ');
        }
        message.push_str(name);
        message.push('=');
        message.push_str(&scalar(value));
    }
    message
}

/// Syslog as it is on the wire, with `<priority>` in front.
fn with_priority(text: &str, context: &Context) -> Option<Record> {
    let (priority, rest) = text.strip_prefix('<')?.split_once('>')?;
    let priority: u8 = priority.parse().ok().filter(|number| *number <= 191)?;
    let record = match rest.strip_prefix("1 ") {
        Some(rest) => rfc5424(rest, context)?,
        None => plain(rest, context),
    };
    Some(Record {
        level: Some(Level::from_syslog_priority(priority)),
        ..record
    })
}

/// `TIME HOST PROGRAM PROCESS MESSAGE-ID DATA MESSAGE`, where `-` stands for nothing.
fn rfc5424(text: &str, context: &Context) -> Option<Record> {
    let mut fields = text.splitn(6, ' ');
    let time = fields.next()?;
    let _host = fields.next()?;
    let program = fields.next()?;
    let (_process, _message_id) = (fields.next()?, fields.next()?);
    let message = fields.next()?;
    Some(Record {
        time: timestamp::leading(time, context).map(|(time, ..)| time),
        level: None,
        source: (program != "-").then(|| program.to_owned()),
        message: message.strip_prefix("- ").unwrap_or(message).to_owned(),
    })
}

/// `[TIME LEVEL SOURCE] MESSAGE` and its many relatives.
fn plain(text: &str, context: &Context) -> Record {
    let (start, bracketed) = match text.strip_prefix('[') {
        Some(inner) => (inner, true),
        None => (logfmt_time(text), false),
    };
    let Some((time, style, rest)) = timestamp::leading(start, context) else {
        return after_time(text, false);
    };
    let open = bracketed && !rest.starts_with(']');
    let rest = rest.trim_start_matches([']', '"', ':']).trim_start();
    let record = match style {
        Style::Syslog => syslog(rest),
        Style::Plain => after_time(rest, open),
    };
    Record {
        time: Some(time),
        ..record
    }
}

/// The value of a leading `time=` or `ts=`, otherwise the text as it is.
fn logfmt_time(text: &str) -> &str {
    let value = text
        .strip_prefix("time=")
        .or_else(|| text.strip_prefix("ts="));
    value.map_or(text, |value| value.trim_start_matches('"'))
}

/// `HOST PROGRAM[PROCESS]: MESSAGE`
fn syslog(text: &str) -> Record {
    let parts = text.split_once(' ').and_then(|(_host, rest)| {
        let (tag, message) = rest
            .split_once(": ")
            .or_else(|| Some((rest.strip_suffix(':')?, "")))?;
        let program = tag.split('[').next().filter(|name| is_name(name))?;
        Some((program, message))
    });
    let Some((program, message)) = parts else {
        return after_time(text, false);
    };
    Record {
        source: Some(program.to_owned()),
        message: message.trim_start().to_owned(),
        level: level_in(message).map(|(level, _)| level),
        time: None,
    }
}

/// `LEVEL SOURCE: MESSAGE`; with `open`, a `]` closes the part before the message.
fn after_time(text: &str, open: bool) -> Record {
    let Some((level, after)) = level_in(text) else {
        return Record {
            message: text.trim().to_owned(),
            ..Record::default()
        };
    };
    // Only a level in front is cut off: what stands before one later in the line would be lost.
    let body = after.unwrap_or(text).trim_start();
    let (source, message) = match after {
        Some(_) => source_in(body, open),
        None => (None, body),
    };
    Record {
        time: None,
        level: Some(level),
        source: source.map(str::to_owned),
        message: message.trim().to_owned(),
    }
}

/// The level among the first words, and, if it is the very first, the text after it.
fn level_in(text: &str) -> Option<(Level, Option<&str>)> {
    let text = text.trim_start();
    for (position, word) in text.split_whitespace().take(LEVEL_WITHIN_WORDS).enumerate() {
        if let Some(level) = marked_level(word) {
            let after = (position == 0).then(|| &text[word.len()..]);
            return Some((level, after));
        }
    }
    None
}

/// A word that is meant as a level: `ERROR`, `[error]`, `error:` or `level=error`, but not the
/// "error" of a sentence.
fn marked_level(word: &str) -> Option<Level> {
    if let Some(value) = word.strip_prefix("level=") {
        return Level::from_word(value.trim_matches('"'));
    }
    let bare = word.trim_matches(['[', ']', '(', ')', '<', '>', '|', ':']);
    let marked = bare.len() < word.len() || bare.bytes().all(|byte| byte.is_ascii_uppercase());
    marked.then(|| Level::from_word(bare)).flatten()
}

/// Splits `SOURCE: ` off, or `SOURCE] ` where a bracket is open.
fn source_in(text: &str, open: bool) -> (Option<&str>, &str) {
    let text = text.strip_prefix("- ").unwrap_or(text);
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let name = word
        .strip_suffix(':')
        .or_else(|| word.strip_suffix(']').filter(|_| open));
    match name.filter(|name| is_name(name) && !rest.is_empty()) {
        Some(name) => (Some(name), rest),
        None => (
            None,
            text.strip_prefix("] ").filter(|_| open).unwrap_or(text),
        ),
    }
}

/// Whether this can be the name of a program, module or logger.
fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || "_-.:/@".contains(c);
    !text.is_empty() && text.len() <= 64 && text.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use jiff::tz::Offset;

    use super::*;

    fn parse(text: &str) -> Record {
        let context = Context {
            offset: Offset::UTC,
            latest: "2025-03-01T00:00:00Z".parse().unwrap(),
        };
        line(text, &context)
    }

    fn record(time: &str, level: Option<Level>, source: &str, message: &str) -> Record {
        Record {
            time: (!time.is_empty()).then(|| time.parse().unwrap()),
            level,
            source: (!source.is_empty()).then(|| source.to_owned()),
            message: message.to_owned(),
        }
    }

    const T: &str = "2025-01-02T03:04:05Z";

    #[test]
    fn tracing_and_env_logger() {
        let expected = record(T, Some(Level::Info), "app::net", "listening on :80");
        assert_eq!(
            parse("2025-01-02T03:04:05Z  INFO app::net: listening on :80"),
            expected
        );
        assert_eq!(
            parse("[2025-01-02T03:04:05Z INFO  app::net] listening on :80"),
            expected
        );
    }

    #[test]
    fn bracketed_levels_as_nginx_writes_them() {
        let found = parse("2025/01/02 03:04:05 [error] 31#31: *7 open() failed");
        let expected = record(T, Some(Level::Error), "", "31#31: *7 open() failed");
        // `31#31:` is a process and thread, no name.
        assert_eq!(found, expected);
    }

    #[test]
    fn a_bracketed_time_alone() {
        let found = parse("[2025-01-02 03:04:05] WARNING: disk is 91 % full");
        assert_eq!(found, record(T, Some(Level::Warn), "", "disk is 91 % full"));
    }

    #[test]
    fn a_level_in_the_middle_keeps_what_is_before_it() {
        let found = parse("2025-01-02 03:04:05,000 - app.db - ERROR - gone");
        assert_eq!(
            found,
            record(T, Some(Level::Error), "", "- app.db - ERROR - gone")
        );
    }

    #[test]
    fn syslog_names_its_program() {
        let found = parse("Jan  2 03:04:05 web1 sshd[412]: error: maximum attempts exceeded");
        let expected = record(
            T,
            Some(Level::Error),
            "sshd",
            "error: maximum attempts exceeded",
        );
        assert_eq!(found, expected);
    }

    #[test]
    fn syslog_priority_sets_the_level() {
        let found = parse("<11>Jan  2 03:04:05 web1 cron: job failed");
        assert_eq!(found, record(T, Some(Level::Error), "cron", "job failed"));
        let found = parse("<165>1 2025-01-02T03:04:05Z web1 evntslog - ID47 - hello there");
        assert_eq!(
            found,
            record(T, Some(Level::Info), "evntslog", "hello there")
        );
        let found = parse("<14>1 - - - - - [meta x=\"1\"] hi");
        assert_eq!(
            found,
            record("", Some(Level::Info), "", "[meta x=\"1\"] hi")
        );
    }

    #[test]
    fn a_number_that_is_no_priority_is_text() {
        assert_eq!(parse("<999> what").message, "<999> what");
        assert_eq!(parse("<b>bold</b>").level, None);
    }

    #[test]
    fn json_fields_by_their_usual_names() {
        let found = parse(
            r#"{"ts":"2025-01-02T03:04:05Z","level":"warn","msg":"slow","logger":"db","ms":812}"#,
        );
        assert_eq!(found, record(T, Some(Level::Warn), "db", "slow ms=812"));
        let found = parse(r#"{"time":1735787045000,"level":50,"msg":"boom","ok":false}"#);
        assert_eq!(found, record(T, Some(Level::Error), "", "boom ok=false"));
        let found = parse(r#"{"ts":1735787045.5,"msg":"x"}"#);
        assert_eq!(found.time, Some("2025-01-02T03:04:05.5Z".parse().unwrap()));
    }

    #[test]
    fn broken_json_is_text() {
        assert_eq!(
            parse(r#"{"level":"warn""#),
            record("", None, "", r#"{"level":"warn""#)
        );
    }

    #[test]
    fn logfmt() {
        let found =
            parse(r#"time="2025-01-02T03:04:05Z" level=error msg="no route" peer=10.0.0.7"#);
        assert_eq!(
            found,
            record(T, Some(Level::Error), "", r#"msg="no route" peer=10.0.0.7"#)
        );
    }

    #[test]
    fn a_word_of_a_sentence_is_no_level() {
        let text = "2025-01-02T03:04:05Z an error occurred";
        assert_eq!(parse(text), record(T, None, "", "an error occurred"));
        assert_eq!(parse("error: no time here").level, Some(Level::Error));
    }

    #[test]
    fn text_without_anything_known() {
        assert_eq!(parse("hello wörld"), record("", None, "", "hello wörld"));
        assert_eq!(parse("").message, "");
    }
}
