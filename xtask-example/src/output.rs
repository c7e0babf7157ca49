//! What goes to standard output, as text for people or JSON for programs.

use std::borrow::Cow;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::level::Level;
use crate::search::{Hit, MARK_END, MARK_START};
use crate::stats::{HourCount, Stats};

/// The longest bar of the hours, in characters.
const BAR: u64 = 40;
/// How many hours and sources the text shows at most; JSON has all.
const HOURS: usize = 24;
const SOURCES: usize = 20;

const DIM: Style = Style::new().dimmed();
const MATCH: Style = Style::new().bold().underline();

/// Times in JSON: RFC 3339 in UTC, or null.
pub(crate) fn time<S: Serializer>(
    time: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(|time| time.to_string()).serialize(serializer)
}

/// One value as one line of JSON.
pub(crate) fn json(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// `TIME LEVEL SOURCE: MESSAGE`, with `FILE:LINE: ` in front if asked for.
pub(crate) fn hit(out: &mut dyn Write, hit: &Hit, location: bool, color: bool) -> io::Result<()> {
    let style = |style: Style| if color { style } else { Style::new() };
    if location {
        write!(out, "{}:{}: ", clean(&hit.file), hit.line)?;
    }
    // Milliseconds always, so that the columns line up; JSON has all that is known.
    let time = hit
        .time
        .map_or_else(|| "-".to_owned(), |time| format!("{time:.3}"));
    let level = hit.level.map_or("-", Level::name).to_uppercase();
    let (dim, severity) = (style(DIM), style(hit.level.map_or(DIM, level_style)));
    write!(out, "{dim}{time}{dim:#} {severity}{level:5}{severity:#} ")?;
    let source = clean(&hit.source);
    match color {
        true => writeln!(out, "{source}: {}", highlighted(&hit.marked)),
        false => writeln!(out, "{source}: {}", clean(&hit.message)),
    }
}

fn level_style(level: Level) -> Style {
    match level {
        Level::Trace | Level::Debug => DIM,
        Level::Info => AnsiColor::Green.on_default(),
        Level::Warn => AnsiColor::Yellow.on_default(),
        Level::Error => AnsiColor::Red.on_default(),
        Level::Fatal => AnsiColor::Red.on_default().bold(),
    }
}

/// Without control characters: a log can hold what others sent, and a terminal obeys those.
fn clean(text: &str) -> Cow<'_, str> {
    let harmful = |c: char| c.is_control() && c != '\n' && c != '\t';
    match text.contains(harmful) {
        true => text.replace(harmful, "\u{fffd}").into(),
        false => text.into(),
    }
}

fn highlighted(marked: &str) -> String {
    let mut text = String::with_capacity(marked.len());
    for part in marked.split_inclusive([MARK_START, MARK_END]) {
        let (body, style) = match part.chars().next_back() {
            Some(MARK_START) => (&part[..part.len() - 1], MATCH.render().to_string()),
            Some(MARK_END) => (&part[..part.len() - 1], MATCH.render_reset().to_string()),
            _ => (part, String::new()),
        };
        text.push_str(&clean(body));
        text.push_str(&style);
    }
    text
}

/// `1 entry`, `2 entries`
pub(crate) fn entries(count: u64) -> String {
    format!("{count} {}", if count == 1 { "entry" } else { "entries" })
}

/// `1 file`, `2 files`
pub(crate) fn files(count: u64) -> String {
    format!("{count} {}", if count == 1 { "file" } else { "files" })
}

/// The counts as tables.
pub(crate) fn stats(out: &mut dyn Write, stats: &Stats) -> io::Result<()> {
    let (entries, files) = (entries(stats.entries), files(stats.files));
    writeln!(out, "{entries} in {files}")?;
    if let (Some(first), Some(last)) = (stats.first, stats.last) {
        writeln!(out, "from {first} to {last}")?;
    }
    let levels = stats
        .levels
        .iter()
        .map(|item| (item.level.map_or("(none)", Level::name), item.count));
    table(out, "level", levels, usize::MAX)?;
    let sources = stats
        .sources
        .iter()
        .map(|item| (item.source.as_str(), item.count));
    table(out, "source", sources, SOURCES)?;
    hours(out, &stats.hours)
}

fn table<'a>(
    out: &mut dyn Write,
    title: &str,
    rows: impl ExactSizeIterator<Item = (&'a str, u64)>,
    most: usize,
) -> io::Result<()> {
    let hidden = rows.len().saturating_sub(most);
    if rows.len() > 0 {
        writeln!(out, "\n{:>10}  {title}", "entries")?;
    }
    for (name, count) in rows.take(most) {
        writeln!(out, "{count:>10}  {}", clean(name))?;
    }
    match hidden {
        0 => Ok(()),
        _ => writeln!(out, "{:>10}  and {hidden} more", ""),
    }
}

fn hours(out: &mut dyn Write, hours: &[HourCount]) -> io::Result<()> {
    let hours = &hours[hours.len().saturating_sub(HOURS)..];
    let Some(most) = hours.iter().map(|item| item.count).max() else {
        return Ok(());
    };
    writeln!(out, "\n{:>10}  {:>10}  hour (UTC)", "entries", "errors")?;
    for item in hours {
        let hour = item
            .hour
            .map_or_else(String::new, |hour| hour.strftime("%F %H:00").to_string());
        let length = (item.count * BAR).div_ceil(most);
        let bar = "#".repeat(usize::try_from(length).unwrap_or_default());
        writeln!(
            out,
            "{:>10}  {:>10}  {hour}  {bar}",
            item.count, item.errors
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Hit {
        Hit {
            time: Some("2025-01-02T03:04:05Z".parse().unwrap()),
            level: Some(Level::Warn),
            source: "db".to_owned(),
            file: "/var/log/app.log".to_owned(),
            line: 7,
            message: "slow query".to_owned(),
            marked: "\u{2}slow\u{3} query".to_owned(),
        }
    }

    fn text(example: &Hit, location: bool, color: bool) -> String {
        let mut out = Vec::new();
        hit(&mut out, example, location, color).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_hit_is_one_line() {
        let found = text(&example(), false, false);
        assert_eq!(found, "2025-01-02T03:04:05.000Z WARN  db: slow query\n");
        let found = text(&example(), true, false);
        assert!(found.starts_with("/var/log/app.log:7: 2025-"), "{found}");
    }

    #[test]
    fn what_is_unknown_is_a_dash() {
        let bare = Hit {
            time: None,
            level: None,
            ..example()
        };
        assert_eq!(text(&bare, false, false), "- -     db: slow query\n");
    }

    #[test]
    fn color_marks_the_match_and_ends() {
        let found = text(&example(), false, true);
        assert!(found.contains("\u{1b}[33mWARN \u{1b}[0m"), "{found:?}");
        assert!(
            found.contains("\u{1b}[1m\u{1b}[4mslow\u{1b}[0m query"),
            "{found:?}"
        );
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        let hostile = "a\u{1b}[2Jb\u{7f}\tc\nd";
        assert_eq!(clean(hostile), "a\u{fffd}[2Jb\u{fffd}\tc\nd");
        assert!(!highlighted(hostile).contains('\u{1b}'));
    }

    #[test]
    fn json_is_one_object_per_line() {
        let mut out = Vec::new();
        json(&mut out, &example()).unwrap();
        let expected = r#"{"time":"2025-01-02T03:04:05Z","level":"warn","source":"db","file":"/var/log/app.log","line":7,"message":"slow query"}"#;
        assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}\n"));
    }
}
