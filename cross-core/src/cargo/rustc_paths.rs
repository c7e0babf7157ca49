//! The paths in flags for rustc and rustdoc.

use std::ops::Range;
use std::path::Path;

/// What a path is to a compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlagUse {
    /// It is read.
    Read,
    /// A file that is written.
    Written,
    /// A file that is written under a name that cargo completes.
    WrittenAlike,
    /// A directory that is written.
    WrittenDirectory,
    /// A directory that the programs write which are compiled so.
    WrittenByPrograms,
}

/// A path in flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FlagPath {
    pub(crate) flag_use: FlagUse,
    /// The word that has it.
    at: usize,
    /// Where it is in that word.
    range: Range<usize>,
}

/// Options whose value is a path that is read, of rustc and of rustdoc.
const READ: [&str; 8] = [
    "--sysroot",
    "--html-in-header",
    "--html-before-content",
    "--html-after-content",
    "--markdown-css",
    "--extend-css",
    "--theme",
    "--index-page",
];

/// Settings of `-C` and `-Z` whose value is a path.
const SETTINGS: [(&str, FlagUse); 13] = [
    ("linker", FlagUse::Read),
    ("profile-use", FlagUse::Read),
    ("profile-sample-use", FlagUse::Read),
    ("codegen-backend", FlagUse::Read),
    ("linker-plugin-lto", FlagUse::Read),
    ("profile-generate", FlagUse::WrittenByPrograms),
    ("self-profile", FlagUse::WrittenDirectory),
    ("dump-mir-dir", FlagUse::WrittenDirectory),
    ("metrics-dir", FlagUse::WrittenDirectory),
    ("remark-dir", FlagUse::WrittenDirectory),
    ("incremental", FlagUse::WrittenDirectory),
    ("temps-dir", FlagUse::WrittenDirectory),
    ("dump-mono-stats", FlagUse::WrittenDirectory),
];

/// Settings of `-C` and `-Z` whose value is one argument of the linker, or several.
const LINK_ARGS: [&str; 6] = [
    "link-arg",
    "link-args",
    "pre-link-arg",
    "pre-link-args",
    "post-link-arg",
    "post-link-args",
];

/// Options of linkers that name a file that is written.
const LINKER_WRITES: [&str; 5] = ["-Map", "--Map", "-map", "--out-implib", "--dependency-file"];

/// The paths in `words`, flags of rustc, or of rustdoc.
pub(crate) fn find(words: &[String]) -> Vec<FlagPath> {
    let mut found = Finder {
        words,
        found: Vec::new(),
    };
    let mut at = 0;
    while at < words.len() {
        at = found.word(at);
    }
    found.found
}

struct Finder<'a> {
    words: &'a [String],
    found: Vec<FlagPath>,
}

impl Finder<'_> {
    /// Reads the flag at `at`. Returns where the next one is.
    fn word(&mut self, at: usize) -> usize {
        let word = &self.words[at];
        if word.starts_with('@') {
            self.push(FlagUse::Read, at, 1..word.len());
        } else if let Some((at, from)) = self.value(at, &["-C", "--codegen", "-Z"]) {
            self.setting(at, from);
            return at + 1;
        } else if let Some((at, from)) = self.value(at, &["-L"]) {
            let value = &self.words[at][from..];
            let kinds = ["dependency", "crate", "native", "framework", "all"];
            let kind = value
                .split_once('=')
                .filter(|(kind, _)| kinds.contains(kind));
            let from = from + kind.map_or(0, |(kind, _)| kind.len() + 1);
            self.push(FlagUse::Read, at, from..self.words[at].len());
            return at + 1;
        } else if let Some((at, from)) = self.value(at, &["--extern"]) {
            self.after_equals(FlagUse::Read, at, from..self.words[at].len());
            return at + 1;
        } else if let Some((at, from)) = self.value(at, &["--emit", "--print"]) {
            for part in parts(&self.words[at], from, ',') {
                self.after_equals(FlagUse::Written, at, part);
            }
            return at + 1;
        } else if let Some((at, from)) = self.value(at, &["-o"]) {
            self.push(FlagUse::WrittenAlike, at, from..self.words[at].len());
            return at + 1;
        } else if let Some((at, from)) = self.value(at, &READ) {
            self.push(FlagUse::Read, at, from..self.words[at].len());
            return at + 1;
        }
        at + 1
    }

    /// Where the value of the flag at `at` is, if it is one of `names`: the word, and where in it.
    fn value(&self, at: usize, names: &[&str]) -> Option<(usize, usize)> {
        let word = &self.words[at];
        for name in names {
            let rest = word.strip_prefix(name);
            let (to, from) = match rest {
                Some("") => (at + 1, 0),
                Some(rest) if rest.starts_with('=') => (at, name.len() + 1),
                Some(_) if !name.starts_with("--") => (at, name.len()),
                _ => continue,
            };
            return (to < self.words.len()).then_some((to, from));
        }
        None
    }

    /// Reads a setting of `-C` or `-Z`.
    fn setting(&mut self, at: usize, from: usize) {
        let word = &self.words[at];
        let Some((name, value)) = word[from..].split_once('=') else {
            return;
        };
        let name = name.replace('_', "-");
        let range = word.len() - value.len()..word.len();
        if let Some((_, flag_use)) = SETTINGS.iter().find(|(setting, _)| *setting == name) {
            self.push(*flag_use, at, range);
        } else if LINK_ARGS.contains(&&*name) {
            let separator = if name.ends_with('s') { ' ' } else { '\0' };
            for argument in parts(word, range.start, separator) {
                self.link_argument(at, argument);
            }
        }
    }

    /// Reads an argument of the linker.
    fn link_argument(&mut self, at: usize, range: Range<usize>) {
        let word = &self.words[at];
        let mut before = "";
        let end = range.end;
        for part in parts(&word[..end], range.start, ',') {
            let text = &word[part.clone()];
            let (name, value) = match text.split_once('=') {
                Some((name, value)) if name.starts_with('-') => (name, value),
                _ if text.starts_with("--") => (text, ""),
                _ if text.starts_with('-') && text.len() > 2 => text.split_at(2),
                _ if text.starts_with('-') => (text, ""),
                _ => (before, text),
            };
            let flag_use = match LINKER_WRITES.contains(&name) {
                true => FlagUse::Written,
                false => FlagUse::Read,
            };
            // What has no slash is searched for, or beside the manifest.
            if value.contains('/') {
                self.push(flag_use, at, part.end - value.len()..part.end);
            }
            before = text;
        }
    }

    fn after_equals(&mut self, flag_use: FlagUse, at: usize, range: Range<usize>) {
        if let Some(equals) = self.words[at][range.clone()].find('=') {
            self.push(flag_use, at, range.start + equals + 1..range.end);
        }
    }

    fn push(&mut self, flag_use: FlagUse, at: usize, range: Range<usize>) {
        // A hyphen is the standard output, and the linker's name is often no path.
        let text = &self.words[at][range.clone()];
        let is_name = text.is_empty() || text == "-" || text.starts_with('$');
        let is_setting = self.words[at].contains("linker=") || self.words[at].contains("backend=");
        if !(is_name || is_setting && !text.contains('/')) {
            self.found.push(FlagPath {
                flag_use,
                at,
                range,
            });
        }
    }
}

/// The ranges of the parts of `word` from `from` on.
fn parts(word: &str, from: usize, separator: char) -> Vec<Range<usize>> {
    let mut start = from;
    let mut ranges = Vec::new();
    for part in word[from..].split(separator) {
        ranges.push(start..start + part.len());
        start += part.len() + separator.len_utf8();
    }
    ranges
}

impl FlagPath {
    /// The path as written.
    pub(crate) fn written<'w>(&self, words: &'w [String]) -> &'w str {
        &words[self.at][self.range.clone()]
    }

    /// The flag that has the path.
    pub(crate) fn flag(&self, words: &[String]) -> String {
        let name = self.at.checked_sub(1).filter(|_| self.range.start == 0);
        words[name.unwrap_or(self.at)..=self.at].join(" ")
    }

    /// Replaces the path in `words`, in which it was found. Paths after it have to be replaced
    /// before.
    pub(crate) fn replace(&self, words: &mut [String], path: &Path) {
        words[self.at].replace_range(self.range.clone(), &path.to_string_lossy());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_in_flags_however_they_are_written() {
        use FlagUse::{Read, Written, WrittenAlike, WrittenByPrograms, WrittenDirectory};
        for (line, expected) in [
            (
                "-L /a -Lnative=../b -L c=d",
                &[(Read, "/a"), (Read, "../b"), (Read, "c=d")][..],
            ),
            ("--extern x=/x.rlib --extern y", &[(Read, "/x.rlib")]),
            (
                "-o ../x -ox",
                &[(WrittenAlike, "../x"), (WrittenAlike, "x")],
            ),
            (
                "--emit=asm=../x.s,link --emit mir,llvm-ir=y",
                &[(Written, "../x.s"), (Written, "y")],
            ),
            (
                "--print=link-args=f --print cfg --emit=asm=-",
                &[(Written, "f")],
            ),
            (
                "-C profile-use=/p -Cprofile_generate=/g --codegen linker=/l -C linker=cc",
                &[(Read, "/p"), (WrittenByPrograms, "/g"), (Read, "/l")],
            ),
            (
                "-Z self-profile=/s -Zself-profile -Ctarget-cpu=a/b",
                &[(WrittenDirectory, "/s")],
            ),
            (
                "-Cincremental=/i -Ztemps-dir=t -Zdump-mono-stats",
                &[(WrittenDirectory, "/i"), (WrittenDirectory, "t")],
            ),
            (
                "-Clink-arg=-Wl,-T,/a.ld,-Map=/m -C link-arg=-T../b.ld -Clink-arg=-Tlink.x",
                &[(Read, "/a.ld"), (Written, "/m"), (Read, "../b.ld")],
            ),
            (
                "-C link-arg=/x.o -C link-arg=-Wl,-Map,/m2 -C link-arg=-Wl,--version-script=/v",
                &[(Read, "/x.o"), (Written, "/m2"), (Read, "/v")],
            ),
            (
                "-Clink-arg=-Wl,-rpath,$ORIGIN/lib --html-in-header h @args",
                &[(Read, "h"), (Read, "args")],
            ),
            ("-C", &[]),
        ] {
            let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            let found = find(&words);
            let found: Vec<_> = found
                .iter()
                .map(|it| (it.flag_use, it.written(&words)))
                .collect();
            assert_eq!(found, expected, "{line}");
        }
        let words = ["-Clink-args=/a -L/b".to_owned()];
        let found: Vec<_> = find(&words)
            .iter()
            .map(|it| it.written(&words))
            .map(str::to_owned)
            .collect();
        assert_eq!(found, ["/a", "/b"]);
    }

    #[test]
    fn several_paths_of_one_word_are_replaced() {
        let mut words = ["--emit=asm=a,mir=b".to_owned()];
        for path in find(&words).iter().rev() {
            path.replace(&mut words, Path::new("/out/x"));
        }
        assert_eq!(words, ["--emit=asm=/out/x,mir=/out/x"]);
    }
}
