//! The instructions of a Dockerfile, and where their words are in the text.

use std::iter::Peekable;
use std::ops::Range;
use std::str::CharIndices;

/// An instruction: its words, each as it is written and where it is.
pub(super) struct Instruction<'t> {
    /// Its name in capital letters, without `ONBUILD`.
    pub(super) name: String,
    /// The words after the name.
    pub(super) words: Vec<Word<'t>>,
}

/// A word with its quotes, and with the line ends in it that are continued.
#[derive(Clone)]
pub(super) struct Word<'t> {
    pub(super) place: Range<usize>,
    pub(super) text: &'t str,
}

/// What a Dockerfile has: the frontend that reads it, and its instructions.
pub(super) struct Instructions<'t> {
    /// The value of the directive `syntax`.
    pub(super) syntax: Option<Word<'t>>,
    pub(super) list: Vec<Instruction<'t>>,
    /// The character that continues a line and escapes another.
    pub(super) escape: char,
}

/// Reads the instructions of `text`. Comments and here-documents are none.
pub(super) fn read(text: &str) -> Instructions<'_> {
    let mut read = Instructions {
        syntax: None,
        list: Vec::new(),
        escape: '\\',
    };
    let mut lines = Lines { text, at: 0 };
    let mut has_directives = true;
    while let Some(place) = lines.next() {
        let line = text[place.clone()].trim();
        if let Some(comment) = line.strip_prefix('#') {
            has_directives = has_directives && read.directive(comment, text);
            continue;
        }
        has_directives = false;
        if line.is_empty() {
            continue;
        }
        let mut parts = vec![place.clone()];
        let mut last = place;
        while let Some(end) = continued(&text[last.clone()], read.escape) {
            let start = last.start;
            if let Some(part) = parts.last_mut() {
                *part = start..start + end;
            }
            let Some(next) = lines.next_of_instruction() else {
                break;
            };
            parts.push(next.clone());
            last = next;
        }
        let words = words(text, &parts, read.escape);
        let mut words = words.into_iter().peekable();
        let is_on_build = |word: &Word<'_>| word.text.eq_ignore_ascii_case("ONBUILD");
        words.next_if(is_on_build);
        let Some(name) = words.next() else { continue };
        let instruction = Instruction {
            name: name.text.to_ascii_uppercase(),
            words: words.collect(),
        };
        if matches!(&*instruction.name, "RUN" | "COPY" | "ADD") {
            lines.skip_documents(&instruction.words);
        }
        read.list.push(instruction);
    }
    read
}

impl<'t> Instructions<'t> {
    /// Reads a comment as a directive of the parser. Returns whether it is one, which the next
    /// comment may be, too.
    fn directive(&mut self, comment: &'t str, text: &'t str) -> bool {
        let Some((name, value)) = comment.split_once('=') else {
            return false;
        };
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "syntax" => {
                let value = value.split_whitespace().next().unwrap_or_default();
                let at = value.as_ptr() as usize - text.as_ptr() as usize;
                self.syntax = (!value.is_empty()).then_some(Word {
                    place: at..at + value.len(),
                    text: value,
                });
            }
            "escape" if value == "`" => self.escape = '`',
            "escape" | "check" => {}
            _ => return false,
        }
        true
    }
}

/// The lines of a text, from some place on.
struct Lines<'t> {
    text: &'t str,
    at: usize,
}

impl Lines<'_> {
    /// The next line, without its end.
    fn next(&mut self) -> Option<Range<usize>> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = rest.find('\n').unwrap_or(rest.len());
        let place = self.at..self.at + length;
        self.at = self.text.len().min(place.end + 1);
        Some(place)
    }

    /// The next line that continues an instruction: neither a comment nor empty.
    fn next_of_instruction(&mut self) -> Option<Range<usize>> {
        loop {
            let place = self.next()?;
            let line = self.text[place.clone()].trim_start();
            if !line.is_empty() && !line.starts_with('#') {
                return Some(place);
            }
        }
    }

    /// Skips the here-documents that these words begin. One that does not end is none.
    fn skip_documents(&mut self, words: &[Word<'_>]) {
        for word in words {
            let digits = word.text.trim_start_matches(|c: char| c.is_ascii_digit());
            let Some(name) = digits.strip_prefix("<<") else {
                continue;
            };
            let (is_indented, name) = match name.strip_prefix('-') {
                Some(name) => (true, name),
                None => (false, name),
            };
            let name = name.trim_matches(['"', '\'']);
            if name.is_empty() || name.contains('<') {
                continue;
            }
            let before = self.at;
            let is_end = |place: Range<usize>| {
                let line = &self.text[place];
                match is_indented {
                    true => line.trim_start_matches('\t') == name,
                    false => line == name,
                }
            };
            let mut rest = Lines {
                text: self.text,
                at: before,
            };
            while let Some(place) = rest.next() {
                if is_end(place) {
                    self.at = rest.at;
                    break;
                }
            }
        }
    }
}

/// Where the line ends that the next one continues.
fn continued(line: &str, escape: char) -> Option<usize> {
    let line = line.trim_end_matches([' ', '\t', '\r']);
    let before = line.strip_suffix(escape)?;
    // An escaped one stands for itself.
    (!before.ends_with(escape)).then_some(before.len())
}

/// The words of an instruction whose lines are the `parts` of `text`. Blanks in quotes belong to
/// their word.
fn words<'t>(text: &'t str, parts: &[Range<usize>], escape: char) -> Vec<Word<'t>> {
    let mut words = Vec::new();
    let mut word: Option<Range<usize>> = None;
    let mut quote = None;
    for part in parts {
        let mut chars = text[part.clone()].char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let at = part.start + at;
            if c.is_whitespace() && quote.is_none() {
                words.extend(word.take());
                continue;
            }
            let mut end = at + c.len_utf8();
            match (quote, c) {
                (Some(open), _) if open == c => quote = None,
                (None, '"' | '\'') => quote = Some(c),
                (Some('\''), _) => {}
                _ if c == escape => end += escaped(&mut chars),
                _ => {}
            }
            word = Some(word.map_or(at, |word| word.start)..end);
        }
    }
    words.extend(word);
    let words = words.into_iter().map(|place| Word {
        text: &text[place.clone()],
        place,
    });
    words.collect()
}

/// Takes the character after an escape, and returns its length.
fn escaped(chars: &mut Peekable<CharIndices<'_>>) -> usize {
    chars.next().map_or(0, |(_, c)| c.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The instructions, each in a line.
    fn listed(text: &str) -> Vec<String> {
        let list = read(text).list.into_iter().map(|instruction| {
            let words = instruction.words.iter().map(|word| {
                assert_eq!(&text[word.place.clone()], word.text);
                word.text
            });
            let mut all = vec![instruction.name.as_str()];
            all.extend(words);
            all.join("|")
        });
        list.collect()
    }

    #[test]
    fn lines_are_continued_and_comments_and_documents_are_no_instructions() {
        let text = "\
# FROM comment
from \\
  # FROM in between

  a \\\t
  AS x
RUN <<EOF cat <<-'TWO'
FROM document
EOF
FROM second
	TWO
RUN echo \"<<NO\" <<NEVER
RUN echo 'a  b' c\\ d e\\\\
onbuild COPY --from=a /x /y
FROM last";
        let expected = [
            "FROM|a|AS|x",
            "RUN|<<EOF|cat|<<-'TWO'",
            "RUN|echo|\"<<NO\"|<<NEVER",
            "RUN|echo|'a  b'|c\\ d|e\\\\",
            "COPY|--from=a|/x|/y",
            "FROM|last",
        ];
        assert_eq!(listed(text), expected);
    }

    #[test]
    fn directives_are_at_the_beginning_only() {
        let text = "#escape=`\n# syntax = docker/dockerfile:1 x\nFROM a `\nAS b\n# syntax=late\n";
        let syntax = read(text).syntax.unwrap();
        assert_eq!(syntax.text, "docker/dockerfile:1");
        assert_eq!(&text[syntax.place], "docker/dockerfile:1");
        assert_eq!(listed(text), ["FROM|a|AS|b"]);
        assert!(read("# a comment\n# syntax=late\n").syntax.is_none());
    }
}
