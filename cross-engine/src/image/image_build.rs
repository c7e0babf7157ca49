//! Image builds, and the command line of each builder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::engines::engine::Engine;
use crate::process::error::{Result, utf8};
use crate::process::host::Host;
use crate::process::host::PROXY_VARIABLES;
use crate::process::invocation::Invocation;

/// An image build, as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ImageBuild {
    /// The image's name.
    pub tag: String,
    /// The Containerfile (or Dockerfile).
    pub file: ContainerfileSource,
    /// The directory whose files it may copy; an empty temporary one if `None`.
    pub context: Option<PathBuf>,
    /// The files of an otherwise empty context, by name.
    pub files: BTreeMap<String, String>,
    /// The values of its `ARG`s. They must not contain secrets: everybody who has the image can
    /// read them.
    pub build_args: BTreeMap<String, String>,
    /// The platform of the image, as `os/architecture[/variant]`; the engine's own if `None`.
    pub platform: Option<String>,
    /// The image's labels.
    pub labels: BTreeMap<String, String>,
    /// The user's options for the builder. They come last, so that they take precedence.
    pub options: Vec<String>,
    /// Whether docker's BuildKit is not used even if it is installed.
    pub no_buildkit: bool,
    /// The style of BuildKit's progress: `plain` (the default) or `auto`. Its output is not printed
    /// to a terminal, so `tty` means `auto`. Other builders have only one style.
    pub progress: Option<String>,
}

/// The source of a Containerfile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ContainerfileSource {
    /// A file.
    Path(PathBuf),
    /// The text itself.
    Text(String),
}

impl ImageBuild {
    /// Creates a build of `file` with an empty context. The image is named `tag`.
    pub fn new(tag: impl Into<String>, file: ContainerfileSource) -> Self {
        ImageBuild {
            tag: tag.into(),
            file,
            context: None,
            files: BTreeMap::new(),
            build_args: BTreeMap::new(),
            platform: None,
            labels: BTreeMap::new(),
            options: Vec::new(),
            no_buildkit: false,
            progress: None,
        }
    }

    /// Sets the context.
    #[must_use]
    pub fn context(mut self, dir: Option<PathBuf>) -> Self {
        self.context = dir;
        self
    }

    /// Adds files, by name, to an empty context.
    #[must_use]
    pub fn files(mut self, files: impl IntoIterator<Item = (String, String)>) -> Self {
        self.files.extend(files);
        self
    }

    /// Adds values of `ARG`s.
    #[must_use]
    pub fn build_args(mut self, args: impl IntoIterator<Item = (String, String)>) -> Self {
        self.build_args.extend(args);
        self
    }

    /// Sets the platform.
    #[must_use]
    pub fn platform(mut self, platform: Option<String>) -> Self {
        self.platform = platform;
        self
    }

    /// Adds labels.
    #[must_use]
    pub fn labels(mut self, labels: impl IntoIterator<Item = (String, String)>) -> Self {
        self.labels.extend(labels);
        self
    }

    /// Adds the user's options for the builder.
    #[must_use]
    pub fn options<I>(mut self, options: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.options.extend(options.into_iter().map(Into::into));
        self
    }

    /// Sets whether docker's BuildKit is not used.
    #[must_use]
    pub fn no_buildkit(mut self, yes: bool) -> Self {
        self.no_buildkit = yes;
        self
    }

    /// Sets the style of BuildKit's progress.
    #[must_use]
    pub fn progress(mut self, progress: Option<String>) -> Self {
        self.progress = progress;
        self
    }
}

/// A program that builds images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builder {
    /// Docker's BuildKit, through the plug-in buildx.
    Buildx,
    /// The builder in docker's daemon, which every docker has.
    Legacy,
    /// Podman's own.
    Podman,
    /// BuildKit, through nerdctl.
    Nerdctl,
}

impl Builder {
    /// Whether it can mount a file of the context for a command, without adding it to the image.
    pub(crate) fn can_mount(self) -> bool {
        self != Builder::Legacy
    }
}

/// The files of a build.
#[derive(Debug)]
pub(crate) struct BuildPaths<'a> {
    /// The Containerfile.
    pub(crate) file: &'a Path,
    /// The context.
    pub(crate) context: &'a Path,
    /// The ignore file, if it is not the context's own.
    pub(crate) ignore: Option<&'a Path>,
}

/// Returns the command for `build` with the files `paths`.
pub(crate) fn invocation(
    engine: &Engine,
    builder: Builder,
    build: &ImageBuild,
    paths: &BuildPaths<'_>,
    host: &Host,
) -> Result<Invocation> {
    let mut run = Invocation::new(&engine.program);
    run = match builder {
        Builder::Buildx => run.args(["buildx", "build", "--progress", progress(build)]),
        // Otherwise the container of a failed step stays.
        Builder::Legacy => run
            .env("DOCKER_BUILDKIT", "0")
            .args(["build", "--force-rm"]),
        Builder::Podman => run.arg("build"),
        Builder::Nerdctl => run.args(["build", "--progress", progress(build)]),
    };
    if let Some(platform) = &build.platform {
        run = run.args(["--platform", platform]);
    }
    for (name, value) in &build.labels {
        run = run.args(["--label", &format!("{name}={value}")]);
    }
    run = run.args(["--tag", &build.tag]);
    for (name, value) in &build.build_args {
        run = run.args(["--build-arg", &format!("{name}={value}")]);
    }
    // Podman passes them by itself. They may contain a password, so the builder reads them from its
    // environment.
    if builder != Builder::Podman {
        let is_set = |name: &&&str| host.variable(name).is_some_and(|value| !value.is_empty());
        for name in PROXY_VARIABLES.iter().filter(is_set) {
            run = run.args(["--build-arg", name]);
        }
    }
    if let (Builder::Podman, Some(ignore)) = (builder, paths.ignore) {
        run = run.args(["--ignorefile", utf8(ignore)?]);
    }
    run = run.args(["--file", utf8(paths.file)?]);
    run = run.args(build.options.iter().cloned());
    // BuildKit keeps the image in its own cache unless an option says where to put it.
    if builder == Builder::Buildx && !build.options.iter().any(|word| sets_output(word)) {
        run = run.arg("--load");
    }
    Ok(run.arg(utf8(paths.context)?))
}

fn progress(build: &ImageBuild) -> &str {
    match build.progress.as_deref() {
        None => "plain",
        Some("tty") => "auto",
        Some(progress) => progress,
    }
}

/// Whether an option of `buildx build` says where to put the image.
fn sets_output(word: &str) -> bool {
    let name = word.split('=').next().unwrap_or(word);
    ["--load", "--push", "--output"].contains(&name)
        || (word.starts_with("-o") && !word.starts_with("--"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::engine::EngineKind;
    use crate::process::invocation::Variables;

    fn argv(
        kind: EngineKind,
        builder: Builder,
        build: &ImageBuild,
        ignore: Option<&Path>,
    ) -> Invocation {
        let engine = Engine::sample(kind);
        let proxies = [("https_proxy", "http://me:secret@p"), ("no_proxy", "")];
        let variables = proxies.map(|(name, value)| (name.into(), value.into()));
        let host = Host::new(Variables::from(variables), "/c");
        let paths = BuildPaths {
            file: Path::new("/w/Dockerfile"),
            context: Path::new("/w"),
            ignore,
        };
        invocation(&engine, builder, build, &paths, &host).unwrap()
    }

    fn build() -> ImageBuild {
        ImageBuild::new(
            "localhost/x:1",
            ContainerfileSource::Path("/w/Dockerfile".into()),
        )
        .build_args([("CROSS_DEB_ARCH".to_owned(), "arm64".to_owned())])
        .labels([("l".to_owned(), "a b".to_owned())])
        .platform(Some("linux/arm64".to_owned()))
        .options(["--no-cache"])
    }

    #[test]
    fn each_builder_is_asked_in_its_own_words() {
        let common = "--platform linux/arm64 --label l=a b --tag localhost/x:1 \
                      --build-arg CROSS_DEB_ARCH=arm64";
        let legacy = argv(EngineKind::Docker, Builder::Legacy, &build(), None);
        assert_eq!(
            legacy.args.join(" "),
            format!(
                "build --force-rm {common} --build-arg https_proxy --file /w/Dockerfile --no-cache /w"
            )
        );
        assert!(legacy.to_string().starts_with("DOCKER_BUILDKIT=0 docker"));
        assert_eq!(
            argv(EngineKind::Docker, Builder::Buildx, &build(), None)
                .args
                .join(" "),
            format!(
                "buildx build --progress plain {common} --build-arg https_proxy --file /w/Dockerfile \
                 --no-cache --load /w"
            )
        );
        assert_eq!(
            argv(
                EngineKind::Podman,
                Builder::Podman,
                &build(),
                Some(Path::new("/c/ignore"))
            )
            .args
            .join(" "),
            format!("build {common} --ignorefile /c/ignore --file /w/Dockerfile --no-cache /w")
        );
    }

    #[test]
    fn the_users_word_on_where_the_image_goes_holds() {
        for word in ["--output=type=docker", "-otype=docker", "--load", "--push"] {
            let build = build().options([word]);
            let args = argv(EngineKind::Docker, Builder::Buildx, &build, None).args;
            let own = args.iter().filter(|arg| *arg == "--load").count();
            assert_eq!(own, usize::from(word == "--load"), "{word}");
        }
        let other = build().options(["--no-load-balancing"]);
        let args = argv(EngineKind::Docker, Builder::Buildx, &other, None).args;
        assert!(
            args.contains(&"--load".to_owned()),
            "a word that only begins so"
        );
    }

    #[test]
    fn a_terminal_that_nobody_sees_is_not_asked_for() {
        let build = build().progress(Some("tty".to_owned()));
        let args = argv(EngineKind::Docker, Builder::Buildx, &build, None).args;
        assert_eq!(args[..4], ["buildx", "build", "--progress", "auto"]);
    }
}
