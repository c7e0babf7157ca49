//! Layers built from code: the embedder's defaults and the request.

use crate::diagnostics::origin::{Origin, Sourced};
use crate::keys::key::Key;
use crate::keys::key_values::Values;
use crate::layers::layer::{Layer, Source};
use crate::layers::layer_values::Written;
use crate::values::build_std::BuildStd;
use crate::values::network::Network;
use crate::values::value::Raw;

impl Layer {
    /// What holds if nobody says anything: the engine is chosen (`auto`), the toolchain is the host's.
    pub(crate) fn built_in() -> Self {
        LayerBuilder::new(Source::BuiltIn, Origin::BuiltIn)
            .engine("auto")
            .toolchain("host")
            .build()
    }

    /// The defaults of the application `name`, which embeds this library: above the built-in ones, below
    /// everything its user writes.
    ///
    /// ```
    /// use cross_config::{Config, Layer, Network};
    ///
    /// let layer = Layer::embedder("xtask")
    ///     .engine("podman")
    ///     .targets(["aarch64-unknown-linux-gnu", "s390x-unknown-linux-gnu"])
    ///     .on("s390x-unknown-linux-gnu")
    ///     .network(Network::None);
    /// let config = Config::merge([layer.build()]);
    /// let engine = config.for_target("s390x-unknown-linux-gnu").engine.unwrap();
    /// assert_eq!(engine.to_string(), "podman (embedder xtask)");
    /// ```
    #[must_use]
    pub fn embedder(name: impl Into<String>) -> LayerBuilder {
        LayerBuilder::new(Source::Embedder, Origin::Embedder(name.into()))
    }

    /// What the caller says for one call: above everything else.
    #[must_use]
    pub fn request() -> LayerBuilder {
        LayerBuilder::new(Source::Request, Origin::Request)
    }
}

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
    fn new(source: Source, origin: Origin) -> Self {
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
        self.text("default-target", triple)
    }

    /// The targets the project releases for; have no meaning for one target.
    #[must_use]
    pub fn targets<T: Into<String>>(self, triples: impl IntoIterator<Item = T>) -> Self {
        self.list("targets", triples)
    }

    /// The engine: `auto`, an engine's name, or the path of a container command. Default: `auto`.
    #[must_use]
    pub fn engine(self, name_or_path: impl Into<String>) -> Self {
        self.text("engine", name_or_path)
    }

    /// The toolchain: `host`, `image` or the path of a toolchain's directory. Default: `host`.
    #[must_use]
    pub fn toolchain(self, name_or_path: impl Into<String>) -> Self {
        self.text("toolchain", name_or_path)
    }

    /// The network of environments.
    #[must_use]
    pub fn network(self, network: Network) -> Self {
        self.text("network", network.as_str())
    }

    /// The distribution's suite for recipes.
    #[must_use]
    pub fn suite(self, suite: impl Into<String>) -> Self {
        self.text("suite", suite)
    }

    /// Extra packages for recipes, as Debian names them.
    #[must_use]
    pub fn packages<T: Into<String>>(self, packages: impl IntoIterator<Item = T>) -> Self {
        self.list("packages", packages)
    }

    /// Whether the standard library is built from source, or which crates of it.
    #[must_use]
    pub fn build_std(self, build_std: BuildStd) -> Self {
        let raw = build_std.raw(&self.origin);
        self.store("build-std", raw)
    }

    /// Whether zig is the C compiler and linker.
    #[must_use]
    pub fn zig(self, enable: bool) -> Self {
        self.store("zig.enable", Raw::Flag(enable))
    }

    /// Whether test binaries run one after the other.
    #[must_use]
    pub fn serial_tests(self, yes: bool) -> Self {
        self.store("serial-tests", Raw::Flag(yes))
    }

    /// The oldest glibc to run on, such as `2.17`. It has an effect only with [`zig`](Self::zig).
    #[must_use]
    pub fn zig_version(self, version: impl Into<String>) -> Self {
        self.text("zig.version", version)
    }

    /// The image that has zig. It has an effect only with [`zig`](Self::zig).
    #[must_use]
    pub fn zig_image(self, name: impl Into<String>) -> Self {
        self.text("zig.image.name", name)
    }

    /// The platforms that the image with zig runs on, as [`Platform`](crate::Platform) is written.
    #[must_use]
    pub fn zig_image_platforms<T: Into<String>>(
        self,
        platforms: impl IntoIterator<Item = T>,
    ) -> Self {
        self.list("zig.image.toolchain", platforms)
    }

    /// Commands that are run in the environment first; none is nothing to do.
    #[must_use]
    pub fn pre_build<T: Into<String>>(self, commands: impl IntoIterator<Item = T>) -> Self {
        self.list("pre-build", commands)
    }

    /// The script at this path, or this command, is run in the environment first.
    #[must_use]
    pub fn pre_build_script(self, path_or_command: impl Into<String>) -> Self {
        self.text("pre-build", path_or_command)
    }

    /// A Dockerfile whose image is the environment.
    #[must_use]
    pub fn dockerfile(self, file: impl Into<String>) -> Self {
        self.text("dockerfile.file", file)
    }

    /// The directory that the Dockerfile copies from. Default: the workspace root.
    #[must_use]
    pub fn dockerfile_context(self, directory: impl Into<String>) -> Self {
        self.text("dockerfile.context", directory)
    }

    /// Build arguments of the Dockerfile, by name.
    #[must_use]
    pub fn build_args<N: Into<String>, T: Into<String>>(
        self,
        arguments: impl IntoIterator<Item = (N, T)>,
    ) -> Self {
        let origin = &self.origin;
        let sourced = |(name, text): (N, T)| {
            let text = Sourced::new(text.into(), origin.clone());
            (name.into(), text)
        };
        let raw = Raw::Map(arguments.into_iter().map(sourced).collect());
        self.store("dockerfile.build-args", raw)
    }

    /// Variables that reach the environment, each `NAME` or `NAME=value`.
    #[must_use]
    pub fn passthrough<T: Into<String>>(self, variables: impl IntoIterator<Item = T>) -> Self {
        self.list("env.passthrough", variables)
    }

    /// Directories that are mounted, each named by a variable: `NAME` or `NAME=/path`.
    #[must_use]
    pub fn volumes<T: Into<String>>(self, volumes: impl IntoIterator<Item = T>) -> Self {
        self.list("env.volumes", volumes)
    }

    /// The image that is the environment, or what makes one of the published image's name (see
    /// [`Image::reference`](crate::Image::reference)).
    #[must_use]
    pub fn image(self, name: impl Into<String>) -> Self {
        self.text("image.name", name)
    }

    /// The platforms that the image runs on, as [`Platform`](crate::Platform) is written.
    #[must_use]
    pub fn image_platforms<T: Into<String>>(self, platforms: impl IntoIterator<Item = T>) -> Self {
        self.list("image.toolchain", platforms)
    }

    /// The directory of the target's SDK: Android's NDK, or the root file system of Solaris, illumos or
    /// DragonFly. Default: none.
    #[must_use]
    pub fn sdk(self, directory: impl Into<String>) -> Self {
        self.text("sdk", directory)
    }

    /// The command that runs a target's programs; empty for the target's usual one.
    #[must_use]
    pub fn runner(self, command: impl Into<String>) -> Self {
        self.text("runner", command)
    }

    /// The layer.
    #[must_use]
    pub fn build(self) -> Layer {
        Layer {
            source: self.source,
            written: self.written,
        }
    }

    fn text(self, key: &str, text: impl Into<String>) -> Self {
        self.store(key, Raw::Text(text.into()))
    }

    fn list<T: Into<String>>(self, key: &str, items: impl IntoIterator<Item = T>) -> Self {
        let item = |item: T| Sourced::new(item.into(), self.origin.clone());
        let raw = Raw::List(items.into_iter().map(item).collect());
        self.store(key, raw)
    }

    fn store(mut self, key: &str, raw: Raw) -> Self {
        if let Some(key) = Key::named(key) {
            let raw = Sourced::new(raw, self.origin.clone());
            let problems = self.values().store(key, raw);
            self.written.problems.extend(problems);
        }
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
    use crate::keys::table::KEYS;

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
            .build_std(BuildStd::Crates(vec!["core".to_owned()]))
            .zig(true)
            .zig_version("2.17")
            .zig_image("zig")
            .zig_image_platforms(["linux/arm64"])
            .pre_build_script("./setup.sh")
            .pre_build(["true"])
            .dockerfile("Dockerfile")
            .dockerfile_context("ci")
            .build_args([("A", "b")])
            .passthrough(["A"])
            .volumes(["A=/a"])
            .image("image")
            .image_platforms(["linux/arm64"])
            .runner("qemu")
            .sdk("/sdk")
            .serial_tests(true)
            .build();
        for key in KEYS {
            let origin = (key.field)(&layer.written.build).origin();
            assert_eq!(origin, Some(&Origin::Request), "{}", key.name);
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
