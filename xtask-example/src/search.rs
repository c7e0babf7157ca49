//! Finds entries by their words, time, level and source.

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use serde::Serialize;

use crate::level::Level;

/// Stand around the words that matched in [`Hit::marked`].
pub(crate) const MARK_START: char = '\u{2}';
pub(crate) const MARK_END: char = '\u{3}';

/// What to look for: all of it must be true of an entry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// In FTS5's syntax.
    pub(crate) expression: Option<String>,
    /// At least this severe. Entries without a level are none of these.
    pub(crate) level: Option<Level>,
    /// Not before. Entries without a time are neither before nor after anything.
    pub(crate) since: Option<Timestamp>,
    /// Before.
    pub(crate) until: Option<Timestamp>,
    pub(crate) source: Option<String>,
    /// At most so many, the newest.
    pub(crate) limit: Option<u32>,
}

/// An entry that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Hit {
    #[serde(serialize_with = "crate::output::time")]
    pub(crate) time: Option<Timestamp>,
    pub(crate) level: Option<Level>,
    pub(crate) source: String,
    pub(crate) file: String,
    pub(crate) line: u64,
    pub(crate) message: String,
    /// The message with the words that matched between [`MARK_START`] and [`MARK_END`].
    #[serde(skip)]
    pub(crate) marked: String,
}

/// The entries that pass, oldest first.
pub(crate) fn run(connection: &Connection, filter: &Filter) -> Result<Vec<Hit>> {
    let (sql, values) = statement(filter);
    let rows = || -> rusqlite::Result<Vec<Hit>> {
        let mut statement = connection.prepare(&sql)?;
        statement
            .query_map(params_from_iter(values), hit)?
            .collect()
    };
    let mut hits = rows().context("cannot search")?;
    hits.reverse();
    Ok(hits)
}

/// Newest first, so that a limit keeps the newest.
fn statement(filter: &Filter) -> (String, Vec<Value>) {
    let mut conditions = vec!["true"];
    let mut values = Vec::new();
    let mut add = |condition, value: Option<Value>| {
        if let Some(value) = value {
            conditions.push(condition);
            values.push(value);
        }
    };
    add("words MATCH ?", filter.expression.clone().map(Value::from));
    add("level >= ?", filter.level.map(|level| level.rank().into()));
    add("time_us >= ?", filter.since.map(microsecond));
    add("time_us < ?", filter.until.map(microsecond));
    add("source = ?", filter.source.clone().map(Value::from));
    let (marked, words) = match filter.expression {
        Some(_) => (
            "highlight(words, 0, char(2), char(3))",
            "JOIN words ON words.rowid = entries.id",
        ),
        None => ("entries.message", ""),
    };
    let sql = format!(
        "SELECT time_us, level, source, path, line, entries.message, {marked}
         FROM entries JOIN files ON files.id = file_id {words}
         WHERE {} ORDER BY time_us DESC NULLS LAST, entries.id DESC LIMIT {}",
        conditions.join(" AND "),
        filter.limit.map_or(-1, i64::from),
    );
    (sql, values)
}

/// Entries are stored to the microsecond, cut off like this.
fn microsecond(time: Timestamp) -> Value {
    Value::from(time.as_microsecond())
}

fn hit(row: &Row<'_>) -> rusqlite::Result<Hit> {
    let time: Option<i64> = row.get(0)?;
    let level: Option<i64> = row.get(1)?;
    Ok(Hit {
        time: time.and_then(|time| Timestamp::from_microsecond(time).ok()),
        level: level.and_then(Level::from_rank),
        source: row.get(2)?,
        file: row.get(3)?,
        line: row.get(4)?,
        message: row.get(5)?,
        marked: row.get(6)?,
    })
}
