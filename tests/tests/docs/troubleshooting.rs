//! docs/troubleshooting.md has a section for each kind of error, which begins with the words of the
//! API's documentation.

use crate::read;

const PAGE: &str = "docs/troubleshooting.md";

/// The kinds of errors, each with its documentation, in which links are text.
fn kinds() -> Vec<(String, String)> {
    let source = read("cross-core/src/model/error.rs");
    let (_, body) = source.split_once("pub enum ErrorKind {\n").unwrap();
    let (body, _) = body.split_once("\n}\n").unwrap();
    let (mut kinds, mut words) = (Vec::new(), Vec::new());
    for line in body.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            words.extend(text.split_whitespace().map(str::to_owned));
        } else if let Some(kind) = line.strip_suffix(',') {
            kinds.push((kind.to_owned(), without_links(&words.join(" "))));
            words.clear();
        }
    }
    kinds
}

/// The text, with ``[`name`](path)`` and ``[`name`]`` as `` `name` ``.
fn without_links(text: &str) -> String {
    let (mut plain, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("[`") {
        let (name, after) = after.split_once("`]").unwrap();
        plain += &format!("{before}`{name}`");
        rest = match after.strip_prefix('(') {
            Some(path) => path.split_once(')').unwrap().1,
            None => after,
        };
    }
    plain + rest
}

/// The sections: the kind, and the paragraphs on one line each.
fn sections(page: &str) -> Vec<(String, Vec<String>)> {
    let sections = page.split("\n### `").skip(1);
    let parts = sections.map(|section| {
        let (kind, text) = section.split_once("`\n\n").unwrap();
        let text = text.split("\n## ").next().unwrap().trim();
        let paragraphs = text.split("\n\n");
        let joined = paragraphs.map(|it| it.split_whitespace().collect::<Vec<_>>().join(" "));
        (kind.to_owned(), joined.collect())
    });
    parts.collect()
}

#[test]
fn every_kind_of_error_has_its_meaning_and_what_to_do() {
    let sections = sections(&read(PAGE));
    for (kind, meaning) in kinds() {
        let of_kind: Vec<_> = sections.iter().filter(|(of, _)| *of == kind).collect();
        let [(_, paragraphs)] = of_kind[..] else {
            panic!(
                "{PAGE} needs one section `{kind}`, and has {}",
                of_kind.len()
            );
        };
        assert_eq!(paragraphs[0], meaning, "{kind}");
        assert!(paragraphs.len() > 1, "`{kind}` says nothing of what to do");
    }
    assert_eq!(sections.len(), kinds().len(), "a section of no kind");
}

#[test]
fn links_are_text() {
    assert_eq!(
        without_links("See [`A`](crate::A), [`b`] and [`c`](d)."),
        "See `A`, `b` and `c`."
    );
}
