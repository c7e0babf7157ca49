//! From lines to entries: lines that continue the one before, such as stack traces, belong to it.

use std::io::{self, BufRead};

use crate::lines::Lines;
use crate::parse::{self, Record};
use crate::timestamp::Context;

/// The most text that one entry gathers, in bytes; lines beyond it start an entry of their own.
const MAX_MESSAGE: usize = 1024 * 1024;

/// One record and where it starts.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Counted from 1.
    pub(crate) line: u64,
    /// In bytes from the start of the stream.
    pub(crate) offset: u64,
    pub(crate) record: Record,
}

/// Reads entries one by one.
pub(crate) struct Entries<'a, R> {
    lines: Lines<R>,
    context: &'a Context,
    /// The entry that the next lines may continue.
    pending: Option<Entry>,
}

impl<'a, R: BufRead> Entries<'a, R> {
    pub(crate) fn new(lines: Lines<R>, context: &'a Context) -> Self {
        Self {
            lines,
            context,
            pending: None,
        }
    }

    pub(crate) fn next(&mut self) -> io::Result<Option<Entry>> {
        while let Some(line) = self.lines.next()? {
            if line.text.trim().is_empty() {
                continue;
            }
            let record = parse::line(&line.text, self.context);
            if let Some(pending) = &mut self.pending {
                if continues(&line.text, &record, &pending.record) {
                    pending.record.message.push('\n');
                    pending.record.message.push_str(line.text.trim_end());
                    continue;
                }
            }
            let entry = Entry {
                line: line.number,
                offset: line.offset,
                record,
            };
            if let Some(done) = self.pending.replace(entry) {
                return Ok(Some(done));
            }
        }
        Ok(self.pending.take())
    }
}

/// Whether a line adds to the entry before it: it is indented, or it has neither time nor level
/// where the entry before has a time.
fn continues(text: &str, record: &Record, before: &Record) -> bool {
    let indented = text.starts_with([' ', '\t']);
    let headless = record.level.is_none() && before.time.is_some();
    let room = before.message.len() + text.len() < MAX_MESSAGE;
    record.time.is_none() && (indented || headless) && room
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use jiff::tz::Offset;

    use super::*;

    fn messages(text: &str) -> Vec<(u64, u64, String)> {
        let context = Context {
            offset: Offset::UTC,
            latest: Timestamp::UNIX_EPOCH,
        };
        let mut entries = Entries::new(Lines::new(text.as_bytes(), 1, 0), &context);
        std::iter::from_fn(|| entries.next().unwrap())
            .map(|entry| (entry.line, entry.offset, entry.record.message))
            .collect()
    }

    #[test]
    fn a_traceback_belongs_to_its_error() {
        let text = "2025-01-02 03:04:05 ERROR failed\n\
                    Traceback (most recent call last):\n\
                    \x20 File \"a.py\", line 1\n\
                    \n\
                    ValueError: x\n\
                    2025-01-02 03:04:06 INFO next\n";
        let found = messages(text);
        assert_eq!(found.len(), 2);
        let trace =
            "failed\nTraceback (most recent call last):\n  File \"a.py\", line 1\nValueError: x";
        assert_eq!(found[0], (1, 0, trace.to_owned()));
        assert_eq!((found[1].0, found[1].2.as_str()), (6, "next"));
        assert_eq!(
            text[usize::try_from(found[1].1).unwrap()..].lines().count(),
            1
        );
    }

    #[test]
    fn lines_of_a_log_without_times_stand_alone() {
        let found = messages("one\ntwo\n  more of two\nERROR three\n");
        let texts: Vec<_> = found.iter().map(|(.., text)| text.as_str()).collect();
        assert_eq!(texts, ["one", "two\n  more of two", "three"]);
    }
}
