//! Counts of what is in the database.

use anyhow::Result;
use jiff::Timestamp;
use rusqlite::{Connection, Row};
use serde::Serialize;

use crate::level::Level;

/// Everything that is counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Stats {
    pub(crate) files: u64,
    pub(crate) entries: u64,
    /// The time of the oldest entry that has one.
    #[serde(serialize_with = "crate::output::time")]
    pub(crate) first: Option<Timestamp>,
    /// The time of the newest.
    #[serde(serialize_with = "crate::output::time")]
    pub(crate) last: Option<Timestamp>,
    /// Most severe first; those without a level last.
    pub(crate) levels: Vec<LevelCount>,
    /// Most entries first.
    pub(crate) sources: Vec<SourceCount>,
    /// Hours that have entries, in UTC, oldest first.
    pub(crate) hours: Vec<HourCount>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct LevelCount {
    pub(crate) level: Option<Level>,
    pub(crate) count: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct SourceCount {
    pub(crate) source: String,
    pub(crate) count: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct HourCount {
    /// When the hour starts.
    #[serde(serialize_with = "crate::output::time")]
    pub(crate) hour: Option<Timestamp>,
    pub(crate) count: u64,
    /// How many of these are errors or worse.
    pub(crate) errors: u64,
}

/// Counts.
pub(crate) fn run(connection: &Connection) -> Result<Stats> {
    let number = |sql| connection.query_row(sql, [], |row| row.get(0));
    let range = "SELECT min(time_us), max(time_us) FROM entries";
    let (first, last) =
        connection.query_row(range, [], |row| Ok((time(row, 0)?, time(row, 1)?)))?;
    Ok(Stats {
        files: number("SELECT count(*) FROM files")?,
        entries: number("SELECT count(*) FROM entries")?,
        first,
        last,
        levels: levels(connection)?,
        sources: sources(connection)?,
        hours: hours(connection)?,
    })
}

fn levels(connection: &Connection) -> Result<Vec<LevelCount>> {
    let sql = "SELECT level, count(*) FROM entries GROUP BY level ORDER BY level DESC NULLS LAST";
    collect(connection, sql, |row| {
        let rank: Option<i64> = row.get(0)?;
        Ok(LevelCount {
            level: rank.and_then(Level::from_rank),
            count: row.get(1)?,
        })
    })
}

fn sources(connection: &Connection) -> Result<Vec<SourceCount>> {
    let sql = "SELECT source, count(*) FROM entries GROUP BY source ORDER BY count(*) DESC, source";
    collect(connection, sql, |row| {
        Ok(SourceCount {
            source: row.get(0)?,
            count: row.get(1)?,
        })
    })
}

fn hours(connection: &Connection) -> Result<Vec<HourCount>> {
    // The remainder is made positive first: before 1970 it would round up.
    let sql = format!(
        "SELECT time_us - (time_us % :hour + :hour) % :hour AS hour, count(*),
                count(*) FILTER (WHERE level >= {})
         FROM entries WHERE time_us IS NOT NULL GROUP BY hour ORDER BY hour",
        Level::Error.rank()
    );
    collect(connection, &sql.replace(":hour", "3600000000"), |row| {
        Ok(HourCount {
            hour: time(row, 0)?,
            count: row.get(1)?,
            errors: row.get(2)?,
        })
    })
}

fn collect<T>(
    connection: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let time: Option<i64> = row.get(column)?;
    Ok(time.and_then(|time| Timestamp::from_microsecond(time).ok()))
}
