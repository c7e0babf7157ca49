//! Converts byte offsets in a text to lines and columns.

use std::path::{Path, PathBuf};

use crate::diagnostics::origin::SourceLocation;

/// The text of a file, indexed by line.
pub(crate) struct LineIndex<'a> {
    path: PathBuf,
    text: &'a str,
    starts: Vec<usize>,
    /// The bytes that are no column of their own, in order: columns are found without a walk over a
    /// line, which may be as long as the file.
    uncounted: Vec<usize>,
}

impl<'a> LineIndex<'a> {
    pub(crate) fn new(path: &Path, text: &'a str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(after_newlines).collect();
        Self {
            path: path.to_owned(),
            text,
            starts,
            uncounted: uncounted(text),
        }
    }

    /// Returns the location of a byte offset. Offsets past the end or inside a character map to the
    /// closest preceding location.
    pub(crate) fn location(&self, offset: usize) -> SourceLocation {
        let line = self
            .starts
            .partition_point(|start| *start <= offset)
            .saturating_sub(1);
        let start = self.starts[line];
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = |offset: usize| self.uncounted.partition_point(|byte| *byte < offset);
        let column = end - start - (before(end) - before(start)) + 1;
        SourceLocation::new(&self.path, saturate(line + 1), saturate(column))
    }
}

/// All bytes of a character but the first, and all of a byte order mark, which editors do not count
/// as a column.
fn uncounted(text: &str) -> Vec<usize> {
    let wide = text.char_indices().filter(|(_, c)| !c.is_ascii());
    wide.flat_map(|(at, c)| {
        let counted = usize::from(c != '\u{feff}');
        at + counted..at + c.len_utf8()
    })
    .collect()
}

fn saturate(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(text: &str, offset: usize) -> (u32, u32) {
        let location = LineIndex::new(Path::new("f"), text).location(offset);
        (location.line, location.column)
    }

    #[test]
    fn columns_count_characters_and_lines_end_with_lf_or_crlf() {
        assert_eq!(location("", 0), (1, 1));
        assert_eq!(location("ab\ncd", 4), (2, 2));
        assert_eq!(location("ab\r\ncd", 4), (2, 1));
        assert_eq!(location("é=1", 2), (1, 2));
        assert_eq!(location("é=1", 1), (1, 1));
        assert_eq!(location("\u{feff}a", 3), (1, 1));
        assert_eq!(location("\u{feff}a", 4), (1, 2));
        assert_eq!(location("ä\n日本 = é", 3 + 8), (2, 5));
    }

    #[test]
    fn an_offset_past_the_end_is_the_end() {
        assert_eq!(location("ab\n", 3), (2, 1));
        assert_eq!(location("ab", 99), (1, 3));
    }
}
