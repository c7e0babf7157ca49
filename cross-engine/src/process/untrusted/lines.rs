//! Lines of bounded length.

use crate::process::untrusted::limits;

/// What stands where a line was cut.
const CUT: &str = " [cut: the line is longer than 1 MiB] ";

/// Splits a stream into lines of at most [`limits::LINE`] bytes. Of a longer one, the beginning and
/// the end are kept, and it says so between them.
#[derive(Debug)]
pub struct LineSplitter {
    limit: usize,
    /// The beginning of a line that has no end yet.
    begun: Vec<u8>,
    /// Whether the line is already longer than `begun`.
    cut: bool,
    /// The last bytes of a line that is cut.
    end: Vec<u8>,
}

/// How many of them are kept: a harness prints the result of a test behind what the test printed.
const END: usize = 1 << 10;

impl LineSplitter {
    /// One that has read nothing yet.
    pub fn new() -> Self {
        LineSplitter::with_limit(limits::LINE)
    }

    /// One for lines of another length, for streams that are not the inside's.
    pub(crate) fn with_limit(limit: usize) -> Self {
        LineSplitter {
            limit,
            begun: Vec::new(),
            cut: false,
            end: Vec::new(),
        }
    }

    /// Reads on, and returns the lines that are whole, without their ends.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.keep(&rest[..end]);
            lines.push(self.line());
            rest = &rest[end + 1..];
        }
        self.keep(rest);
        lines
    }

    /// The last line, where the stream did not end with one's end.
    pub fn finish(&mut self) -> Option<String> {
        let has_begun = self.cut || !self.begun.is_empty();
        has_begun.then(|| self.line())
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = self.limit - self.begun.len();
        let (kept, left_out) = bytes.split_at(bytes.len().min(room));
        self.begun.extend_from_slice(kept);
        self.cut |= !left_out.is_empty();
        let last = left_out.len().saturating_sub(END);
        self.end.extend_from_slice(&left_out[last..]);
        self.end.drain(..self.end.len().saturating_sub(END));
    }

    fn line(&mut self) -> String {
        let mut line = String::from_utf8_lossy(&self.begun).into_owned();
        if std::mem::take(&mut self.cut) {
            line.push_str(CUT);
            line.push_str(&String::from_utf8_lossy(&self.end));
            self.end = Vec::new();
        }
        self.begun.clear();
        // A long line is rare: its memory is not held until the next.
        self.begun.shrink_to(limits::CHUNK);
        line
    }
}

impl Default for LineSplitter {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_delivered_when_they_are_whole_and_the_last_one_at_the_end() {
        let mut lines = LineSplitter::new();
        assert_eq!(lines.push(b"one\n\ntw"), ["one", ""]);
        assert_eq!(lines.push(b"o\nthree\xff"), ["two"]);
        assert_eq!(lines.finish().as_deref(), Some("three\u{fffd}"));
        assert_eq!(lines.finish(), None);
    }

    #[test]
    fn a_line_that_does_not_end_takes_no_more_memory_than_the_limit() {
        let mut lines = LineSplitter::new();
        for _ in 0..64 {
            assert!(lines.push(&[b'x'; limits::CHUNK]).is_empty());
            assert!(lines.begun.capacity() <= 2 * limits::LINE);
        }
        let cut = lines.push(b"end\nnext\n");
        assert_eq!(cut[0].len(), limits::LINE + CUT.len() + END);
        assert!(cut[0].ends_with("xxend"), "a result may be there");
        assert_eq!(cut[1], "next");
    }

    #[test]
    fn a_line_of_just_the_limit_is_whole() {
        let mut lines = LineSplitter::with_limit(4);
        assert_eq!(lines.push(b"four\n"), ["four"]);
        assert_eq!(lines.push(b"fives\n"), [format!("five{CUT}s")]);
        assert_eq!(lines.push(b"four\n"), ["four"]);
    }
}
