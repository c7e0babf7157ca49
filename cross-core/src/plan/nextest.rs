//! The command line of nextest, which runs each test in a process of its own.

use std::path::{Path, PathBuf};

use crate::model::error::Result;
use crate::request::cross::Cross;
use crate::request::plugin;

/// Nextest's program, by which cargo finds it.
pub(crate) const PROGRAM: &str = "cargo-nextest";
/// Without this, nextest refuses to speak JSON: it is an experiment of its own since 2023.
pub(crate) const JSON_SWITCH: &str = "NEXTEST_EXPERIMENTAL_LIBTEST_JSON";
/// What makes nextest print JSON in the only version there is of it.
pub(crate) const JSON: [&str; 4] = [
    "--message-format",
    "libtest-json-plus",
    "--message-format-version",
    "0.1",
];
/// Cargo's arguments that mean something else to nextest, and what they are called there.
const CALLED: [(&str, &str); 4] = [
    ("--profile", "--cargo-profile"),
    ("--jobs", "--build-jobs"),
    ("--quiet", "--cargo-quiet"),
    ("--verbose", "--cargo-verbose"),
];

/// The host's program, for the environment's cargo; `None` where neither is there and an image may have
/// its own.
pub(crate) fn program(cross: &Cross, in_image: bool) -> Result<Option<PathBuf>> {
    let found = plugin::find(cross, PROGRAM)?;
    match found.is_some() || in_image {
        true => Ok(found),
        false => Err(plugin::missing(PROGRAM)),
    }
}

/// Cargo's arguments as nextest calls them.
pub(crate) fn translated(args: &[String]) -> impl Iterator<Item = String> + '_ {
    args.iter().map(|arg| {
        let called = CALLED.iter().find(|(cargos, _)| cargos == arg);
        called.map_or_else(|| arg.clone(), |(_, nextests)| (*nextests).to_owned())
    })
}

/// The words that pack everything into `file`.
pub(crate) fn archive(file: &Path) -> [String; 2] {
    ["--archive-file".to_owned(), file.display().to_string()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_words_are_nextests() {
        let args = ["--profile", "dist", "--jobs", "2", "--workspace"].map(str::to_owned);
        let words: Vec<_> = translated(&args).collect();
        let expected = [
            "--cargo-profile",
            "dist",
            "--build-jobs",
            "2",
            "--workspace",
        ];
        assert_eq!(words, expected);
    }
}
