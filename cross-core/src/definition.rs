//! What the environment of a request is made of: a recipe, an image or a Dockerfile, with what the
//! user adds to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cross_config::{Env, Image, Platform, PreBuild, Sourced, TargetConfig};
use cross_engine::{ContainerfileSource, Engine, ImageBuild, RootSource};
use cross_targets::{Glibc, Machine, Runner, RustSource, Target};

use crate::error::{Error, ErrorKind, IoContext as _, Result};
use crate::on_host::Equipment;
use crate::plan::{EnvironmentKind, Warning};
use crate::recipes::{self, Additions, Named, short_hash};
use crate::runner;
use crate::sdk::{self, Found};
use crate::target_name::TargetName;
use crate::toolchain::host_triple;

/// Where the `cross` project publishes its images, and the tag that has all of them.
const PUBLISHED: &str = "ghcr.io/cross-rs";
const PUBLISHED_TAG: &str = "main";
/// The repository of the images that are built here.
const BUILT: &str = "localhost/cross-core";
/// The label of a built image that holds the identity of the image it was built on.
pub(crate) const BASE_LABEL: &str = "org.cross-core.base";

/// What an environment runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImagePlatform {
    /// The triple of the Rust that runs in it.
    pub(crate) triple: String,
    /// What an engine has to be told: nothing where it is what it runs anyway.
    pub(crate) option: Option<String>,
}

/// What an environment is made of.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) base: Base,
    /// Commands on top of an image or a Dockerfile; a recipe has its own among its commands.
    pub(crate) pre_build: Option<String>,
    /// What a user's image runs on.
    platforms: Vec<Platform>,
    /// The build argument that tells a Dockerfile the target's architecture in Debian's words.
    deb_arch: Option<&'static str>,
    triple: String,
    /// The directory of the user's that completes the recipe.
    pub(crate) sdk: Option<Found>,
    /// What `cargo-zigbuild` in an image of the user's is told as the target.
    zigbuild: Option<String>,
    /// The glibc that the caller named: what is built must not need a newer one.
    pub(crate) glibc_floor: Option<Glibc>,
}

#[derive(Clone, Debug)]
pub(crate) enum Base {
    /// The target's recipe.
    Recipe(Box<Named>),
    /// An image, pulled where it is not there.
    Image {
        reference: String,
        /// Why the published image has to do, where it is that.
        published: Option<String>,
    },
    /// The user's Dockerfile.
    Dockerfile(Box<Dockerfile>),
    /// None: the tools of this machine.
    Host(Box<Equipment>),
}

/// The user's Dockerfile and what it is given.
#[derive(Clone, Debug)]
pub(crate) struct Dockerfile {
    file: PathBuf,
    text: String,
    /// The directory it copies from, if it copies at all.
    context: Option<PathBuf>,
    arguments: BTreeMap<String, String>,
    /// The tag the user gave by naming an `image` too.
    tag: Option<String>,
    /// What its `CROSS_BASE_IMAGE` is, if it asks for it: the image of the target's recipe, else the
    /// published one.
    pub(crate) recipe: Option<Named>,
    published: Option<String>,
}

/// What decides the definition.
pub(crate) struct Choice<'a> {
    pub(crate) target: &'a TargetName,
    pub(crate) config: &'a TargetConfig,
    pub(crate) rust: RustSource,
    pub(crate) workspace_root: &'a Path,
    /// The caller's variables, and the directory that paths in them are relative to.
    pub(crate) env: &'a Env,
    pub(crate) dir: &'a Path,
}

impl Definition {
    /// Chooses by the documented order: the user's Dockerfile, the user's image, the recipe that the
    /// user's SDK completes, the target's recipe, the published image.
    pub(crate) fn choose(choice: &Choice<'_>) -> Result<Self> {
        let Choice { target, config, .. } = *choice;
        let pre_build = config.pre_build.as_ref().map(script).transpose()?.flatten();
        let definition = |base, pre_build| Definition {
            base,
            pre_build,
            platforms: match &config.image {
                Some(image) => image.value.platforms_or_default(),
                None => vec![Platform::default()],
            },
            deb_arch: target.known().and_then(|it| it.deb_arch_argument()),
            triple: target.triple().to_owned(),
            sdk: None,
            zigbuild: None,
            glibc_floor: choice.glibc_floor(),
        };
        let zig = config.zig.as_ref().filter(|it| it.value.enable);
        if let Some(image) = zig.and_then(|it| it.value.image.as_ref()) {
            let base = Base::Image {
                reference: image.reference(&format!("{PUBLISHED}/zig"), PUBLISHED_TAG),
                published: None,
            };
            let version = zig.and_then(|it| it.value.version.clone());
            let version = version.or_else(|| Some(choice.glibc_floor()?.to_string()));
            let floor = version.map_or_else(String::new, |version| format!(".{version}"));
            return Ok(Definition {
                platforms: image.platforms_or_default(),
                zigbuild: Some(format!("{}{floor}", target.triple())),
                ..definition(base, pre_build)
            });
        }
        if config.dockerfile.is_some() {
            let dockerfile = Dockerfile::read(choice)?;
            return Ok(definition(
                Base::Dockerfile(Box::new(dockerfile)),
                pre_build,
            ));
        }
        if let Some(image) = &config.image {
            let base = Base::Image {
                reference: reference(&image.value, target.triple()),
                published: None,
            };
            return Ok(definition(base, pre_build));
        }
        if let Some(sdk) = choice.sdk()? {
            let named = choice.recipe(pre_build, true)?;
            return Ok(Definition {
                sdk: Some(sdk),
                ..definition(Base::Recipe(Box::new(named)), None)
            });
        }
        let recipe = choice.recipe(pre_build.clone(), false);
        match (recipe, published(target)) {
            (Ok(named), _) => Ok(definition(Base::Recipe(Box::new(named)), None)),
            (Err(why), Some(reference)) => {
                let published = Some(why.to_string());
                let base = Base::Image {
                    reference,
                    published,
                };
                Ok(definition(base, pre_build))
            }
            (Err(error), None) => Err(error),
        }
    }

    /// None: the tools of this machine.
    pub(crate) fn on_host(choice: &Choice<'_>, equipment: Equipment) -> Self {
        Definition {
            base: Base::Host(Box::new(equipment)),
            pre_build: None,
            platforms: vec![Platform::default()],
            deb_arch: None,
            triple: choice.target.triple().to_owned(),
            sdk: None,
            zigbuild: None,
            glibc_floor: choice.glibc_floor(),
        }
    }

    /// What this machine has in place of an environment, where there is none.
    pub(crate) fn equipment(&self) -> Option<&Equipment> {
        match &self.base {
            Base::Host(equipment) => Some(equipment),
            _ => None,
        }
    }

    /// What the caller may want to know of the choice; `digest` is the image's in its registry, where
    /// the engine knows it.
    pub(crate) fn warning(&self, digest: Option<&str>) -> Option<Warning> {
        let Base::Image {
            reference,
            published: Some(why),
        } = &self.base
        else {
            return None;
        };
        Some(Warning {
            code: "published-image".to_owned(),
            message: format!("{why}: the image `{reference}` of the cross project is used"),
            help: Some(instead_of_published(reference, &self.triple, digest)),
        })
    }

    /// How programs of the target are started, as far as this library knows.
    pub(crate) fn runner(&self, target: &TargetName) -> Runner {
        match self.recipe() {
            Some(named) => named.runner,
            None => target
                .known()
                .zip(recipes::build_architecture().ok())
                .map_or(Runner::None, |(target, build)| target.runner(build)),
        }
    }

    /// What the environment runs on: of the platforms of an image the one that the engine runs
    /// natively, else the first.
    pub(crate) fn platform(&self, engine: &Engine) -> ImagePlatform {
        if matches!(self.base, Base::Recipe(_) | Base::Host(_)) {
            return ImagePlatform {
                triple: host_triple(),
                option: None,
            };
        }
        let is_native = |platform: &&Platform| {
            platform.os == "linux" && platform.architecture == engine.architecture
        };
        let named = self
            .platforms
            .iter()
            .find(is_native)
            .or(self.platforms.first());
        let platform = named.cloned().unwrap_or_default();
        ImagePlatform {
            option: (platform.variant.is_some() || !is_native(&&platform)).then(|| platform.oci()),
            triple: platform.triple,
        }
    }

    /// The program that is cargo in it.
    pub(crate) fn cargo(&self) -> &'static str {
        match self.zigbuild {
            Some(_) => "cargo-zigbuild",
            None => "cargo",
        }
    }

    /// The target as an image's `cargo-zigbuild` is told it.
    pub(crate) fn zigbuild_target(&self) -> Option<String> {
        self.zigbuild.clone()
    }

    /// The error for an engine that cannot serve it. Where nobody asked for an image, that one would
    /// be needed is the reason.
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

    /// Which engines can serve it.
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

    /// The recipe whose packages are in the environment: its own, or that of a Dockerfile's base.
    pub(crate) fn recipe(&self) -> Option<&Named> {
        match &self.base {
            Base::Recipe(named) => Some(named),
            Base::Dockerfile(dockerfile) => dockerfile.recipe.as_ref(),
            Base::Image { .. } | Base::Host(_) => None,
        }
    }

    /// The image before `pre-build`, if it is one.
    pub(crate) fn base_image(&self) -> Option<String> {
        match &self.base {
            Base::Recipe(_) | Base::Host(_) => None,
            Base::Image { reference, .. } => Some(reference.clone()),
            Base::Dockerfile(dockerfile) => Some(dockerfile.tag(&self.triple)),
        }
    }

    /// The image that runs, if it is one.
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

    /// What tells this environment from others, for the key of the target directory.
    pub(crate) fn name(&self) -> String {
        match &self.base {
            Base::Recipe(named) => named.blueprint.name.clone(),
            Base::Host(equipment) => equipment.name(&self.triple),
            _ => self.image().unwrap_or_default(),
        }
    }

    /// The build of the user's Dockerfile; `base` is the image of its `CROSS_BASE_IMAGE`.
    pub(crate) fn dockerfile_build(&self, base: Option<&str>) -> Option<ImageBuild> {
        let Base::Dockerfile(dockerfile) = &self.base else {
            return None;
        };
        let mut arguments = dockerfile.arguments.clone();
        let mut offer = |name: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|_| dockerfile.text.contains(name)) {
                arguments.entry(name.to_owned()).or_insert(value.to_owned());
            }
        };
        offer("CROSS_DEB_ARCH", self.deb_arch);
        offer("CROSS_TARGET", Some(&self.triple));
        offer(CROSS_BASE_IMAGE, base.or(dockerfile.published.as_deref()));
        let tag = dockerfile.tag(&self.triple);
        let build = ImageBuild::new(tag, ContainerfileSource::Path(dockerfile.file.clone()))
            .context(dockerfile.context.clone())
            .build_args(arguments);
        Some(build)
    }

    /// The build of the `pre-build` commands on top of the image.
    pub(crate) fn pre_build_build(&self) -> Option<ImageBuild> {
        let (script, base) = (self.pre_build.as_ref()?, self.base_image()?);
        let mut text = format!("FROM {base}\nARG CROSS_DEB_ARCH\nARG CROSS_TARGET\n");
        text.push_str("COPY pre-build /cross-pre-build\n");
        text.push_str("RUN chmod 755 /cross-pre-build && /cross-pre-build \"$CROSS_TARGET\" && rm /cross-pre-build\n");
        let mut arguments = BTreeMap::from([("CROSS_TARGET".to_owned(), self.triple.clone())]);
        arguments.extend(
            self.deb_arch
                .map(|arch| ("CROSS_DEB_ARCH".to_owned(), arch.to_owned())),
        );
        let build = ImageBuild::new(self.image()?, ContainerfileSource::Text(text))
            .files([("pre-build".to_owned(), script.clone())])
            .build_args(arguments);
        Some(build)
    }

    /// Whether only the engine can say that the Dockerfile's image is up to date: it copies files.
    pub(crate) fn copies(&self) -> bool {
        matches!(&self.base, Base::Dockerfile(dockerfile) if dockerfile.context.is_some())
    }
}

const CROSS_BASE_IMAGE: &str = "CROSS_BASE_IMAGE";

impl Choice<'_> {
    /// The user's SDK for the target, if there is one.
    fn sdk(&self) -> Result<Option<Found>> {
        match self.target.known() {
            Some(target) => sdk::find(target, self.config, self.env, self.dir),
            None => Ok(None),
        }
    }

    /// The target's recipe with the user's additions; `sdk` is whether a directory of theirs
    /// completes it.
    fn recipe(&self, pre_build: Option<String>, sdk: bool) -> Result<Named> {
        let additions = Additions {
            suite: self.config.suite.as_ref().map(|it| it.value.clone()),
            packages: self
                .config
                .packages
                .iter()
                .map(|it| it.value.clone())
                .collect(),
            pre_build,
            sdk,
            machine: self.machine(),
        };
        recipes::named(self.target.of_recipe(self.config)?, self.rust, &additions)
    }

    /// The machine that the user wants programs to run in, if it is known how to make it.
    fn machine(&self) -> Option<Machine> {
        let asked = self.config.runner.as_ref()?;
        let target = self.target.known()?;
        target
            .machine()
            .filter(|_| asked.value == runner::QEMU_SYSTEM)
    }

    /// The glibc that the target's name or `zig.version` asks for by its number.
    fn glibc_floor(&self) -> Option<Glibc> {
        let zig = self.config.zig.as_ref().filter(|it| it.value.enable);
        let version = zig.and_then(|it| it.value.version.as_ref()?.parse().ok());
        version.or_else(|| self.target.known()?.glibc())
    }
}

impl Dockerfile {
    fn read(choice: &Choice<'_>) -> Result<Self> {
        let asked = choice.config.dockerfile.as_ref();
        let Some(Sourced {
            value: asked,
            origin,
            ..
        }) = asked
        else {
            return Err(Error::new(ErrorKind::Config, "there is no Dockerfile"));
        };
        let text = std::fs::read_to_string(&asked.file).map_err(|error| {
            Error::io("read the Dockerfile", &asked.file, error)
                .with_help(format!("correct `dockerfile` ({origin})"))
        })?;
        let wants_base =
            text.contains(CROSS_BASE_IMAGE) && !asked.build_args.contains_key(CROSS_BASE_IMAGE);
        // A target without a recipe has the published image for a base, if anything.
        let recipe = wants_base
            .then(|| choice.recipe(None, false).ok())
            .flatten();
        let published = published(choice.target).filter(|_| wants_base && recipe.is_none());
        let context = copies(&text).then(|| {
            asked
                .context
                .clone()
                .unwrap_or_else(|| choice.workspace_root.to_owned())
        });
        if let Some(context) = context.as_ref().filter(|it| !it.is_dir()) {
            let message = format!(
                "the Dockerfile's context `{}` is no directory",
                context.display()
            );
            let help = format!("correct `dockerfile.context` ({origin})");
            return Err(Error::new(ErrorKind::Config, message).with_help(help));
        }
        Ok(Dockerfile {
            file: asked.file.clone(),
            text,
            context,
            arguments: asked.build_args.clone(),
            tag: choice
                .config
                .image
                .as_ref()
                .map(|image| reference(&image.value, choice.target.triple())),
            recipe,
            published,
        })
    }

    /// The image's name: the user's, or one of the content.
    fn tag(&self, triple: &str) -> String {
        if let Some(tag) = &self.tag {
            return tag.clone();
        }
        let base = self.recipe.as_ref().map(|it| it.blueprint.name.as_str());
        let content = format!(
            "{}\n{:?}\n{:?}\n{base:?}\n{:?}",
            self.text, self.context, self.arguments, self.published
        );
        format!("{BUILT}:{triple}-dockerfile-{}", short_hash(&content, 12))
    }
}

/// Whether a Dockerfile reads files of its context. One too many does no harm: the engine's own
/// cache then decides whether there is something to do.
fn copies(dockerfile: &str) -> bool {
    dockerfile.lines().any(|line| {
        let upper = line.trim_start().to_ascii_uppercase();
        let copies = ["COPY ", "ADD ", "ONBUILD "]
            .iter()
            .any(|word| upper.starts_with(word));
        (copies && !upper.contains("--FROM=")) || upper.contains("--MOUNT=")
    })
}

/// The full name of a user's image: one that begins with a tag, a digest or a hyphen is a variant of
/// the published image.
fn reference(image: &Image, triple: &str) -> String {
    image.reference(&format!("{PUBLISHED}/{triple}"), PUBLISHED_TAG)
}

/// Targets that the `cross` project publishes an image for and that have no row in the table.
const ALSO_PUBLISHED: [&str; 5] = [
    "aarch64-unknown-freebsd",
    "aarch64_be-unknown-linux-gnu",
    "i686-unknown-linux-musl",
    "loongarch64-unknown-linux-musl",
    "riscv64gc-unknown-linux-musl",
];

/// The image that the `cross` project publishes for the target.
fn published(target: &TargetName) -> Option<String> {
    let name = match target.known() {
        Some(known) => known.published_image(),
        None => ALSO_PUBLISHED.into_iter().find(|it| *it == target.triple()),
    };
    Some(format!("{PUBLISHED}/{}:{PUBLISHED_TAG}", name?))
}

/// What holds more than a published image, which changes with time.
fn instead_of_published(reference: &str, triple: &str, digest: Option<&str>) -> String {
    let place = reference.strip_suffix(&format!(":{PUBLISHED_TAG}"));
    let (digest, where_from) = match digest {
        Some(digest) => (digest, ""),
        None => ("sha256:…", " (the outcome has the digest)"),
    };
    let mut help = format!(
        "its content changes with time: `image = \"{}@{digest}\"` for the target keeps it{where_from}",
        place.unwrap_or(reference)
    );
    let sdk = Target::parse(triple).ok().and_then(|it| it.facts().sdk);
    if let Some(sdk) = sdk {
        let variable = sdk.variables().first();
        let or = variable.map_or(String::new(), |name| format!(" or {name}"));
        help += &format!("; `sdk`{or} names {} to use instead", sdk.describe());
    }
    help
}

/// The script of `pre-build`: the user's own, or one of their lines, which run in one shell that
/// ends at the first that fails.
fn script(pre_build: &Sourced<PreBuild>) -> Result<Option<String>> {
    let of_lines = |lines: &str| format!("#!/bin/sh\nset -e\n{lines}\n");
    Ok(match &pre_build.value {
        PreBuild::ScriptOrCommand { path, .. } if path.is_file() => {
            Some(std::fs::read_to_string(path).on("read the `pre-build` script", path)?)
        }
        PreBuild::ScriptOrCommand { text, .. } => Some(of_lines(text)),
        PreBuild::Commands(lines) if lines.is_empty() => None,
        PreBuild::Commands(lines) => Some(of_lines(&lines.join("\n"))),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dockerfile_that_copies_from_elsewhere_has_no_context() {
        for text in [
            "FROM a\nRUN true",
            "FROM a\nCOPY --from=b /x /y",
            "FROM a\n# COPY . .",
        ] {
            assert!(!copies(text), "{text}");
        }
        for text in [
            "FROM a\nCOPY . /src",
            "from a\n  add x y",
            "FROM a\nRUN --mount=type=bind,target=/x true",
        ] {
            assert!(copies(text), "{text}");
        }
    }
}
