//! The merged configuration.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::diagnostics::diagnostic::Diagnostic;
use crate::diagnostics::origin::{Origin, Sourced};
use crate::keys::key_values::KeyValues;
use crate::keys::table::KEYS;
use crate::layers::layer::{Layer, LayerKind};
use crate::resolve::checks::{self, TargetView};
use crate::resolve::target_config::{TargetConfig, into_plain};
use crate::settings::Settings;
use crate::values::known_targets;
use crate::values::value::ValueRow;
use crate::variables;

/// The configuration: all layers, and the rules by which they are merged.
///
/// The value of a key for a target is the first of these that is set:
///
/// 1. the request;
/// 2. `[target.<triple>]`, from the highest source to the lowest;
/// 3. `[build]`, from the highest source to the lowest;
///
/// The sources are, from the highest to the lowest: environment variables, `Cross.toml`,
/// `Cargo.toml`, the embedder, the built-in defaults. As in `cross`, `[target.<triple>]` of
/// `Cross.toml` wins over a `CROSS_BUILD_*` variable.
///
/// Each key is resolved separately: `zig.version` may come from `[build]` and `zig.enable` from
/// `[target.<triple>]`. Further rules:
///
/// - Lists are replaced as a whole, except that `packages` of `[build]` and `[target.<triple>]` are
///   concatenated, and `env.passthrough` and `writable` are concatenated over all sources (but
///   `Cross.toml` replaces `Cargo.toml`).
/// - `dockerfile.build-args` are merged over levels and sources, name by name.
/// - The platforms of an image (`image.toolchain`) belong to its name. They do not apply to another
///   image that a higher source or level names.
/// - `Cross.toml` and `Cargo.toml` are merged like JSON objects. Tables of `zig`, `dockerfile` and
///   `image` are merged key by key; a shorthand replaces a table, and is replaced by one.
#[derive(Clone, Debug)]
pub struct Config {
    /// From the lowest to the highest precedence.
    layers: Vec<Layer>,
    default_target: Option<Sourced<String>>,
    targets: Option<Sourced<Vec<String>>>,
    settings: Settings,
    /// Problems in combinations of values.
    problems: Vec<Diagnostic>,
}

/// A row of [`Config::explain`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ExplainedValue {
    /// The key with its table (`build.engine`, `target.s390x-unknown-linux-gnu.network`), or the
    /// variable of a setting (`CROSS_CONTAINER_OPTS`).
    pub key: String,
    /// The value, or one item of a list. Values of passed variables are redacted.
    pub value: String,
    /// The origin of the value.
    pub origin: Origin,
}

impl ExplainedValue {
    /// A row for a value that something else than a layer of the configuration has.
    #[must_use]
    pub fn new(key: String, value: String, origin: Origin) -> Self {
        Self { key, value, origin }
    }
}

/// The layers to merge.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LayerSelection {
    /// All layers except the request.
    AllButRequest,
    Request,
    All,
}

impl LayerSelection {
    fn includes(self, kind: LayerKind) -> bool {
        match self {
            Self::AllButRequest => kind != LayerKind::Request,
            Self::Request => kind == LayerKind::Request,
            Self::All => true,
        }
    }
}

impl Config {
    /// Merges `layers` over the built-in defaults.
    ///
    /// Layers are ordered by their kind of source. Their order in `layers` only matters for layers
    /// of the same kind: a later one has higher precedence.
    #[must_use]
    pub fn merge(layers: impl IntoIterator<Item = Layer>) -> Self {
        let mut layers: Vec<_> = std::iter::once(Layer::built_in()).chain(layers).collect();
        layers.sort_by_key(|layer| layer.kind);
        let mut config = Self {
            layers,
            default_target: None,
            targets: None,
            settings: Settings::default(),
            problems: Vec::new(),
        };
        for layer in &config.layers {
            config.settings.overlay(&layer.values.settings);
        }
        let build = config.build_table(LayerSelection::All);
        config.default_target = build.default_target.map(into_plain);
        config.targets = build.targets.map(|list| {
            list.map(|items| {
                items
                    .into_iter()
                    .map(|triple| triple.value.into())
                    .collect()
            })
        });
        config.problems = checks::problems(&config.views());
        config
    }

    /// The problems of all layers, lowest layer first, followed by problems in combinations of
    /// values.
    pub fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        let of_layers = self.layers.iter().flat_map(Layer::diagnostics);
        of_layers.chain(&self.problems)
    }

    /// The target to build for if the request names none: `build.default-target`.
    #[must_use]
    pub fn default_target(&self) -> Option<&Sourced<String>> {
        self.default_target.as_ref()
    }

    /// The targets that the project releases for: `build.targets`.
    #[must_use]
    pub fn targets(&self) -> Option<&Sourced<Vec<String>>> {
        self.targets.as_ref()
    }

    /// The settings that only have variables. They apply to all targets.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Resolves the configuration for the target `triple`.
    ///
    /// For a known target with a glibc version (`x86_64-unknown-linux-gnu.2.17`), values for the
    /// triple without the version apply too, at lower precedence.
    #[must_use]
    pub fn for_target(&self, triple: &str) -> TargetConfig {
        let packages = [
            self.build_table(LayerSelection::All).packages,
            self.target_table(triple, LayerSelection::All).packages,
        ];
        TargetConfig::new(self.merged(Some(triple)), packages)
    }

    /// Explains the merged values of each table, with origins: `[build]`, then each target with
    /// values, in the order of the keys, then the [settings](Self::settings) that are set. Lists
    /// have a row per item, and tables have a row per name.
    #[must_use]
    pub fn explain(&self) -> Vec<ExplainedValue> {
        let build = table_rows("build", &self.build_table(LayerSelection::All));
        let targets = self.target_names().into_iter().flat_map(|triple| {
            let values = self.target_table(&triple, LayerSelection::All);
            table_rows(&format!("target.{triple}"), &values)
        });
        let settings = self
            .settings
            .rows()
            .map(|(name, row)| explained(name.to_owned(), row));
        build.into_iter().chain(targets).chain(settings).collect()
    }

    /// Explains the merged values for `triple`, with origins: all keys of the target, then the
    /// [settings](Self::settings) that are set. Lists have a row per item, and tables have a row
    /// per name.
    #[must_use]
    pub fn explain_for(&self, triple: &str) -> Vec<ExplainedValue> {
        let mut rows = table_rows(&format!("target.{triple}"), &self.merged(Some(triple)));
        let settings = self.settings.rows();
        rows.extend(settings.map(|(name, row)| explained(name.to_owned(), row)));
        rows
    }

    /// The merged values for `triple`, or for targets without values of their own.
    fn merged(&self, triple: Option<&str>) -> KeyValues {
        let mut merged = KeyValues::default();
        for selection in [LayerSelection::AllButRequest, LayerSelection::Request] {
            merged.overlay(&self.build_table(selection));
            if let Some(triple) = triple {
                merged.overlay(&self.target_table(triple, selection));
            }
        }
        merged
    }

    /// The merged `[build]` tables.
    fn build_table(&self, selection: LayerSelection) -> KeyValues {
        self.table(selection, |layer| Some(&layer.values.build))
    }

    /// The merged `[target.<triple>]` tables, over those of the triple without its glibc version.
    fn target_table(&self, triple: &str, selection: LayerSelection) -> KeyValues {
        let mut table = KeyValues::default();
        for name in known_targets::without_glibc_version(triple)
            .into_iter()
            .chain([triple])
        {
            table.overlay(&self.table(selection, |layer| layer.target_level(name)));
        }
        table
    }

    /// Merges one table of the selected layers, from the lowest to the highest. Files are merged
    /// first.
    fn table<'a>(
        &'a self,
        selection: LayerSelection,
        values_of: impl Fn(&'a Layer) -> Option<&'a KeyValues>,
    ) -> KeyValues {
        let selected = |is_included: fn(LayerKind) -> bool| {
            let layers = self
                .layers
                .iter()
                .filter(move |layer| is_included(layer.kind));
            layers
                .filter(|layer| selection.includes(layer.kind))
                .filter_map(&values_of)
        };
        let mut files = KeyValues::default();
        for file in selected(LayerKind::is_file) {
            files.merge_file(file);
        }
        let mut table = KeyValues::default();
        selected(|kind| kind < LayerKind::CargoToml).for_each(|values| table.overlay(values));
        table.overlay(&files);
        selected(|kind| kind > LayerKind::CrossToml).for_each(|values| table.overlay(values));
        table
    }

    /// The merged values for each target with values, and for targets without. They are without the
    /// items of lists, of which no check reads any: each target would copy those of `[build]`.
    fn views(&self) -> Vec<TargetView> {
        let mut outline = self.clone();
        for layer in &mut outline.layers {
            layer.values.clear_items();
        }
        let names = self.target_names().into_iter().map(Some);
        std::iter::once(None)
            .chain(names)
            .map(|triple| TargetView {
                values: outline.merged(triple.as_deref()),
                triple,
            })
            .collect()
    }

    /// The targets for which a layer has values. Names from variables are converted to the known
    /// triples that they match.
    fn target_names(&self) -> BTreeSet<String> {
        let (variables, others): (Vec<_>, Vec<_>) = self
            .layers
            .iter()
            .partition(|layer| layer.kind == LayerKind::Variables);
        let names: BTreeSet<_> = others
            .iter()
            .flat_map(|layer| layer.target_names())
            .map(str::to_owned)
            .collect();
        let spelled: BTreeSet<_> = names
            .iter()
            .map(|name| variables::triple_in_variable(name))
            .collect();
        let spellings = variables.iter().flat_map(|layer| layer.target_names());
        let unmatched = spellings.filter(|spelling| !spelled.contains(*spelling));
        let from_variables: Vec<_> = unmatched
            .map(|triple| {
                known_targets::triple_from_variable(triple).unwrap_or_else(|| triple.to_owned())
            })
            .collect();
        names.into_iter().chain(from_variables).collect()
    }
}

/// Explains one table.
fn table_rows(table: &str, values: &KeyValues) -> Vec<ExplainedValue> {
    let rows = KEYS.iter().filter_map(|key| {
        let rows = (key.field)(values).rows()?;
        Some(rows.into_iter().map(move |row| (key.name, row)))
    });
    rows.flatten()
        .map(|(key, row)| explained(format!("{table}.{key}"), row))
        .collect()
}

fn explained(key: String, row: ValueRow) -> ExplainedValue {
    ExplainedValue {
        key: match row.name {
            Some(name) => format!("{key}.{name}"),
            None => key,
        },
        value: row.value,
        origin: row.origin,
    }
}

#[cfg(test)]
mod tests;
