//! The database: its schema, the versions of it, and the statements that write it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior};
use rusqlite::{Row, Statement, named_params, params};

use crate::entries::Entry;

/// "lgsf", in the header of every database of ours: no other program's is ever written to.
const APPLICATION_ID: i32 = 0x6c67_7366;

/// How long to wait for another logsift that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What brings the schema from each version to the next; `PRAGMA user_version` counts the steps
/// taken. Steps that were released never change: add one.
///
/// Times are microseconds since 1970 in UTC, levels are `Level::rank`.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE files (
        id INTEGER PRIMARY KEY,
        path TEXT NOT NULL UNIQUE,
        size INTEGER NOT NULL,
        modified_ns INTEGER NOT NULL,
        sha256 BLOB NOT NULL,
        -- Where the last entry starts: it may be incomplete, so reading goes on there.
        resume_offset INTEGER NOT NULL,
        resume_line INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        file_id INTEGER NOT NULL REFERENCES files (id),
        line INTEGER NOT NULL,
        time_us INTEGER,
        level INTEGER,
        source TEXT NOT NULL,
        message TEXT NOT NULL
    ) STRICT;
    CREATE INDEX entries_by_file ON entries (file_id, line);
    CREATE INDEX entries_by_time ON entries (time_us);
    -- The text is only in `entries`; these keep the words in step with it.
    CREATE VIRTUAL TABLE words USING fts5 (message, content = 'entries', content_rowid = 'id');
    CREATE TRIGGER entries_inserted AFTER INSERT ON entries BEGIN
        INSERT INTO words (rowid, message) VALUES (new.id, new.message);
    END;
    CREATE TRIGGER entries_deleted AFTER DELETE ON entries BEGIN
        INSERT INTO words (words, rowid, message) VALUES ('delete', old.id, old.message);
    END;
"];

/// What tells whether a file is the one that was indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    /// In bytes.
    pub(crate) size: u64,
    /// In nanoseconds since 1970.
    pub(crate) modified_ns: i64,
    pub(crate) sha256: [u8; 32],
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// In bytes from the start.
    pub(crate) offset: u64,
    /// Counted from 1.
    pub(crate) line: u64,
}

impl Position {
    pub(crate) const START: Self = Self { offset: 0, line: 1 };
}

/// What is known of an indexed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileState {
    pub(crate) fingerprint: Fingerprint,
    /// Where its last entry starts.
    pub(crate) resume: Position,
}

/// An open database.
pub(crate) struct Store {
    connection: Connection,
}

impl Store {
    /// Opens the database to write to it, and creates it if it does not exist.
    pub(crate) fn open_or_create(path: &Path) -> Result<Self> {
        Self::open(path, OpenFlags::SQLITE_OPEN_CREATE)
            .and_then(|mut store| {
                store.claim()?;
                migrate(&mut store.connection, MIGRATIONS)?;
                Ok(store)
            })
            .with_context(|| format!("cannot use the database {}", path.display()))
    }

    /// Opens a database that exists, to query it.
    pub(crate) fn open_existing(path: &Path) -> Result<Self> {
        ensure!(
            path.exists(),
            "there is no database {}: make it with `logsift index`",
            path.display()
        );
        Self::open(path, OpenFlags::empty())
            .and_then(|store| {
                ensure!(store.is_ours()?, "it is not a logsift database");
                let version = version(&store.connection)?;
                check_not_newer(version, MIGRATIONS)?;
                ensure!(
                    version == MIGRATIONS.len(),
                    "an older logsift made it: bring it up to date with `logsift index`"
                );
                Ok(store)
            })
            .with_context(|| format!("cannot use the database {}", path.display()))
    }

    /// Even who only reads needs to write: to clean up after a writer that was killed.
    fn open(path: &Path, extra: OpenFlags) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | extra;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        Ok(Self { connection })
    }

    fn is_ours(&self) -> Result<bool> {
        let id: i32 = pragma(&self.connection, "application_id")?;
        Ok(id == APPLICATION_ID)
    }

    /// Marks an empty database as ours; refuses those of other programs.
    fn claim(&self) -> Result<()> {
        if self.is_ours()? {
            return Ok(());
        }
        let count = "SELECT count(*) FROM sqlite_schema";
        let tables: u64 = self.connection.query_row(count, [], |row| row.get(0))?;
        ensure!(tables == 0, "it belongs to another program");
        let id = APPLICATION_ID;
        Ok(self.connection.pragma_update(None, "application_id", id)?)
    }

    /// For queries.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// What is known of the file at this path.
    pub(crate) fn file(&self, path: &str) -> Result<Option<FileState>> {
        let sql = "SELECT size, modified_ns, sha256, resume_offset, resume_line
                   FROM files WHERE path = ?";
        let found = self.connection.query_row(sql, [path], file_state);
        Ok(found.optional()?)
    }

    /// The paths of all indexed files.
    pub(crate) fn paths(&self) -> Result<Vec<String>> {
        let mut statement = self
            .connection
            .prepare("SELECT path FROM files ORDER BY path")?;
        let paths = statement.query_map([], |row| row.get(0))?;
        Ok(paths.collect::<Result<_, _>>()?)
    }

    /// Starts a change that is done as a whole by [`Update::commit`], or not at all.
    pub(crate) fn update(&mut self) -> Result<Update<'_>> {
        let behavior = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(behavior)?;
        Ok(Update { transaction })
    }
}

fn file_state(row: &Row<'_>) -> rusqlite::Result<FileState> {
    Ok(FileState {
        fingerprint: Fingerprint {
            size: row.get(0)?,
            modified_ns: row.get(1)?,
            sha256: row.get(2)?,
        },
        resume: Position {
            offset: row.get(3)?,
            line: row.get(4)?,
        },
    })
}

/// Changes that belong together.
pub(crate) struct Update<'a> {
    transaction: Transaction<'a>,
}

impl Update<'_> {
    /// Adds the file or overwrites what is known of it; returns its id.
    pub(crate) fn put_file(&self, path: &str, state: &FileState) -> Result<i64> {
        let sql = "INSERT INTO files
                       (path, size, modified_ns, sha256, resume_offset, resume_line)
                   VALUES (:path, :size, :modified_ns, :sha256, :offset, :line)
                   ON CONFLICT (path) DO UPDATE SET
                       size = :size, modified_ns = :modified_ns, sha256 = :sha256,
                       resume_offset = :offset, resume_line = :line
                   RETURNING id";
        let values = named_params! {
            ":path": path,
            ":size": state.fingerprint.size,
            ":modified_ns": state.fingerprint.modified_ns,
            ":sha256": state.fingerprint.sha256,
            ":offset": state.resume.offset,
            ":line": state.resume.line,
        };
        Ok(self.transaction.query_row(sql, values, |row| row.get(0))?)
    }

    /// Removes a file's entries that start at `line` or later; returns how many there were.
    pub(crate) fn remove_entries(&self, file: i64, line: u64) -> Result<u64> {
        let sql = "DELETE FROM entries WHERE file_id = ? AND line >= ?";
        Ok(self.transaction.execute(sql, params![file, line])? as u64)
    }

    /// Removes a file and its entries.
    pub(crate) fn remove_file(&self, path: &str) -> Result<()> {
        let sql = "DELETE FROM entries WHERE file_id IN (SELECT id FROM files WHERE path = ?)";
        self.transaction.execute(sql, [path])?;
        let sql = "DELETE FROM files WHERE path = ?";
        self.transaction.execute(sql, [path])?;
        Ok(())
    }

    /// To add entries to a file.
    pub(crate) fn inserter(&self, file: i64) -> Result<Inserter<'_>> {
        let sql = "INSERT INTO entries (file_id, line, time_us, level, source, message)
                   VALUES (?, ?, ?, ?, ?, ?)";
        let statement = self.transaction.prepare(sql)?;
        Ok(Inserter { file, statement })
    }

    pub(crate) fn commit(self) -> Result<()> {
        Ok(self.transaction.commit()?)
    }
}

/// Adds entries to one file.
pub(crate) struct Inserter<'a> {
    file: i64,
    statement: Statement<'a>,
}

impl Inserter<'_> {
    /// `source` is for entries that name none.
    pub(crate) fn insert(&mut self, entry: &Entry, source: &str) -> Result<()> {
        let record = &entry.record;
        self.statement.execute(params![
            self.file,
            entry.line,
            record.time.map(|time| time.as_microsecond()),
            record.level.map(|level| level.rank()),
            record.source.as_deref().unwrap_or(source),
            record.message,
        ])?;
        Ok(())
    }
}

fn pragma(connection: &Connection, name: &str) -> Result<i32> {
    Ok(connection.pragma_query_value(None, name, |row| row.get(0))?)
}

fn version(connection: &Connection) -> Result<usize> {
    Ok(usize::try_from(pragma(connection, "user_version")?)?)
}

fn check_not_newer(version: usize, steps: &[&str]) -> Result<()> {
    ensure!(
        version <= steps.len(),
        "a newer logsift made it (schema {version}, this one knows {})",
        steps.len()
    );
    Ok(())
}

/// Takes the steps that the database has not taken yet: all of them or none.
fn migrate(connection: &mut Connection, steps: &[&str]) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version = version(&transaction)?;
    check_not_newer(version, steps)?;
    for step in &steps[version..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", steps.len())?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(connection: &Connection) -> u64 {
        let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table'";
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn the_bundled_sqlite_has_full_text_search() {
        let connection = Connection::open_in_memory().unwrap();
        let sql = "SELECT sqlite_compileoption_used('ENABLE_FTS5')";
        let used: bool = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        assert!(used);
    }

    #[test]
    fn migrating_takes_each_step_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        let steps = ["CREATE TABLE a (x)", "CREATE TABLE b (x)"];
        migrate(&mut connection, &steps[..1]).unwrap();
        assert_eq!((version(&connection).unwrap(), tables(&connection)), (1, 1));
        migrate(&mut connection, &steps).unwrap();
        migrate(&mut connection, &steps).unwrap();
        assert_eq!((version(&connection).unwrap(), tables(&connection)), (2, 2));
    }

    #[test]
    fn a_failed_migration_leaves_nothing_behind() {
        let mut connection = Connection::open_in_memory().unwrap();
        let steps = ["CREATE TABLE a (x)", "CREATE NONSENSE"];
        migrate(&mut connection, &steps).unwrap_err();
        assert_eq!((version(&connection).unwrap(), tables(&connection)), (0, 0));
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 9).unwrap();
        let error = migrate(&mut connection, MIGRATIONS).unwrap_err();
        assert!(error.to_string().contains("newer logsift"), "{error}");
    }

    #[test]
    fn a_file_comes_back_as_it_was_put() {
        let mut store = Store::open_or_create(Path::new(":memory:")).unwrap();
        let state = FileState {
            fingerprint: Fingerprint {
                size: 1 << 40,
                modified_ns: -5,
                sha256: [0xa5; 32],
            },
            resume: Position { offset: 7, line: 3 },
        };
        let update = store.update().unwrap();
        let id = update
            .put_file(
                "/a",
                &FileState {
                    resume: Position::START,
                    ..state
                },
            )
            .unwrap();
        assert_eq!(update.put_file("/a", &state).unwrap(), id);
        update.commit().unwrap();
        assert_eq!(store.file("/a").unwrap(), Some(state));
        assert_eq!(store.file("/b").unwrap(), None);
    }

    #[test]
    fn an_update_that_is_not_committed_never_happened() {
        let mut store = Store::open_or_create(Path::new(":memory:")).unwrap();
        let state = FileState {
            fingerprint: Fingerprint {
                size: 0,
                modified_ns: 0,
                sha256: [0; 32],
            },
            resume: Position::START,
        };
        store.update().unwrap().put_file("/a", &state).unwrap();
        assert_eq!(store.paths().unwrap(), Vec::<String>::new());
    }
}
