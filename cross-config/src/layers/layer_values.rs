//! The values of one layer.

use std::collections::BTreeMap;
use std::path::Path;

use crate::diagnostics::diagnostic::Diagnostic;
use crate::keys::key_values::KeyValues;
use crate::settings::Settings;

/// The values of one source: tables, settings, and problems.
#[derive(Clone, Debug, Default)]
pub(crate) struct LayerValues {
    pub(crate) build: KeyValues,
    pub(crate) targets: BTreeMap<String, KeyValues>,
    /// Settings that only have variables.
    pub(crate) settings: Settings,
    /// All problems, in the order of locations.
    pub(crate) problems: Vec<Diagnostic>,
}

impl LayerValues {
    /// Resolves relative paths against `base`, the directory in which they were written.
    pub(crate) fn resolve_paths(&mut self, base: &Path) {
        let levels = std::iter::once(&mut self.build).chain(self.targets.values_mut());
        self.problems
            .extend(levels.flat_map(|values| values.resolve_paths(base)));
        self.settings.resolve_paths(base);
    }

    /// Removes the items of all lists and tables. What is set stays set, with its origin.
    pub(crate) fn clear_items(&mut self) {
        let levels = std::iter::once(&mut self.build).chain(self.targets.values_mut());
        levels.for_each(KeyValues::clear_items);
    }
}
