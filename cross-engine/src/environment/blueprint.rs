//! Blueprints of environments, and the commands that build them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::environment::commands::{self, CERTIFICATES};
use crate::environment::contents::Download;
use crate::environment::locked_packages::LockedPackages;
use crate::process::error::{Result, utf8};
use crate::process::invocation::Invocation;
use crate::process::shell_text::quoted;

/// The content of an environment: packages of a Debian suite. Pure data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Blueprint {
    /// The environment's name, which has a hash of everything else.
    pub name: String,
    /// The suite, such as `bookworm`.
    pub suite: String,
    /// The Debian architectures, the native one first.
    pub architectures: Vec<String>,
    /// The packages in apt's notation: `gcc`, `libc6:arm64`, `cargo-web=1.85*`.
    pub packages: Vec<String>,
    /// The globs of files that are not unpacked. A leading `!` includes files again that an earlier
    /// glob excludes.
    pub exclude: Vec<String>,
    /// The package mirror; the suite's default if `None`.
    pub mirror: Option<String>,
    /// The base, which other environments may share: see [`base`](Blueprint::base).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Box<Blueprint>>,
    /// The shell commands that run as root in the root file system: see
    /// [`commands`](Blueprint::commands).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// The variables of these commands.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub command_env: BTreeMap<String, String>,
    /// What the commands download, for the environment's [`Contents`](crate::Contents).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub downloads: Vec<Download>,
    /// The user's `pre-build`, which is among the commands, for the environment's
    /// [`Contents`](crate::Contents).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_build: Option<String>,
    /// The packages that the environment is made of, if a lock names them: see
    /// [`locked`](Blueprint::locked).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locked: Option<LockedPackages>,
}

/// Removes a stable release's update and security archives. An environment is named by its recipe,
/// and the main archive of a stable release changes only with point releases.
const MAIN_ONLY: &str = r#"sed -i '/-updates\|-security/d' "$1/etc/apt/sources.list""#;

/// The directory of dpkg's further configuration.
const DPKG_CONFIG: &str = "/etc/dpkg/dpkg.cfg.d";

impl Blueprint {
    /// Creates a blueprint with these packages.
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
            downloads: Vec::new(),
            pre_build: None,
            locked: None,
        }
    }

    /// Sets the Debian architectures, the native one first.
    #[must_use]
    pub fn architectures<I>(mut self, architectures: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.architectures = architectures.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the globs of files that are not unpacked.
    #[must_use]
    pub fn exclude<I>(mut self, globs: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.exclude = globs.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the package mirror.
    #[must_use]
    pub fn mirror(mut self, mirror: Option<String>) -> Self {
        self.mirror = mirror;
        self
    }

    /// Sets the base, which is built once and kept for every environment that has it.
    ///
    /// The base makes no difference to the result. It has to have the same suite and mirror, only
    /// the first of the architectures, a subset of the packages, a prefix of the globs, and no
    /// commands. Another base is not used.
    #[must_use]
    pub fn base(mut self, base: Option<Blueprint>) -> Self {
        self.base = base.map(Box::new);
        self
    }

    /// The base, if it makes no difference to the result.
    pub(crate) fn usable_base(&self) -> Option<&Blueprint> {
        self.base.as_deref().filter(|base| {
            base.suite == self.suite
                && base.mirror == self.mirror
                && base.architectures.len() == 1
                && self.architectures.starts_with(&base.architectures)
                && base
                    .packages
                    .iter()
                    .all(|package| self.packages.contains(package))
                && self.exclude.starts_with(&base.exclude)
                && base.commands.is_empty()
        })
    }

    /// Sets the commands that run at the end as root, in one POSIX shell with `set -e`.
    ///
    /// They have the network, the proxy variables and the host's certificates, but nothing else of
    /// the host. `apt-get install` works, also for the other architectures, and does not start
    /// daemons.
    #[must_use]
    pub fn commands<I>(mut self, commands: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.commands = commands.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the variables of the commands.
    #[must_use]
    pub fn command_env(mut self, env: impl IntoIterator<Item = (String, String)>) -> Self {
        self.command_env = env.into_iter().collect();
        self
    }

    /// Sets what the commands download, and which text of them is the user's, for the record of the
    /// environment's contents.
    #[must_use]
    pub fn describe_commands(
        mut self,
        downloads: impl IntoIterator<Item = Download>,
        pre_build: Option<String>,
    ) -> Self {
        self.downloads = downloads.into_iter().collect();
        self.downloads.sort();
        self.pre_build = pre_build;
        self
    }

    /// Makes the environment of exactly these packages, whatever the mirror has by now. They are
    /// taken from the cache of packages, else from the mirror, else from the snapshot mirror, and
    /// verified. The name should have a hash of them.
    ///
    /// There is no base then: the result has to be the same on every machine, to the byte.
    #[must_use]
    pub fn locked(mut self, packages: LockedPackages) -> Self {
        self.locked = Some(packages);
        self.base = None;
        self
    }

    /// The `mmdebstrap` command that builds the root file system at `target`: a directory, or a tar
    /// archive if the name ends with `.tar`.
    ///
    /// # Errors
    ///
    /// If `target` is not UTF-8.
    pub fn mmdebstrap(&self, program: &Path, target: &Path) -> Result<Invocation> {
        self.finish(self.mmdebstrap_alone(program), target)
    }

    /// The command without its end: see [`finish`](Blueprint::finish).
    pub(crate) fn mmdebstrap_alone(&self, program: &Path) -> Invocation {
        let include = format!("--include={}", self.packages.join(","));
        let mut make = self.mmdebstrap_start(program, "apt", Some(include));
        if self.mirror.is_none() {
            make = make.arg(format!("--setup-hook={MAIN_ONLY}"));
        }
        make.arg(format!("--setup-hook={}", self.dpkg_hook()))
    }

    /// The command that builds the root file system of a base. It keeps the package lists, which
    /// are needed again, and has no devices, which not every user can create.
    pub(crate) fn mmdebstrap_base(&self, program: &Path, target: &Path) -> Result<Invocation> {
        let mut make = self.mmdebstrap_alone(program);
        make.args
            .insert(0, "--skip=cleanup/apt/lists,output/dev".to_owned());
        self.finish_unrecorded(make, target)
    }

    /// The first arguments of every command. `include` has the packages, if mmdebstrap installs
    /// them itself.
    pub(crate) fn mmdebstrap_start(
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

    /// Adds the last arguments: the commands and the record of what is installed, the suite, the
    /// target and the mirror.
    pub(crate) fn finish(&self, make: Invocation, target: &Path) -> Result<Invocation> {
        // mmdebstrap prints the hooks that it runs, so the commands are in a variable.
        let make = make.arg("--customize-hook=eval \"$CROSS_COMMANDS\"").env(
            "CROSS_COMMANDS",
            commands::hook(&self.commands, &self.command_env),
        );
        self.finish_unrecorded(make, target)
    }

    fn finish_unrecorded(&self, mut make: Invocation, target: &Path) -> Result<Invocation> {
        make = make.args([self.suite.as_str(), utf8(target)?]);
        if let Some(mirror) = &self.mirror {
            make = make.arg(mirror.clone());
        }
        Ok(make)
    }

    /// The hook that writes dpkg's options to the new root. With the same options, mmdebstrap would
    /// pass every essential package through a filter, which takes longer than unpacking.
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

    /// A Containerfile for hosts without `mmdebstrap`. It needs no context.
    pub fn containerfile(&self) -> String {
        let mut text = self.packages_containerfile();
        let _ = writeln!(text, "RUN {}", self.command_words());
        text
    }

    /// A Containerfile for builders that can mount. The file `certificates` of the context is
    /// mounted while the commands run, and is not part of the image.
    pub(crate) fn containerfile_with_certificates(&self, certificates: &str) -> String {
        let mut text = self.packages_containerfile();
        let mount = format!("type=bind,source={certificates},target={CERTIFICATES}");
        let _ = writeln!(text, "RUN --mount={mount} {}", self.command_words());
        text
    }

    /// A command as a JSON array is not split or expanded.
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
        // Only the main archive is used, as everywhere. The image's own packages may be newer and
        // are downgraded: a library has to have the same version for every architecture.
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
        let packages: Vec<_> = self
            .packages
            .iter()
            .map(|package| quoted(package))
            .collect();
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

    /// The lines of dpkg's configuration. The last matching glob counts. An incomplete environment
    /// is removed, so nothing has to be synced to disk during the build.
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
                "--customize-hook=eval \"$CROSS_COMMANDS\"",
                "bookworm",
                "/c/root.tar",
            ]
        );
    }

    #[test]
    fn only_a_base_that_changes_nothing_is_begun_with() {
        let base = || Blueprint::new("base", "bookworm", ["gcc"]).architectures(["amd64"]);
        let is_usable = |base| blueprint().base(Some(base)).usable_base().is_some();
        assert!(is_usable(base()) && is_usable(base().exclude(["/usr/share/man/*"])));
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
            assert!(!is_usable(other.clone()), "{other:?}");
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
