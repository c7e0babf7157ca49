//! From the words that a user types to an FTS5 expression.

/// Every word and every `"phrase"` must occur; `word*` stands for any word that starts so.
///
/// The words are quoted, so that nothing in them has a meaning for FTS5 (`10.0.0.7`, `a-b` and
/// `NOT` are just text). `None` if there is nothing to look for.
pub(crate) fn expression(words: &str) -> Option<String> {
    let mut terms = Vec::new();
    let mut rest = words.trim_start();
    while !rest.is_empty() {
        let (term, tail) = match rest.strip_prefix('"') {
            Some(inner) => inner.split_once('"').unwrap_or((inner, "")),
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        // The star is outside the quotes in both notations: "two wor"* and wor*.
        let (tail, starred) = match tail.strip_prefix('*') {
            Some(tail) => (tail, true),
            None => (tail, false),
        };
        let (term, prefix) = match term.strip_suffix('*') {
            Some(term) => (term, true),
            None => (term, starred),
        };
        terms.extend(quoted(term, prefix));
        rest = tail.trim_start();
    }
    (!terms.is_empty()).then(|| terms.join(" "))
}

/// `None` for a term without a letter or digit: FTS5 keeps no others, so it could never match.
fn quoted(term: &str, prefix: bool) -> Option<String> {
    term.contains(char::is_alphanumeric).then(|| {
        let star = if prefix { "*" } else { "" };
        format!("\"{}\"{star}", term.replace('"', "\"\""))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(words: &str, expected: &str) {
        assert_eq!(expression(words).as_deref(), Some(expected));
    }

    #[test]
    fn words_are_quoted_and_all_wanted() {
        check("timeout  10.0.0.7", r#""timeout" "10.0.0.7""#);
        check("a AND NOT-b", r#""a" "AND" "NOT-b""#);
    }

    #[test]
    fn phrases_and_prefixes() {
        check(r#""no route" host"#, r#""no route" "host""#);
        check("conn* x", r#""conn"* "x""#);
        check(r#""connection ref"*"#, r#""connection ref"*"#);
        check(r#""never closed"#, r#""never closed""#);
    }

    #[test]
    fn quotes_inside_a_word_cannot_end_it() {
        check(r#"a"b" c"#, r#""a""b""" "c""#);
    }

    #[test]
    fn nothing_to_look_for() {
        for words in ["", "  ", "*", "\"\"", "-- ::"] {
            assert_eq!(expression(words), None, "{words:?}");
        }
    }
}
