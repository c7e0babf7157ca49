//! Splitting and quoting of shell words, without expansion.

use std::iter::Peekable;
use std::str::Chars;

/// Splits text into words. Returns `None` if a quote is not closed.
///
/// Words are separated by whitespace. Single quotes preserve all characters. In double quotes, a
/// backslash escapes `$`, a backtick, `"`, `\` and a newline. Elsewhere, a backslash escapes any
/// character. A `#` at the start of a word begins a comment.
pub(crate) fn split(text: &str) -> Option<Vec<String>> {
    let mut chars = text.chars().peekable();
    let mut words = Vec::new();
    loop {
        skip_space(&mut chars);
        match chars.peek() {
            None => return Some(words),
            Some('#') => while chars.next().is_some_and(|c| c != '\n') {},
            Some(_) => words.extend(word(&mut chars)?),
        }
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n')
}

fn skip_space(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| is_space(*c)).is_some() {}
}

/// The word that begins here: none if all there is of it is a line that goes on in the next.
fn word(chars: &mut Peekable<Chars<'_>>) -> Option<Option<String>> {
    let mut word = None;
    while let Some(c) = chars.next_if(|c| !is_space(*c)) {
        if c == '\\' {
            match (chars.next(), &mut word) {
                (Some('\n'), None) => return Some(None),
                (Some('\n'), Some(_)) => {}
                (kept, word) => word
                    .get_or_insert_with(String::new)
                    .push(kept.unwrap_or('\\')),
            }
            continue;
        }
        let word = word.get_or_insert_with(String::new);
        match c {
            '\'' => single_quoted(chars, word)?,
            '"' => double_quoted(chars, word)?,
            c => word.push(c),
        }
    }
    Some(word)
}

fn single_quoted(chars: &mut Peekable<Chars<'_>>, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            '\'' => return Some(()),
            c => word.push(c),
        }
    }
}

fn double_quoted(chars: &mut Peekable<Chars<'_>>, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            '"' => return Some(()),
            '\\' => match chars.next()? {
                '\n' => {}
                c @ ('$' | '`' | '"' | '\\') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}

/// Joins words to a text that [`split`] splits into the same words.
pub(crate) fn join(words: impl IntoIterator<Item = String>) -> String {
    words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn quoted(word: String) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotes_and_backslashes_are_those_of_a_shell() {
        let words = |text: &str| split(text).unwrap();
        assert_eq!(words(" a\tb\n c "), ["a", "b", "c"]);
        assert_eq!(words(r#"'a b' "c d" e\ f"#), ["a b", "c d", "e f"]);
        assert_eq!(words(r#"a'b'"c" '' """#), ["abc", "", ""]);
        assert_eq!(words(r#""\$ \x \" \\" '\x'"#), [r#"$ \x " \"#, r"\x"]);
        assert_eq!(words("a # b\nc#d"), ["a", "c#d"]);
        assert_eq!(words("a\\\nb \\\n# c"), ["ab"]);
        for open in ["'", "\"", "a 'b", "\"\\"] {
            assert_eq!(split(open), None, "{open}");
        }
    }

    proptest! {
        #[test]
        fn words_are_those_that_cross_takes(text in r#"[ab'" \t\n\\#$]{0,12}"#) {
            prop_assert_eq!(split(&text), shell_words::split(&text).ok());
        }

        #[test]
        fn what_is_joined_is_split_to_the_same(words in proptest::collection::vec(any::<String>(), 0..4)) {
            prop_assert_eq!(split(&join(words.clone())), Some(words));
        }
    }
}
