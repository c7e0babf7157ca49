//! Lines of a stream with their number and byte offset, however long or badly encoded they are.

use std::io::{self, BufRead};

/// The most of one line that is kept, in bytes; the rest of a longer one is dropped.
const MAX_LINE: usize = 1024 * 1024;

/// One line, without its end.
#[derive(Debug, PartialEq)]
pub(crate) struct Line {
    /// Counted from 1.
    pub(crate) number: u64,
    /// Where it starts in the stream, in bytes.
    pub(crate) offset: u64,
    /// Its text; bytes that are not UTF-8 are replaced by U+FFFD.
    pub(crate) text: String,
}

/// Reads lines one by one.
pub(crate) struct Lines<R> {
    reader: R,
    number: u64,
    offset: u64,
}

impl<R: BufRead> Lines<R> {
    /// `reader` is at the start of line `number`, `offset` bytes into the stream.
    pub(crate) fn new(reader: R, number: u64, offset: u64) -> Self {
        Self {
            reader,
            number,
            offset,
        }
    }

    pub(crate) fn next(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let length = self.read_line(&mut bytes)?;
        if length == 0 {
            return Ok(None);
        }
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        let line = Line {
            number: self.number,
            offset: self.offset,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        };
        self.number += 1;
        self.offset += length;
        Ok(Some(line))
    }

    /// Keeps the start of the line in `bytes` and returns the length of all of it, end included.
    fn read_line(&mut self, bytes: &mut Vec<u8>) -> io::Result<u64> {
        let mut length = 0;
        loop {
            let buffer = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let text = end.unwrap_or(buffer.len());
            let room = MAX_LINE - bytes.len();
            bytes.extend_from_slice(&buffer[..text.min(room)]);
            let used = end.map_or(text, |end| end + 1);
            self.reader.consume(used);
            length += used as u64;
            if end.is_some() || used == 0 {
                return Ok(length);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    fn all(bytes: &[u8], capacity: usize) -> Vec<Line> {
        let mut lines = Lines::new(BufReader::with_capacity(capacity, bytes), 1, 0);
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    #[test]
    fn numbers_and_offsets_count_the_line_ends() {
        for capacity in [1, 3, 100] {
            let found = all(b"one\r\n\ntwo", capacity);
            let parts: Vec<_> = found
                .iter()
                .map(|line| (line.number, line.offset, line.text.as_str()))
                .collect();
            assert_eq!(parts, [(1, 0, "one"), (2, 5, ""), (3, 6, "two")]);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(all(b"a\xffb\n", 8)[0].text, "a\u{fffd}b");
    }

    #[test]
    fn a_line_without_end_in_sight_is_cut_and_counted() {
        let mut bytes = vec![b'x'; MAX_LINE + 10];
        bytes.extend_from_slice(b"\nnext\n");
        let found = all(&bytes, 8192);
        assert_eq!(found[0].text.len(), MAX_LINE);
        assert_eq!(found[1].offset, MAX_LINE as u64 + 11);
        assert_eq!(found[1].text, "next");
    }
}
