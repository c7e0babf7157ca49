//! The as-written model: what one source says at one level, each value with its origin.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Code, Diagnostic};
use crate::origin::{Origin, Sourced};
use crate::word::{Name, Network, Package, Passthrough, Runner, Suite, Triple, Word};

/// A list, where the whole and each item know their origin.
pub(crate) type List<T> = Sourced<Vec<Sourced<T>>>;

/// What one source says in `[build]`, or in one `[target.<triple>]`. One field per key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    pub(crate) default_target: Option<Sourced<Triple>>,
    pub(crate) targets: Option<List<Triple>>,
    pub(crate) engine: Option<Sourced<Name>>,
    pub(crate) toolchain: Option<Sourced<Name>>,
    pub(crate) network: Option<Sourced<Network>>,
    pub(crate) suite: Option<Sourced<Suite>>,
    pub(crate) packages: Option<List<Package>>,
    pub(crate) passthrough: Option<List<Passthrough>>,
    pub(crate) runner: Option<Sourced<Runner>>,
}

/// What one source says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    pub(crate) build: Values,
    pub(crate) targets: BTreeMap<String, Values>,
    /// Every problem, in the order of places.
    pub(crate) problems: Vec<Diagnostic>,
}

/// The field of a key, by the shape of what it takes.
pub(crate) enum Slot<'a> {
    /// One text.
    Text(&'a mut dyn TextSlot),
    /// A list of texts.
    List(&'a mut dyn ListSlot),
}

/// A field that takes one text.
pub(crate) trait TextSlot {
    /// Stores `text`, replacing what was there; returns what is wrong with it.
    fn store(&mut self, key: &str, text: Sourced<String>) -> Vec<Diagnostic>;
}

/// A field that takes a list of texts.
pub(crate) trait ListSlot {
    /// Stores `list`, replacing what was there; returns what is wrong with its items.
    fn store(&mut self, key: &str, list: List<String>) -> Vec<Diagnostic>;
}

/// A field that can be shown to people.
pub(crate) trait Shown {
    /// `None` if nothing is written, else the value or each item; an empty list is one row, `[]`.
    fn rows(&self) -> Option<Vec<(String, Origin)>>;
}

impl<W: Word> TextSlot for Option<Sourced<W>> {
    fn store(&mut self, key: &str, text: Sourced<String>) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        *self = read(key, text, &mut problems);
        problems
    }
}

impl<W: Word> ListSlot for Option<List<W>> {
    fn store(&mut self, key: &str, list: List<String>) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        *self = Some(list.map(|items| {
            let items = items.into_iter();
            items
                .filter_map(|item| read(key, item, &mut problems))
                .collect()
        }));
        problems
    }
}

fn read<W: Word>(
    key: &str,
    text: Sourced<String>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Sourced<W>> {
    match W::parse(key, &text.value) {
        Ok(word) => {
            problems.extend(word.doubt().map(|it| it.located_by(&text.origin)));
            Some(Sourced::new(word, text.origin))
        }
        Err(problem) => {
            problems.push(problem.located_by(&text.origin));
            None
        }
    }
}

impl<W: Word> Shown for Option<Sourced<W>> {
    fn rows(&self) -> Option<Vec<(String, Origin)>> {
        let row = |it: &Sourced<W>| vec![(it.value.show(), it.origin.clone())];
        self.as_ref().map(row)
    }
}

impl<W: Word> Shown for Option<List<W>> {
    fn rows(&self) -> Option<Vec<(String, Origin)>> {
        let list = self.as_ref()?;
        if list.value.is_empty() {
            return Some(vec![("[]".to_owned(), list.origin.clone())]);
        }
        Some(
            list.value
                .iter()
                .map(|it| (it.value.show(), it.origin.clone()))
                .collect(),
        )
    }
}

impl Written {
    /// Makes relative paths absolute: they are relative to `base`, which is where they were written.
    pub(crate) fn resolve_paths(&mut self, base: &Path) {
        let levels = std::iter::once(&mut self.build).chain(self.targets.values_mut());
        self.problems
            .extend(levels.flat_map(|values| values.resolve_paths(base)));
    }
}

impl Values {
    fn resolve_paths(&mut self, base: &Path) -> Vec<Diagnostic> {
        let paths = [
            ("engine", &mut self.engine),
            ("toolchain", &mut self.toolchain),
        ];
        let written = paths
            .into_iter()
            .filter_map(|(key, slot)| Some((key, slot.as_mut()?)));
        written
            .filter_map(|(key, path)| resolve_path(key, path, base))
            .collect()
    }
}

/// Only what has a separator is a path; `docker` and `host` are names.
fn resolve_path(key: &str, written: &mut Sourced<Name>, base: &Path) -> Option<Diagnostic> {
    let text = &written.value.0;
    if !text.contains(std::path::is_separator) || Path::new(text).is_absolute() {
        return None;
    }
    // `components` drops the `.` in `./toolchain`.
    let resolved: PathBuf = base.join(text).components().collect();
    match resolved.into_os_string().into_string() {
        Ok(resolved) => {
            written.value.0 = resolved;
            None
        }
        Err(_) => {
            let message =
                format!("`{text}` in `{key}` is relative to a directory whose name is not UTF-8");
            let problem =
                Diagnostic::error(Code::InvalidValue, message).help("write an absolute path");
            Some(problem.located_by(&written.origin))
        }
    }
}
