//! Checks of the documentation: generated parts are up to date, configuration examples are valid,
//! every setting is documented, and links work.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;

use cross_config::DiagnosticCode;
use cross_engine::Invocation;
use cross_tests::{check_file, tool};

#[path = "docs/blocks.rs"]
mod blocks;
#[path = "docs/environments.rs"]
mod environments;
#[path = "docs/links.rs"]
mod links;
#[path = "docs/reference.rs"]
mod reference;
#[path = "docs/registry.rs"]
mod registry;
#[path = "docs/troubleshooting.rs"]
mod troubleshooting;

const CONFIGURATION: &str = "docs/configuration.md";

/// Reads a file of the repository. `path` is relative to its root.
fn read(path: &str) -> String {
    let file = tool::repository().join(path);
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the documents in the root, in `docs`, in `docs/ci` and of the libraries, relative to the
/// root.
fn documents() -> Vec<String> {
    let in_dir = |dir: &str| {
        let entries = fs::read_dir(tool::repository().join(dir)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let documents = names.filter(|name| name.ends_with(".md"));
        let paths = documents.map(|name| format!("{dir}{name}"));
        paths.collect::<Vec<_>>()
    };
    let dirs = [
        "",
        "docs/",
        "docs/ci/",
        "cross-targets/",
        "cross-config/",
        "cross-engine/",
        "cross-core/",
    ];
    let mut documents = dirs.map(in_dir).concat();
    documents.sort();
    documents
}

/// Returns the Rust sources that git tracks or would add, relative to the root.
fn rust_files() -> impl Iterator<Item = String> {
    let list = Invocation::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "*.rs",
        ])
        .cwd(tool::repository());
    let files: Vec<_> = tool::stdout(&list).lines().map(str::to_owned).collect();
    let exists = |path: &String| tool::repository().join(path).is_file();
    files.into_iter().filter(exists)
}

/// Returns `text` with `made` between the two marks of `part`.
fn with_part(text: &str, part: &str, made: &str) -> String {
    let begin = format!("<!-- made from the code: {part} -->\n");
    let end = format!("<!-- end: {part} -->\n");
    assert_eq!(text.matches(&begin).count(), 1, "one `{begin}`");
    let (before, rest) = text.split_once(&begin).unwrap();
    let (_, after) = rest
        .split_once(&end)
        .unwrap_or_else(|| panic!("no `{end}`"));
    format!("{before}{begin}\n{made}\n{end}{after}")
}

#[test]
fn the_reference_of_keys_and_variables_is_up_to_date() {
    let text = read(CONFIGURATION);
    let text = with_part(&text, "keys", &reference::keys());
    let text = with_part(&text, "settings", &reference::settings());
    check_file(CONFIGURATION, &text);
}

#[test]
fn the_schema_is_up_to_date() {
    check_file("docs/Cross.schema.json", &cross_config::json_schema());
    check_file("docs/plan.schema.json", &cross_core::plan::json_schema());
}

#[test]
fn every_code_is_explained_once() {
    let text = read(CONFIGURATION);
    let rows = text.lines().filter_map(|line| {
        let (code, rest) = line.strip_prefix("| `")?.split_once("` | ")?;
        let is_row = rest.starts_with("error | ") || rest.starts_with("warning | ");
        is_row.then_some(code)
    });
    let codes = DiagnosticCode::ALL.iter().map(|code| code.as_str());
    assert_eq!(rows.collect::<Vec<_>>(), codes.collect::<Vec<_>>());
}

#[test]
fn only_the_named_part_is_replaced() {
    let text = "a\n<!-- made from the code: x -->\nold\n<!-- end: x -->\nz\n";
    assert_eq!(
        with_part(text, "x", "new\n"),
        "a\n<!-- made from the code: x -->\n\nnew\n\n<!-- end: x -->\nz\n"
    );
}
