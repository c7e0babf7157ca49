//! Layers that are built in code: defaults of the embedder, and the request.

use cross_targets::SystemVersion;

use crate::diagnostics::origin::{Origin, Sourced};
use crate::keys::key::Key;
use crate::keys::key_values::KeyValues;
use crate::layers::layer::{Layer, LayerKind};
use crate::layers::layer_values::LayerValues;
use crate::values::build_std::BuildStd;
use crate::values::memory::MemoryLimit;
use crate::values::network::NetworkMode;
use crate::values::value::RawValue;

impl Layer {
    /// The built-in defaults: the engine is chosen automatically, and the toolchain is the host's.
    pub(crate) fn built_in() -> Self {
        LayerBuilder::new(LayerKind::BuiltIn, Origin::BuiltIn)
            .engine("auto")
            .toolchain("host")
            .build()
    }

    /// Starts a layer with the defaults of the application `name`, which embeds this library. They
    /// override the built-in defaults and are overridden by everything its users write.
    ///
    /// ```
    /// use cross_config::{Config, Layer, NetworkMode};
    ///
    /// let layer = Layer::embedder("xtask")
    ///     .engine("podman")
    ///     .targets(["aarch64-unknown-linux-gnu", "s390x-unknown-linux-gnu"])
    ///     .on("s390x-unknown-linux-gnu")
    ///     .network(NetworkMode::None);
    /// let config = Config::merge([layer.build()]);
    /// let engine = config.for_target("s390x-unknown-linux-gnu").engine.unwrap();
    /// assert_eq!(engine.to_string(), "podman (embedder xtask)");
    /// ```
    #[must_use]
    pub fn embedder(name: impl Into<String>) -> LayerBuilder {
        LayerBuilder::new(LayerKind::Embedder, Origin::Embedder(name.into()))
    }

    /// Starts a layer with the settings that the caller makes for a single call. They override
    /// everything else.
    #[must_use]
    pub fn request() -> LayerBuilder {
        LayerBuilder::new(LayerKind::Request, Origin::Request)
    }
}

/// Builds a layer in code: see [`Layer::embedder`] and [`Layer::request`].
///
/// A setter replaces the previous value. Setters apply to all targets until [`on`](Self::on) names
/// one. Values are validated like those of a file; problems are in [`Layer::diagnostics`].
#[derive(Clone, Debug)]
pub struct LayerBuilder {
    kind: LayerKind,
    origin: Origin,
    target: Option<String>,
    values: LayerValues,
}

impl LayerBuilder {
    fn new(kind: LayerKind, origin: Origin) -> Self {
        Self {
            kind,
            origin,
            target: None,
            values: LayerValues::default(),
        }
    }

    /// Makes subsequent setters apply to `triple` only.
    #[must_use]
    pub fn on(mut self, triple: impl Into<String>) -> Self {
        self.target = Some(triple.into());
        self
    }

    /// Sets the target to build for if the request names none. It has no effect for a single
    /// target.
    #[must_use]
    pub fn default_target(self, triple: impl Into<String>) -> Self {
        self.text("default-target", triple)
    }

    /// Sets the targets that the project releases for. It has no effect for a single target.
    #[must_use]
    pub fn targets<T: Into<String>>(self, triples: impl IntoIterator<Item = T>) -> Self {
        self.list("targets", triples)
    }

    /// Sets the engine: `auto`, the name of an engine, or the path of a container command. Default:
    /// `auto`.
    #[must_use]
    pub fn engine(self, name_or_path: impl Into<String>) -> Self {
        self.text("engine", name_or_path)
    }

    /// Sets the toolchain: `host`, `image`, or the path of a toolchain directory. Default: `host`.
    #[must_use]
    pub fn toolchain(self, name_or_path: impl Into<String>) -> Self {
        self.text("toolchain", name_or_path)
    }

    /// Sets the network of environments.
    #[must_use]
    pub fn network(self, network: NetworkMode) -> Self {
        self.text("network", network.as_str())
    }

    /// Limits the memory, with swap, that all processes of a container use together. docker and
    /// podman obey the limit; the other engines refuse it. Default: no limit.
    #[must_use]
    pub fn memory(self, limit: MemoryLimit) -> Self {
        self.text("memory", limit.to_string())
    }

    /// Sets the Debian suite of recipes.
    #[must_use]
    pub fn suite(self, suite: impl Into<String>) -> Self {
        self.text("suite", suite)
    }

    /// Sets the URL of a mirror that keeps old packages, for locked packages that the mirror no
    /// longer has.
    #[must_use]
    pub fn snapshot(self, url: impl Into<String>) -> Self {
        self.text("snapshot", url)
    }

    /// Sets additional packages for recipes, by their Debian names.
    #[must_use]
    pub fn packages<T: Into<String>>(self, packages: impl IntoIterator<Item = T>) -> Self {
        self.list("packages", packages)
    }

    /// Sets whether the standard library is built from source, and which crates of it.
    #[must_use]
    pub fn build_std(self, build_std: BuildStd) -> Self {
        let raw = build_std.raw(&self.origin);
        self.store("build-std", raw)
    }

    /// Sets whether Zig is the C compiler and linker.
    #[must_use]
    pub fn zig(self, enable: bool) -> Self {
        self.store("zig.enable", RawValue::Flag(enable))
    }

    /// Sets whether test binaries run one at a time.
    #[must_use]
    pub fn serial_tests(self, yes: bool) -> Self {
        self.store("serial-tests", RawValue::Flag(yes))
    }

    /// Sets whether the same sources give the same bytes wherever they are built.
    #[must_use]
    pub fn reproducible(self, yes: bool) -> Self {
        self.store("reproducible", RawValue::Flag(yes))
    }

    /// Sets directories of the workspace that are writable in the environment. They are added to
    /// those of other sources.
    #[must_use]
    pub fn writable<T: Into<String>>(self, dirs: impl IntoIterator<Item = T>) -> Self {
        self.list("writable", dirs)
    }

    /// Sets the minimum glibc version, such as `2.17`. It only has an effect with
    /// [`zig`](Self::zig).
    #[must_use]
    pub fn zig_version(self, version: impl Into<String>) -> Self {
        self.text("zig.version", version)
    }

    /// Sets an image that contains Zig. It only has an effect with [`zig`](Self::zig).
    #[must_use]
    pub fn zig_image(self, name: impl Into<String>) -> Self {
        self.text("zig.image.name", name)
    }

    /// Sets the platforms of the Zig image, in the format of [`Platform`](crate::Platform).
    #[must_use]
    pub fn zig_image_platforms<T: Into<String>>(
        self,
        platforms: impl IntoIterator<Item = T>,
    ) -> Self {
        self.list("zig.image.toolchain", platforms)
    }

    /// Sets commands that prepare the environment. An empty list means none.
    #[must_use]
    pub fn pre_build<T: Into<String>>(self, commands: impl IntoIterator<Item = T>) -> Self {
        self.list("pre-build", commands)
    }

    /// Sets the path of a script, or a command, that prepares the environment.
    #[must_use]
    pub fn pre_build_script(self, path_or_command: impl Into<String>) -> Self {
        self.text("pre-build", path_or_command)
    }

    /// Sets a Dockerfile that builds the image of the environment.
    #[must_use]
    pub fn dockerfile(self, file: impl Into<String>) -> Self {
        self.text("dockerfile.file", file)
    }

    /// Sets the build context of the Dockerfile. Default: the workspace root.
    #[must_use]
    pub fn dockerfile_context(self, directory: impl Into<String>) -> Self {
        self.text("dockerfile.context", directory)
    }

    /// Sets build arguments of the Dockerfile, by name.
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
        let raw = RawValue::Map(arguments.into_iter().map(sourced).collect());
        self.store("dockerfile.build-args", raw)
    }

    /// Sets variables that are passed to the environment, each `NAME` or `NAME=value`.
    #[must_use]
    pub fn passthrough<T: Into<String>>(self, variables: impl IntoIterator<Item = T>) -> Self {
        self.list("env.passthrough", variables)
    }

    /// Sets directories to mount, each named by a variable: `NAME` or `NAME=/path`.
    #[must_use]
    pub fn volumes<T: Into<String>>(self, volumes: impl IntoIterator<Item = T>) -> Self {
        self.list("env.volumes", volumes)
    }

    /// Sets the image of the environment: a full name, or a suffix of the published image's name
    /// (see [`Image::reference`](crate::Image::reference)).
    #[must_use]
    pub fn image(self, name: impl Into<String>) -> Self {
        self.text("image.name", name)
    }

    /// Sets the platforms of the image, in the format of [`Platform`](crate::Platform).
    #[must_use]
    pub fn image_platforms<T: Into<String>>(self, platforms: impl IntoIterator<Item = T>) -> Self {
        self.list("image.toolchain", platforms)
    }

    /// Sets the oldest version of Apple's system that programs have to run on. Default: the
    /// variable that Apple's own tools read, else Rust's default for the target.
    #[must_use]
    pub fn deployment_target(self, version: SystemVersion) -> Self {
        self.text("deployment-target", version.to_string())
    }

    /// Sets the directory of the target's SDK: the Android NDK, Microsoft's headers and libraries
    /// as `xwin` writes them, an SDK of Apple's, or the root file system of Solaris, illumos or
    /// DragonFly. Default: none.
    #[must_use]
    pub fn sdk(self, directory: impl Into<String>) -> Self {
        self.text("sdk", directory)
    }

    /// Sets the command that runs programs of a target. An empty command selects the default
    /// runner.
    #[must_use]
    pub fn runner(self, command: impl Into<String>) -> Self {
        self.text("runner", command)
    }

    /// Returns the layer.
    #[must_use]
    pub fn build(self) -> Layer {
        Layer {
            kind: self.kind,
            values: self.values,
        }
    }

    fn text(self, key: &str, text: impl Into<String>) -> Self {
        self.store(key, RawValue::Text(text.into()))
    }

    fn list<T: Into<String>>(self, key: &str, items: impl IntoIterator<Item = T>) -> Self {
        let item = |item: T| Sourced::new(item.into(), self.origin.clone());
        let raw = RawValue::List(items.into_iter().map(item).collect());
        self.store(key, raw)
    }

    fn store(mut self, key: &str, raw: RawValue) -> Self {
        if let Some(key) = Key::named(key) {
            let raw = Sourced::new(raw, self.origin.clone());
            let problems = self.level_values().store(key, raw);
            self.values.problems.extend(problems);
        }
        self
    }

    fn level_values(&mut self) -> &mut KeyValues {
        match &self.target {
            Some(triple) => self.values.targets.entry(triple.clone()).or_default(),
            None => &mut self.values.build,
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
            .network(NetworkMode::None)
            .memory(MemoryLimit::parse("4g").unwrap())
            .suite("bookworm")
            .snapshot("https://m/{date}")
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
            .deployment_target(SystemVersion::new(11, 0, 0))
            .sdk("/sdk")
            .serial_tests(true)
            .reproducible(true)
            .writable(["generated"])
            .build();
        for key in KEYS {
            let origin = (key.field)(&layer.values.build).origin();
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
        let messages: Vec<_> = layer
            .build()
            .diagnostics()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            messages,
            [
                "embedder app: invalid value `-x` for `suite` [invalid-value]",
                "embedder app: `CROSS_RUNNER` in `env.passthrough` is reserved [reserved-name]",
            ]
        );
    }
}
