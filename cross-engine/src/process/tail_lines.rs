//! The last lines of an output.

use std::collections::VecDeque;

/// The last lines of an output, at most `limit` of them.
#[derive(Debug)]
pub struct TailLines {
    limit: usize,
    lines: VecDeque<String>,
}

impl TailLines {
    /// Creates an empty list of at most `limit` lines.
    pub fn new(limit: usize) -> Self {
        TailLines {
            limit,
            lines: VecDeque::with_capacity(limit),
        }
    }

    /// Adds a line, and drops the first one beyond the limit.
    pub fn push(&mut self, line: impl Into<String>) {
        if self.lines.len() == self.limit {
            self.lines.pop_front();
        }
        self.lines.push_back(line.into());
    }

    pub(crate) fn clear(&mut self) {
        self.lines.clear();
    }

    /// The lines, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// The lines as one text, without a line terminator at its end.
    pub fn text(&self) -> String {
        self.iter().collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut tail = TailLines::new(2);
        assert_eq!(tail.text(), "");
        for line in ["one", "two", "three"] {
            tail.push(line);
        }
        assert_eq!(tail.text(), "two\nthree");
    }
}
