//! `bench`: runs the benchmarks and writes their tables into docs/performance.md.
//!
//! The page is written by hand, except for the blocks between `<!-- bench: NAME -->` and
//! `<!-- end -->`. A block holds the command, the date, and the tables of the last run. People
//! explain what a number means and why a goal is missed.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use cross_core::Cancel;

use crate::cli;
use crate::commands;
use crate::failure::Failure;
use crate::output;

/// The page with the results.
const PAGE: &str = "docs/performance.md";
/// The block that describes the machine.
const MACHINE: &str = "machine";

/// One comparison: its name, its benchmark, and the arguments for it.
struct Part {
    name: &'static str,
    bench: &'static str,
    args: &'static [&'static str],
}

/// Every comparison, the quick ones first.
const PARTS: [Part; 9] = [
    part("noop", "noop", &[]),
    part("first_build", "first_build", &[]),
    part("container_reuse", "container_reuse", &[]),
    part("remote", "remote", &[]),
    part("planning", "planning", &["--noplot"]),
    part("testing", "testing", &[]),
    part("embedding", "embedding", &[]),
    part("environments", "environments", &["sandbox", "gnu"]),
    part("batch", "batch", &[]),
];

const fn part(name: &'static str, bench: &'static str, args: &'static [&'static str]) -> Part {
    Part { name, bench, args }
}

/// Runs the command.
pub(crate) fn run(args: &cli::Bench, cancel: &Cancel) -> Result<(), Failure> {
    let root = commands::cross(&cli::Choice::default())?.project()?.root;
    let chosen = chosen(&args.parts)?;
    let page = root.join(PAGE);
    update(&page, MACHINE, &machine())?;
    for part in chosen {
        if cancel.check().is_err() {
            return Err(Failure::new("stopped"));
        }
        let tables = run_benchmark(&root, part)?;
        let content = format!(
            "`cargo xtask bench {}`, {}.\n\n{tables}",
            part.name,
            commands::today()
        );
        // Updated after each part, so that an interrupted run keeps its results.
        update(&page, part.name, &content)?;
    }
    output::answer(page.display());
    Ok(())
}

fn chosen(names: &[String]) -> Result<Vec<&'static Part>, Failure> {
    if let Some(unknown) = names
        .iter()
        .find(|name| PARTS.iter().all(|part| part.name != **name))
    {
        let known: Vec<_> = PARTS.iter().map(|part| part.name).collect();
        let failure = Failure::new(format!("there is no benchmark `{unknown}`"));
        return Err(failure.with_help(format!("name one of {}", known.join(", "))));
    }
    let is_chosen = |part: &&Part| names.is_empty() || names.iter().any(|name| part.name == name);
    Ok(PARTS.iter().filter(is_chosen).collect())
}

/// Runs a benchmark, prints its output line by line, and returns its tables.
fn run_benchmark(root: &Path, part: &Part) -> Result<String, Failure> {
    let mut cargo = Command::new("cargo");
    cargo
        .args([
            "bench",
            "--quiet",
            "--package",
            "cross-tests",
            "--bench",
            part.bench,
            "--",
        ])
        .args(part.args)
        .current_dir(root)
        .stdout(Stdio::piped());
    let failed = |why: String| Failure::new(format!("the benchmark `{}`: {why}", part.name));
    let mut child = cargo.spawn().map_err(|error| failed(error.to_string()))?;
    let mut printed = Vec::new();
    for line in child
        .stdout
        .take()
        .into_iter()
        .flat_map(|stdout| BufReader::new(stdout).lines())
    {
        let line = line.map_err(|error| failed(error.to_string()))?;
        output::answer(&line);
        printed.push(line);
    }
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    match status.success() {
        true => Ok(tables(&printed)),
        false => Err(failed(status.to_string())),
    }
}

/// Returns Markdown output unchanged, and criterion's output as a table of its times.
fn tables(printed: &[String]) -> String {
    let is_time = |line: &&String| line.contains("time:   [");
    if !printed.iter().any(|line| is_time(&line)) {
        return printed.join("\n").trim().to_owned();
    }
    let mut rows = vec!["| what | from | median | to |\n|---|---|---|---|".to_owned()];
    let mut name = "";
    for line in printed {
        let Some((before, times)) = line.split_once("time:   [") else {
            name = line;
            continue;
        };
        // What a time has become since an earlier run of this machine is not of the table.
        if times.contains('%') {
            continue;
        }
        let what = if before.trim().is_empty() {
            name
        } else {
            before
        };
        let words: Vec<_> = times.trim_end_matches(']').split(' ').collect();
        let times: Vec<_> = words
            .chunks(2)
            .map(|word_and_unit| word_and_unit.join(" "))
            .collect();
        rows.push(format!("| {} | {} |", what.trim(), times.join(" | ")));
    }
    rows.join("\n")
}

/// Replaces the block `name` of the page.
fn update(page: &Path, name: &str, content: &str) -> Result<(), Failure> {
    let text = fs::read_to_string(page).map_err(|error| Failure::io("read", page, &error))?;
    let text = replaced(&text, name, content).ok_or_else(|| {
        Failure::new(format!(
            "`{}` has no block `<!-- bench: {name} -->`",
            page.display()
        ))
        .with_help("add it, and `<!-- end -->` on a line below it")
    })?;
    fs::write(page, text).map_err(|error| Failure::io("write", page, &error))
}

fn replaced(text: &str, name: &str, content: &str) -> Option<String> {
    let start = format!("<!-- bench: {name} -->\n");
    let (before, rest) = text.split_once(&start)?;
    let (_, after) = rest.split_once("<!-- end -->")?;
    Some(format!("{before}{start}{content}\n<!-- end -->{after}"))
}

/// Describes the machine by its processors and the versions of its programs.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let questions: [(&str, &[&str]); 7] = [
        ("uname", &["-srm"]),
        ("rustc", &["--version"]),
        ("bwrap", &["--version"]),
        (
            "docker",
            &["version", "--format", "docker {{.Server.Version}}"],
        ),
        ("podman", &["--version"]),
        ("runc", &["--version"]),
        ("mmdebstrap", &["--version"]),
    ];
    let versions = questions
        .iter()
        .filter_map(|(program, args)| first_line(program, args));
    let versions: Vec<_> = versions.collect();
    format!(
        "Measured on {}: {cores} processors; {}.",
        commands::today(),
        versions.join("; ")
    )
}

fn first_line(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().next()?.trim();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_a_block_for_every_part() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(PAGE);
        let text = fs::read_to_string(page).unwrap();
        for name in PARTS.iter().map(|part| part.name).chain([MACHINE]) {
            assert!(
                replaced(&text, name, "x").is_some(),
                "no block for `{name}`"
            );
        }
        assert!(chosen(&["nonsense".to_owned()]).is_err());
        assert_eq!(chosen(&[]).unwrap().len(), PARTS.len());
    }

    #[test]
    fn only_the_block_changes() {
        let page = "a\n<!-- bench: x -->\nold\n<!-- end -->\nb\n<!-- bench: y -->\n<!-- end -->\n";
        let expected =
            "a\n<!-- bench: x -->\nnew\n<!-- end -->\nb\n<!-- bench: y -->\n<!-- end -->\n";
        assert_eq!(replaced(page, "x", "new").unwrap(), expected);
        assert_eq!(replaced(page, "z", "new"), None);
    }

    #[test]
    fn criterions_lines_become_rows() {
        let printed = [
            "target lookup           time:   [52.1 ns 56.2 ns 59.3 ns]",
            "a plan/200",
            "                        time:   [1.0 ms 1.1 ms 1.2 ms]",
            "                 change:",
            "                        time:   [-21.1% -17.9% -14.5%] (p = 0.00 < 0.05)",
            "Found 2 outliers",
        ];
        let table = tables(&printed.map(str::to_owned));
        let expected = "| what | from | median | to |\n|---|---|---|---|\n\
            | target lookup | 52.1 ns | 56.2 ns | 59.3 ns |\n| a plan/200 | 1.0 ms | 1.1 ms | 1.2 ms |";
        assert_eq!(table, expected);
    }
}
