//! The text of git's configuration files.

use super::Setting;

/// The settings that a text has.
pub(crate) fn settings(text: &str) -> Vec<Setting> {
    let (mut section, mut name) = (String::new(), None);
    let mut found = Vec::new();
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    while let Some(line) = lines.next() {
        let mut line = line.trim();
        if line.starts_with(['#', ';']) {
            continue;
        }
        if line.starts_with('[') {
            let Some((of, named, rest)) = header(line) else {
                continue;
            };
            (section, name) = (of, named);
            line = rest;
        }
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let (key, value) = match line.split_once('=') {
            Some((key, value)) => (key, self::value(value, &mut lines)),
            None => (line, "true".to_owned()),
        };
        found.push(Setting {
            section: section.clone(),
            name: name.clone(),
            key: key.trim().to_ascii_lowercase(),
            value,
        });
    }
    found
}

/// The section, the name in quotes, and what follows the header.
fn header(line: &str) -> Option<(String, Option<String>, &str)> {
    let inner = line.strip_prefix('[')?;
    let end = inner.find([']', '"'])?;
    let section = inner[..end].trim().to_ascii_lowercase();
    if inner[end..].starts_with(']') {
        return Some((section, None, inner[end + 1..].trim()));
    }
    let quoted = &inner[end + 1..];
    let (mut name, mut chars) = (String::new(), quoted.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let rest = quoted[at + 1..].trim_start().strip_prefix(']')?;
                return Some((section, Some(name), rest.trim()));
            }
            '\\' => name.extend(chars.next().map(|(_, c)| c)),
            c => name.push(c),
        }
    }
    None
}

/// The value that `text` begins, without quotes, escapes and comments. A backslash at the end of a
/// line continues it.
fn value<'a>(text: &'a str, lines: &mut impl Iterator<Item = &'a str>) -> String {
    let (mut value, mut quoted) = (String::new(), false);
    // How much of the value is not white space at its end.
    let mut kept = 0;
    let mut chars = text.trim().chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' => match chars.next() {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some('b') => value.push('\u{8}'),
                Some(c) => value.push(c),
                None => {
                    chars = lines.next().unwrap_or_default().chars();
                    continue;
                }
            },
            '#' | ';' if !quoted => break,
            c => value.push(c),
        }
        if quoted || !c.is_whitespace() {
            kept = value.len();
        }
    }
    value.truncate(kept);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_as_git_reads_it() {
        let text = "\u{feff}# a comment\n[Core]\n\tAbbrev = 12 ; more\n\tbare\n[format] pretty = \" %h \"  # x\n\
                    [Section \"A \\\"b\\\" ]\"] Key = one\\\n  two\n[pretty]\n\tmine = \"%h\\n\\t\\\\\"\n[broken\n\tx = 1\n";
        let found: Vec<_> = settings(text)
            .into_iter()
            .map(|it| format!("{}|{:?}|{}|{}", it.section, it.name, it.key, it.value))
            .collect();
        let expected = [
            "core|None|abbrev|12",
            "core|None|bare|true",
            "format|None|pretty| %h ",
            "section|Some(\"A \\\"b\\\" ]\")|key|one  two",
            "pretty|None|mine|%h\n\t\\",
            "pretty|None|x|1",
        ];
        assert_eq!(found, expected);
    }
}
