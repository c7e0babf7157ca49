//! The rules of ARCHITECTURE.md that neither the compiler nor a lint enforces.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cross_engine::Invocation;
use cross_tests::tool;

#[path = "policy/door.rs"]
mod door;
#[path = "policy/enums.rs"]
mod enums;
#[path = "policy/layers.rs"]
mod layers;
#[path = "policy/module_tree.rs"]
mod module_tree;
#[path = "policy/packages.rs"]
mod packages;
#[path = "policy/systems.rs"]
mod systems;
#[path = "policy/types.rs"]
mod types;

/// The four library crates.
const LIBRARIES: [&str; 4] = [
    "cross-targets",
    "cross-config",
    "cross-engine",
    "cross-core",
];

fn read(path: impl AsRef<Path>) -> String {
    let path = tool::repository().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the files that git tracks or would add, relative to the root.
fn tracked() -> Vec<PathBuf> {
    let list = Invocation::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .cwd(tool::repository());
    tool::stdout(&list)
        .lines()
        .map(PathBuf::from)
        .filter(|path| tool::repository().join(path).is_file())
        .collect()
}

fn rust_files() -> impl Iterator<Item = PathBuf> {
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    tracked().into_iter().filter(is_rust)
}

/// Returns the sources of a library, without comments and tests.
fn sources(library: &str) -> Vec<(PathBuf, String)> {
    let dir = Path::new(library).join("src");
    rust_files()
        .filter(|path| path.starts_with(&dir) && !path.ends_with("tests.rs"))
        .map(|path| {
            let text = read(&path);
            let code = text.split("\n#[cfg(test)]").next().unwrap();
            let is_code = |line: &&str| !line.trim_start().starts_with("//");
            let code: Vec<_> = code.lines().filter(is_code).collect();
            (path, code.join("\n"))
        })
        .collect()
}

fn cargo(args: &[&str]) -> String {
    let cargo = Invocation::new(tool::cargo())
        .args(args.iter().copied())
        .cwd(tool::repository());
    tool::stdout(&cargo)
}

#[test]
fn crate_edges_are_the_designed_ones() {
    let designed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("cross-targets", &[][..]),
        ("cross-config", &["cross-targets"]),
        ("cross-engine", &[]),
        (
            "cross-core",
            &["cross-config", "cross-engine", "cross-targets"],
        ),
        ("logsift", &[]),
        ("xtask", &["cross-core"]),
        (
            "cross-tests",
            &[
                "cross-config",
                "cross-core",
                "cross-engine",
                "cross-targets",
            ],
        ),
    ]);
    let text = cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--offline",
    ]);
    let metadata: serde_json::Value = serde_json::from_str(&text).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeSet<_> = packages
        .iter()
        .map(|package| package["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, designed.keys().copied().collect());
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let ours: BTreeSet<_> = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|package| package["name"].as_str().unwrap())
            .filter(|name| names.contains(name))
            .collect();
        let allowed = designed[name].iter().copied().collect();
        assert!(ours.is_subset(&allowed), "{name} depends on {ours:?}");
    }
}

#[test]
fn the_dependency_budget_is_kept() {
    for host in [
        "x86_64-unknown-linux-gnu",
        "aarch64-apple-darwin",
        "x86_64-pc-windows-msvc",
        "x86_64-unknown-freebsd",
    ] {
        assert_dependency_budget(host);
    }
}

fn assert_dependency_budget(host: &str) {
    let text = cargo(&[
        "tree",
        "--package",
        "cross-core",
        "--target",
        host,
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        // A build for this host has not fetched what only others need.
        "--locked",
        "--format",
        "{p}",
    ]);
    let is_new = |line: &&str| !line.is_empty();
    let packages: BTreeSet<_> = text
        .lines()
        .filter(is_new)
        .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert!(packages.len() > 4, "the tree was read: {text}");
    assert!(
        packages.len() <= 40,
        "{} packages on {host}: {packages:#?}",
        packages.len()
    );
}

#[test]
fn no_file_is_too_long() {
    // Files over the limit, each with the reason.
    let allowed: [(&str, &str); 0] = [];
    for path in rust_files() {
        let lines = read(&path).lines().count();
        let is_allowed = allowed.iter().any(|(file, _)| Path::new(file) == path);
        assert!(
            lines <= 600 || is_allowed,
            "{}: {lines} lines",
            path.display()
        );
    }
}

#[test]
fn only_the_doors_open_the_lint() {
    let doors = BTreeSet::from([
        // Libraries: the environment, the clock, processes, and Windows' program that kills them.
        "cross-core/src/host/process_env.rs",
        "cross-engine/src/process/clock.rs",
        "cross-engine/src/process/child.rs",
        "cross-engine/src/os/windows/processes.rs",
        // Tests and their programs. Benchmarks and examples are programs, too.
        "cross-targets/tests/oracle.rs",
        "tests/src/ambient.rs",
        "tests/src/measure.rs",
        "tests/src/bin/caller.rs",
        "tests/src/bin/front-door.rs",
        "tests/src/bin/fake-engine.rs",
        "tests/src/bin/host-tools.rs",
    ]);
    let lint = concat!("clippy::disallowed", "_");
    for path in rust_files() {
        let opens = read(&path).contains(lint);
        let path = path.to_str().unwrap();
        let may = doors.contains(path)
            || ["tests/benches/", "/examples/"]
                .iter()
                .any(|dir| path.contains(dir));
        assert!(!opens || may, "{path} opens `{lint}…`");
    }
    for door in doors {
        assert!(read(door).contains(lint), "{door} is no door any more");
    }
}

#[test]
fn cross_targets_and_cross_config_reach_nothing_outside() {
    let outside = [
        "std::env",
        "std::process",
        "std::net",
        "std::time",
        "std::thread",
    ];
    for library in ["cross-targets", "cross-config"] {
        let sources = sources(library);
        assert!(sources.len() > 5, "the sources were found");
        for (path, code) in sources {
            // The loader reads the files that the caller names.
            let may_read = path == Path::new("cross-config/src/load/loader.rs");
            for reach in outside.into_iter().chain(["std::fs", "std::io"]) {
                let is_reading = ["std::fs", "std::io"].contains(&reach);
                let allowed = is_reading && may_read;
                assert!(
                    allowed || !code.contains(reach),
                    "{}: {reach}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn no_third_party_type_is_public() {
    // The types that a file may expose, each with the reason.
    let allowed = [(
        "cross-core/src/api/cc_build.rs",
        "cc::",
        "the feature `cc` is there to give out a `cc::Build`",
    )];
    let third_parties = [
        "cargo_metadata::",
        "cc::",
        "hmac_sha256::",
        "object::",
        "rustix::",
        "serde_json::",
        "shell_escape::",
        "tempfile::",
        "thiserror::",
        "toml::",
    ];
    for (path, code) in LIBRARIES.into_iter().flat_map(sources) {
        let mut signature = String::new();
        for line in code.lines().map(str::trim) {
            let begins = line.starts_with("pub ") && !line.starts_with("pub mod ");
            if !begins && signature.is_empty() {
                continue;
            }
            signature.push_str(line);
            signature.push(' ');
            if !line.ends_with(['{', ';', ',', '}']) || line.ends_with(',') && line.contains("fn ")
            {
                continue;
            }
            for third in third_parties {
                let is_allowed = |(file, name, _): &(&str, &str, &str)| {
                    Path::new(file) == path && *name == third
                };
                assert!(
                    !signature.contains(third) || allowed.iter().any(is_allowed),
                    "{}: {signature}",
                    path.display()
                );
            }
            signature.clear();
        }
    }
}

#[test]
fn every_package_has_the_workspaces_lints_and_rust_version() {
    let workspace = read("Cargo.toml");
    let line = workspace
        .lines()
        .find(|line| line.starts_with("rust-version = "))
        .unwrap();
    let msrv = line.trim_start_matches("rust-version = ");
    assert!(read("clippy.toml").contains(&format!("msrv = {msrv}")));
    for manifest in tracked() {
        if !manifest.ends_with("Cargo.toml") || manifest == Path::new("Cargo.toml") {
            continue;
        }
        let text = read(&manifest);
        let path = manifest.display();
        // The fuzz targets are a separate workspace without a release or an MSRV.
        if text.contains("\n[workspace]\n") {
            continue;
        }
        // An application may print and exit.
        let is_application = manifest.starts_with("xtask-example");
        let shared = text.contains("[lints]\nworkspace = true");
        assert!(
            shared || is_application && text.contains("[lints.clippy]"),
            "{path}"
        );
        assert!(text.contains("rust-version.workspace = true"), "{path}");
    }
}

#[test]
fn no_test_is_left_out() {
    let marks = [
        concat!("#[ign", "ore"),
        concat!("// TO", "DO"),
        concat!("FIX", "ME"),
    ];
    for path in rust_files() {
        let text = read(&path);
        for mark in marks {
            assert!(!text.contains(mark), "{}: {mark}", path.display());
        }
    }
}

#[test]
fn no_registry_and_no_path_of_a_machine_is_in_a_file() {
    let hosts = [
        concat!("deb.deb", "ian.org"),
        concat!("static.cra", "tes.io"),
        concat!("index.cra", "tes.io"),
        concat!("py", "pi.org"),
        concat!("registry.np", "mjs.org"),
    ];
    let homes = [
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/main"),
        concat!("/wo", "rk/shared"),
    ];
    for path in tracked() {
        let Ok(text) = fs::read_to_string(tool::repository().join(&path)) else {
            continue;
        };
        for host in hosts {
            assert!(!text.contains(host), "{}: {host}", path.display());
        }
        for home in homes {
            let found = text.match_indices(home).find(|(at, _)| {
                // It may be a part of a longer path, such as that of a root file system.
                let before = text[..*at].chars().next_back();
                !before.is_some_and(|c| c.is_alphanumeric() || "]_-.}>".contains(c))
            });
            if let Some((at, _)) = found {
                let line = text[..at].lines().count();
                panic!("{}:{line}: {home}", path.display());
            }
        }
    }
}

/// Returns the `sh` blocks of the README, each with the name of the `ci` mark before it.
fn readme_blocks() -> Vec<(Option<String>, String)> {
    let (mut blocks, mut last, mut open) = (Vec::new(), String::new(), None::<String>);
    for line in read("README.md").lines() {
        match (&mut open, line) {
            (None, "```sh") => open = Some(String::new()),
            (Some(block), "```") => {
                let name = last
                    .strip_prefix("<!-- ci: ")
                    .and_then(|rest| rest.strip_suffix(" -->"));
                blocks.push((name.map(str::to_owned), block.clone()));
                open = None;
            }
            (Some(block), line) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, line) => last = line.to_owned(),
        }
    }
    blocks
}

#[test]
fn ci_runs_the_readmes_commands() {
    let blocks = readme_blocks();
    assert!(blocks.len() >= 2, "the README begins with two commands");
    assert!(
        blocks[..2].iter().all(|(name, _)| name.is_some()),
        "{blocks:#?}"
    );
    let ci = read(".ci/run");
    let function: String = ci
        .lines()
        .skip_while(|line| !line.starts_with("readme() {"))
        .map(|line| format!("{line}\n"))
        .take_while(|line| line != "}\n")
        .collect();
    let mut position = 0;
    for (name, block) in &blocks {
        let Some(name) = name else { continue };
        for command in block.lines() {
            assert!(
                !ci.contains(command),
                "a copy of `{command}` would go its own way"
            );
        }
        let calls = [format!("$(readme {name})"), format!("$(readme '{name}')")];
        let call = calls.iter().find_map(|call| ci.find(call));
        let call = call.unwrap_or_else(|| panic!(".ci/run does not run `{name}`"));
        assert!(call > position, "in the README's order");
        position = call;
        // CI takes exactly these commands from the README.
        let script = format!("{function}}}\nreadme \"$1\"");
        let taken = Invocation::new("bash")
            .args(["-c", &script, "readme", name])
            .cwd(tool::repository());
        assert_eq!(tool::stdout(&taken), *block);
    }
}

#[test]
fn the_changelog_has_this_version() {
    let version = env!("CARGO_PKG_VERSION");
    let heading = |line: &str| {
        let title = line.strip_prefix("## ").unwrap_or_default();
        title.trim_start_matches('[').starts_with(version)
    };
    assert!(read("CHANGELOG.md").lines().any(heading), "{version}");
}

/// Returns the words in backquotes after `Guard:`, up to the next empty line or list item.
fn guards_of(text: &str) -> Vec<String> {
    let mut guards = Vec::new();
    for part in text.split("Guard: ").skip(1) {
        let is_item = |line: &str| line.starts_with("- ") || line.starts_with(char::is_numeric);
        let goes_on = |line: &&str| !line.is_empty() && !is_item(line);
        let sentence: Vec<_> = part.lines().take_while(goes_on).collect();
        let sentence = sentence.join(" ");
        let words = sentence.split('`').skip(1).step_by(2);
        guards.extend(words.map(str::to_owned));
    }
    guards
}

/// The numbered rules of a section of ARCHITECTURE.md, without their numbers.
fn rules_of<'a>(text: &'a str, section: &str) -> Vec<&'a str> {
    let mut sections = text.split("\n## ");
    let section = sections.find(|part| part.starts_with(section)).unwrap();
    let rule = |n| {
        let rest = section.split(&format!("\n{n}. **")).nth(1)?;
        rest.split(&format!("\n{}. **", n + 1)).next()
    };
    (1..).map_while(rule).collect()
}

#[test]
fn every_invariant_and_rule_names_a_guard_that_exists() {
    let text = read("ARCHITECTURE.md");
    for (section, number) in [("Invariants", 10), ("The boundary", 9)] {
        let rules = rules_of(&text, section);
        assert_eq!(rules.len(), number, "those of `{section}` are numbered");
        for rule in rules {
            assert!(!guards_of(rule).is_empty(), "no guard: {rule}");
        }
    }
    let lints = read("Cargo.toml") + &read("clippy.toml");
    let tests: String = rust_files().map(read).collect();
    for guard in guards_of(&text) {
        let exists = if guard.contains(['/', '.']) {
            tool::repository().join(&guard).is_file()
        } else {
            let is_test = |argument| tests.contains(&format!("fn {guard}({argument})"));
            is_test("") || is_test("seat: Seat") || lints.contains(&format!("\n{guard} = "))
        };
        assert!(exists, "there is no guard `{guard}`");
    }
}
