//! Checks that links between documents lead to existing files and headings.

use std::path::{Component, Path, PathBuf};

use cross_tests::tool;

use crate::{documents, read};

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
