//! Places outside of the sources that string literals of the sources name:
//! `include_str!("../../x")`, `#[path = "../../shared/m.rs"]`, and what a build script reads from
//! `"../shared"`.
//!
//! Plain cargo builds such a package, so a run sees the place. Only literals of the user's own
//! packages count, not those of vendored crates. They may name what is beside the sources or in the
//! same repository, and nothing that is private. Only what goes up is meant: an absolute path is
//! one of the environment.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::facts::private_places::{Private, is_system};
use crate::host::places::{normal, real_path};

/// The limit of places. Each may take a mount.
const PLACES: usize = 32;

const UP: &str = "../";

/// The places that the files read so far name.
#[derive(Debug)]
pub(crate) struct NamedPlaces<'a> {
    private: &'a Private<'a>,
    places: BTreeSet<PathBuf>,
}

impl<'a> NamedPlaces<'a> {
    pub(crate) fn new(private: &'a Private<'a>) -> Self {
        NamedPlaces {
            private,
            places: BTreeSet::new(),
        }
    }

    /// Reads `text`, the contents of a file of Rust's in a package whose literals count. The
    /// sources are in `trees`. Returns the directories that it names and that were not known
    /// before.
    pub(crate) fn read(
        &mut self,
        file: &Path,
        package: &Path,
        text: &str,
        trees: &[PathBuf],
    ) -> Vec<PathBuf> {
        if !text.contains(UP) {
            return Vec::new();
        }
        let above = || file.ancestors().skip(1);
        let tree = trees.iter().find(|tree| file.starts_with(tree));
        let bases = bases(file, package, tree);
        let repository = above().find(|dir| dir.join(".git").exists());
        let beside = tree.and_then(|tree| tree.parent());
        let bounds = [repository, beside];
        let is_near = |path: &PathBuf| {
            let mut bounds = bounds.iter().flatten();
            bounds.any(|dir| dir.parent().is_some() && path.starts_with(dir))
        };
        let mut found = Vec::new();
        for written in literals(text) {
            let paths = bases.iter().map(|base| normal(&base.join(written)));
            let paths = paths.filter(is_near);
            for place in paths.filter_map(|path| place(&path, trees, self.private)) {
                if self.places.len() < PLACES && self.places.insert(place.clone()) {
                    found.extend(Some(place).filter(|place| place.is_dir()));
                }
            }
        }
        found
    }

    pub(crate) fn into_places(self) -> Vec<PathBuf> {
        self.places.into_iter().collect()
    }
}

/// What paths in `file` may be relative to: its directory, that of its package, where a build
/// script runs, and that of the workspace, where the compiler runs.
fn bases<'p>(file: &'p Path, package: &'p Path, tree: Option<&'p PathBuf>) -> Vec<&'p Path> {
    let dir = file.parent().unwrap_or(file);
    let mut bases = vec![dir];
    for base in [Some(package), tree.map(PathBuf::as_path)]
        .into_iter()
        .flatten()
    {
        if !bases.contains(&base) {
            bases.push(base);
        }
    }
    bases
}

/// What of the string literals in `text` goes up, as it is written there.
fn literals(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = 0;
    std::iter::from_fn(move || {
        let at = rest + text.get(rest..)?.find(UP)?;
        let end = |c: char| c == '"' || c == '{' || c == '\\' || c.is_whitespace();
        let length = text[at..].find(end).unwrap_or(text.len() - at);
        rest = at + length;
        // `src/../../x` begins before.
        let start = text[..at]
            .rfind(['"', '}', '=', ' ', '\n'])
            .map_or(0, |at| at + 1);
        Some((
            text[..start].ends_with(['"', '}', '=']),
            text[start..rest].trim_start_matches('/'),
        ))
    })
    .filter_map(|(is_literal, written)| is_literal.then_some(written))
}

/// The directory that is shown for `path`, or the file if its directory has the sources; `None` if
/// nothing is.
fn place(path: &Path, trees: &[PathBuf], private: &Private<'_>) -> Option<PathBuf> {
    let is_seen = |place: &Path| trees.iter().any(|tree| place.starts_with(tree));
    let has_sources = |place: &Path| trees.iter().any(|tree| tree.starts_with(place));
    let real = real_path(path);
    if is_seen(path) || has_sources(path) || has_sources(&real) || !real.exists() {
        return None;
    }
    // What is beside a file often belongs to it: the modules of a module, the headers of a header.
    let dir = path
        .parent()
        .filter(|dir| !path.is_dir() && !has_sources(dir));
    let places = dir.into_iter().chain([path]);
    let may_be_seen = |place: &&Path| {
        let real = real_path(place);
        !is_system(&real) && !has_sources(&real) && private.reason(&real).is_none()
    };
    places.filter(may_be_seen).map(Path::to_owned).next()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use cross_engine::os;

    #[test]
    fn what_goes_up_is_found_in_literals_only() {
        let text = r#"
            include_str!("../../x.txt"); #[path = "../m.rs"] mod m; // ../comment and "quoted"
            concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/a b"); format!("{dir}/../proto/{name}.proto");
            println!("cargo:rerun-if-changed=../native/x.c"); f("src/../../y"); g("a/b", "..", "c");
        "#;
        let found: Vec<_> = literals(text).collect();
        let expected = [
            "../../x.txt",
            "../m.rs",
            "../shared/a",
            "../proto/",
            "../native/x.c",
            "src/../../y",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_place_outside_is_shown_unless_it_has_the_sources_or_is_private() {
        let dir = tempfile::tempdir().unwrap();
        // What goes up too far stays in the directory.
        let top = os::canonical(dir.path()).unwrap().join("a/b/c");
        for made in ["up/app/src", "up/shared/deep", "home/.ssh", "home/code"] {
            fs::create_dir_all(top.join(made)).unwrap();
        }
        for file in [
            "up/x.txt",
            "up/shared/m.rs",
            "up/app/Cargo.toml",
            "home/.ssh/key",
        ] {
            fs::write(top.join(file), "").unwrap();
        }
        let source = top.join("up/app/src/main.rs");
        let text = r#""../../x.txt" "../../shared/m.rs" "../shared/deep" "../../.." "../main.rs" "../none"
            "../../../home/.ssh/key" "../../../home/code" "../../../home""#;
        fs::write(&source, text).unwrap();
        let home = top.join("home");
        let private = Private {
            home: Some(&home),
            cargo_home: &home.join(".cargo"),
            cache: &home.join(".cache"),
        };
        let trees = [top.join("up/app")];
        let of = |packages: &[PathBuf]| {
            let mut named = NamedPlaces::new(&private);
            named.read(&source, &packages[0], text, &trees);
            named.into_places()
        };
        let beside = ["up/shared", "up/shared/deep", "up/x.txt"].map(|dir| top.join(dir));
        assert_eq!(of(&trees), beside);
        fs::create_dir(top.join(".git")).unwrap();
        let mut all = beside.to_vec();
        all.insert(0, top.join("home/code"));
        assert_eq!(of(&trees), all);
    }
}
