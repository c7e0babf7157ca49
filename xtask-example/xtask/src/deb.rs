//! `dist --deb`: Debian packages of what was built, made by cargo-deb.
//!
//! What a program depends on is in the database of an environment, which has the packages of the
//! target's architecture. cargo-deb asks `dpkg-shlibdeps`, and the one that it finds is the
//! environment's. That is an environment beside the one that compiles, which stays as it is, unless
//! the project gives the target the tools anyway: a locked environment has what the lock says.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cross_core::config::Layer;
use cross_core::host_tools::HostTools;
use cross_core::targets::Target;
use cross_core::{Artifact, Cancel, Cross, ErrorKind};

use crate::cargo;
use crate::commands::PACKAGE;
use crate::failure::Failure;
use crate::papers::Paper;

/// The package with [`SHLIBDEPS`].
const TOOLS: &str = "dpkg-dev";

/// The program that cargo-deb asks for the packages that a program depends on.
const SHLIBDEPS: &str = "dpkg-shlibdeps";

/// What a package is made of.
pub(crate) struct Deb<'a> {
    pub(crate) cross: &'a Cross,
    pub(crate) target: &'a str,
    /// Debian's name of the architecture.
    pub(crate) architecture: &'a str,
    pub(crate) program: &'a Artifact,
    /// What the program prints as its version.
    pub(crate) version: &'a str,
    /// The time of the sources, in seconds since the Unix epoch.
    pub(crate) source_time: u64,
    /// A directory that programs of the target see: that of the program, wherever it is.
    pub(crate) dir: &'a Path,
}

/// Debian's name of the architecture of `target`, if Debian has packages that run with its programs.
/// A static program of musl is better off in an image or an archive.
pub(crate) fn architecture(target: &str) -> Option<&'static str> {
    let facts = Target::parse(target).ok()?.facts();
    facts.debian_arch.filter(|_| facts.os == "linux")
}

/// Those of `targets` that have a Debian package.
pub(crate) fn packaged(targets: &[String]) -> Vec<&String> {
    let has_package = |target: &&String| architecture(target).is_some();
    targets.iter().filter(has_package).collect()
}

/// Checks that packages can be made of what is built for `targets`, before anything is built: that
/// cargo-deb is there, and that environments can have the tools.
pub(crate) fn require(cross: &Cross, targets: &[String], cancel: &Cancel) -> Result<(), Failure> {
    let packaged = packaged(targets);
    if packaged.is_empty() {
        return Ok(());
    }
    require_cargo_deb(cargo::command())?;
    for target in packaged {
        require_tools(cross, target, cancel)?;
    }
    Ok(())
}

fn require_tools(cross: &Cross, target: &str, cancel: &Cancel) -> Result<(), Failure> {
    let tools = with_tools(cross, target)?;
    let plan_of = |cross: &Cross| cross.build(target).package(PACKAGE).plan_until(cancel);
    let Err(error) = plan_of(&tools) else {
        return Ok(());
    };
    // What fails without the tools, too, has a help of its own.
    let help = help_for_tools(error.kind(), target).filter(|_| plan_of(cross).is_ok());
    let failure = Failure::from(error);
    Err(match help {
        Some(help) => failure.with_help(help),
        None => failure,
    })
}

/// What helps where the target's own environment can be used, and the one with the tools cannot.
fn help_for_tools(kind: ErrorKind, target: &str) -> Option<String> {
    match kind {
        ErrorKind::Lock => Some(format!(
            "`--deb` needs the package {TOOLS}, which the lock does not have: add it to `packages` \
             of {target} in Cross.toml, and run `cargo xtask lock --update {target}`"
        )),
        ErrorKind::Offline => Some(
            "`cargo xtask prefetch --deb` makes the environment that packages it, with a network"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Whether the configuration gives the environment of `target` the tools.
fn has_tools(cross: &Cross, target: &str) -> Result<bool, Failure> {
    let packages = cross.config()?.for_target(target).packages;
    let mut names = packages.iter().map(|package| package.value.split(':'));
    Ok(names.any(|mut name| name.next() == Some(TOOLS)))
}

/// The library for the environment with the tools: the target's own if the project gives it the
/// tools, or else one beside it.
pub(crate) fn with_tools(cross: &Cross, target: &str) -> Result<Cross, Failure> {
    if has_tools(cross, target)? {
        return Ok(cross.clone());
    }
    let layer = Layer::embedder("cargo xtask dist --deb").packages([TOOLS]);
    Ok(cross.clone().defaults(layer))
}

fn require_cargo_deb(mut deb: Command) -> Result<(), Failure> {
    let done = cargo::output(deb.args(["deb", "--version"]))?;
    match done.status.success() {
        true => Ok(()),
        false => Err(Failure::new("cargo has no command `deb`")
            .with_help("install it with `cargo install --locked cargo-deb`")),
    }
}

impl Deb<'_> {
    /// Makes the package, and tries it.
    pub(crate) fn pack(&self, cancel: &Cancel) -> Result<Paper, Failure> {
        let dir = tempfile::Builder::new().prefix("deb-").tempdir_in(self.dir);
        let dir = dir.map_err(|error| Failure::io("make a directory in", self.dir, &error))?;
        let tools = with_tools(self.cross, self.target)?;
        let tools = tools.host_tools(self.target).run_until(cancel)?;
        // The script below names it, and could not say that it is missing.
        tools.tool(SHLIBDEPS).map_err(|error| {
            Failure::from(error).with_help(format!(
                "add it to the configured packages: `packages = [\"{TOOLS}\"]` in Cross.toml"
            ))
        })?;
        let script = dir.path().join(SHLIBDEPS);
        let text = self.script(&tools.tool("env")?);
        fs::write(&script, text)
            .and_then(|()| fs::set_permissions(&script, fs::Permissions::from_mode(0o755)))
            .map_err(|error| Failure::io("write", &script, &error))?;
        let file = dir.path().join("package.deb");
        self.make(dir.path(), &file)?;
        let name = self.check(&tools, &file)?;
        self.try_it(&tools, &file, &dir.path().join("unpacked"), cancel)?;
        let bytes = fs::read(&file).map_err(|error| Failure::io("read", &file, &error))?;
        Ok(Paper { file: name, bytes })
    }

    /// A program that asks for the packages of the target's architecture. `env` starts a program in
    /// the environment, where variables of the host do not arrive.
    fn script(&self, env: &Path) -> String {
        let env = env.display().to_string().replace('\'', r"'\''");
        let architecture = self.architecture;
        format!("#!/bin/sh\nexec '{env}' DEB_HOST_ARCH={architecture} {SHLIBDEPS} \"$@\"\n")
    }

    /// The arguments of cargo: what is built is packed as it is.
    fn arguments(&self, output: &Path) -> Vec<OsString> {
        let words = [
            "deb",
            "--no-build",
            "--no-strip",
            "--package",
            PACKAGE,
            "--target",
            self.target,
            "--profile",
            &self.program.profile,
            "--output",
        ];
        let words = words.into_iter().map(OsString::from);
        words.chain([output.into()]).collect()
    }

    /// Lets cargo-deb make the package. It finds the programs in `tools` before all others.
    fn make(&self, tools: &Path, output: &Path) -> Result<(), Failure> {
        let found = env::var_os("PATH").unwrap_or_default();
        let path = [tools.to_owned()].into_iter();
        let path = env::join_paths(path.chain(env::split_paths(&found)));
        let path = path.map_err(|error| Failure::new(error.to_string()))?;
        let mut deb = cargo::command();
        deb.args(self.arguments(output)).env("PATH", path);
        // The time of the files in the package.
        deb.env("SOURCE_DATE_EPOCH", self.source_time.to_string());
        let done = cargo::output(&mut deb)?;
        match done.status.success() {
            true => Ok(()),
            false => Err(Failure::new(format!(
                "cargo-deb failed: {}",
                String::from_utf8_lossy(&done.stderr).trim()
            ))),
        }
    }

    /// Checks what the package says of itself, and returns its name as Debian has it.
    fn check(&self, tools: &HostTools, file: &Path) -> Result<String, Failure> {
        let reader = tools.tool("dpkg-deb")?;
        let field = |name: &str| -> Result<String, Failure> {
            let words = [Path::new("--field"), file, Path::new(name)];
            Ok(output(&reader, &words)?.trim().to_owned())
        };
        let (architecture, depends) = (field("Architecture")?, field("Depends")?);
        if architecture != self.architecture {
            return Err(Failure::new(format!(
                "the package is for {architecture}, and the program for {}",
                self.architecture
            )));
        }
        if depends.is_empty() && !self.program.needs()?.is_static() {
            let message = format!("the package for {} depends on nothing", self.target);
            return Err(Failure::new(message)
                .with_help("set `depends = \"$auto\"` in `[package.metadata.deb]`"));
        }
        let (name, version) = (field("Package")?, field("Version")?);
        Ok(format!("{name}_{version}_{architecture}.deb"))
    }

    /// Unpacks the package to `dir`. Its program has to be the one that was built, and to run.
    fn try_it(
        &self,
        tools: &HostTools,
        file: &Path,
        dir: &Path,
        cancel: &Cancel,
    ) -> Result<(), Failure> {
        output(
            &tools.tool("dpkg-deb")?,
            &[Path::new("--extract"), file, dir],
        )?;
        let program: PathBuf = dir.join("usr/bin").join(PACKAGE);
        let read = |path: &Path| fs::read(path).map_err(|error| Failure::io("read", path, &error));
        if read(&program)? != read(&self.program.path)? {
            return Err(Failure::new(format!(
                "the program in the package is not `{}`",
                self.program.path.display()
            ))
            .with_help("let `assets` in `[package.metadata.deb]` name `target/release/…`"));
        }
        let run = [program.into_os_string(), "--version".into()];
        let run = self.cross.exec_on_target(self.target, run).capture(true);
        let printed = run.run_until(cancel)?.stdout.unwrap_or_default();
        match printed.trim_end() == self.version {
            true => Ok(()),
            false => Err(Failure::new(format!(
                "the program in the package printed `{printed}` instead of `{}`",
                self.version
            ))),
        }
    }
}

/// What `program` prints.
fn output(program: &Path, words: &[&Path]) -> Result<String, Failure> {
    let done = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Failure::io("start", program, &error))?;
    match done.status.success() {
        true => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
        false => Err(Failure::new(format!(
            "{} failed: {}",
            program.display(),
            String::from_utf8_lossy(&done.stderr).trim()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_makes_packages_is_required() {
        require_cargo_deb(Command::new("true"))
            .map_err(|it| it.to_string())
            .unwrap();
        let missing = require_cargo_deb(Command::new("false")).unwrap_err();
        let help = missing.help.unwrap();
        assert!(help.contains("cargo install --locked cargo-deb"), "{help}");
        let windows = ["x86_64-pc-windows-gnu".to_owned()];
        require(&Cross::at("."), &windows, &Cancel::new())
            .map_err(|it| it.to_string())
            .unwrap();
    }

    /// The packages of the environment with the tools, in a project with the configuration `text`.
    fn packages_with_tools(text: &str) -> Vec<String> {
        let target = "aarch64-unknown-linux-gnu";
        let dir = tempfile::tempdir().unwrap();
        let manifest = "[package]\nname = \"app\"\nversion = \"1.0.0\"\nedition = \"2021\"\n";
        fs::create_dir(dir.path().join("src")).unwrap();
        for (name, text) in [
            ("Cargo.toml", manifest),
            ("src/lib.rs", ""),
            ("Cross.toml", text),
        ] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let tools = with_tools(&Cross::at(dir.path()), target).unwrap();
        let packages = tools.config().unwrap().for_target(target).packages;
        packages.into_iter().map(|package| package.value).collect()
    }

    /// Another environment than the target's would not fit the lock, and be made without need.
    #[test]
    fn tools_that_the_project_names_are_in_the_targets_own_environment() {
        let own = "[target.aarch64-unknown-linux-gnu]\npackages = [\"libssl-dev\", \"dpkg-dev\"]\n";
        assert_eq!(packages_with_tools(own), ["libssl-dev", "dpkg-dev"]);
        let of_build_machine = own.replace("dpkg-dev", "dpkg-dev:native");
        assert_eq!(
            packages_with_tools(&of_build_machine),
            ["libssl-dev", "dpkg-dev:native"]
        );
        let none = "[target.aarch64-unknown-linux-gnu]\npackages = [\"libssl-dev\"]\n";
        assert_eq!(packages_with_tools(none), ["dpkg-dev", "libssl-dev"]);
    }

    #[test]
    fn an_environment_that_cannot_have_the_tools_says_what_helps() {
        let locked = help_for_tools(ErrorKind::Lock, "x").unwrap();
        assert!(locked.contains("`packages` of x"), "{locked}");
        assert!(locked.contains("cargo xtask lock --update x"), "{locked}");
        let offline = help_for_tools(ErrorKind::Offline, "x").unwrap();
        assert!(offline.contains("cargo xtask prefetch --deb"), "{offline}");
        assert_eq!(help_for_tools(ErrorKind::ToolMissing, "x"), None);
    }

    #[test]
    fn a_package_is_for_the_targets_of_debian() {
        for (target, expected) in [
            ("x86_64-unknown-linux-gnu", Some("amd64")),
            ("i686-unknown-linux-gnu", Some("i386")),
            ("aarch64-unknown-linux-musl", None),
            ("armv7-unknown-linux-gnueabihf", Some("armhf")),
            ("powerpc64le-unknown-linux-gnu", Some("ppc64el")),
            ("x86_64-pc-windows-gnu", None),
            ("aarch64-apple-darwin", None),
        ] {
            assert_eq!(architecture(target), expected, "{target}");
        }
    }
}
