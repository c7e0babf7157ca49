//! docs/environments.md, compared with a real environment.

use cross_tests::{Leftovers, Project, engines};

use super::read;

const TARGET: &str = "aarch64-unknown-linux-gnu";
const PAGE: &str = "docs/environments.md";

/// A row of the page: what it is about, whether it is there, and the command that tells.
struct Row {
    what: String,
    there: String,
    command: String,
}

fn rows(page: &str) -> Vec<Row> {
    // Another table lists the caller's variables.
    let (page, _) = page.split_once("\n## ").unwrap();
    let lines = page.lines().filter(|line| line.starts_with("| "));
    let rows = lines.skip(1).map(|line| {
        let line = line.replace("\\|", "\u{1f}");
        let cells: Vec<_> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
        let [_, what, there, command, added, _] = &cells[..] else {
            panic!("not four cells: {line}");
        };
        assert!(there == "yes" || there == "no", "{line}");
        assert!(
            there == "yes" || what == "`/dev/kvm`" || !added.is_empty(),
            "{line}"
        );
        Row {
            what: what.clone(),
            there: there.clone(),
            command: command.trim_matches('`').replace('\u{1f}', "|"),
        }
    });
    rows.collect()
}

/// One run answers for all rows.
#[test]
fn the_page_says_what_an_environment_has() {
    engines::need("sandbox");
    let rows = rows(&read(PAGE));
    assert!(rows.len() > 30, "the table was not found");
    let asked = rows.iter().map(|row| {
        let command = &row.command;
        format!("if ({command}) >/dev/null 2>&1 </dev/null; then echo yes; else echo no; fi\n")
    });
    let script: String = asked.collect();
    let project = Project::new("app").cross_toml("[build]\nnetwork = \"none\"\n");
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine("sandbox");
    let ran = cross
        .exec(TARGET, ["sh", "-c", &script])
        .capture(true)
        .run();
    let said = ran
        .unwrap_or_else(|error| panic!("{error:?}"))
        .stdout
        .unwrap();
    let wrong: Vec<_> = rows
        .iter()
        .zip(said.lines())
        .filter(|(row, said)| row.there != **said)
        .map(|(row, said)| format!("{}: {said}, by {}", row.what, row.command))
        .collect();
    assert_eq!(said.lines().count(), rows.len());
    assert_eq!(wrong, [""; 0], "{PAGE} is wrong");
}
