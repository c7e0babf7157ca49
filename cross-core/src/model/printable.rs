//! Text of others in messages: with its control characters made visible, and without colours, or
//! with them where a terminal shows it.

use std::borrow::Cow;

/// Removes the colours of `text`, and escapes the control characters that could change what a
/// terminal shows. Line breaks and tabs stay.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, false)
}

/// The same, but leaves the colours. The result ends without any.
#[cfg(feature = "console")]
pub(crate) fn printable_in_color(text: &str) -> Cow<'_, str> {
    match escaped(text, true) {
        colored if colored.contains('\u{1b}') => Cow::Owned(format!("{colored}\u{1b}[0m")),
        plain => plain,
    }
}

fn escaped(text: &str, keeps_colors: bool) -> Cow<'_, str> {
    let is_plain = |c: char| !c.is_control() || c == '\n' || c == '\t';
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c| !is_plain(c)) {
        let (before, after) = rest.split_at(at);
        shown.push_str(before);
        rest = match colour(after) {
            Some(length) => {
                let (color, after) = after.split_at(length);
                shown.push_str(if keeps_colors { color } else { "" });
                after
            }
            None => {
                let mut chars = after.chars();
                shown.extend(chars.next().into_iter().flat_map(char::escape_default));
                chars.as_str()
            }
        };
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// Returns the length of the sequence for colours or fonts that `text` starts with.
fn colour(text: &str) -> Option<usize> {
    let rest = text.strip_prefix("\u{1b}[")?;
    let is_parameter = |c: char| c.is_ascii_digit() || c == ';' || c == ':';
    let end = rest.find(|c| !is_parameter(c))?;
    rest[end..]
        .starts_with('m')
        .then_some(text.len() - rest.len() + end + 1)
}

/// Returns the beginning of `text`, at most `limit` bytes.
pub(crate) fn beginning(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_removed_and_other_control_characters_are_shown() {
        for (text, expected) in [
            ("plain\n\ttext é", "plain\n\ttext é"),
            ("\u{1b}[1m\u{1b}[38;5;9merror\u{1b}[0m: no", "error: no"),
            ("\u{1b}]0;title\u{7}x", "\\u{1b}]0;title\\u{7}x"),
            ("\u{1b}[2Jgone\rover", "\\u{1b}[2Jgone\\rover"),
            ("cut \u{1b}[1", "cut \\u{1b}[1"),
            ("\u{9b}31m", "\\u{9b}31m"),
        ] {
            assert_eq!(printable(text), expected);
        }
    }

    #[test]
    fn a_beginning_ends_between_characters() {
        assert_eq!(beginning("short", 9), "short");
        assert_eq!(beginning("éé", 3), "é");
        assert_eq!(beginning("é", 1), "");
    }
}
