//! The layers merged: which of the written values holds for a target, and why.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::diagnostic::Diagnostic;
use crate::keys::{KEYS, Key, Level};
use crate::layer::{Layer, Source};
use crate::origin::{Origin, Sourced};
use crate::triples;
use crate::values::Values;
use crate::variables;
use crate::word::{Network, Passthrough};

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
/// it does in `cross`. Lists are replaced whole, with two exceptions, both for `for_target`:
/// `packages` of `[build]` and `[target.<triple>]` are added up, and `env.passthrough` is added up over
/// sources too (but `Cross.toml` replaces `Cargo.toml`).
#[derive(Clone, Debug)]
pub struct Config {
    /// From the lowest to the highest.
    layers: Vec<Layer>,
    default_target: Option<Sourced<String>>,
    targets: Option<Sourced<Vec<String>>>,
}

/// What holds for one target.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetConfig {
    /// `auto`, an engine's name, or a path. Built-in: `auto`.
    pub engine: Option<Sourced<String>>,
    /// `host`, `image`, or a path. Built-in: `host`.
    pub toolchain: Option<Sourced<String>>,
    /// The network of environments. No default: it depends on what is done.
    pub network: Option<Sourced<Network>>,
    /// The suite for recipes. No default: the target's recipe has one.
    pub suite: Option<Sourced<String>>,
    /// Extra packages for recipes: of `[build]`, then of the target; none twice.
    pub packages: Vec<Sourced<String>>,
    /// Variables for the environment, lowest precedence first; no name twice: the highest holds.
    pub passthrough: Vec<Sourced<Passthrough>>,
    /// The command that runs the target's programs. No default: the target has a usual one.
    pub runner: Option<Sourced<String>>,
}

/// One row of [`Config::explain`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Explained {
    /// The key with its table: `build.engine`, `target.s390x-unknown-linux-gnu.network`.
    pub key: String,
    /// The value, or one item of a list; a variable's value is redacted.
    pub value: String,
    /// Where it was written.
    pub origin: Origin,
}

/// One source's values at one level, as far as they matter for a target.
#[derive(Clone, Copy)]
struct Scope<'a> {
    source: Source,
    level: Level,
    values: &'a Values,
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
        let build = |layer: &Layer| layer.written.build.clone();
        let default_target = layers
            .iter()
            .rev()
            .find_map(|layer| build(layer).default_target);
        let targets = layers.iter().rev().find_map(|layer| build(layer).targets);
        Self {
            layers,
            default_target: default_target.map(plain),
            targets: targets.map(|list| {
                list.map(|items| items.into_iter().map(|it| it.value.into()).collect())
            }),
        }
    }

    /// Every problem of every layer, lowest layer first.
    pub fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        self.layers.iter().flat_map(Layer::diagnostics)
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

    /// What holds for the target `triple`.
    ///
    /// For a known target with a glibc floor (`x86_64-unknown-linux-gnu.2.17`), what is said about the
    /// triple without it holds too, below what is said about the whole name.
    #[must_use]
    pub fn for_target(&self, triple: &str) -> TargetConfig {
        let scopes = self.scopes(Some(triple));
        TargetConfig {
            engine: pick(&scopes, |values| values.engine.as_ref()),
            toolchain: pick(&scopes, |values| values.toolchain.as_ref()),
            network: pick(&scopes, |values| values.network.as_ref()),
            suite: pick(&scopes, |values| values.suite.as_ref()),
            packages: packages(&scopes),
            passthrough: passthrough(&scopes),
            runner: pick(&scopes, |values| values.runner.as_ref())
                .filter(|it: &Sourced<String>| !it.value.is_empty()),
        }
    }

    /// What each table says after merging, with origins: `[build]`, then each target that some layer
    /// says something about, each in the order of the keys. A list has a row for each item.
    #[must_use]
    pub fn explain(&self) -> Vec<Explained> {
        let build = explain_table("build", Level::Build, &self.scopes(None));
        let targets = self.target_names().into_iter().flat_map(|triple| {
            explain_table(
                &format!("target.{triple}"),
                Level::Target,
                &self.scopes(Some(&triple)),
            )
        });
        build.into_iter().chain(targets).collect()
    }

    /// Everything that is said about every target and about `triple`, from what holds least to what
    /// holds most.
    fn scopes(&self, triple: Option<&str>) -> Vec<Scope<'_>> {
        let names = triple.map(names_of).unwrap_or_default();
        let (request, sources): (Vec<_>, Vec<_>) = self
            .layers
            .iter()
            .partition(|it| it.source == Source::Request);
        [sources, request]
            .into_iter()
            .flat_map(|layers| scopes_of(&layers, &names))
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
            .map(|it| triples::spelled(it).unwrap_or_else(|| it.to_owned()))
            .collect();
        written.into_iter().chain(named).collect()
    }
}

/// `triple`, after the name without a glibc floor if it has one.
fn names_of(triple: &str) -> Vec<&str> {
    triples::without_floor(triple)
        .into_iter()
        .chain([triple])
        .collect()
}

/// `[build]` of every layer, then `[target]` of every layer for each of `names`.
fn scopes_of<'a>(layers: &[&'a Layer], names: &[&str]) -> Vec<Scope<'a>> {
    let scope = |level, layer: &'a Layer, values| Scope {
        source: layer.source,
        level,
        values,
    };
    let build = layers
        .iter()
        .map(|layer| scope(Level::Build, layer, &layer.written.build));
    let target = names.iter().flat_map(|name| {
        let said = layers
            .iter()
            .filter_map(|layer| Some((*layer, layer.target_level(name)?)));
        said.map(|(layer, values)| scope(Level::Target, layer, values))
    });
    build.chain(target).collect()
}

fn plain<W: Into<T>, T>(written: Sourced<W>) -> Sourced<T> {
    written.map(Into::into)
}

/// The value that holds most.
fn pick<W, T>(scopes: &[Scope<'_>], field: fn(&Values) -> Option<&Sourced<W>>) -> Option<Sourced<T>>
where
    W: Clone + Into<T>,
{
    scopes
        .iter()
        .rev()
        .find_map(|scope| field(scope.values))
        .cloned()
        .map(plain)
}

/// The list that holds most in `[build]`, then the one in `[target]`; none twice.
fn packages(scopes: &[Scope<'_>]) -> Vec<Sourced<String>> {
    let list = |level| {
        scopes
            .iter()
            .rev()
            .filter(move |it| it.level == level)
            .find_map(|it| it.values.packages.as_ref())
    };
    let mut packages: Vec<Sourced<String>> = Vec::new();
    for package in [Level::Build, Level::Target]
        .into_iter()
        .filter_map(list)
        .flat_map(|it| &it.value)
    {
        if !packages.iter().any(|it| it.value == package.value.0) {
            packages.push(plain(package.clone()));
        }
    }
    packages
}

/// Every list that is added up; of two with the same name, the one that holds more.
fn passthrough(scopes: &[Scope<'_>]) -> Vec<Sourced<Passthrough>> {
    let mut variables: Vec<Sourced<Passthrough>> = Vec::new();
    for scope in added_up(scopes) {
        for variable in scope.values.passthrough.iter().flat_map(|list| &list.value) {
            variables.retain(|it| it.value.name != variable.value.name);
            variables.push(variable.clone());
        }
    }
    variables
}

/// The scopes whose passthrough counts: of the files, the highest at each level that has a list.
fn added_up<'a>(scopes: &'a [Scope<'a>]) -> impl Iterator<Item = &'a Scope<'a>> {
    let file = |scope: &Scope<'_>| matches!(scope.source, Source::CargoToml | Source::CrossToml);
    let replaces = move |above: &Scope<'_>, below: &Scope<'_>| {
        file(above)
            && file(below)
            && above.level == below.level
            && above.values.passthrough.is_some()
    };
    let counts = move |(at, scope): &(usize, &'a Scope<'a>)| {
        !scopes[at + 1..].iter().any(|above| replaces(above, scope))
    };
    scopes
        .iter()
        .enumerate()
        .filter(counts)
        .map(|(_, scope)| scope)
}

/// The rows of one table.
fn explain_table(table: &str, level: Level, scopes: &[Scope<'_>]) -> Vec<Explained> {
    let own: Vec<_> = scopes
        .iter()
        .copied()
        .filter(|it| it.level == level)
        .collect();
    let rows = KEYS.iter().flat_map(|key| {
        explain_key(key, &own)
            .into_iter()
            .map(move |row| (key, row))
    });
    rows.map(|(key, (value, origin))| Explained {
        key: format!("{table}.{}", key.name),
        value,
        origin,
    })
    .collect()
}

fn explain_key(key: &Key, scopes: &[Scope<'_>]) -> Vec<(String, Origin)> {
    let rows = |scope: &Scope<'_>| (key.shown)(scope.values).rows();
    if key.sums {
        added_up(scopes).filter_map(rows).flatten().collect()
    } else {
        scopes.iter().rev().find_map(rows).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
