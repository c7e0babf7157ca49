//! The end of what a test binary prints.

use std::collections::VecDeque;

use crate::model::printable::{beginning, printable};
use crate::model::test_summary::MESSAGE;

/// The last lines of an output, as long as a message may be.
#[derive(Debug, Default)]
pub(super) struct Tail {
    lines: VecDeque<String>,
    size: usize,
}

impl Tail {
    pub(super) fn push(&mut self, line: &str) {
        let shown = printable(line);
        let line = beginning(&shown, MESSAGE - 1);
        self.size += line.len() + 1;
        self.lines.push_back(line.to_owned());
        while self.size > MESSAGE {
            let first = self.lines.pop_front().unwrap_or_default();
            self.size -= first.len() + 1;
        }
    }

    /// Its size in bytes.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// The lines as one text, if there are any.
    pub(super) fn text(&self) -> Option<String> {
        let mut text = String::with_capacity(self.size);
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        (!text.is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_can_be_shown() {
        let mut tail = Tail::default();
        assert_eq!(tail.text(), None);
        for n in 0..3000 {
            tail.push(&format!("line {n}"));
        }
        let text = tail.text().unwrap();
        assert!(
            text.len() <= MESSAGE && text.len() > MESSAGE - 20,
            "{}",
            text.len()
        );
        assert!(text.ends_with("line 2998\nline 2999\n"), "{text}");
        tail.push(&"x".repeat(2 * MESSAGE));
        assert_eq!(tail.text().unwrap().len(), MESSAGE);
        tail.push("\u{1b}[2Jgone");
        assert_eq!(tail.text().unwrap(), "\\u{1b}[2Jgone\n");
    }
}
