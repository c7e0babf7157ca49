//! Stores values by key, and puts those of one source over those of another.

use std::path::Path;

use crate::diagnostics::diagnostic::Diagnostic;
use crate::diagnostics::origin::{Origin, Sourced};
use crate::keys::key::{Group, Key, Short};
use crate::keys::key_values::{Spelling, Values};
use crate::keys::table::{GROUPS, KEYS};
use crate::values::value::Raw;

impl Values {
    pub(crate) fn resolve_paths(&mut self, base: &Path) -> Vec<Diagnostic> {
        KEYS.iter()
            .flat_map(|key| (key.field_mut)(self).rebase(key.name, base))
            .collect()
    }

    /// Stores a value of `key`; returns what is wrong with it.
    pub(crate) fn store(&mut self, key: &Key, raw: Sourced<Raw>) -> Vec<Diagnostic> {
        (key.field_mut)(self).store(key.name, raw)
    }

    /// Stores a value in place of a table; returns what is wrong with it.
    pub(crate) fn store_short(&mut self, short: &Short, raw: Sourced<Raw>) -> Vec<Diagnostic> {
        let origin: Origin = raw.origin.clone();
        let keys = || [Some(short.key), short.on].into_iter().flatten();
        let found: Vec<_> = keys().filter_map(Key::named).collect();
        let raws = [raw, Sourced::new(Raw::Flag(true), origin)];
        found
            .into_iter()
            .zip(raws)
            .flat_map(|(key, raw)| self.store(key, raw))
            .collect()
    }

    /// Notes how a file writes `group`. Unless it is a table where there was a table, what was there
    /// is replaced as a whole.
    pub(crate) fn spell(&mut self, group: &Group, spelling: Spelling) {
        let before = self.spellings.insert(group.name, spelling);
        let merges = [before, Some(spelling)] == [Some(Spelling::Table); 2];
        if before.is_some() && !merges {
            self.clear(group);
        }
    }

    fn clear(&mut self, group: &Group) {
        for key in group.keys() {
            (key.field_mut)(self).clear();
        }
    }

    /// Puts a file's table over another file's, as JSON objects are merged: tables key by key; every
    /// other value replaces the one below it.
    pub(crate) fn merge_file(&mut self, above: &Self) {
        for group in GROUPS {
            if let Some(spelling) = above.spellings.get(group.name) {
                self.spell(group, *spelling);
            }
        }
        for key in KEYS {
            (key.cover)(self, above, false);
        }
    }

    /// Puts a higher source or level over this one, key by key. What describes the head of a group
    /// goes with the head it describes.
    pub(crate) fn cover(&mut self, above: &Self) {
        for group in GROUPS {
            let head = group.head.and_then(Key::named);
            if head.is_some_and(|head| (head.field)(above).rows().is_some()) {
                self.clear(group);
            }
        }
        for key in KEYS {
            (key.cover)(self, above, key.sums);
        }
    }
}
