//! The layers merged: which of the written values holds for a target, and why.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::diagnostics::diagnostic::Diagnostic;
use crate::diagnostics::origin::{Origin, Sourced};
use crate::keys::key_values::Values;
use crate::keys::table::KEYS;
use crate::layers::layer::{Layer, Source};
use crate::resolve::checks::{self, View};
use crate::resolve::target_config::{TargetConfig, plain};
use crate::settings::Settings;
use crate::values::known_targets;
use crate::values::value::Row;
use crate::variables;

/// The configuration: every layer, and the rules by which one value is chosen among them.
///
/// What is asked of one target is answered by the first of these that says something:
///
/// 1. the request;
/// 2. `[target.<triple>]`, from the highest source to the lowest;
/// 3. `[build]`, from the highest source to the lowest;
///
/// where the sources are, highest first: environment, `Cross.toml`, `Cargo.toml`, the embedder, the
/// built-in defaults. So `[target.<triple>]` of `Cross.toml` wins over a `CROSS_BUILD_*` variable, as
/// it does in `cross`.
///
/// Each key is asked for by itself: `zig.version` may come from `[build]` and `zig.enable` from
/// `[target.<triple>]`. Four rules go beyond that:
///
/// - Lists are replaced whole, except that `packages` of `[build]` and `[target.<triple>]` are added up,
///   and `env.passthrough` is added up over sources too (but `Cross.toml` replaces `Cargo.toml`).
/// - `dockerfile.build-args` are added up over levels and sources, name by name.
/// - The platforms of an image (`image.toolchain`) go with its name: they do not hold for another image
///   that a higher source or level names.
/// - `Cross.toml` and `Cargo.toml` are merged as JSON objects are: of `zig`, `dockerfile` and `image`,
///   two tables are merged key by key; a text or flag in place of the table replaces it, and is replaced
///   by it.
#[derive(Clone, Debug)]
pub struct Config {
    /// From the lowest to the highest.
    layers: Vec<Layer>,
    default_target: Option<Sourced<String>>,
    targets: Option<Sourced<Vec<String>>>,
    settings: Settings,
    /// What is wrong with values only where they meet.
    problems: Vec<Diagnostic>,
}

/// One row of [`Config::explain`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Explained {
    /// The key with its table (`build.engine`, `target.s390x-unknown-linux-gnu.network`), or the variable
    /// of a setting that only a variable says (`CROSS_CONTAINER_OPTS`).
    pub key: String,
    /// The value, or one item of a list; a variable's value is redacted.
    pub value: String,
    /// Where it was written.
    pub origin: Origin,
}

/// Whose words count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    /// Every source but the request.
    Sources,
    Request,
    Everyone,
}

impl Who {
    fn includes(self, source: Source) -> bool {
        match self {
            Self::Sources => source != Source::Request,
            Self::Request => source == Source::Request,
            Self::Everyone => true,
        }
    }
}

impl Config {
    /// Merges `layers` above the built-in defaults.
    ///
    /// Each layer knows what kind of source it is, so their order matters only between layers of the
    /// same kind: a later one is higher.
    #[must_use]
    pub fn merge(layers: impl IntoIterator<Item = Layer>) -> Self {
        let mut layers: Vec<_> = std::iter::once(Layer::built_in()).chain(layers).collect();
        layers.sort_by_key(|layer| layer.source);
        let mut config = Self {
            layers,
            default_target: None,
            targets: None,
            settings: Settings::default(),
            problems: Vec::new(),
        };
        for layer in &config.layers {
            config.settings.cover(&layer.written.settings);
        }
        let build = config.build_table(Who::Everyone);
        config.default_target = build.default_target.map(plain);
        config.targets = build
            .targets
            .map(|list| list.map(|items| items.into_iter().map(|it| it.value.into()).collect()));
        config.problems = checks::problems(&config.views());
        config
    }

    /// Every problem of every layer, lowest layer first; then those of values that can't hold together.
    pub fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        let of_layers = self.layers.iter().flat_map(Layer::diagnostics);
        of_layers.chain(&self.problems)
    }

    /// The target to build for when the request names none: `build.default-target`.
    #[must_use]
    pub fn default_target(&self) -> Option<&Sourced<String>> {
        self.default_target.as_ref()
    }

    /// The targets the project releases for: `build.targets`.
    #[must_use]
    pub fn targets(&self) -> Option<&Sourced<Vec<String>>> {
        self.targets.as_ref()
    }

    /// What only variables say, for every target.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What holds for the target `triple`.
    ///
    /// For a known target with a glibc floor (`x86_64-unknown-linux-gnu.2.17`), what is said about the
    /// triple without it holds too, below what is said about the whole name.
    #[must_use]
    pub fn for_target(&self, triple: &str) -> TargetConfig {
        let packages = [
            self.build_table(Who::Everyone).packages,
            self.target_table(triple, Who::Everyone).packages,
        ];
        TargetConfig::new(self.merged(Some(triple)), packages)
    }

    /// What each table says after merging, with origins: `[build]`, then each target that some layer
    /// says something about, each in the order of the keys; then the [settings](Self::settings) that are
    /// set. A list has a row for each item, a table one for each name.
    #[must_use]
    pub fn explain(&self) -> Vec<Explained> {
        let build = explain_table("build", &self.build_table(Who::Everyone));
        let targets = self.target_names().into_iter().flat_map(|triple| {
            let values = self.target_table(&triple, Who::Everyone);
            explain_table(&format!("target.{triple}"), &values)
        });
        let settings = self
            .settings
            .rows()
            .map(|(name, row)| explained(name.to_owned(), row));
        build.into_iter().chain(targets).chain(settings).collect()
    }

    /// What holds for `triple` after merging, with origins: each key as that target's, then the
    /// [settings](Self::settings) that are set. A list has a row for each item, a table one for each name.
    #[must_use]
    pub fn explain_for(&self, triple: &str) -> Vec<Explained> {
        let mut rows = explain_table(&format!("target.{triple}"), &self.merged(Some(triple)));
        let settings = self.settings.rows();
        rows.extend(settings.map(|(name, row)| explained(name.to_owned(), row)));
        rows
    }

    /// What holds for `triple`, or for a target that nothing is said about.
    fn merged(&self, triple: Option<&str>) -> Values {
        let mut merged = Values::default();
        for who in [Who::Sources, Who::Request] {
            merged.cover(&self.build_table(who));
            if let Some(triple) = triple {
                merged.cover(&self.target_table(triple, who));
            }
        }
        merged
    }

    /// `[build]` of every layer.
    fn build_table(&self, who: Who) -> Values {
        self.table(who, |layer| Some(&layer.written.build))
    }

    /// `[target.<triple>]` of every layer, above that of the triple without its floor.
    fn target_table(&self, triple: &str, who: Who) -> Values {
        let mut table = Values::default();
        for name in known_targets::without_floor(triple)
            .into_iter()
            .chain([triple])
        {
            table.cover(&self.table(who, |layer| layer.target_level(name)));
        }
        table
    }

    /// One table of every layer, from the lowest to the highest; the files are one source.
    fn table<'a>(&'a self, who: Who, of: impl Fn(&'a Layer) -> Option<&'a Values>) -> Values {
        let said = |part: fn(Source) -> bool| {
            let layers = self.layers.iter().filter(move |it| part(it.source));
            layers.filter(|it| who.includes(it.source)).filter_map(&of)
        };
        let mut files = Values::default();
        for file in said(Source::is_file) {
            files.merge_file(file);
        }
        let mut table = Values::default();
        said(|source| source < Source::CargoToml).for_each(|it| table.cover(it));
        table.cover(&files);
        said(|source| source > Source::CrossToml).for_each(|it| table.cover(it));
        table
    }

    /// What holds for every target that is named, and for one that is not.
    fn views(&self) -> Vec<View> {
        let names = self.target_names().into_iter().map(Some);
        std::iter::once(None)
            .chain(names)
            .map(|triple| View {
                values: self.merged(triple.as_deref()),
                triple,
            })
            .collect()
    }

    /// The targets that some layer says something about. A variable's name is spelled back to the
    /// triple it means, if there is one.
    fn target_names(&self) -> BTreeSet<String> {
        let (variables, others): (Vec<_>, Vec<_>) = self
            .layers
            .iter()
            .partition(|layer| layer.source == Source::Variables);
        let written: BTreeSet<_> = others
            .iter()
            .flat_map(|layer| layer.target_names())
            .map(str::to_owned)
            .collect();
        let spelled = variables.iter().flat_map(|layer| layer.target_names());
        let unspelled = spelled.filter(|spelled| {
            !written
                .iter()
                .any(|it| variables::spelling(it) == **spelled)
        });
        let named: Vec<_> = unspelled
            .map(|it| known_targets::spelled(it).unwrap_or_else(|| it.to_owned()))
            .collect();
        written.into_iter().chain(named).collect()
    }
}

/// The rows of one table.
fn explain_table(table: &str, values: &Values) -> Vec<Explained> {
    let rows = KEYS.iter().filter_map(|key| {
        let rows = (key.field)(values).rows()?;
        Some(rows.into_iter().map(move |row| (key.name, row)))
    });
    rows.flatten()
        .map(|(key, row)| explained(format!("{table}.{key}"), row))
        .collect()
}

fn explained(key: String, row: Row) -> Explained {
    Explained {
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
