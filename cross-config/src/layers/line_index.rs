//! Byte offsets of a text as lines and columns.

use std::path::{Path, PathBuf};

use crate::diagnostics::origin::Place;

/// A file's text, indexed by line.
pub(crate) struct Lines<'a> {
    path: PathBuf,
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(path: &Path, text: &'a str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(after_newlines).collect();
        Self {
            path: path.to_owned(),
            text,
            starts,
        }
    }

    /// The place of byte `offset`; one past the end or inside a character is the nearest before it.
    pub(crate) fn place(&self, offset: usize) -> Place {
        let line = self
            .starts
            .partition_point(|start| *start <= offset)
            .saturating_sub(1);
        let start = self.starts[line];
        let before = self.text[start..]
            .char_indices()
            .take_while(|(at, c)| start + at + c.len_utf8() <= offset);
        // A byte order mark has no width in an editor.
        let column = before.filter(|(_, c)| *c != '\u{feff}').count() + 1;
        Place::new(&self.path, saturate(line + 1), saturate(column))
    }
}

fn saturate(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, offset: usize) -> (u32, u32) {
        let place = Lines::new(Path::new("f"), text).place(offset);
        (place.line, place.column)
    }

    #[test]
    fn columns_count_characters_and_lines_end_with_lf_or_crlf() {
        assert_eq!(place("", 0), (1, 1));
        assert_eq!(place("ab\ncd", 4), (2, 2));
        assert_eq!(place("ab\r\ncd", 4), (2, 1));
        assert_eq!(place("é=1", 2), (1, 2));
        assert_eq!(place("é=1", 1), (1, 1));
        assert_eq!(place("\u{feff}a", 3), (1, 1));
    }

    #[test]
    fn an_offset_past_the_end_is_the_end() {
        assert_eq!(place("ab\n", 3), (2, 1));
        assert_eq!(place("ab", 99), (1, 3));
    }
}
