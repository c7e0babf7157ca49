//! The review of the tables: every kind of error has a row, and no help is a platitude.

use std::collections::BTreeSet;
use std::fs;

use cross_tests::tool;

use super::{PLATITUDES, Row, builds, environments, machine, programs, requests};

fn rows() -> impl Iterator<Item = &'static Row> {
    let tables = [
        builds::ROWS,
        environments::ROWS,
        machine::ROWS,
        programs::ROWS,
        requests::ROWS,
    ];
    tables.into_iter().flatten()
}

/// The text of `enum ErrorKind` in the source of the library.
fn kinds() -> BTreeSet<String> {
    let path = tool::repository().join("cross-core/src/model/error.rs");
    let text = fs::read_to_string(path).unwrap();
    let (_, kinds) = text.split_once("pub enum ErrorKind {\n").unwrap();
    let (kinds, _) = kinds.split_once("\n}\n").unwrap();
    let lines = kinds.lines().map(str::trim);
    lines
        .filter(|line| !line.starts_with("//") && !line.is_empty())
        .map(|line| line.trim_end_matches(',').to_owned())
        .collect()
}

#[test]
fn every_kind_of_error_is_provoked_by_a_row() {
    let covered: BTreeSet<_> = rows().map(|row| row.kind_name.to_owned()).collect();
    let missing: Vec<_> = kinds().difference(&covered).cloned().collect();
    assert!(missing.is_empty(), "no row provokes {missing:?}");
}

/// The kinds whose errors may have no help: what was asked for happened, or only the code knows.
const WITHOUT_HELP: [&str; 3] = ["CargoFailed", "Cancelled", "Deadline"];

#[test]
fn rows_without_help_are_of_kinds_that_need_none() {
    for row in rows().filter(|row| row.help.is_empty()) {
        assert!(WITHOUT_HELP.contains(&row.kind_name), "{}", row.cause);
        assert!(!row.message.is_empty(), "{}", row.cause);
    }
}

/// The help of every error in the sources, also of those that no row provokes.
#[test]
fn no_source_has_a_platitude() {
    for library in [
        "cross-config",
        "cross-core",
        "cross-engine",
        "cross-targets",
    ] {
        let mut dirs = vec![tool::repository().join(library).join("src")];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                    continue;
                }
                // Tests quote the words of others.
                if path.ends_with("tests.rs") {
                    continue;
                }
                let text = fs::read_to_string(&path).unwrap_or_default();
                let code = text.split("\n#[cfg(test)]").next().unwrap();
                let code = code
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("//"));
                let code: String = code.map(|line| line.to_lowercase() + "\n").collect();
                for words in PLATITUDES {
                    assert!(!code.contains(words), "{}: {words}", path.display());
                }
            }
        }
    }
}
