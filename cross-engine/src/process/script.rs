//! Shell scripts on a command line.

use crate::process::invocation::Invocation;

/// Joins parts of a script without their comment lines: the files have them for their readers.
pub(crate) fn joined<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let lines = parts.into_iter().flat_map(str::lines);
    let code: Vec<_> = lines.filter(|line| !line.starts_with('#')).collect();
    code.join("\n")
}

/// The words that run `script`. The words that follow are its arguments.
pub(crate) fn words(script: String) -> [String; 4] {
    ["sh".to_owned(), "-c".to_owned(), script, "cross".to_owned()]
}

/// The command of the host that runs `script`.
pub(crate) fn command(script: String) -> Invocation {
    let [sh, words @ ..] = words(script);
    Invocation::new(sh).args(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_left_out_and_parts_are_separate_lines() {
        let parts = [
            "# shellcheck shell=sh\n# Why.\na() { b; }\n",
            "",
            "a # once",
        ];
        assert_eq!(joined(parts), "a() { b; }\na # once");
    }
}
