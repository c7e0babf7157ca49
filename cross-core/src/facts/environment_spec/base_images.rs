//! The images that a Dockerfile is based on or copies from, and their digests.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// An image in the text of a Dockerfile.
struct NamedImage {
    place: Range<usize>,
    /// Its reference, with the values of arguments.
    reference: String,
}

/// The references of the images in `text`, except stages, and images that have a digest already.
/// Those with an argument that has no value here are left out.
pub(super) fn references(text: &str, arguments: &BTreeMap<String, String>) -> BTreeSet<String> {
    let images = find(text, arguments).into_iter();
    images.map(|image| image.reference).collect()
}

/// The text with the digest of each image that `digests` has.
pub(super) fn pin(
    text: &str,
    arguments: &BTreeMap<String, String>,
    digests: &BTreeMap<String, String>,
) -> String {
    let mut pinned = text.to_owned();
    // From the end, so that the places before stay what they are.
    for image in find(text, arguments).into_iter().rev() {
        if let Some(digest) = digests.get(&image.reference) {
            pinned.replace_range(image.place, &with_digest(&image.reference, digest));
        }
    }
    pinned
}

/// The reference of the image with this digest, without its tag: podman takes either.
pub(super) fn with_digest(reference: &str, digest: &str) -> String {
    let repository = match reference.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => reference,
    };
    format!("{repository}@{digest}")
}

fn find(text: &str, arguments: &BTreeMap<String, String>) -> Vec<NamedImage> {
    let mut values = BTreeMap::new();
    let mut stages = BTreeSet::from(["scratch".to_owned()]);
    let mut images = Vec::new();
    let mut count = 0_usize;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let words: Vec<_> = words(line, start).collect();
        start += line.len();
        let instruction = words.first().map(|(_, word)| word.to_ascii_uppercase());
        let named = match instruction.as_deref() {
            Some("ARG") if count == 0 => {
                for (name, value) in words.iter().filter_map(|(_, word)| word.split_once('=')) {
                    values.insert(name.to_owned(), value.trim_matches(['"', '\'']).to_owned());
                }
                continue;
            }
            Some("FROM") => {
                let mut rest = words[1..]
                    .iter()
                    .filter(|(_, word)| !word.starts_with("--"));
                let named = rest.next().cloned();
                let mut rest = rest.map(|(_, word)| *word);
                if rest
                    .next()
                    .is_some_and(|word| word.eq_ignore_ascii_case("AS"))
                {
                    stages.extend(rest.next().map(str::to_owned));
                }
                stages.insert(count.to_string());
                count += 1;
                named
            }
            Some("COPY") => words.iter().find_map(|(place, word)| {
                let from = word.strip_prefix("--from=")?;
                Some((place.end - from.len()..place.end, from))
            }),
            _ => None,
        };
        let Some((place, written)) = named else {
            continue;
        };
        let value = |name: &str| arguments.get(name).or_else(|| values.get(name));
        let Some(reference) = expanded(written, value) else {
            continue;
        };
        if !stages.contains(&reference) && !reference.contains('@') && !reference.is_empty() {
            images.push(NamedImage { place, reference });
        }
    }
    images
}

/// The words of a line that begins at `start`, with their places in the text.
fn words(line: &str, start: usize) -> impl Iterator<Item = (Range<usize>, &str)> {
    let is_comment = line.trim_start().starts_with('#');
    let words = line.split_whitespace().filter(move |_| !is_comment);
    words.map(move |word| {
        let at = start + (word.as_ptr() as usize - line.as_ptr() as usize);
        (at..at + word.len(), word)
    })
}

/// The text with the values of `$NAME` and `${NAME}`; `None` if one has no value or another form.
fn expanded<'v>(text: &str, value: impl Fn(&str) -> Option<&'v String>) -> Option<String> {
    let mut parts = text.split('$');
    let mut expanded = parts.next()?.to_owned();
    for part in parts {
        let (name, rest) = match part.strip_prefix('{') {
            Some(part) => part.split_once('}')?,
            None => {
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                part.split_at(part.find(|c| !is_name(c)).unwrap_or(part.len()))
            }
        };
        expanded += value(name)?;
        expanded += rest;
    }
    Some(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# FROM comment
ARG CROSS_BASE_IMAGE
ARG VERSION=12
FROM --platform=linux/amd64 debian:$VERSION AS tools
FROM host:5000/a/b as other
FROM scratch
FROM $CROSS_BASE_IMAGE
COPY --from=tools /x /y
COPY --from=busybox:1 /bin/sh /sh
COPY --from=0 /x /y
FROM a@sha256:1
FROM ${NOTHING:-x}
";

    #[test]
    fn images_are_found_and_stages_are_not() {
        let arguments = BTreeMap::from([("VERSION".to_owned(), "13".to_owned())]);
        let found: Vec<_> = references(TEXT, &arguments).into_iter().collect();
        assert_eq!(found, ["busybox:1", "debian:13", "host:5000/a/b"]);
        assert!(references(TEXT, &BTreeMap::new()).contains("debian:12"));
    }

    #[test]
    fn a_pinned_text_has_digests_and_is_otherwise_the_same() {
        let digests = [
            ("debian:12", "sha256:1"),
            ("host:5000/a/b", "sha256:2"),
            ("busybox:1", "sha256:3"),
        ];
        let digests = digests.map(|(name, digest)| (name.to_owned(), digest.to_owned()));
        let pinned = pin(TEXT, &BTreeMap::new(), &BTreeMap::from(digests));
        let expected = TEXT
            .replace("debian:$VERSION", "debian@sha256:1")
            .replace("host:5000/a/b", "host:5000/a/b@sha256:2")
            .replace("busybox:1", "busybox@sha256:3");
        assert_eq!(pinned, expected);
    }
}
