//! The redactor, which removes from a text what differs between runs and machines.

use std::path::Path;

/// Replaces registered paths and texts, and every hash, process id and time in a name.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    replacements: Vec<(String, String)>,
}

impl Redactor {
    /// Creates a redactor that replaces hashes, process ids and times by their form.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces `path` and its canonical form by `[name]`.
    #[must_use]
    pub fn path(self, path: &Path, name: &str) -> Self {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        self.text(&path.to_string_lossy(), name)
            .text(&real.to_string_lossy(), name)
    }

    /// Replaces `text` by `[name]`, such as a version, a user id or an address.
    #[must_use]
    pub fn text(mut self, text: &str, name: &str) -> Self {
        assert!(!text.is_empty(), "{name} is empty");
        self.replacements
            .push((text.to_owned(), format!("[{name}]")));
        // Longest first, so that an inner directory keeps its own name.
        self.replacements
            .sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        self
    }

    /// Returns the redacted `text`.
    pub fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (from, to) in &self.replacements {
            text = text.replace(from, to);
        }
        let text = without_kernel_files(&text);
        text.lines().map(|line| without_ids(line) + "\n").collect()
    }
}

/// Removes the arguments that hide files of `/proc` in a sandbox, because the files differ between
/// kernels and users. The arguments are on one line, or on one line each.
pub fn without_kernel_files(text: &str) -> String {
    const FILES: [&str; 8] = [
        "iomem",
        "kallsyms",
        "keys",
        "kpagecount",
        "kpageflags",
        "latency_stats",
        "sched_debug",
        "timer_list",
    ];
    const DIRECTORIES: [&str; 3] = ["acpi", "asound", "scsi"];
    let mut text = text.to_owned();
    for between in [" ", "\n  "] {
        let words = |words: &[&str]| words.join(between) + between;
        for file in FILES {
            let hidden = words(&["--ro-bind", "/dev/null", &format!("/proc/{file}")]);
            text = text.replace(&hidden, "");
        }
        for directory in DIRECTORIES {
            let path = format!("/proc/{directory}");
            let emptied = words(&["--tmpfs", &path, "--remount-ro", &path]);
            text = text.replace(&emptied, "");
        }
    }
    text
}

/// Replaces every hash by `[HASH]` and every `-<process id>-<nanoseconds>` by `-[PID]-[NANOS]`.
fn without_ids(line: &str) -> String {
    let mut words: Vec<String> = line
        .split_inclusive(|c: char| !c.is_ascii_alphanumeric())
        .map(str::to_owned)
        .collect();
    for n in 0..words.len() {
        let (word, end) = split_end(&words[n]);
        let (word, end) = (word.to_owned(), end.to_owned());
        match word.len() {
            8 | 12 | 64 if is_hash(&word) => words[n] = format!("[HASH]{end}"),
            15 | 16 if is_hash(&word) => {
                words[n] = format!("[NANOS]{end}");
                if n > 0 && is_number(split_end(&words[n - 1]).0) {
                    words[n - 1] = "[PID]-".to_owned();
                }
            }
            _ => {}
        }
    }
    words.concat()
}

/// Splits a word from the character that ended it.
fn split_end(word: &str) -> (&str, &str) {
    let end = word
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(word.len());
    word.split_at(end)
}

fn is_hash(word: &str) -> bool {
    let is_hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    word.chars().all(is_hex) && word.contains(|c: char| c.is_ascii_digit())
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_ids_are_redacted() {
        let redactor = Redactor::new()
            .path(Path::new("/tmp/x"), "TMP")
            .path(Path::new("/tmp/x/app"), "PROJECT");
        for (text, expected) in [
            (
                "/tmp/x/app/src and /tmp/x/b\n",
                "[PROJECT]/src and [TMP]/b\n",
            ),
            (
                "aarch64-unknown-linux-gnu-bookworm-0123456789ab\n",
                "aarch64-unknown-linux-gnu-bookworm-[HASH]\n",
            ),
            (
                "cross-s390x-unknown-linux-gnu-4711-187a3b2c4d5e6f70\n",
                "cross-s390x-unknown-linux-gnu-[PID]-[NANOS]\n",
            ),
            ("defaced feedface 1.85.0\n", "defaced feedface 1.85.0\n"),
        ] {
            assert_eq!(redactor.apply(text), expected);
        }
    }
}
