//! The environment spec: the recipe, image or Dockerfile that an environment is made from, with the
//! user's additions.

mod base_images;
mod dockerfile;
mod locked;

use std::collections::BTreeMap;
use std::path::Path;

use cross_config::{Env, Image, Platform, PreBuild, Sourced, TargetConfig, ZigConfig};
use cross_engine::{ContainerfileSource, Engine, ImageBuild, ImageFacts, RootSource};
use cross_targets::{DebianArch, GlibcVersion, Runner, RustSource, SystemVersion, toml_table};

use crate::facts::configured_paths;
use crate::facts::deployment_target;
use crate::facts::environment_name::{self, Additions, NamedRecipe};
use crate::facts::host_toolset::HostToolset;
use crate::facts::published_image::{
    deb_arch, instead_of_published, published, published_zig, reference, zig_reference,
};
use crate::host::sdk::{self, UserSdk};
use crate::host::toolchain::{host_triple, triple_of};
use crate::model::error::{Error, ErrorKind, IoContext as _, Result};
use crate::model::hash::short_hash;
use crate::model::step::{EnvironmentKind, PRE_BUILD_FILE, Warning};
use crate::target::name::TargetName;
use dockerfile::{CROSS_BASE_IMAGE, Dockerfile};
pub(crate) use locked::{SUITE, end_of_locked_name, is_empty, is_hashed, locked_packages};

/// The repository of the images that this library builds.
const BUILT: &str = "localhost/cross-core";
/// The label of a built image that holds the id of the image it is based on.
pub(crate) const BASE_LABEL: &str = "org.cross-core.base";

/// The label of an image that was built from a Dockerfile: the hash of what it was built from. The
/// user's name for the image says nothing about its content.
const DOCKERFILE_LABEL: &str = "org.cross-core.dockerfile";

/// The platform of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImagePlatform {
    /// The triple of the Rust toolchain that runs in the environment.
    pub(crate) triple: String,
    /// The value of the engine's `--platform`; `None` for the engine's default.
    pub(crate) option: Option<String>,
}

/// The base of an environment, with the user's additions.
#[derive(Clone, Debug)]
pub(crate) struct EnvironmentSpec {
    pub(crate) base: Base,
    /// The `pre-build` script for an image or a Dockerfile. A recipe has it among its commands.
    pub(crate) pre_build: Option<String>,
    /// The platforms of the user's image.
    platforms: Vec<Platform>,
    /// Debian's name of the target's architecture, a build argument of Dockerfiles.
    deb_arch: Option<&'static str>,
    triple: String,
    /// The architecture of the engine's machine, if it is another one than this machine's.
    engine_architecture: Option<DebianArch>,
    /// The user's SDK, which completes the recipe.
    pub(crate) sdk: Option<UserSdk>,
    /// The target argument of `cargo-zigbuild`, if the image has that.
    zigbuild: Option<String>,
    /// The newest glibc that the artifacts may need.
    pub(crate) glibc_floor: Option<GlibcVersion>,
    /// The oldest version of Apple's system that the artifacts have to run on.
    pub(crate) deployment_target: Option<SystemVersion>,
    /// The keys of the configuration that decide what the environment is made of, with their
    /// values, as a lock has them.
    pub(crate) deciding_keys: BTreeMap<String, String>,
}

/// The base of an environment.
#[derive(Clone, Debug)]
pub(crate) enum Base {
    /// The target's recipe.
    Recipe(Box<NamedRecipe>),
    /// An image, which is pulled if it is missing.
    Image {
        reference: String,
        /// The reason for using the image that the `cross` project publishes, if it is that image.
        published: Option<String>,
    },
    /// The user's Dockerfile.
    Dockerfile(Box<Dockerfile>),
    /// No environment, but the tools of this machine.
    Host(Box<HostToolset>),
}

/// The facts that decide the environment spec.
pub(crate) struct SpecContext<'a> {
    pub(crate) target: &'a TargetName,
    pub(crate) config: &'a TargetConfig,
    pub(crate) rust: RustSource,
    /// The architecture of the engine's machine, if it is another one than this machine's.
    pub(crate) engine_architecture: Option<DebianArch>,
    pub(crate) workspace_root: &'a Path,
    /// The caller's variables.
    pub(crate) env: &'a Env,
    /// The directory to which paths in the variables are relative.
    pub(crate) dir: &'a Path,
}

impl EnvironmentSpec {
    /// Chooses by the documented order: the user's Dockerfile, Zig image or image, the recipe that
    /// the user's SDK completes, the target's recipe, the published image. With Zig, the user's
    /// image for the target does not count, as with `cross`.
    pub(crate) fn choose(context: &SpecContext<'_>) -> Result<Self> {
        let deployment_target = context.deployment_target()?;
        Ok(EnvironmentSpec {
            deployment_target,
            ..Self::chosen(context)?
        })
    }

    fn chosen(context: &SpecContext<'_>) -> Result<Self> {
        let config = context.config;
        let pre_build = config.pre_build.as_ref().map(script).transpose()?.flatten();
        if config.dockerfile.is_some() {
            let dockerfile = Dockerfile::read(context)?;
            // A recipe has Zig, and any other base has to have `cargo-zigbuild`.
            let has_zigbuild = dockerfile.recipe.is_none();
            let base = Base::Dockerfile(Box::new(dockerfile));
            return Ok(EnvironmentSpec {
                zigbuild: context.zigbuild().filter(|_| has_zigbuild),
                ..Self::new(context, base).with_pre_build(pre_build)
            });
        }
        if let Some(image) = context.image() {
            let base = Base::Image {
                reference: context.reference(image),
                published: None,
            };
            return Ok(EnvironmentSpec {
                zigbuild: context.zigbuild(),
                ..Self::new(context, base).with_pre_build(pre_build)
            });
        }
        if let Some(sdk) = context.sdk()? {
            let recipe = context.recipe(pre_build, true)?;
            return Ok(EnvironmentSpec {
                sdk: Some(sdk),
                ..Self::new(context, Base::Recipe(Box::new(recipe)))
            });
        }
        Self::recipe_or_published_image(context, pre_build)
    }

    /// A spec with this base and no additions.
    fn new(context: &SpecContext<'_>, base: Base) -> Self {
        let target = context.target;
        EnvironmentSpec {
            base,
            pre_build: None,
            platforms: match context.image() {
                Some(image) => image.platforms_or_default(),
                None => vec![Platform::default()],
            },
            deb_arch: deb_arch(target),
            triple: target.triple().to_owned(),
            engine_architecture: context.engine_architecture,
            sdk: None,
            zigbuild: None,
            glibc_floor: context.glibc_floor(),
            deployment_target: None,
            deciding_keys: BTreeMap::new(),
        }
    }

    fn with_pre_build(self, pre_build: Option<String>) -> Self {
        EnvironmentSpec { pre_build, ..self }
    }

    /// The target's recipe, or the published image if there is no recipe.
    fn recipe_or_published_image(
        context: &SpecContext<'_>,
        pre_build: Option<String>,
    ) -> Result<Self> {
        let error = match context.recipe(pre_build.clone(), false) {
            Ok(recipe) => return Ok(Self::new(context, Base::Recipe(Box::new(recipe)))),
            Err(error) => error,
        };
        match context.published().filter(|_| !context.lacks_glibc()) {
            Some(reference) => {
                let published = Some(error.to_string());
                let base = Base::Image {
                    reference,
                    published,
                };
                Ok(EnvironmentSpec {
                    zigbuild: context.zigbuild(),
                    ..Self::new(context, base).with_pre_build(pre_build)
                })
            }
            None => Err(error),
        }
    }

    /// The tools of this machine instead of an environment.
    pub(crate) fn on_host(context: &SpecContext<'_>, toolset: HostToolset) -> Result<Self> {
        Ok(EnvironmentSpec {
            deployment_target: context.deployment_target()?,
            ..Self::new(context, Base::Host(Box::new(toolset)))
        })
    }

    /// The tools of this machine, if they are used instead of an environment.
    pub(crate) fn host_toolset(&self) -> Option<&HostToolset> {
        match &self.base {
            Base::Host(toolset) => Some(toolset),
            _ => None,
        }
    }

    /// The warning for a published image. `digest` is the image's digest in its registry, if the
    /// engine knows it.
    pub(crate) fn warning(&self, digest: Option<&str>) -> Option<Warning> {
        let Base::Image {
            reference,
            published: Some(why),
        } = &self.base
        else {
            return None;
        };
        let key = match self.zigbuild {
            Some(_) => "zig.image",
            None => "image",
        };
        Some(Warning {
            code: "published-image".to_owned(),
            message: format!("{why}; the image `{reference}` of the cross project is used instead"),
            help: Some(instead_of_published(reference, key, &self.triple, digest)),
        })
    }

    /// The runner of the target's programs, if this library knows one.
    pub(crate) fn runner(&self, target: &TargetName) -> Runner {
        match self.recipe() {
            Some(named) => named.runner,
            None => target
                .known()
                .zip(build_architecture(self.engine_architecture).ok())
                .map_or(Runner::None, |(target, build)| target.runner(build)),
        }
    }

    /// The platform of the environment. For an image with several platforms, it is the one that the
    /// engine runs natively, else the first.
    pub(crate) fn platform(&self, engine: &Engine) -> ImagePlatform {
        if matches!(self.base, Base::Recipe(_) | Base::Host(_)) {
            let of_engine = self.engine_architecture.map(DebianArch::rust_arch);
            return ImagePlatform {
                triple: of_engine.map_or_else(host_triple, triple_of),
                option: None,
            };
        }
        let is_native = |platform: &&Platform| {
            platform.os == "linux" && platform.architecture == engine.architecture
        };
        let mut platforms = self.platforms.iter();
        let platform = platforms.find(is_native).or(self.platforms.first());
        let platform = platform.cloned().unwrap_or_default();
        ImagePlatform {
            option: (platform.variant.is_some() || !is_native(&&platform)).then(|| platform.oci()),
            triple: platform.triple,
        }
    }

    /// The program that is called as cargo in the environment.
    pub(crate) fn cargo(&self) -> &'static str {
        match self.zigbuild {
            Some(_) => "cargo-zigbuild",
            None => "cargo",
        }
    }

    /// The target argument of `cargo-zigbuild`, if the image has that.
    pub(crate) fn zigbuild_target(&self) -> Option<String> {
        self.zigbuild.clone()
    }

    /// The error if no engine can run the environment. For a published image, the error says why
    /// the image is needed, since the user did not ask for one.
    pub(crate) fn refused(&self, error: Error) -> Error {
        match &self.base {
            Base::Image {
                reference,
                published: Some(why),
            } => Error::new(
                ErrorKind::UnsupportedTarget,
                format!("{why}, and the image `{reference}` that is published for it cannot run here: {error}"),
            )
            .with_help(error.help().unwrap_or("use docker or podman").to_owned()),
            _ => error,
        }
    }

    /// The engines that can run the environment.
    pub(crate) fn needs(&self) -> RootSource {
        match self.base {
            Base::Recipe(_) | Base::Host(_) => RootSource::Recipe,
            _ => RootSource::Image,
        }
    }

    pub(crate) fn kind(&self) -> EnvironmentKind {
        match &self.base {
            Base::Recipe(_) => EnvironmentKind::Recipe,
            Base::Image {
                published: Some(_), ..
            } => EnvironmentKind::PublishedImage,
            Base::Image { .. } => EnvironmentKind::Image,
            Base::Dockerfile(_) => EnvironmentKind::Dockerfile,
            Base::Host(_) => EnvironmentKind::Host,
        }
    }

    /// The recipe whose packages are in the environment: the spec's own, or that of a Dockerfile's
    /// base image.
    pub(crate) fn recipe(&self) -> Option<&NamedRecipe> {
        match &self.base {
            Base::Recipe(named) => Some(named),
            Base::Dockerfile(dockerfile) => dockerfile.recipe.as_ref(),
            Base::Image { .. } | Base::Host(_) => None,
        }
    }

    /// The image without `pre-build`; `None` if the environment is not an image.
    pub(crate) fn base_image(&self) -> Option<String> {
        match &self.base {
            Base::Recipe(_) | Base::Host(_) => None,
            Base::Image { reference, .. } => Some(reference.clone()),
            Base::Dockerfile(dockerfile) => Some(dockerfile.tag(&self.triple)),
        }
    }

    /// The image that runs; `None` if the environment is not an image.
    pub(crate) fn image(&self) -> Option<String> {
        let base = self.base_image()?;
        Some(match &self.pre_build {
            None => base,
            Some(script) => {
                let hash = short_hash(&format!("{base}\n{script}"), 12);
                format!("{BUILT}:{}-pre-build-{hash}", self.triple)
            }
        })
    }

    /// The name of the environment with everything else that programs are linked for, equal on all
    /// machines. Cargo does not notice if one of them changes.
    pub(crate) fn full_name(&self) -> String {
        let mut name = self.name();
        if let Some(version) = self.sdk.as_ref().and_then(|sdk| sdk.version.as_ref()) {
            name += &format!("\n{version}");
        }
        if let Some(version) = self.deployment_target {
            name += &format!("\n{version}");
        }
        name
    }

    /// The name of the environment.
    pub(crate) fn name(&self) -> String {
        match &self.base {
            Base::Recipe(named) => named.blueprint.name.clone(),
            Base::Host(toolset) => toolset.name(&self.triple),
            _ => self.image().unwrap_or_default(),
        }
    }

    /// The build of the user's Dockerfile. `base` is the value of `CROSS_BASE_IMAGE`.
    pub(crate) fn dockerfile_build(&self, base: Option<&str>) -> Option<ImageBuild> {
        let Base::Dockerfile(dockerfile) = &self.base else {
            return None;
        };
        let mut arguments = dockerfile.arguments.clone();
        let mut default = |name: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|_| dockerfile.text.contains(name)) {
                arguments.entry(name.to_owned()).or_insert(value.to_owned());
            }
        };
        default("CROSS_DEB_ARCH", self.deb_arch);
        default("CROSS_TARGET", Some(&self.triple));
        default(CROSS_BASE_IMAGE, base.or(dockerfile.image.as_deref()));
        let tag = dockerfile.tag(&self.triple);
        let source = match &dockerfile.pinned {
            Some(text) => ContainerfileSource::Text(text.clone()),
            None => ContainerfileSource::Path(dockerfile.file.clone()),
        };
        let build = ImageBuild::new(tag, source)
            .context(dockerfile.context.clone())
            .labels([(DOCKERFILE_LABEL.to_owned(), dockerfile.hash())])
            .build_args(arguments);
        Some(build)
    }

    /// The build of the `pre-build` commands on top of the image.
    pub(crate) fn pre_build_build(&self) -> Option<ImageBuild> {
        let (script, base) = (self.pre_build.as_ref()?, self.base_image()?);
        let mut text = format!("FROM {base}\nARG CROSS_DEB_ARCH\nARG CROSS_TARGET\n");
        text.push_str("COPY pre-build /cross-pre-build\nCOPY run-pre-build /cross-run-pre-build\n");
        text.push_str("RUN sh /cross-run-pre-build \"$CROSS_TARGET\" && rm /cross-pre-build /cross-run-pre-build\n");
        let mut arguments = BTreeMap::from([("CROSS_TARGET".to_owned(), self.triple.clone())]);
        arguments.extend(
            self.deb_arch
                .map(|arch| ("CROSS_DEB_ARCH".to_owned(), arch.to_owned())),
        );
        let build = ImageBuild::new(self.image()?, ContainerfileSource::Text(text))
            .files([
                (PRE_BUILD_FILE.to_owned(), script.clone()),
                (
                    "run-pre-build".to_owned(),
                    environment_name::RUN_PRE_BUILD.to_owned(),
                ),
            ])
            .build_args(arguments);
        Some(build)
    }

    /// Whether `image`, which has the name of the base, was built from the Dockerfile as it is now,
    /// if there is one. An image that was pulled, or built by somebody else, was not.
    pub(crate) fn is_built_from(&self, image: &ImageFacts) -> bool {
        match &self.base {
            // Without a tag of the user's, the name of the image has the hash.
            Base::Dockerfile(file) if file.tag.is_some() => {
                image.labels.get(DOCKERFILE_LABEL) == Some(&file.hash())
            }
            _ => true,
        }
    }

    /// Whether the Dockerfile copies files, so that only the engine can tell whether its image is
    /// up to date.
    pub(crate) fn copies(&self) -> bool {
        matches!(&self.base, Base::Dockerfile(dockerfile) if dockerfile.context.is_some())
    }
}

/// The architecture of the native programs in environments.
fn build_architecture(of_engine: Option<DebianArch>) -> Result<DebianArch> {
    of_engine.map_or_else(environment_name::build_architecture, Ok)
}

impl SpecContext<'_> {
    /// The user's SDK for the target, if there is one.
    fn sdk(&self) -> Result<Option<UserSdk>> {
        match self.target.known() {
            Some(target) => sdk::find(target, self.config, self.env, self.dir),
            None => Ok(None),
        }
    }

    /// The target's recipe with the user's additions. `sdk` is whether the user's SDK completes it.
    fn recipe(&self, pre_build: Option<String>, sdk: bool) -> Result<NamedRecipe> {
        self.named(&Additions {
            command_tools: pre_build.is_some(),
            pre_build,
            sdk,
            ..self.additions()
        })
    }

    /// The recipe that a Dockerfile is based on.
    fn base_recipe(&self) -> Result<NamedRecipe> {
        self.named(&Additions {
            command_tools: true,
            ..self.additions()
        })
    }

    fn named(&self, additions: &Additions) -> Result<NamedRecipe> {
        let build = build_architecture(self.engine_architecture)?;
        let target = self.target.of_recipe(self.config)?;
        let named = environment_name::named(target, self.rust, additions, build);
        let zig = self.config.zig.as_ref();
        // The key asks for a version that the target's name does not have.
        let key = zig.filter(|_| !target.links_its_glibc() && self.target.known() != Some(target));
        named.map_err(|error| match key {
            Some(key) => error.and_help(format!(
                "`zig` ({}) asks for glibc: write `zig = false` in `{}`, or another version",
                key.origin,
                toml_table(target.triple())
            )),
            None => error,
        })
    }

    /// The configured additions to the recipe.
    fn additions(&self) -> Additions {
        let packages = self.config.packages.iter();
        Additions {
            suite: self.config.suite.as_ref().map(|suite| suite.value.clone()),
            packages: packages.map(|package| package.value.clone()).collect(),
            runner: self.named_runner(),
            ..Additions::default()
        }
    }

    /// The runner that the user configured by its name, if a recipe of the target can have it.
    fn named_runner(&self) -> Option<Runner> {
        let runner = self.config.runner.as_ref()?;
        self.target.known()?.named_runner(&runner.value)
    }

    /// The key `zig`, if it enables Zig.
    fn zig(&self) -> Option<&ZigConfig> {
        let zig = self.config.zig.as_ref().map(|key| &key.value);
        zig.filter(|zig| zig.enable)
    }

    /// The user's image: that of Zig if Zig is enabled.
    fn image(&self) -> Option<&Image> {
        match self.zig() {
            Some(zig) => zig.image.as_ref(),
            None => self.config.image.as_ref().map(|image| &image.value),
        }
    }

    /// The full name of the user's image for the target, or for Zig if Zig is enabled.
    fn reference(&self, image: &Image) -> String {
        match self.zig() {
            Some(_) => zig_reference(image),
            None => reference(image, self.target.triple()),
        }
    }

    /// The image that the `cross` project publishes: that of Zig if Zig is enabled.
    fn published(&self) -> Option<String> {
        match self.zig() {
            Some(_) => published_zig(self.target),
            None => published(self.target),
        }
    }

    /// Whether Zig does not link with the glibc that is asked for. That of an image does not,
    /// either.
    fn lacks_glibc(&self) -> bool {
        let target = self.target.of_recipe(self.config);
        target.is_ok_and(|target| !target.links_its_glibc())
    }

    /// The target argument of `cargo-zigbuild`, if Zig is enabled.
    fn zigbuild(&self) -> Option<String> {
        let version = self.zig()?.version.clone();
        let version = version.or_else(|| Some(self.glibc_floor()?.to_string()));
        let floor = version.map_or_else(String::new, |version| format!(".{version}"));
        Some(format!("{}{floor}", self.target.triple()))
    }

    /// The oldest version of Apple's system that programs have to run on.
    fn deployment_target(&self) -> Result<Option<SystemVersion>> {
        let asked = deployment_target::deployment_target(self.target, self.config, self.env)?;
        Ok(asked.map(|asked| asked.value))
    }

    /// The glibc floor in `zig.version` or in the target's name.
    fn glibc_floor(&self) -> Option<GlibcVersion> {
        let version = self
            .zig()
            .and_then(|zig| zig.version.as_ref()?.parse().ok());
        version.or_else(|| self.target.known()?.glibc())
    }
}

/// The script of `pre-build`: the user's script, or one made of the commands, which exits at the
/// first command that fails. Lines that end with CRLF, as in a
/// checkout for Windows, end with LF: a shell takes a carriage return as a part of the command.
fn script(pre_build: &Sourced<PreBuild>) -> Result<Option<String>> {
    let of_commands = |lines: &str| format!("#!/bin/sh\nset -e\n{lines}\n");
    let script = match &pre_build.value {
        PreBuild::ScriptOrCommand { path, .. } if path.is_file() => {
            Some(std::fs::read_to_string(path).on("read the `pre-build` script", path)?)
        }
        PreBuild::ScriptOrCommand { text, path, .. } if configured_paths::is_script(text) => {
            let message = format!(
                "the `pre-build` script `{}` does not exist ({})",
                path.display(),
                pre_build.origin
            );
            return Err(Error::new(ErrorKind::Config, message).with_help(
                "correct the path, which is relative to the file that names it, or else to the \
                 workspace's root",
            ));
        }
        PreBuild::ScriptOrCommand { text, .. } => Some(of_commands(text)),
        PreBuild::Commands(lines) if lines.is_empty() => None,
        PreBuild::Commands(lines) => Some(of_commands(&lines.join("\n"))),
        _ => None,
    };
    Ok(script.map(|script| script.replace("\r\n", "\n")))
}
