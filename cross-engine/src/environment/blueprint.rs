//! What an environment is made of, and the commands that make it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::environment::commands::{self, CERTIFICATES};
use crate::process::error::{Result, utf8};
use crate::process::invocation::{Invocation, quoted};

/// What an environment is made of: packages of a Debian suite. Pure data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Blueprint {
    /// The name the environment is found by; it contains a hash of everything else.
    pub name: String,
    /// The suite, such as `bookworm`.
    pub suite: String,
    /// Debian architectures, the environment's own first.
    pub architectures: Vec<String>,
    /// Packages, as apt spells them: `gcc`, `libc6:arm64`, `cargo-web=1.85*`.
    pub packages: Vec<String>,
    /// Globs of files that are not unpacked; a leading `!` takes back what an earlier glob excluded.
    pub exclude: Vec<String>,
    /// The package mirror; the suite's usual one if `None`.
    pub mirror: Option<String>,
    /// What it begins with, as others do: see [`base`](Blueprint::base).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Box<Blueprint>>,
    /// Shell commands that run as root in the finished root file system: see
    /// [`commands`](Blueprint::commands).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// Variables of these commands.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub command_env: BTreeMap<String, String>,
}

/// A stable release's update and security archives are left out: an environment is named by its
/// recipe, and the main archive of a stable release changes only with its point releases.
const MAIN_ONLY: &str = r#"sed -i '/-updates\|-security/d' "$1/etc/apt/sources.list""#;

/// Where dpkg reads further configuration.
const DPKG_CONFIG: &str = "/etc/dpkg/dpkg.cfg.d";

impl Blueprint {
    /// A blueprint of these packages.
    pub fn new<I>(name: impl Into<String>, suite: impl Into<String>, packages: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Blueprint {
            name: name.into(),
            suite: suite.into(),
            architectures: Vec::new(),
            packages: packages.into_iter().map(Into::into).collect(),
            exclude: Vec::new(),
            mirror: None,
            base: None,
            commands: Vec::new(),
            command_env: BTreeMap::new(),
        }
    }

    /// For these Debian architectures, the environment's own first.
    #[must_use]
    pub fn architectures<I>(mut self, architectures: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.architectures = architectures.into_iter().map(Into::into).collect();
        self
    }

    /// Without the files that these globs match.
    #[must_use]
    pub fn exclude<I>(mut self, globs: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.exclude = globs.into_iter().map(Into::into).collect();
        self
    }

    /// From this package mirror.
    #[must_use]
    pub fn mirror(mut self, mirror: Option<String>) -> Self {
        self.mirror = mirror;
        self
    }

    /// Beginning with another, which is made once and kept for every environment that begins with it.
    ///
    /// It is the same environment with it or without: `base` has to be of the same suite and mirror,
    /// for the first of the architectures, of some of the packages, with a beginning of the globs and
    /// without commands. One that is otherwise is not used.
    #[must_use]
    pub fn base(mut self, base: Option<Blueprint>) -> Self {
        self.base = base.map(Box::new);
        self
    }

    /// What it begins with, if the result is the same.
    pub(crate) fn beginning(&self) -> Option<&Blueprint> {
        self.base.as_deref().filter(|base| {
            base.suite == self.suite
                && base.mirror == self.mirror
                && base.architectures.len() == 1
                && self.architectures.starts_with(&base.architectures)
                && base.packages.iter().all(|it| self.packages.contains(it))
                && self.exclude.starts_with(&base.exclude)
                && base.commands.is_empty()
        })
    }

    /// With these commands run in it at the end, as root, in one POSIX shell with `set -e`.
    ///
    /// They have the network, the proxy variables and the certificates of the making, but nothing else
    /// of the host. `apt-get install` works, also for the other architectures, and starts no daemon.
    #[must_use]
    pub fn commands<I>(mut self, commands: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.commands = commands.into_iter().map(Into::into).collect();
        self
    }

    /// With these variables for its commands.
    #[must_use]
    pub fn command_env(mut self, env: impl IntoIterator<Item = (String, String)>) -> Self {
        self.command_env = env.into_iter().collect();
        self
    }

    /// The `mmdebstrap` call that makes the root file system at `target`: a directory, or a tar
    /// archive where the name ends in `.tar`.
    ///
    /// # Errors
    ///
    /// When `target` is not UTF-8.
    pub fn mmdebstrap(&self, program: &Path, target: &Path) -> Result<Invocation> {
        let include = format!("--include={}", self.packages.join(","));
        let mut make = self.mmdebstrap_of(program, "apt", Some(include));
        if self.mirror.is_none() {
            make = make.arg(format!("--setup-hook={MAIN_ONLY}"));
        }
        make = make.arg(format!("--setup-hook={}", self.dpkg_hook()));
        self.finished(make, target)
    }

    /// The call that makes the root file system of a base: with the package lists, which whoever begins
    /// with it needs again, and without devices, which not everybody can make.
    pub(crate) fn mmdebstrap_base(&self, program: &Path, target: &Path) -> Result<Invocation> {
        let mut make = self.mmdebstrap(program, target)?;
        make.args
            .insert(0, "--skip=cleanup/apt/lists,output/dev".to_owned());
        Ok(make)
    }

    /// What every call begins with; `include` are the packages, if mmdebstrap installs them itself.
    pub(crate) fn mmdebstrap_of(
        &self,
        program: &Path,
        variant: &str,
        include: Option<String>,
    ) -> Invocation {
        let make = Invocation::new(program)
            .arg(format!("--variant={variant}"))
            .arg("--components=main")
            .arg("--aptopt=Acquire::Retries \"3\"")
            .args(include);
        match self.architectures.is_empty() {
            true => make,
            false => make.arg(format!("--architectures={}", self.architectures.join(","))),
        }
    }

    /// The call with what comes last: the commands, and what is made of what.
    pub(crate) fn finished(&self, mut make: Invocation, target: &Path) -> Result<Invocation> {
        if !self.commands.is_empty() {
            // It prints what it is told to run, which would be all of it.
            make = make.arg("--customize-hook=eval \"$CROSS_COMMANDS\"").env(
                "CROSS_COMMANDS",
                commands::hook(&self.commands, &self.command_env),
            );
        }
        make = make.args([self.suite.as_str(), utf8(target)?]);
        if let Some(mirror) = &self.mirror {
            make = make.arg(mirror.clone());
        }
        Ok(make)
    }

    /// Writes dpkg's options into the new root. As options of mmdebstrap itself they would make it
    /// pass every essential package through a filter, which takes longer than unpacking them.
    pub(crate) fn dpkg_hook(&self) -> String {
        let lines: Vec<_> = self
            .dpkg_options()
            .map(|line| quoted(&line).into_owned())
            .collect();
        format!(
            "mkdir -p \"$1{DPKG_CONFIG}\" && printf '%s\\n' {} > \"$1{DPKG_CONFIG}/cross\"",
            lines.join(" ")
        )
    }

    /// The same as a Containerfile for hosts without `mmdebstrap`. It needs no context.
    pub fn containerfile(&self) -> String {
        let mut text = self.packages_containerfile();
        if !self.commands.is_empty() {
            let _ = writeln!(text, "RUN {}", self.command_words());
        }
        text
    }

    /// The same for a builder that can mount: the file `certificates` of the context is there while the
    /// commands run, and is no part of the image.
    pub(crate) fn containerfile_with_certificates(&self, certificates: &str) -> String {
        let mut text = self.packages_containerfile();
        if !self.commands.is_empty() {
            let mount = format!("type=bind,source={certificates},target={CERTIFICATES}");
            let _ = writeln!(text, "RUN --mount={mount} {}", self.command_words());
        }
        text
    }

    /// As a JSON array a command is taken word by word, whatever is in the words.
    fn command_words(&self) -> String {
        serde_json::to_string(&commands::words(&self.commands, &self.command_env))
            .unwrap_or_default()
    }

    fn packages_containerfile(&self) -> String {
        let mut text = format!("FROM debian:{}-slim\n", self.suite);
        let mut run = vec!["set -e".to_owned()];
        if let Some(mirror) = &self.mirror {
            let line = format!("deb {mirror} {} main", self.suite);
            run.push("rm -f /etc/apt/sources.list.d/debian.sources".to_owned());
            run.push(format!("echo {} > /etc/apt/sources.list", quoted(&line)));
        }
        // As everywhere, the main archive alone. The image's own packages may be newer, and must
        // not: the same library of another architecture has to have the same version.
        run.push(format!(
            "printf 'Package: *\\nPin: release n={}\\nPin-Priority: 1001\\n' > /etc/apt/preferences.d/cross",
            self.suite
        ));
        for option in self.dpkg_options() {
            run.push(format!("echo {} >> {DPKG_CONFIG}/cross", quoted(&option)));
        }
        for foreign in self.architectures.iter().skip(1) {
            run.push(format!("dpkg --add-architecture {}", quoted(foreign)));
        }
        let packages: Vec<_> = self.packages.iter().map(|p| quoted(p)).collect();
        run.push("apt-get update -o Acquire::Retries=3".to_owned());
        run.push(format!(
            "DEBIAN_FRONTEND=noninteractive apt-get install -y --allow-downgrades \
             --no-install-recommends {}",
            packages.join(" ")
        ));
        run.push("rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin".to_owned());
        let _ = writeln!(text, "RUN {}", run.join("; \\\n    "));
        text
    }

    /// The lines of dpkg's configuration; it obeys the last glob that matches. A half-made
    /// environment is thrown away, so nothing has to be synced to disk while it is made.
    fn dpkg_options(&self) -> impl Iterator<Item = String> {
        let globs = self
            .exclude
            .iter()
            .map(|glob| match glob.strip_prefix('!') {
                Some(glob) => format!("path-include={glob}"),
                None => format!("path-exclude={glob}"),
            });
        std::iter::once("force-unsafe-io".to_owned()).chain(globs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blueprint() -> Blueprint {
        Blueprint::new("aarch64-bookworm-0", "bookworm", ["gcc", "cargo-web=1.85*"])
            .architectures(["amd64", "arm64"])
            .exclude(["/usr/share/man/*", "!/usr/share/man/keep"])
    }

    #[test]
    fn mmdebstrap_takes_it_in_one_call() {
        let make = blueprint()
            .mmdebstrap(Path::new("mmdebstrap"), Path::new("/c/root.tar"))
            .unwrap();
        assert_eq!(
            make.args,
            [
                "--variant=apt",
                "--components=main",
                "--aptopt=Acquire::Retries \"3\"",
                "--include=gcc,cargo-web=1.85*",
                "--architectures=amd64,arm64",
                "--setup-hook=sed -i '/-updates\\|-security/d' \"$1/etc/apt/sources.list\"",
                "--setup-hook=mkdir -p \"$1/etc/dpkg/dpkg.cfg.d\" && printf '%s\\n' force-unsafe-io \
                 'path-exclude=/usr/share/man/*' path-include=/usr/share/man/keep \
                 > \"$1/etc/dpkg/dpkg.cfg.d/cross\"",
                "bookworm",
                "/c/root.tar",
            ]
        );
    }

    #[test]
    fn only_a_base_that_changes_nothing_is_begun_with() {
        let base = || Blueprint::new("base", "bookworm", ["gcc"]).architectures(["amd64"]);
        let begins = |base| blueprint().base(Some(base)).beginning().is_some();
        assert!(begins(base()) && begins(base().exclude(["/usr/share/man/*"])));
        for other in [
            Blueprint {
                suite: "trixie".into(),
                ..base()
            },
            base().mirror(Some("http://127.0.0.1:1".into())),
            base().architectures(["arm64"]),
            base().architectures(["amd64", "arm64"]),
            base().exclude(["!/usr/share/man/keep"]),
            base().commands(["true"]),
            Blueprint::new("base", "bookworm", ["make"]).architectures(["amd64"]),
        ] {
            assert!(!begins(other.clone()), "{other:?}");
        }
    }

    #[test]
    fn a_mirror_replaces_the_usual_one() {
        let make = blueprint()
            .mirror(Some("http://127.0.0.1:1/debian".into()))
            .mmdebstrap(Path::new("mmdebstrap"), Path::new("t"))
            .unwrap();
        assert_eq!(make.args.last().unwrap(), "http://127.0.0.1:1/debian");
        assert!(!make.args.iter().any(|arg| arg.contains("sources.list")));
    }

    #[test]
    fn the_containerfile_says_the_same() {
        let text = blueprint().containerfile();
        assert!(text.starts_with("FROM debian:bookworm-slim\nRUN set -e; \\\n"));
        for part in [
            "dpkg --add-architecture arm64",
            "echo path-exclude='/usr/share/man/*' >>",
            "install -y --allow-downgrades --no-install-recommends gcc 'cargo-web=1.85*'",
            "Pin: release n=bookworm\\nPin-Priority: 1001",
        ] {
            let quoted_part = part.replace(
                "path-exclude='/usr/share/man/*'",
                "'path-exclude=/usr/share/man/*'",
            );
            assert!(text.contains(&quoted_part), "{part} in {text}");
        }
    }
}
