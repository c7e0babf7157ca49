//! The command line of nextest, which runs each test in a process of its own.

use std::fs;
use std::path::{Path, PathBuf};

use crate::host::places::normal;
use crate::model::error::Result;
use crate::request::cross::Cross;
use crate::request::plugin;

/// The program name by which cargo finds nextest.
pub(crate) const PROGRAM: &str = "cargo-nextest";
/// The variable that enables nextest's JSON output, which is experimental.
pub(crate) const JSON_SWITCH: &str = "NEXTEST_EXPERIMENTAL_LIBTEST_JSON";
/// The directory of reports in the environment's target directory.
pub(crate) const REPORTS: &str = "nextest";
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

/// The directory in which nextest leaves reports (`junit.xml`), if the workspace in `root` has a
/// configuration of it. Without one, nextest leaves nothing.
pub(crate) fn store(root: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(root.join(".config/nextest.toml")).ok()?;
    let named = || {
        let config: toml::Table = text.parse().ok()?;
        let dir = config.get("store")?.get("dir")?.as_str()?;
        Some(PathBuf::from(dir))
    };
    let store = normal(&root.join(named().unwrap_or_else(|| "target/nextest".into())));
    // A directory elsewhere would have to be `writable`.
    (store != root && store.starts_with(root)).then_some(store)
}

/// The same directory in the environment's target directory, where a run can write.
pub(crate) fn store_inside(target_dir: &Path) -> PathBuf {
    target_dir.join(REPORTS)
}

/// Returns the arguments that pack the tests into `file`.
pub(crate) fn archive(file: &Path) -> [String; 2] {
    ["--archive-file".to_owned(), file.display().to_string()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_where_nextests_configuration_says() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        assert_eq!(store(root), None);
        fs::create_dir(root.join(".config")).unwrap();
        for (text, expected) in [
            (
                "[profile.ci.junit]\npath = \"junit.xml\"\n",
                Some("target/nextest"),
            ),
            ("[store]\ndir = \"out/./nx\"\n", Some("out/nx")),
            ("[store]\ndir = \"../nx\"\n", None),
            ("[store]\ndir = \".\"\n", None),
        ] {
            fs::write(root.join(".config/nextest.toml"), text).unwrap();
            assert_eq!(store(root), expected.map(|dir| root.join(dir)), "{text}");
        }
    }

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
