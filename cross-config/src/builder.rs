//! Layers built from code: the embedder's defaults and the request.

use crate::layer::{Layer, Source};
use crate::origin::{Origin, Sourced};
use crate::values::{ListSlot, TextSlot, Values, Written};
use crate::word::Network;

/// Builds a layer of values from code: [`Layer::embedder`] and [`Layer::request`].
///
/// A setter replaces what it set before. Setters speak about every target until [`on`](Self::on) names
/// one. Values are checked like those of a file; the problems are in [`Layer::diagnostics`].
#[derive(Clone, Debug)]
pub struct LayerBuilder {
    source: Source,
    origin: Origin,
    target: Option<String>,
    written: Written,
}

impl LayerBuilder {
    pub(crate) fn new(source: Source, origin: Origin) -> Self {
        Self {
            source,
            origin,
            target: None,
            written: Written::default(),
        }
    }

    /// From here on, setters speak about `triple` only.
    #[must_use]
    pub fn on(mut self, triple: impl Into<String>) -> Self {
        self.target = Some(triple.into());
        self
    }

    /// The target to build for when the request names none; has no meaning for one target.
    #[must_use]
    pub fn default_target(self, triple: impl Into<String>) -> Self {
        self.text(
            "default-target",
            |values| &mut values.default_target,
            triple,
        )
    }

    /// The targets the project releases for; have no meaning for one target.
    #[must_use]
    pub fn targets<T: Into<String>>(self, triples: impl IntoIterator<Item = T>) -> Self {
        self.list("targets", |values| &mut values.targets, triples)
    }

    /// The engine: `auto`, an engine's name, or the path of a container command. Default: `auto`.
    #[must_use]
    pub fn engine(self, name_or_path: impl Into<String>) -> Self {
        self.text("engine", |values| &mut values.engine, name_or_path)
    }

    /// The toolchain: `host`, `image` or the path of a toolchain's directory. Default: `host`.
    #[must_use]
    pub fn toolchain(self, name_or_path: impl Into<String>) -> Self {
        self.text("toolchain", |values| &mut values.toolchain, name_or_path)
    }

    /// The network of environments.
    #[must_use]
    pub fn network(self, network: Network) -> Self {
        self.text("network", |values| &mut values.network, network.as_str())
    }

    /// The distribution's suite for recipes.
    #[must_use]
    pub fn suite(self, suite: impl Into<String>) -> Self {
        self.text("suite", |values| &mut values.suite, suite)
    }

    /// Extra packages for recipes, as Debian names them.
    #[must_use]
    pub fn packages<T: Into<String>>(self, packages: impl IntoIterator<Item = T>) -> Self {
        self.list("packages", |values| &mut values.packages, packages)
    }

    /// Variables that reach the environment, each `NAME` or `NAME=value`.
    #[must_use]
    pub fn passthrough<T: Into<String>>(self, variables: impl IntoIterator<Item = T>) -> Self {
        self.list(
            "env.passthrough",
            |values| &mut values.passthrough,
            variables,
        )
    }

    /// The command that runs a target's programs; empty for the target's usual one.
    #[must_use]
    pub fn runner(self, command: impl Into<String>) -> Self {
        self.text("runner", |values| &mut values.runner, command)
    }

    /// The layer.
    #[must_use]
    pub fn build(self) -> Layer {
        Layer {
            source: self.source,
            written: self.written,
        }
    }

    fn text<S: TextSlot>(
        mut self,
        key: &str,
        field: fn(&mut Values) -> &mut S,
        text: impl Into<String>,
    ) -> Self {
        let text = Sourced::new(text.into(), self.origin.clone());
        let problems = field(self.values()).store(key, text);
        self.written.problems.extend(problems);
        self
    }

    fn list<S: ListSlot, T: Into<String>>(
        mut self,
        key: &str,
        field: fn(&mut Values) -> &mut S,
        items: impl IntoIterator<Item = T>,
    ) -> Self {
        let origin = self.origin.clone();
        let items = items
            .into_iter()
            .map(|item| Sourced::new(item.into(), origin.clone()))
            .collect();
        let problems = field(self.values()).store(key, Sourced::new(items, origin));
        self.written.problems.extend(problems);
        self
    }

    fn values(&mut self) -> &mut Values {
        match &self.target {
            Some(triple) => self.written.targets.entry(triple.clone()).or_default(),
            None => &mut self.written.build,
        }
    }
}

impl From<LayerBuilder> for Layer {
    fn from(builder: LayerBuilder) -> Self {
        builder.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KEYS;

    #[test]
    fn every_key_has_a_setter() {
        let layer = Layer::request()
            .default_target("s390x-unknown-linux-gnu")
            .targets(["s390x-unknown-linux-gnu"])
            .engine("podman")
            .toolchain("host")
            .network(Network::None)
            .suite("bookworm")
            .packages(["libssl-dev"])
            .passthrough(["A"])
            .runner("qemu")
            .build();
        for key in KEYS {
            let rows = (key.shown)(&layer.written.build).rows();
            assert_eq!(
                rows.map(|rows| rows[0].1.clone()),
                Some(Origin::Request),
                "{}",
                key.name
            );
        }
        assert_eq!(layer.diagnostics(), []);
    }

    #[test]
    fn values_are_checked_like_those_of_a_file() {
        let layer = Layer::embedder("app")
            .suite("-x")
            .on("s390x-unknown-linux-gnu")
            .passthrough(["CROSS_RUNNER"]);
        let said: Vec<_> = layer
            .build()
            .diagnostics()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            said,
            [
                "embedder app: `-x` is not a value of `suite` [invalid-value]",
                "embedder app: `CROSS_RUNNER` in `env.passthrough` is reserved [reserved-name]",
            ]
        );
    }
}
