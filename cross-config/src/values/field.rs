//! Fields that hold the value of a key, independent of its type.

use std::path::Path;

use crate::diagnostics::diagnostic::{Diagnostic, DiagnosticCode};
use crate::diagnostics::origin::{Origin, Sourced};
use crate::values::value::{RawValue, Value, ValueRow};
use crate::values::value_kind::{ValueKind, wrong_type};

/// A field of [`KeyValues`](crate::keys::key_values::KeyValues).
pub(crate) trait ValueField {
    /// The accepted types.
    fn kinds(&self) -> &'static [ValueKind];

    /// Parses and stores `raw`, replacing the previous value. Returns problems.
    fn store(&mut self, key: &str, raw: Sourced<RawValue>) -> Vec<Diagnostic>;

    /// The value, or its items, for explanations. `None` if the field is not set.
    fn rows(&self) -> Option<Vec<ValueRow>>;

    /// The origin of the value.
    fn origin(&self) -> Option<&Origin>;

    /// Resolves relative paths against `base`. Returns problems.
    fn resolve_paths(&mut self, key: &str, base: &Path) -> Vec<Diagnostic>;

    /// Unsets the field.
    fn clear(&mut self);

    /// Removes the items of a list or a table. The field stays set, with its origin.
    fn clear_items(&mut self);
}

impl<V: Value> ValueField for Option<Sourced<V>> {
    fn kinds(&self) -> &'static [ValueKind] {
        V::KINDS
    }

    fn store(&mut self, key: &str, raw: Sourced<RawValue>) -> Vec<Diagnostic> {
        let Sourced { value: raw, origin } = raw;
        if !V::KINDS.contains(&raw.kind()) {
            let problem = wrong_type(key, &raw.kind().to_string(), V::KINDS);
            return vec![problem.located_by(&origin)];
        }
        if let Some(at) = raw.nul(&origin) {
            let message = format!("`{key}` contains a NUL character");
            return vec![Diagnostic::error(DiagnosticCode::InvalidValue, message).located_by(at)];
        }
        let mut problems = Vec::new();
        let value = V::read(key, raw, &origin, &mut problems);
        *self = value.map(|value| Sourced::new(value, origin));
        problems
    }

    fn rows(&self) -> Option<Vec<ValueRow>> {
        self.as_ref().map(|value| value.value.rows(&value.origin))
    }

    fn origin(&self) -> Option<&Origin> {
        self.as_ref().map(|value| &value.origin)
    }

    fn resolve_paths(&mut self, key: &str, base: &Path) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        if let Some(Sourced { value, origin }) = self {
            value.resolve_paths(key, base, origin, &mut problems);
        }
        problems
    }

    fn clear(&mut self) {
        *self = None;
    }

    fn clear_items(&mut self) {
        if let Some(value) = self {
            value.value.clear_items();
        }
    }
}

/// Overlays `above` on `below`: replaces it, or merges the two.
pub(crate) fn overlay<V: Value>(
    below: &mut Option<Sourced<V>>,
    above: &Option<Sourced<V>>,
    merge: bool,
) {
    match (below, above) {
        (_, None) => {}
        (Some(below), Some(above)) if merge || V::ALWAYS_MERGES => {
            below.value.merge(&above.value);
            below.origin = above.origin.clone();
        }
        (below, Some(above)) => *below = Some(above.clone()),
    }
}
