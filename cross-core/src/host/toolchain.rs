//! Finds the Rust toolchain by reading rustup's files, without starting rustup or its proxies.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use cross_engine::Host;
use cross_engine::os::{self, System};

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
        let lacks = |triple: &&&str| !rustlib.join(triple).join("lib").is_dir();
        let triples: Vec<_> = needs.triples.iter().filter(lacks).copied().collect();
        if !triples.is_empty() && !needs.build_std {
            let add = [&["target", "add", on[0], on[1]], &triples[..]].concat();
            missing.push(RustupCommand::new("install the target's std", &add));
        }
        missing
    }
}

/// The parts of a toolchain that a request needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ToolchainNeeds<'a> {
    /// The targets whose `std` is needed, of those that rustup distributes.
    pub(crate) triples: &'a [&'a str],
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
    let (version, commit) = source.sysroot().and_then(recorded_release).unzip();
    Ok(Toolchain {
        source,
        version,
        commit: commit.flatten(),
    })
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
            refuse_foreign(path, &path.display().to_string(), platform)?;
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
    if let Some(name) = named {
        if let Some(cargo) = cargo_in(&ToolchainPreference::Rustup(name.to_owned()), dir, host)? {
            return Ok(cargo);
        }
    }
    if let Ok(Some(cargo)) = cargo_in(&ToolchainPreference::Host, dir, host) {
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

/// The cargo of this toolchain that runs here. One that is not installed yet has none, and neither
/// has the distribution's.
pub(crate) fn cargo_in(
    spec: &ToolchainPreference,
    dir: &Path,
    host: &Host,
) -> Result<Option<PathBuf>> {
    let own = Rustup::of(host).own_triple()?;
    let source = source(spec, dir, host, &own)?;
    let cargo = source.sysroot().map(|sysroot| cargo_of(sysroot, &own));
    Ok(cargo.filter(|cargo| cargo.exists()))
}

/// The cargo of the toolchain in `sysroot` that runs on `platform`.
fn cargo_of(sysroot: &Path, platform: &str) -> PathBuf {
    let is_windows = platform.contains("-windows");
    let name = if is_windows { "cargo.exe" } else { "cargo" };
    sysroot.join("bin").join(name)
}

/// Rustup's home directory and the files in it.
struct Rustup<'a> {
    home: Option<PathBuf>,
    host: &'a Host,
    /// The system that rustup itself runs on.
    system: System,
}

impl<'a> Rustup<'a> {
    fn of(host: &'a Host) -> Self {
        Rustup {
            home: host.rustup_home(),
            host,
            system: System::HERE,
        }
    }

    /// The triple of the toolchains that run on the host itself. An environment's are Linux's
    /// everywhere, so elsewhere than on Linux it differs from [`host_triple`].
    fn own_triple(&self) -> Result<String> {
        let default = self.system.rust_triple(std::env::consts::ARCH);
        if self.system == System::Linux {
            return Ok(default);
        }
        let Some(home) = &self.home else {
            return Ok(default);
        };
        let settings = read_table(&home.join("settings.toml"))?.unwrap_or_default();
        let named = settings.get("default_host_triple");
        Ok(named
            .and_then(toml::Value::as_str)
            .map_or(default, str::to_owned))
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
        let own = self.own_triple()?;
        let mut triples = [host_triple(), own.clone()].into_iter();
        let channel = triples.find_map(|triple| name.strip_suffix(&format!("-{triple}")));
        let full = format!("{}-{platform}", channel.unwrap_or(name));
        // A custom toolchain has no triple in its name, and runs wherever it was built for.
        let linked = (platform == own || !is_channel(name)).then(|| name.to_owned());
        if let Some(linked) = &linked {
            refuse_foreign(&toolchains.join(linked), linked, platform)?;
        }
        let installed = [Some(full.clone()), linked]
            .into_iter()
            .flatten()
            .find(|name| cargo_of(&toolchains.join(name), platform).exists());
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
            // Rustup writes the directories of Windows with the prefix of paths of any length.
            let keys = |dir: &str| [dir.to_owned(), format!(r"\\?\{dir}")];
            let overridden = overrides
                .zip(ancestor.to_str())
                .and_then(|(all, dir)| keys(dir).iter().find_map(|key| all.get(key)))
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

/// Refuses the toolchain `name`, whose channel nobody knows, if its programs are another system's
/// than Linux's and `platform` is Linux: an environment mounts it as it is.
fn refuse_foreign(sysroot: &Path, name: &str, platform: &str) -> Result<()> {
    if !platform.contains("-linux") {
        return Ok(());
    }
    let programs = ["rustc", "cargo", "rustc.exe", "cargo.exe"];
    let mut programs = programs.iter().map(|name| sysroot.join("bin").join(name));
    match programs.find_map(|program| foreign_system(&program)) {
        Some(system) => Err(Error::new(
            ErrorKind::Toolchain,
            format!("the programs of toolchain `{name}` are {system}'s, and an environment runs Linux's"),
        )
        .with_help(format!(
            "link a toolchain that was built for {platform} (`rustup toolchain link`), name a channel, which \
             rustup installs for Linux, or set `toolchain = \"image\"` to use the distribution's Rust"
        ))),
        None => Ok(()),
    }
}

/// The system that a program is for, if it is not Linux's or a script.
fn foreign_system(program: &Path) -> Option<&'static str> {
    let mut magic = [0; 4];
    File::open(program).ok()?.read_exact(&mut magic).ok()?;
    match magic {
        [b'M', b'Z', ..] => Some("Windows"),
        // One architecture, and several.
        [0xcf | 0xce, 0xfa, 0xed, 0xfe] | [0xca, 0xfe, 0xba, 0xbe | 0xbf] => Some("macOS"),
        _ => None,
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
///
/// # Errors
///
/// If rustup refuses the file: a build without rustup would go on with another toolchain.
fn toolchain_file(path: &Path) -> Result<Option<String>> {
    let Ok(text) = std::fs::read_to_string(path) else {
        return Ok(None);
    };
    if path.extension().is_none() && text.trim().lines().count() == 1 && !text.contains('[') {
        return Ok(Some(text.trim().to_owned()));
    }
    let file = read_table(path)?.unwrap_or_default();
    let Some(table) = file.get("toolchain").and_then(toml::Value::as_table) else {
        return Err(refused_file(path, "has no table `[toolchain]`"));
    };
    let field = |name| table.get(name).and_then(toml::Value::as_str);
    match (field("channel"), field("path")) {
        (Some(_), Some(_)) => Err(refused_file(path, "has both a `channel` and a `path`")),
        (Some(channel), None) => Ok(Some(channel.to_owned())),
        (None, Some(relative)) => {
            let dir = path.parent();
            Ok(dir.map(|dir| dir.join(relative).display().to_string()))
        }
        (None, None) => {
            let others = ["components", "targets", "profile"];
            match others.iter().any(|name| table.contains_key(*name)) {
                true => Ok(None),
                false => Err(refused_file(path, "names no toolchain")),
            }
        }
    }
}

/// The error for a `rust-toolchain` file that rustup refuses.
fn refused_file(path: &Path, why: &str) -> Error {
    let message = format!("`{}` {why}", path.display());
    Error::new(ErrorKind::Toolchain, message).with_help(
        "write `[toolchain]` and below it `channel = \"1.85\"`, or remove the file: rustup refuses it, too",
    )
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

/// The version that rustup's channel manifest records for `rust`, and the commit that follows it in
/// parentheses.
///
/// The manifest is a megabyte of TOML, of which one line in the first tenth matters. It is read up
/// to that line, not parsed, since every plan does this.
fn recorded_release(sysroot: &Path) -> Option<(String, Option<String>)> {
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
            let (version, commit) = match text.split_once(' ') {
                None => (text, None),
                Some((version, commit)) => (version, Some(commit.trim_matches(['(', ')']))),
            };
            return Some((version.to_owned(), commit.map(str::to_owned)));
        }
        is_rust |= line == b"[pkg.rust]\n";
    }
    None
}

fn canonical(path: &Path) -> PathBuf {
    os::canonical(path).unwrap_or_else(|_| path.to_owned())
}

/// The triple of this machine's Rust programs. Programs in a recipe's environment use glibc.
pub(crate) fn host_triple() -> String {
    triple_of(std::env::consts::ARCH)
}

/// The triple of the Rust programs in a recipe's environment on a machine of this architecture.
pub(crate) fn triple_of(rust_arch: &str) -> String {
    format!("{rust_arch}-unknown-linux-gnu")
}

#[cfg(test)]
mod tests;
