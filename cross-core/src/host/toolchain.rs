//! Finds the Rust toolchain by reading rustup's files, without starting rustup or its proxies.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use cross_engine::Host;

use crate::model::error::{Error, ErrorKind, Result};
use crate::model::toolchain::ToolchainPreference;
use crate::model::toolchain::{Toolchain, ToolchainSource};

impl Toolchain {
    /// The rustup commands that add what `needs` names and the toolchain lacks.
    pub(crate) fn missing(&self, needs: &ToolchainNeeds<'_>) -> Vec<RustupCommand> {
        let ToolchainSource::Host { name, sysroot } = &self.source else {
            return Vec::new();
        };
        let rustlib = sysroot.join("lib/rustlib");
        let mut missing = Vec::new();
        if !sysroot.join("bin/cargo").exists() {
            let add = [
                "toolchain",
                "add",
                name,
                "--profile",
                "minimal",
                "--force-non-host",
            ];
            let purpose = format!("install the toolchain {name}");
            missing.push(RustupCommand::new(purpose, &add));
        }
        let on = ["--toolchain", name.as_str()];
        if needs.clippy && !sysroot.join("bin/cargo-clippy").exists() {
            let add = ["component", "add", "clippy", on[0], on[1]];
            missing.push(RustupCommand::new("install clippy", &add));
        }
        if needs.build_std && !rustlib.join("src/rust/library").is_dir() {
            let add = ["component", "add", "rust-src", on[0], on[1]];
            missing.push(RustupCommand::new("install the source of std", &add));
        }
        if let Some(triple) = needs.triple.filter(|_| !needs.build_std) {
            if !rustlib.join(triple).join("lib").is_dir() {
                let add = ["target", "add", on[0], on[1], triple];
                missing.push(RustupCommand::new("install the target's std", &add));
            }
        }
        missing
    }
}

/// The parts of a toolchain that a request needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToolchainNeeds<'a> {
    /// The target whose `std` is needed, if rustup distributes it.
    pub(crate) triple: Option<&'a str>,
    /// Whether the request builds `std` from source.
    pub(crate) build_std: bool,
    pub(crate) clippy: bool,
}

/// A rustup command that completes a toolchain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RustupCommand {
    pub(crate) purpose: String,
    pub(crate) arguments: Vec<String>,
}

impl RustupCommand {
    fn new(purpose: impl Into<String>, arguments: &[&str]) -> Self {
        RustupCommand {
            purpose: purpose.into(),
            arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
        }
    }
}

/// Finds the toolchain for a project in `dir`. A rustup toolchain is one that runs on `platform`,
/// which is a triple.
pub(crate) fn find(
    spec: &ToolchainPreference,
    dir: &Path,
    host: &Host,
    platform: &str,
) -> Result<Toolchain> {
    let source = source(spec, dir, host, platform)?;
    let version = source.sysroot().and_then(recorded_version);
    Ok(Toolchain { source, version })
}

/// Finds where the toolchain is. This reads less than [`find`], which also reads its version.
fn source(
    spec: &ToolchainPreference,
    dir: &Path,
    host: &Host,
    platform: &str,
) -> Result<ToolchainSource> {
    match spec {
        ToolchainPreference::Image => Ok(ToolchainSource::Image),
        ToolchainPreference::Directory(path) => {
            if !path.join("bin/cargo").exists() || !path.join("bin/rustc").exists() {
                return Err(Error::new(
                    ErrorKind::Toolchain,
                    format!(
                        "`{}` is not a Rust toolchain: it lacks bin/cargo or bin/rustc",
                        path.display()
                    ),
                )
                .with_help("set `toolchain` to a toolchain's directory, `host` or `image`"));
            }
            Ok(ToolchainSource::Directory {
                sysroot: canonical(path),
            })
        }
        ToolchainPreference::Host => Rustup::of(host).active(dir, platform),
        ToolchainPreference::Rustup(name) => {
            let reason = "named by `toolchain`";
            Rustup::of(host).named(name, reason, dir, platform)
        }
    }
}

/// Finds the host's cargo, which reads manifests and fetches dependencies: the cargo of the
/// toolchain `named`, else of rustup's active toolchain, else the one on `PATH`.
pub(crate) fn host_cargo(dir: &Path, host: &Host, named: Option<&str>) -> Result<PathBuf> {
    // A toolchain that is not installed yet has no cargo.
    let cargo = |spec| {
        let source = source(&spec, dir, host, &host_triple())?;
        let cargo = source.sysroot().map(|sysroot| sysroot.join("bin/cargo"));
        Ok(cargo.filter(|cargo| cargo.exists()))
    };
    if let Some(name) = named {
        if let Some(cargo) = cargo(ToolchainPreference::Rustup(name.to_owned()))? {
            return Ok(cargo);
        }
    }
    if let Ok(Some(cargo)) = cargo(ToolchainPreference::Host) {
        return Ok(cargo);
    }
    host.find_program("cargo").ok_or_else(|| {
        Error::new(
            ErrorKind::ToolMissing,
            "`cargo` is not installed on this machine",
        )
        .with_help(
            "install Rust (with rustup, or the distribution's `cargo`): the host's cargo reads the \
             manifests and fetches dependencies with your credentials, which the environment never \
             sees",
        )
    })
}

/// Rustup's home directory and the files in it.
struct Rustup<'a> {
    home: Option<PathBuf>,
    host: &'a Host,
}

impl<'a> Rustup<'a> {
    fn of(host: &'a Host) -> Self {
        let configured = host.variable("RUSTUP_HOME").map(PathBuf::from);
        let default = || Some(Path::new(host.variable("HOME")?).join(".rustup"));
        Rustup {
            home: configured.or_else(default),
            host,
        }
    }

    /// The toolchain that rustup would use in `dir`, in its build for `platform`.
    fn active(&self, dir: &Path, platform: &str) -> Result<ToolchainSource> {
        let (name, reason) = self.active_name(self.home()?, dir)?;
        self.named(&name, &reason, dir, platform)
    }

    fn home(&self) -> Result<&Path> {
        let home = self.home.as_deref().filter(|home| home.is_dir());
        home.ok_or_else(|| {
            no_toolchain("rustup is not installed, so there is no toolchain to mount")
        })
    }

    /// The toolchain called `name`: a channel, or a custom toolchain linked under that name.
    ///
    /// A channel that is not installed is returned as well if rustup is there to install it.
    fn named(
        &self,
        name: &str,
        reason: &str,
        dir: &Path,
        platform: &str,
    ) -> Result<ToolchainSource> {
        if Path::new(name).is_absolute() {
            let spec = ToolchainPreference::Directory(name.into());
            return source(&spec, dir, self.host, platform);
        }
        let toolchains = self.home()?.join("toolchains");
        let channel = name.strip_suffix(&format!("-{}", host_triple()));
        let full = format!("{}-{platform}", channel.unwrap_or(name));
        // A custom toolchain has no triple in its name, and runs wherever it was built for.
        let linked = (platform == host_triple() || !is_channel(name)).then(|| name.to_owned());
        let installed = [Some(full.clone()), linked]
            .into_iter()
            .flatten()
            .find(|name| toolchains.join(name).join("bin/cargo").exists());
        let name = match installed {
            Some(name) => name,
            None if is_channel(name) && self.host.find_program("rustup").is_some() => full,
            None => {
                return Err(no_toolchain(format!(
                    "toolchain `{name}` ({reason}) is not installed"
                ))
                .with_help(format!(
                    "run `rustup toolchain install {name}`, or set `toolchain = \"image\"` \
                             to use the distribution's Rust"
                )));
            }
        };
        let sysroot = canonical(&toolchains.join(&name));
        Ok(ToolchainSource::Host { name, sysroot })
    }

    /// The active toolchain's name and the reason for it, by rustup's own precedence: variable,
    /// directory override, toolchain file, default.
    fn active_name(&self, home: &Path, dir: &Path) -> Result<(String, String)> {
        if let Some(name) = self.host.variable("RUSTUP_TOOLCHAIN") {
            return Ok((
                name.to_string_lossy().into_owned(),
                "RUSTUP_TOOLCHAIN".to_owned(),
            ));
        }
        let settings_path = home.join("settings.toml");
        let settings = read_table(&settings_path)?.unwrap_or_default();
        let overrides = settings.get("overrides").and_then(toml::Value::as_table);
        for ancestor in dir.ancestors() {
            let overridden = overrides
                .and_then(|all| all.get(ancestor.to_str()?))
                .and_then(toml::Value::as_str);
            if let Some(name) = overridden {
                return Ok((
                    name.to_owned(),
                    format!("override for {}", ancestor.display()),
                ));
            }
            for file in ["rust-toolchain", "rust-toolchain.toml"] {
                let path = ancestor.join(file);
                if let Some(name) = toolchain_file(&path)? {
                    return Ok((name, path.display().to_string()));
                }
            }
        }
        let default = settings
            .get("default_toolchain")
            .and_then(toml::Value::as_str);
        default
            .map(|name| (name.to_owned(), "rustup's default".to_owned()))
            .ok_or_else(|| no_toolchain("rustup has no default toolchain"))
    }
}

/// Whether rustup can install a toolchain of this name: a channel or a version.
fn is_channel(name: &str) -> bool {
    ["stable", "beta", "nightly"]
        .iter()
        .any(|channel| name.starts_with(channel))
        || name.starts_with(|first: char| first.is_ascii_digit())
}

/// The error for a toolchain that cannot be found.
fn no_toolchain(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Toolchain, message).with_help(
        "install Rust with rustup, set `toolchain` to a toolchain's directory, or set \
         `toolchain = \"image\"` to use the distribution's Rust",
    )
}

/// The toolchain that a `rust-toolchain` file names, as TOML or as a bare line.
fn toolchain_file(path: &Path) -> Result<Option<String>> {
    let Ok(text) = std::fs::read_to_string(path) else {
        return Ok(None);
    };
    if path.extension().is_none() && !text.contains('[') {
        let line = text.trim();
        return Ok((!line.is_empty()).then(|| line.to_owned()));
    }
    let file = read_table(path)?.unwrap_or_default();
    let field = |name| file.get("toolchain")?.get(name)?.as_str();
    Ok(match (field("channel"), field("path")) {
        (Some(channel), _) => Some(channel.to_owned()),
        (None, Some(relative)) => path
            .parent()
            .map(|dir| dir.join(relative).display().to_string()),
        (None, None) => None,
    })
}

fn read_table(path: &Path) -> Result<Option<toml::Table>> {
    let Ok(text) = std::fs::read_to_string(path) else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|error| {
        Error::new(
            ErrorKind::Toolchain,
            format!("`{}` is not TOML: {error}", path.display()),
        )
    })
}

/// The version that rustup's channel manifest records for `rust`.
///
/// The manifest is a megabyte of TOML, of which one line in the first tenth matters. It is read up to
/// that line, not parsed, since every plan does this.
fn recorded_version(sysroot: &Path) -> Option<String> {
    let manifest = sysroot.join("lib/rustlib/multirust-channel-manifest.toml");
    let mut manifest = BufReader::with_capacity(64 * 1024, File::open(manifest).ok()?);
    let mut line = Vec::new();
    let mut is_rust = false;
    while {
        line.clear();
        manifest.read_until(b'\n', &mut line).ok()? > 0
    } {
        if is_rust && line.starts_with(b"version = \"") {
            let version = line.split(|byte| *byte == b'"').nth(1)?;
            let text = std::str::from_utf8(version).ok()?;
            return Some(text.split(' ').next()?.to_owned());
        }
        is_rust |= line == b"[pkg.rust]\n";
    }
    None
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The triple of this machine's Rust programs. Programs in a recipe's environment use glibc.
pub(crate) fn host_triple() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cross_engine::Variables;
    use std::fs;

    struct Machine(tempfile::TempDir);

    impl Machine {
        fn new(settings: &str) -> Self {
            let dir = tempfile::tempdir().unwrap();
            for name in ["stable", "nightly", "1.85.0"] {
                let bin = dir
                    .path()
                    .join(format!("rustup/toolchains/{name}-{}/bin", host_triple()));
                fs::create_dir_all(&bin).unwrap();
                fs::write(bin.join("cargo"), "").unwrap();
            }
            fs::create_dir_all(dir.path().join("w/app/src")).unwrap();
            let settings = settings.replace("DIR", dir.path().to_str().unwrap());
            fs::write(dir.path().join("rustup/settings.toml"), settings).unwrap();
            Machine(dir)
        }

        fn name(&self, extra: &[(&str, &str)]) -> Result<String> {
            let mut variables = Variables::from([(
                "RUSTUP_HOME".into(),
                self.0.path().join("rustup").into_os_string(),
            )]);
            variables.extend(extra.iter().map(|(k, v)| (k.into(), v.into())));
            let host = Host::new(variables, "/nonexistent");
            let dir = self.0.path().join("w/app");
            let found = find(&ToolchainPreference::Host, &dir, &host, &host_triple())?;
            match found.source {
                ToolchainSource::Host { name, .. } => Ok(name),
                other => panic!("{other:?}"),
            }
        }
    }

    fn full(channel: &str) -> String {
        format!("{channel}-{}", host_triple())
    }

    #[test]
    fn the_active_toolchain_follows_rustups_precedence() {
        let machine =
            Machine::new("default_toolchain = \"stable\"\n[overrides]\n\"DIR/w\" = \"nightly\"\n");
        assert_eq!(machine.name(&[]).unwrap(), full("nightly"));
        assert_eq!(
            machine.name(&[("RUSTUP_TOOLCHAIN", "stable")]).unwrap(),
            full("stable")
        );
        let file = machine.0.path().join("w/app/rust-toolchain.toml");
        fs::write(file, "[toolchain]\nchannel = \"1.85.0\"\n").unwrap();
        assert_eq!(machine.name(&[]).unwrap(), full("1.85.0"));
    }

    #[test]
    fn a_toolchain_that_is_not_installed_is_reported_with_its_reason() {
        let machine = Machine::new("default_toolchain = \"beta\"\n");
        let error = machine.name(&[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Toolchain);
        assert_eq!(
            error.to_string(),
            "toolchain `beta` (rustup's default) is not installed"
        );
        assert!(
            error
                .help()
                .unwrap()
                .contains("rustup toolchain install beta")
        );
    }

    #[test]
    fn the_version_comes_from_the_channel_manifest() {
        let dir = tempfile::tempdir().unwrap();
        let rustlib = dir.path().join("lib/rustlib");
        fs::create_dir_all(&rustlib).unwrap();
        fs::write(
            rustlib.join("multirust-channel-manifest.toml"),
            "[pkg.cargo]\nversion = \"0.96.0 (f2d)\"\n\n[pkg.rust]\nversion = \"1.95.0 (598 2026-04-14)\"\n",
        )
        .unwrap();
        assert_eq!(recorded_version(dir.path()).as_deref(), Some("1.95.0"));
    }
}
