//! The building of an image: what is built, and the argv of each builder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::engines::engine::Engine;
use crate::process::error::{Result, utf8};
use crate::process::host::Host;
use crate::process::host::PROXY_VARIABLES;
use crate::process::invocation::Invocation;

/// An image to build. Pure data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ImageBuild {
    /// The name that the image gets.
    pub tag: String,
    /// The Containerfile (or Dockerfile).
    pub file: Source,
    /// The directory whose files it may copy; an empty one of our own if `None`.
    pub context: Option<PathBuf>,
    /// Files that are put into an empty context: their names and texts.
    pub files: BTreeMap<String, String>,
    /// Values for its `ARG`s. They are no place for secrets: an image tells them to everybody.
    pub build_args: BTreeMap<String, String>,
    /// The platform it is built for, as `os/architecture[/variant]`; the engine's own if `None`.
    pub platform: Option<String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Words of the user's for the builder: they come after ours, so that they win.
    pub options: Vec<String>,
    /// Whether docker's BuildKit is left alone although it is there.
    pub no_buildkit: bool,
    /// How BuildKit tells its progress: `plain` (the default) or `auto`. What it prints is read and not
    /// shown, so that `tty` is taken as `auto`. Other builders know one way only.
    pub progress: Option<String>,
}

/// Where the text of a Containerfile is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Source {
    /// In this file.
    Path(PathBuf),
    /// Here.
    Text(String),
}

impl ImageBuild {
    /// Builds `file` with an empty context, and names the image `tag`.
    pub fn new(tag: impl Into<String>, file: Source) -> Self {
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

    /// With the files of this directory.
    #[must_use]
    pub fn context(mut self, dir: Option<PathBuf>) -> Self {
        self.context = dir;
        self
    }

    /// With these files, names and texts, in an empty context.
    #[must_use]
    pub fn files(mut self, files: impl IntoIterator<Item = (String, String)>) -> Self {
        self.files.extend(files);
        self
    }

    /// With these values for its `ARG`s.
    #[must_use]
    pub fn build_args(mut self, args: impl IntoIterator<Item = (String, String)>) -> Self {
        self.build_args.extend(args);
        self
    }

    /// For this platform.
    #[must_use]
    pub fn platform(mut self, platform: Option<String>) -> Self {
        self.platform = platform;
        self
    }

    /// With these labels.
    #[must_use]
    pub fn labels(mut self, labels: impl IntoIterator<Item = (String, String)>) -> Self {
        self.labels.extend(labels);
        self
    }

    /// With these words of the user's for the builder.
    #[must_use]
    pub fn options<I>(mut self, options: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.options.extend(options.into_iter().map(Into::into));
        self
    }

    /// Without docker's BuildKit.
    #[must_use]
    pub fn no_buildkit(mut self, yes: bool) -> Self {
        self.no_buildkit = yes;
        self
    }

    /// With BuildKit's progress told this way.
    #[must_use]
    pub fn progress(mut self, how: Option<String>) -> Self {
        self.progress = how;
        self
    }
}

/// What builds images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builder {
    /// Docker's BuildKit, by its plug-in.
    Buildx,
    /// The builder in docker's daemon: every docker has it.
    Legacy,
    /// Podman's own.
    Podman,
}

impl Builder {
    /// Whether it can show a file of the context to a command without putting it into the image.
    pub(crate) fn mounts(self) -> bool {
        self != Builder::Legacy
    }
}

/// Where the parts of one build are.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    /// The Containerfile.
    pub(crate) file: &'a Path,
    /// The context.
    pub(crate) context: &'a Path,
    /// What of the context is left out, if it is not what the context itself says.
    pub(crate) ignore: Option<&'a Path>,
}

/// The command that builds `build` of `parts`.
pub(crate) fn invocation(
    engine: &Engine,
    builder: Builder,
    build: &ImageBuild,
    parts: &Parts<'_>,
    host: &Host,
) -> Result<Invocation> {
    let mut run = Invocation::new(&engine.program);
    run = match builder {
        Builder::Buildx => run.args(["buildx", "build", "--progress", progress(build)]),
        // Where a step fails, its container would stay.
        Builder::Legacy => run
            .env("DOCKER_BUILDKIT", "0")
            .args(["build", "--force-rm"]),
        Builder::Podman => run.arg("build"),
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
    // Podman passes them by itself. They may hold a password, which is read from the variable.
    if builder != Builder::Podman {
        let is_set = |name: &&&str| host.variable(name).is_some_and(|value| !value.is_empty());
        for name in PROXY_VARIABLES.iter().filter(is_set) {
            run = run.args(["--build-arg", name]);
        }
    }
    if let (Builder::Podman, Some(ignore)) = (builder, parts.ignore) {
        run = run.args(["--ignorefile", utf8(ignore)?]);
    }
    run = run.args(["--file", utf8(parts.file)?]);
    run = run.args(build.options.iter().cloned());
    // BuildKit keeps what it builds to itself unless it is told where to put it.
    if builder == Builder::Buildx && !build.options.iter().any(|word| says_where(word)) {
        run = run.arg("--load");
    }
    Ok(run.arg(utf8(parts.context)?))
}

fn progress(build: &ImageBuild) -> &str {
    match build.progress.as_deref() {
        None => "plain",
        Some("tty") => "auto",
        Some(how) => how,
    }
}

/// Whether a word for `buildx build` says where the image goes.
fn says_where(word: &str) -> bool {
    let name = word.split('=').next().unwrap_or(word);
    ["--load", "--push", "--output"].contains(&name)
        || (word.starts_with("-o") && !word.starts_with("--"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engines::engine::Kind;
    use crate::process::invocation::Variables;

    fn argv(kind: Kind, builder: Builder, build: &ImageBuild, ignore: Option<&Path>) -> Invocation {
        let engine = Engine {
            kind,
            program: kind.program().into(),
            version: String::new(),
            rootless: false,
            architecture: "amd64".into(),
            user: (0, 0),
            floor: Default::default(),
        };
        let proxies = [("https_proxy", "http://me:secret@p"), ("no_proxy", "")];
        let variables = proxies.map(|(name, value)| (name.into(), value.into()));
        let host = Host::new(Variables::from(variables), "/c");
        let parts = Parts {
            file: Path::new("/w/Dockerfile"),
            context: Path::new("/w"),
            ignore,
        };
        invocation(&engine, builder, build, &parts, &host).unwrap()
    }

    fn build() -> ImageBuild {
        ImageBuild::new("localhost/x:1", Source::Path("/w/Dockerfile".into()))
            .build_args([("CROSS_DEB_ARCH".to_owned(), "arm64".to_owned())])
            .labels([("l".to_owned(), "a b".to_owned())])
            .platform(Some("linux/arm64".to_owned()))
            .options(["--no-cache"])
    }

    #[test]
    fn each_builder_is_asked_in_its_own_words() {
        let common = "--platform linux/arm64 --label l=a b --tag localhost/x:1 \
                      --build-arg CROSS_DEB_ARCH=arm64";
        let legacy = argv(Kind::Docker, Builder::Legacy, &build(), None);
        assert_eq!(
            legacy.args.join(" "),
            format!(
                "build --force-rm {common} --build-arg https_proxy --file /w/Dockerfile --no-cache /w"
            )
        );
        assert!(legacy.to_string().starts_with("DOCKER_BUILDKIT=0 docker"));
        assert_eq!(
            argv(Kind::Docker, Builder::Buildx, &build(), None)
                .args
                .join(" "),
            format!(
                "buildx build --progress plain {common} --build-arg https_proxy --file /w/Dockerfile \
                 --no-cache --load /w"
            )
        );
        assert_eq!(
            argv(
                Kind::Podman,
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
            let args = argv(Kind::Docker, Builder::Buildx, &build, None).args;
            let own = args.iter().filter(|arg| *arg == "--load").count();
            assert_eq!(own, usize::from(word == "--load"), "{word}");
        }
        let other = build().options(["--no-load-balancing"]);
        let args = argv(Kind::Docker, Builder::Buildx, &other, None).args;
        assert!(
            args.contains(&"--load".to_owned()),
            "a word that only begins so"
        );
    }

    #[test]
    fn a_terminal_that_nobody_sees_is_not_asked_for() {
        let build = build().progress(Some("tty".to_owned()));
        let args = argv(Kind::Docker, Builder::Buildx, &build, None).args;
        assert_eq!(args[..4], ["buildx", "build", "--progress", "auto"]);
    }
}
