//! Everything that one source says.

use std::collections::BTreeMap;
use std::path::Path;

use crate::diagnostics::diagnostic::Diagnostic;
use crate::keys::key_values::Values;
use crate::settings::Settings;

/// What one source says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    pub(crate) build: Values,
    pub(crate) targets: BTreeMap<String, Values>,
    /// What only variables say.
    pub(crate) settings: Settings,
    /// Every problem, in the order of places.
    pub(crate) problems: Vec<Diagnostic>,
}

impl Written {
    /// Makes relative paths absolute: they are relative to `base`, which is where they were written.
    pub(crate) fn resolve_paths(&mut self, base: &Path) {
        let levels = std::iter::once(&mut self.build).chain(self.targets.values_mut());
        self.problems
            .extend(levels.flat_map(|values| values.resolve_paths(base)));
        self.settings.resolve_paths(base);
    }
}
