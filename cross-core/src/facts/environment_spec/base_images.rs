//! The images that a Dockerfile is based on or copies from, and their digests.

mod instructions;

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::ops::Range;
use std::str::Chars;

use instructions::{Instruction, Instructions, Word};

/// The value of an argument that stands for an image which the planner chooses, and which is locked
/// by itself.
pub(super) const CHOSEN: &str = "cross-base-image";

/// An image in the text of a Dockerfile.
struct NamedImage {
    place: Range<usize>,
    /// What is written before and after the reference at its place.
    around: (String, String),
    /// Its reference, with the values of arguments.
    reference: String,
}

/// The images of a Dockerfile.
#[derive(Default)]
pub(super) struct Images {
    /// In the order of the text.
    named: Vec<NamedImage>,
    /// The words that name an image which nobody but the engine can tell.
    pub(super) unreadable: Vec<String>,
    /// Whether instructions install something, which no digest decides.
    pub(super) are_installed_upon: bool,
}

/// Finds the images in `text`, except stages, and images that have a digest already.
pub(super) fn find(text: &str, arguments: &BTreeMap<String, String>) -> Images {
    let Instructions {
        syntax,
        list,
        escape,
    } = instructions::read(text);
    let mut images = Images::default();
    if let Some(word) = syntax {
        images.add_syntax(&word);
    }
    let mut stages = Stages::default();
    let mut values = Values {
        arguments,
        defaults: BTreeMap::new(),
        escape,
    };
    for instruction in list {
        let name = &*instruction.name;
        images.are_installed_upon |= matches!(name, "RUN" | "ADD");
        let is_flag = |word: &&Word<'_>| word.text.starts_with("--");
        match name {
            "ARG" if stages.count == 0 => values.declare(&instruction),
            "FROM" => {
                let mut words = instruction.words.iter().skip_while(is_flag);
                if let Some(word) = words.next() {
                    images.add(word, ("", word.text, ""), &values, &stages);
                }
                let mut words = words.map(|word| word.text);
                let is_named = words
                    .next()
                    .is_some_and(|word| word.eq_ignore_ascii_case("AS"));
                stages.add(words.next().filter(|_| is_named));
            }
            "COPY" | "RUN" => {
                for word in instruction.words.iter().take_while(is_flag) {
                    if let Some(parts) = image_of_flag(word.text) {
                        images.add(word, parts, &values, &stages);
                    }
                }
            }
            _ => {}
        }
    }
    images
}

impl Images {
    /// The references of the images.
    pub(super) fn references(&self) -> BTreeSet<String> {
        let named = self.named.iter();
        named.map(|image| image.reference.clone()).collect()
    }

    /// `text`, in which they were found, with the digest of each image that `digests` has.
    pub(super) fn pin(&self, text: &str, digests: &BTreeMap<String, String>) -> String {
        let mut pinned = text.to_owned();
        // From the end, so that the places before stay what they are.
        for image in self.named.iter().rev() {
            if let Some(digest) = digests.get(&image.reference) {
                let (before, after) = &image.around;
                let reference = with_digest(&image.reference, digest);
                let place = image.place.clone();
                pinned.replace_range(place, &format!("{before}{reference}{after}"));
            }
        }
        pinned
    }

    /// Adds the image that a word names: its reference, between what is around it.
    fn add(
        &mut self,
        word: &Word<'_>,
        (before, written, after): (&str, &str, &str),
        values: &Values<'_>,
        stages: &Stages,
    ) {
        // Engines do not agree on variables in flags.
        let is_in_flag = !before.is_empty() && written.contains('$');
        let reference = values.expanded(written).filter(|_| !is_in_flag);
        let Some(reference) = reference.filter(|text| is_reference(text)) else {
            self.unreadable.push(word.text.to_owned());
            return;
        };
        if !stages.has(&reference) && !reference.contains('@') {
            self.named.push(NamedImage {
                place: word.place.clone(),
                around: (before.to_owned(), after.to_owned()),
                reference,
            });
        }
    }

    /// Adds the image of the frontend, which BuildKit takes from Docker's registry unless the
    /// reference names one. Podman would look for such a name in others, too.
    fn add_syntax(&mut self, word: &Word<'_>) {
        if word.text.contains('@') {
            return;
        }
        if !is_reference(word.text) {
            self.unreadable.push(format!("# syntax={}", word.text));
            return;
        }
        let host = word.text.split_once('/').map(|(host, _)| host);
        let registry = match host {
            Some(host) if host.contains(['.', ':']) || host == "localhost" => "",
            Some(_) => "docker.io/",
            None => "docker.io/library/",
        };
        self.named.push(NamedImage {
            place: word.place.clone(),
            around: (String::new(), String::new()),
            reference: format!("{registry}{}", word.text),
        });
    }
}

/// The reference of the image with this digest, without its tag: podman takes either.
pub(super) fn with_digest(reference: &str, digest: &str) -> String {
    let repository = match reference.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => reference,
    };
    format!("{repository}@{digest}")
}

/// Whether a text can be the reference of an image, or the name of a stage.
fn is_reference(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-/:@+".contains(c);
    !text.is_empty() && text.chars().all(is_allowed)
}

/// The image that the flag of a `COPY` or a `RUN` names, between what is before and after it.
fn image_of_flag(flag: &str) -> Option<(&str, &str, &str)> {
    const FROM: &str = "from=";
    let at = |start: usize, ends: &[char]| {
        let rest = &flag[start..];
        let end = rest.find(ends).unwrap_or(rest.len());
        (&flag[..start], &rest[..end], &rest[end..])
    };
    if flag.starts_with("--from=") {
        return Some(at("--from=".len(), &[]));
    }
    let options = flag.strip_prefix("--mount=")?;
    let mut start = flag.len() - options.len();
    for option in options.split(',') {
        let key = option.trim_start_matches(['"', '\'', ' ']);
        let head = key.get(..FROM.len()).unwrap_or_default();
        if head.eq_ignore_ascii_case(FROM) {
            let start = start + option.len() - key.len() + FROM.len();
            return Some(at(start, &[',', '"', '\'']));
        }
        start += option.len() + 1;
    }
    None
}

/// The stages so far. The case of their names does not matter.
#[derive(Default)]
struct Stages {
    names: BTreeSet<String>,
    count: usize,
}

impl Stages {
    fn add(&mut self, name: Option<&str>) {
        self.names.extend(name.map(str::to_ascii_lowercase));
        self.names.insert(self.count.to_string());
        self.count += 1;
    }

    fn has(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        name == "scratch" || name == CHOSEN || self.names.contains(&name)
    }
}

/// The values of the arguments that are declared before the first stage.
struct Values<'a> {
    /// Those that the engine is given.
    arguments: &'a BTreeMap<String, String>,
    /// Those that the Dockerfile has; `None` if a value cannot be told.
    defaults: BTreeMap<String, Option<String>>,
    escape: char,
}

impl Values<'_> {
    /// Adds the arguments that an `ARG` declares.
    fn declare(&mut self, instruction: &Instruction<'_>) {
        for word in &instruction.words {
            let (name, value) = match word.text.split_once('=') {
                Some((name, value)) => (name, self.expanded(value)),
                None => (word.text, Some(String::new())),
            };
            self.defaults.insert(name.to_owned(), value);
        }
    }

    /// The value of an argument. The first `None` is for one that cannot be told, and the second
    /// for one that has none.
    fn value(&self, name: &str) -> Option<Option<&str>> {
        if let Some(value) = self.arguments.get(name) {
            return Some(Some(value));
        }
        if is_of_platform(name) {
            return None;
        }
        match self.defaults.get(name) {
            Some(value) => value.as_deref().map(Some),
            None => Some(None),
        }
    }

    /// The text without quotes, and with the values of its variables; `None` if one has no value
    /// here, or a form that is not known.
    fn expanded(&self, text: &str) -> Option<String> {
        let mut expanded = String::new();
        let mut chars = text.chars().peekable();
        let mut quote = None;
        while let Some(c) = chars.next() {
            match (quote, c) {
                (Some(open), _) if open == c => quote = None,
                (Some('\''), _) => expanded.push(c),
                (None, '"' | '\'') => quote = Some(c),
                (_, '$') => expanded += &self.variable(&mut chars)?,
                _ if c == self.escape => expanded.extend(chars.next()),
                _ => expanded.push(c),
            }
        }
        quote.is_none().then_some(expanded)
    }

    /// The value of the variable that comes next, after its `$`.
    fn variable(&self, chars: &mut Peekable<Chars<'_>>) -> Option<String> {
        let has_braces = chars.next_if_eq(&'{').is_some();
        let mut name = String::new();
        while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(c);
        }
        let value = self.value(&name)?;
        if !has_braces || chars.next_if_eq(&'}').is_some() {
            return value.map(str::to_owned);
        }
        let counts_empty = chars.next_if_eq(&':').is_some();
        let form = chars.next()?;
        let word = to_closing_brace(chars)?;
        let value = value.filter(|value| !(counts_empty && value.is_empty()));
        match (form, value) {
            ('-' | '?', Some(value)) => Some(value.to_owned()),
            ('-', None) | ('+', Some(_)) => self.expanded(&word),
            ('+', None) => Some(String::new()),
            _ => None,
        }
    }
}

/// Whether the engine gives an argument its value.
fn is_of_platform(name: &str) -> bool {
    let part = name
        .strip_prefix("BUILD")
        .or_else(|| name.strip_prefix("TARGET"));
    let parts = ["PLATFORM", "OS", "OSVERSION", "ARCH", "VARIANT"];
    part.is_some_and(|part| parts.contains(&part))
}

/// The text up to the brace that closes a variable. Variables in it may have braces of their own.
fn to_closing_brace(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut word = String::new();
    let mut depth = 0;
    for c in chars.by_ref() {
        match c {
            '}' if depth == 0 => return Some(word),
            '}' => depth -= 1,
            '{' => depth += 1,
            _ => {}
        }
        word.push(c);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# syntax=docker/dockerfile:1
# FROM comment
ARG CROSS_BASE_IMAGE
ARG VERSION=12 REGISTRY
ARG SLIM=\"${VERSION}-slim\"
FROM --platform=linux/amd64 debian:$VERSION AS Tools
FROM ${REGISTRY}host:5000/a/b as other
FROM scratch
FROM $CROSS_BASE_IMAGE
COPY --from=tools /x /y
COPY --from=busybox:1 /bin/sh /sh
COPY --from=0 /x /y
FROM a@sha256:1
FROM ${NOTHING:-x:1}
FROM \"debian:${SLIM}\" AS debian
FROM \\
  debian
RUN --network=none --mount=type=cache,target=/c --mount=type=bind,from=tool:2,source=/a true
RUN --mount=type=bind,from=OTHER,source=/a --mount=from=last:3 <<END
FROM document
END
";

    fn of(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// The references of the images in `text`, all of which can be told.
    #[track_caller]
    fn references(text: &str, arguments: &[(&str, &str)]) -> Vec<String> {
        let mut arguments = of(arguments);
        arguments.insert("CROSS_BASE_IMAGE".to_owned(), CHOSEN.to_owned());
        let images = find(text, &arguments);
        assert_eq!(images.unreadable, [""; 0]);
        images.references().into_iter().collect()
    }

    #[test]
    fn images_are_found_and_stages_are_not() {
        let expected = [
            "busybox:1",
            "debian:12",
            "debian:12-slim",
            "docker.io/docker/dockerfile:1",
            "host:5000/a/b",
            "last:3",
            "tool:2",
            "x:1",
        ];
        assert_eq!(references(TEXT, &[]), expected);
        let found = references(TEXT, &[("VERSION", "13")]);
        assert_eq!(found[1..3], ["debian:13", "debian:13-slim"]);
    }

    #[test]
    fn a_stage_that_has_the_name_of_its_image_does_not_hide_the_image() {
        let found = references("FROM debian:12 AS a\nFROM debian AS debian\n", &[]);
        assert_eq!(found, ["debian", "debian:12"]);
    }

    #[test]
    fn an_image_that_only_the_engine_can_tell_is_named_as_it_is_written() {
        for (text, word) in [
            ("FROM $NOTHING", "$NOTHING"),
            ("FROM debian-$TARGETARCH", "debian-$TARGETARCH"),
            ("ARG TARGETARCH\nFROM ${TARGETARCH:-x}", "${TARGETARCH:-x}"),
            ("ARG V=1\nFROM a:${V%x}", "a:${V%x}"),
            ("ARG V\nFROM $V", "$V"),
            ("FROM a\nCOPY --from=b:$V x y", "--from=b:$V"),
            ("# syntax=$X\nFROM a", "# syntax=$X"),
        ] {
            assert_eq!(find(text, &of(&[])).unreadable, [word], "{text}");
        }
        assert_eq!(references("ARG V\nFROM $V", &[("V", "x")]), ["x"]);
    }

    #[test]
    fn defaults_are_those_of_a_shell() {
        for (written, reference) in [
            ("a:${SET:-x}", "a:s"),
            ("a:${EMPTY:-x}", "a:x"),
            ("a:b${EMPTY-x}", "a:b"),
            ("a:${UNSET-${SET}}", "a:s"),
            ("a:b${SET:+x}", "a:bx"),
            ("a:b${EMPTY:+x}", "a:b"),
            ("a:${SET:?must}", "a:s"),
            ("'a:1'", "a:1"),
        ] {
            let text = format!("ARG EMPTY\nFROM {written}\n");
            assert_eq!(references(&text, &[("SET", "s")]), [reference], "{text}");
        }
    }

    #[test]
    fn a_pinned_text_has_digests_and_is_otherwise_the_same() {
        let arguments = of(&[("CROSS_BASE_IMAGE", CHOSEN)]);
        let images = find(TEXT, &arguments);
        let digests = images.references().into_iter().enumerate();
        let digests = digests.map(|(n, name)| (name, format!("sha256:{n}")));
        let pinned = images.pin(TEXT, &digests.collect());
        let expected = TEXT
            .replace(
                "docker/dockerfile:1",
                "docker.io/docker/dockerfile@sha256:3",
            )
            .replace("debian:$VERSION", "debian@sha256:1")
            .replace("${REGISTRY}host:5000/a/b", "host:5000/a/b@sha256:4")
            .replace("busybox:1", "busybox@sha256:0")
            .replace("${NOTHING:-x:1}", "x@sha256:7")
            .replace("\"debian:${SLIM}\"", "debian@sha256:2")
            .replace("from=tool:2", "from=tool@sha256:6")
            .replace("from=last:3", "from=last@sha256:5");
        assert_eq!(pinned, expected);
    }

    #[test]
    fn commands_install_what_no_digest_decides() {
        let installs = |text: &str| find(text, &of(&[])).are_installed_upon;
        assert!(!installs("FROM a\nCOPY --from=b / /\nENV X=1\n# RUN x\n"));
        for text in [
            "FROM a\nRUN true",
            "FROM a\nadd http://x /y",
            "FROM a\nONBUILD RUN x",
        ] {
            assert!(installs(text), "{text}");
        }
    }
}
