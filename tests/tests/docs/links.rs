//! Checks that documents name files and headings that exist: those of links, and the sources in
//! ARCHITECTURE.md.

use std::path::{Component, Path, PathBuf};

use cross_tests::tool;

use crate::{documents, read, rust_files};

/// Returns the anchor of a heading, as sites that render Markdown make it.
pub(crate) fn anchor(heading: &str) -> String {
    let lower = heading.to_lowercase();
    let stays = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
    lower
        .chars()
        .filter(stays)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// Returns the lines outside of fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut in_block = false;
    text.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        in_block ^= is_fence;
        !in_block && !is_fence
    })
}

fn anchors(text: &str) -> Vec<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    headings
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .collect()
}

/// Returns the targets of links, except web pages.
fn links(text: &str) -> Vec<String> {
    let of_line = |line: &str| {
        let ends = line.split("](").skip(1);
        let links = ends.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()));
        links.collect::<Vec<_>>()
    };
    let links = prose(text).flat_map(of_line);
    links.filter(|link| !link.contains("://")).collect()
}

/// Returns why `link` in the document `from` is broken.
fn problem(from: &str, link: &str) -> Option<String> {
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let path = match file {
        "" => PathBuf::from(from),
        file => normal(&Path::new(from).parent().unwrap().join(file)),
    };
    if !tool::repository().join(&path).exists() {
        return Some(format!("{from}: there is no file `{file}`"));
    }
    if heading.is_empty() {
        return None;
    }
    let known = anchors(&read(path.to_str().unwrap()));
    let missing = !known.iter().any(|anchor| anchor == heading);
    missing.then(|| format!("{from}: there is no heading for `{link}`"))
}

/// Returns `path` without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => assert!(normal.pop(), "{}", path.display()),
            other => normal.push(other),
        }
    }
    normal
}

/// Returns the Rust files that the text names as code.
fn sources(text: &str) -> impl Iterator<Item = &str> {
    let spans = prose(text).flat_map(|line| line.split('`').skip(1).step_by(2));
    spans.filter(|span| span.ends_with(".rs"))
}

/// Returns whether one of `files` is `source`, or ends with it: text about a crate leaves out what
/// leads to its sources.
fn is_among(files: &[String], source: &str) -> bool {
    let end = format!("/{source}");
    files
        .iter()
        .any(|file| file == source || file.ends_with(&end))
}

#[test]
fn the_architecture_names_sources_that_exist() {
    let files: Vec<_> = rust_files().collect();
    let text = read("ARCHITECTURE.md");
    let named: Vec<_> = sources(&text).collect();
    assert!(named.len() > 80, "{named:?}");
    let gone: Vec<_> = named
        .iter()
        .filter(|source| !is_among(&files, source))
        .collect();
    assert!(gone.is_empty(), "{gone:#?}");
}

/// A pipeline fails whose file was copied without the one that it includes.
#[test]
fn a_file_to_copy_says_where_the_file_goes_that_it_includes() {
    let readme = read("docs/ci/README.md");
    let mut included = 0;
    for name in ["gitlab.yml", "gitlab-matrix.yml"] {
        let text = read(&format!("docs/ci/{name}"));
        for rest in text.split("include: { local: ").skip(1) {
            let place = rest.split(' ').next().unwrap();
            let comments = text.lines().filter(|line| line.starts_with('#'));
            let said = comments.collect::<Vec<_>>().join(" ");
            assert!(
                said.contains(place),
                "{name} does not say that it includes {place}"
            );
            assert!(readme.contains(&format!("`{place}`")), "{place}");
            let file = Path::new("docs/ci").join(Path::new(place).file_name().unwrap());
            let of_file = read(file.to_str().unwrap());
            assert!(of_file.contains(&format!("Copy it to {place}")), "{file:?}");
            included += 1;
        }
    }
    assert_eq!(included, 2);
}

#[test]
fn a_source_that_is_gone_is_found() {
    let text = "`a/b.rs` and `c.rs` of `d`\n```\n`e.rs`\n```\n";
    assert_eq!(sources(text).collect::<Vec<_>>(), ["a/b.rs", "c.rs"]);
    let files = ["x/src/a/b.rs".to_owned(), "x/src/cc.rs".to_owned()];
    assert!(is_among(&files, "a/b.rs"));
    assert!(
        !is_among(&files, "c.rs"),
        "a part of a name is another file"
    );
}

#[test]
fn every_link_between_documents_works() {
    let all = documents().into_iter().flat_map(|path| {
        let links = links(&read(&path));
        links.into_iter().map(move |link| (path.clone(), link))
    });
    let all: Vec<_> = all.collect();
    assert!(all.len() > cross_config::keys().count(), "{all:?}");
    let problems: Vec<_> = all
        .iter()
        .filter_map(|(path, link)| problem(path, link))
        .collect();
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn a_broken_link_is_found() {
    assert_eq!(anchor("`zig.image` and more"), "zigimage-and-more");
    assert_eq!(
        links("a [b](c.md#d), [e](https://f)\n```\n[g](h)\n```\n"),
        ["c.md#d"]
    );
    assert_eq!(problem("docs/configuration.md", "../README.md"), None);
    assert_eq!(problem("README.md", "docs/configuration.md#keys"), None);
    for link in ["none.md", "../docs/none.md", "#none", "../README.md#none"] {
        assert!(problem("docs/configuration.md", link).is_some(), "{link}");
    }
}
