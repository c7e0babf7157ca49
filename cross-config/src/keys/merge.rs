//! Storing values by key, and merging the values of several sources.

use std::path::Path;

use crate::diagnostics::diagnostic::Diagnostic;
use crate::diagnostics::origin::{Origin, Sourced};
use crate::keys::key::{Group, Key, Shorthand};
use crate::keys::key_values::{GroupNotation, KeyValues};
use crate::keys::table::{GROUPS, KEYS};
use crate::values::value::RawValue;

impl KeyValues {
    pub(crate) fn resolve_paths(&mut self, base: &Path) -> Vec<Diagnostic> {
        KEYS.iter()
            .flat_map(|key| (key.field_mut)(self).resolve_paths(key.name, base))
            .collect()
    }

    /// Removes the items of all lists and tables. What is set stays set, with its origin.
    pub(crate) fn clear_items(&mut self) {
        for key in KEYS {
            (key.field_mut)(self).clear_items();
        }
    }

    /// Parses and stores a value of `key`. Returns problems.
    pub(crate) fn store(&mut self, key: &Key, raw: Sourced<RawValue>) -> Vec<Diagnostic> {
        (key.field_mut)(self).store(key.name, raw)
    }

    /// Parses and stores a shorthand. Returns problems.
    pub(crate) fn store_shorthand(
        &mut self,
        shorthand: &Shorthand,
        raw: Sourced<RawValue>,
    ) -> Vec<Diagnostic> {
        let origin: Origin = raw.origin.clone();
        let keys = || {
            [Some(shorthand.key), shorthand.also_enables]
                .into_iter()
                .flatten()
        };
        let found: Vec<_> = keys().filter_map(Key::named).collect();
        let raws = [raw, Sourced::new(RawValue::Flag(true), origin)];
        found
            .into_iter()
            .zip(raws)
            .flat_map(|(key, raw)| self.store(key, raw))
            .collect()
    }

    /// Records the notation of `group` in a file. Unless both the previous and the new notation are
    /// tables, previous values of the group are discarded.
    pub(crate) fn record_notation(&mut self, group: &Group, notation: GroupNotation) {
        let before = self.notations.insert(group.name, notation);
        let merges = [before, Some(notation)] == [Some(GroupNotation::Table); 2];
        if before.is_some() && !merges {
            self.clear(group);
        }
    }

    fn clear(&mut self, group: &Group) {
        for key in group.keys() {
            (key.field_mut)(self).clear();
        }
    }

    /// Overlays the table of another file, like JSON objects are merged: tables key by key, and
    /// other values replace lower ones.
    pub(crate) fn merge_file(&mut self, above: &Self) {
        for group in GROUPS {
            if let Some(notation) = above.notations.get(group.name) {
                self.record_notation(group, *notation);
            }
        }
        for key in KEYS {
            (key.overlay)(self, above, false);
        }
    }

    /// Overlays a higher source or level key by key. When it sets the primary key of a group, lower
    /// values of the group are discarded.
    pub(crate) fn overlay(&mut self, above: &Self) {
        for group in GROUPS {
            let primary_key = group.primary_key.and_then(Key::named);
            if primary_key.is_some_and(|primary_key| (primary_key.field)(above).rows().is_some()) {
                self.clear(group);
            }
        }
        for key in KEYS {
            (key.overlay)(self, above, key.accumulates);
        }
    }
}
