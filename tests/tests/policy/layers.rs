//! The layers of each library: a folder imports only from lower ones, and imports have no circles.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use cross_tests::tool;

use crate::module_tree::{Imports, ModuleTree};
use crate::{LIBRARIES, read};

#[test]
fn imports_go_down_the_layers_and_in_no_circle() {
    let mut table = table(&read("ARCHITECTURE.md"));
    let mut findings = Vec::new();
    for library in LIBRARIES {
        let layers = table.remove(library).unwrap_or_default();
        let src = Path::new(library).join("src");
        let found = check(&tool::repository().join(&src), &layers);
        findings.extend(found.iter().map(|finding| format!("{library}: {finding}")));
    }
    let strangers = table.into_keys();
    findings
        .extend(strangers.map(|name| format!("{name}: the table has it, but it is no library")));
    assert!(
        findings.is_empty(),
        "{} findings:\n{}\n\nIn the table of ARCHITECTURE.md, a folder imports only from those below it. \
         If an import goes up, move the imported item down, or the code that imports it up. \
         If files import one another in a circle, move what they share into a file of its own.",
        findings.len(),
        findings.join("\n")
    );
}

/// Returns the folders of each library, lowest first. The table after the mark lists them highest
/// first, as crate, folder and description.
fn table(text: &str) -> BTreeMap<String, Vec<String>> {
    let (_, rest) = text.split_once("\n<!-- layers -->\n").expect("the mark");
    let rows = rest.lines().take_while(|line| line.starts_with('|'));
    let mut layers = BTreeMap::<_, Vec<_>>::new();
    // The first two lines are the table's head.
    for row in rows.skip(2) {
        let mut cells = row
            .split('|')
            .skip(1)
            .map(|cell| cell.trim().trim_matches('`'));
        let (library, folder) = (cells.next().unwrap(), cells.next().unwrap());
        let folder = folder.trim_end_matches('/').to_owned();
        layers.entry(library.to_owned()).or_default().push(folder);
    }
    layers.values_mut().for_each(|folders| folders.reverse());
    layers
}

/// Returns the violations in the library in `src`, whose folders are `layers`, lowest first.
/// Without layers, only circles are violations.
fn check(src: &Path, layers: &[String]) -> Vec<String> {
    let imports = ModuleTree::read(src).imports();
    let mut findings = Vec::new();
    if !layers.is_empty() {
        findings.extend(misplaced(src, layers));
        findings.extend(upward(&imports, layers));
    }
    findings.extend(circles(&imports));
    let unresolved = imports.unresolved.iter();
    findings.extend(unresolved.map(|path| format!("{path} leads to nothing that is declared")));
    findings
}

/// Returns folders that only the directory or only the table has, and files outside of the folders.
fn misplaced(src: &Path, layers: &[String]) -> Vec<String> {
    let (mut folders, mut findings) = (BTreeSet::new(), Vec::new());
    for entry in fs::read_dir(src).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            folders.insert(name);
        } else if name != "lib.rs" {
            findings.push(format!("{name} is in no folder"));
        }
    }
    findings.sort();
    let listed: BTreeSet<_> = layers.iter().cloned().collect();
    let unlisted = folders.difference(&listed);
    findings.extend(unlisted.map(|name| format!("{name}/ is not in the table of layers")));
    let absent = listed.difference(&folders);
    findings.extend(
        absent.map(|name| format!("{name}/ is in the table of layers, but does not exist")),
    );
    findings
}

/// Returns the imports from a higher layer. `lib.rs` is above all layers.
fn upward(imports: &Imports, layers: &[String]) -> Vec<String> {
    let folder = |file: &Path| file.iter().next().unwrap().to_str().unwrap().to_owned();
    let height = |folder: &str| match folder {
        "lib.rs" => Some(layers.len()),
        folder => layers.iter().position(|layer| layer == folder),
    };
    let mut findings = Vec::new();
    for ((from, to), lines) in &imports.lines {
        let (lower, upper) = (folder(from), folder(to));
        // `misplaced` reports files without a layer.
        let (Some(low), Some(high)) = (height(&lower), height(&upper)) else {
            continue;
        };
        if low < high {
            let (from, to) = (from.display(), to.display());
            let finding = |line| format!("{from}:{line} imports {to}: {lower} → {upper} goes up");
            findings.extend(lines.iter().map(finding));
        }
    }
    findings
}

/// Returns the circles of imports between files. A module and the modules that it declares may
/// import each other, so a circle is allowed if one of its files declares all others.
fn circles(imports: &Imports) -> Vec<String> {
    let mut findings = Vec::new();
    let holders: BTreeSet<_> = imports.parents.values().collect();
    for holder in holders {
        // The module that the holder declares and that contains the file.
        let part = |file: &PathBuf| {
            let mut at = file;
            loop {
                let parent = imports.parents.get(at)?;
                if parent == holder {
                    return Some(at.clone());
                }
                at = parent;
            }
        };
        let mut graph = BTreeMap::<&Path, Vec<&Path>>::new();
        for (from, to) in imports.lines.keys() {
            if part(from).is_some() && part(to).is_some() {
                graph.entry(from).or_default().push(to);
            }
        }
        let crosses = |(from, to): &&(PathBuf, PathBuf)| {
            part(from).is_some_and(|one| part(to).is_some_and(|other| one != other))
        };
        let circle = |(from, to)| {
            let way_back = shortest_way(&graph, to, from)?;
            Some(std::iter::once(from).chain(way_back).collect::<Vec<_>>())
        };
        let edges = imports.lines.keys().filter(crosses);
        let edges = edges.map(|(from, to)| (from.as_path(), to.as_path()));
        let mut circles: Vec<_> = edges.filter_map(circle).collect();
        circles.sort_by_key(Vec::len);
        // Each file is reported once, in the shortest circle that contains it.
        let mut named = BTreeSet::new();
        for files in circles {
            if files.iter().all(|file| named.contains(file)) {
                continue;
            }
            let import = |pair: &[&Path]| {
                let lines = &imports.lines[&(pair[0].to_owned(), pair[1].to_owned())];
                let line = lines.first().unwrap();
                format!("{}:{line} imports {}", pair[0].display(), pair[1].display())
            };
            let steps: Vec<_> = files.windows(2).map(import).collect();
            findings.push(format!("a circle: {}", steps.join(", ")));
            named.extend(files);
        }
    }
    findings
}

/// Returns the files along the imports from one file to another, including both.
fn shortest_way<'a>(
    graph: &BTreeMap<&'a Path, Vec<&'a Path>>,
    from: &'a Path,
    to: &Path,
) -> Option<Vec<&'a Path>> {
    let mut reached_from = BTreeMap::from([(from, None)]);
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        if at == to {
            let mut way = vec![at];
            while let Some(before) = reached_from[way[way.len() - 1]] {
                way.push(before);
            }
            way.reverse();
            return Some(way);
        }
        for next in graph.get(at).into_iter().flatten() {
            if !reached_from.contains_key(next) {
                reached_from.insert(next, Some(at));
                queue.push_back(next);
            }
        }
    }
    None
}

/// Returns the violations in a library of `policy/fixtures`.
fn fixture(name: &str, layers: &[&str]) -> Vec<String> {
    let fixtures = tool::repository().join("tests/tests/policy/fixtures");
    let layers: Vec<_> = layers.iter().copied().map(str::to_owned).collect();
    check(&fixtures.join(name), &layers)
}

#[test]
fn an_upward_import_is_found() {
    let found = fixture("upward_import", &["model", "plan"]);
    let expected = [
        "model/error.rs:5 imports plan/mod.rs: model → plan goes up",
        "model/error.rs:5 imports plan/steps.rs: model → plan goes up",
    ];
    assert_eq!(found, expected);
}

#[test]
fn an_upward_path_is_found() {
    let found = fixture("upward_path", &["host", "run"]);
    let expected = [
        "host/files.rs:4 imports lib.rs: host → lib.rs goes up",
        "host/files.rs:3 imports run/spec.rs: host → run goes up",
        "host/files.rs:4 imports run/spec.rs: host → run goes up",
        "host/files.rs:6 imports run/spec.rs: host → run goes up",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_circle_is_found() {
    let found = fixture("circle", &["cache"]);
    let expected = ["a circle: cache/entry/key.rs:1 imports cache/store.rs, \
        cache/store.rs:1 imports cache/lock.rs, cache/lock.rs:3 imports cache/entry.rs, \
        cache/entry.rs:6 imports cache/entry/key.rs"];
    assert_eq!(found, expected);
}

#[test]
fn a_folder_that_is_not_listed_is_found() {
    let found = fixture("unlisted_folder", &["model", "plan"]);
    let expected = [
        "helpers.rs is in no folder",
        "util/ is not in the table of layers",
        "plan/ is in the table of layers, but does not exist",
        "a circle: model/mod.rs:2 imports util/mod.rs, util/mod.rs:1 imports model/mod.rs",
    ];
    assert_eq!(found, expected);
}
