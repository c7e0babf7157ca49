//! A field that holds a value of a key, whatever the value's type.

use std::path::Path;

use crate::diagnostics::diagnostic::{Code, Diagnostic};
use crate::diagnostics::origin::{Origin, Sourced};
use crate::values::value::{Raw, Row, Value};
use crate::values::value_kind::{Kind, wrong_type};

/// A field of [`Values`](crate::keys::key_values::Values), whatever it holds.
pub(crate) trait Field {
    /// What it may be written as.
    fn kinds(&self) -> &'static [Kind];

    /// Stores `raw`, replacing what was there; returns what is wrong with it.
    fn store(&mut self, key: &str, raw: Sourced<Raw>) -> Vec<Diagnostic>;

    /// `None` if nothing is written, else the value or each item of it.
    fn rows(&self) -> Option<Vec<Row>>;

    /// Where it is written.
    fn origin(&self) -> Option<&Origin>;

    /// Makes relative paths relative to `base`; returns those that can't be.
    fn rebase(&mut self, key: &str, base: &Path) -> Vec<Diagnostic>;

    /// Forgets what is written.
    fn clear(&mut self);
}

impl<V: Value> Field for Option<Sourced<V>> {
    fn kinds(&self) -> &'static [Kind] {
        V::KINDS
    }

    fn store(&mut self, key: &str, raw: Sourced<Raw>) -> Vec<Diagnostic> {
        let Sourced { value: raw, origin } = raw;
        if !V::KINDS.contains(&raw.kind()) {
            let problem = wrong_type(key, &raw.kind().to_string(), V::KINDS);
            return vec![problem.located_by(&origin)];
        }
        if let Some(at) = raw.nul(&origin) {
            let message = format!("`{key}` has a NUL character in it");
            return vec![Diagnostic::error(Code::InvalidValue, message).located_by(at)];
        }
        let mut problems = Vec::new();
        let value = V::read(key, raw, &origin, &mut problems);
        *self = value.map(|value| Sourced::new(value, origin));
        problems
    }

    fn rows(&self) -> Option<Vec<Row>> {
        self.as_ref().map(|it| it.value.rows(&it.origin))
    }

    fn origin(&self) -> Option<&Origin> {
        self.as_ref().map(|it| &it.origin)
    }

    fn rebase(&mut self, key: &str, base: &Path) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        if let Some(Sourced { value, origin }) = self {
            value.rebase(key, base, origin, &mut problems);
        }
        problems
    }

    fn clear(&mut self) {
        *self = None;
    }
}

/// Puts `above` over `below`: it replaces it, or is joined to it.
pub(crate) fn cover<V: Value>(
    below: &mut Option<Sourced<V>>,
    above: &Option<Sourced<V>>,
    join: bool,
) {
    match (below, above) {
        (_, None) => {}
        (Some(below), Some(above)) if join || V::JOINS => {
            below.value.join(&above.value);
            below.origin = above.origin.clone();
        }
        (below, Some(above)) => *below = Some(above.clone()),
    }
}
