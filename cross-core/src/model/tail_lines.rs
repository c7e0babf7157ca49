//! The last lines of a command's output or of a log.

use std::collections::VecDeque;

/// The last lines of an output, at most `limit` of them.
#[derive(Debug)]
pub(crate) struct TailLines {
    limit: usize,
    lines: VecDeque<String>,
}

impl TailLines {
    pub(crate) fn new(limit: usize) -> Self {
        TailLines {
            limit,
            lines: VecDeque::with_capacity(limit),
        }
    }

    /// Adds a line, and drops the oldest one if the limit is exceeded.
    pub(crate) fn push(&mut self, line: &str) {
        if self.lines.len() == self.limit {
            self.lines.pop_front();
        }
        self.lines.push_back(line.to_owned());
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut tail = TailLines::new(2);
        assert_eq!(tail.iter().count(), 0);
        for line in ["one", "two", "three"] {
            tail.push(line);
        }
        assert_eq!(tail.iter().collect::<Vec<_>>(), ["two", "three"]);
    }
}
