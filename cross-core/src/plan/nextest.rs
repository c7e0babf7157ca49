//! The command line of nextest, which runs each test in a process of its own.

use std::path::{Path, PathBuf};

use crate::model::error::Result;
use crate::request::cross::Cross;
use crate::request::plugin;

/// The program name by which cargo finds nextest.
pub(crate) const PROGRAM: &str = "cargo-nextest";
/// The variable that enables nextest's JSON output, which is experimental.
pub(crate) const JSON_SWITCH: &str = "NEXTEST_EXPERIMENTAL_LIBTEST_JSON";
/// The arguments for JSON output in format version 0.1.
pub(crate) const JSON: [&str; 4] = [
    "--message-format",
    "libtest-json-plus",
    "--message-format-version",
    "0.1",
];
/// Cargo's options that have another name in nextest, each with that name.
const RENAMED: [(&str, &str); 4] = [
    ("--profile", "--cargo-profile"),
    ("--jobs", "--build-jobs"),
    ("--quiet", "--cargo-quiet"),
    ("--verbose", "--cargo-verbose"),
];

/// Finds the host's nextest, for the environment's cargo. Returns `None` if it is not installed and
/// the image may have its own.
pub(crate) fn program(cross: &Cross, in_image: bool) -> Result<Option<PathBuf>> {
    let found = plugin::find(cross, PROGRAM)?;
    match found.is_some() || in_image {
        true => Ok(found),
        false => Err(plugin::missing(PROGRAM)),
    }
}

/// Translates cargo's options to those of nextest.
pub(crate) fn translated(args: &[String]) -> impl Iterator<Item = String> + '_ {
    args.iter().map(|arg| {
        let renamed = RENAMED.iter().find(|(cargo, _)| cargo == arg);
        renamed.map_or_else(|| arg.clone(), |(_, nextest)| (*nextest).to_owned())
    })
}

/// Returns the arguments that pack the tests into `file`.
pub(crate) fn archive(file: &Path) -> [String; 2] {
    ["--archive-file".to_owned(), file.display().to_string()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_options_are_translated() {
        let args = ["--profile", "dist", "--jobs", "2", "--workspace"].map(str::to_owned);
        let translated: Vec<_> = translated(&args).collect();
        let expected = [
            "--cargo-profile",
            "dist",
            "--build-jobs",
            "2",
            "--workspace",
        ];
        assert_eq!(translated, expected);
    }
}
