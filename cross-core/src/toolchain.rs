//! Which Rust compiles: read from rustup's files, without starting rustup or its proxies.

use std::fmt;
use std::path::{Path, PathBuf};

use cross_engine::Host;
use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};

/// The Rust that compiles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Toolchain {
    /// Where it comes from.
    pub source: ToolchainSource,
    /// The version, as in `1.95.0`: from rustup's records before a build, from cargo's after it.
    pub version: Option<String>,
}

/// Where a toolchain comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ToolchainSource {
    /// One of the host's rustup, mounted read only.
    Host {
        /// Its name, as rustup has it.
        name: String,
        /// Its directory, which has `bin` and `lib`.
        sysroot: PathBuf,
    },
    /// A directory of the user's, mounted read only.
    Directory {
        /// It has `bin` and `lib`.
        sysroot: PathBuf,
    },
    /// The distribution's, inside the environment.
    Image,
}

impl Toolchain {
    /// The directory that is mounted, where one is.
    pub fn sysroot(&self) -> Option<&Path> {
        match &self.source {
            ToolchainSource::Host { sysroot, .. } | ToolchainSource::Directory { sysroot } => {
                Some(sysroot)
            }
            ToolchainSource::Image => None,
        }
    }

    /// What tells its products from another's.
    pub(crate) fn identity(&self) -> String {
        let version = self.version.as_deref().unwrap_or_default();
        match self.sysroot() {
            Some(sysroot) => format!("{} {version}", sysroot.display()),
            None => "image".to_owned(),
        }
    }

    /// Whether its `std` for `triple` is there, as far as the host can see.
    pub(crate) fn has_std(&self, triple: &str) -> bool {
        self.sysroot().is_none_or(|sysroot| {
            sysroot
                .join("lib/rustlib")
                .join(triple)
                .join("lib")
                .is_dir()
        })
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            ToolchainSource::Host { name, .. } => write!(f, "{name}, mounted from the host")?,
            ToolchainSource::Directory { sysroot } => write!(f, "{}", sysroot.display())?,
            ToolchainSource::Image => f.write_str("the one of the environment")?,
        }
        match &self.version {
            Some(version) => write!(f, " ({version})"),
            None => Ok(()),
        }
    }
}

/// What the configuration asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted<'a> {
    Host,
    Image,
    Directory(&'a Path),
}

impl<'a> Wanted<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        match text {
            "host" => Wanted::Host,
            "image" => Wanted::Image,
            path => Wanted::Directory(Path::new(path)),
        }
    }
}

/// Finds the toolchain for a project in `dir`.
pub(crate) fn find(wanted: &Wanted<'_>, dir: &Path, host: &Host) -> Result<Toolchain> {
    match wanted {
        Wanted::Image => Ok(Toolchain {
            source: ToolchainSource::Image,
            version: None,
        }),
        Wanted::Directory(path) => {
            if !path.join("bin/cargo").exists() || !path.join("bin/rustc").exists() {
                return Err(Error::new(
                    ErrorKind::Toolchain,
                    format!(
                        "`{}` is no Rust toolchain: it lacks bin/cargo or bin/rustc",
                        path.display()
                    ),
                )
                .with_help("name a toolchain's directory, `host` or `image` as `toolchain`"));
            }
            Ok(Toolchain {
                version: recorded_version(path),
                source: ToolchainSource::Directory {
                    sysroot: canonical(path),
                },
            })
        }
        Wanted::Host => Rustup::of(host).active(dir),
    }
}

/// The cargo of the host that reads manifests and fetches: rustup's active one, else `PATH`'s.
pub(crate) fn host_cargo(dir: &Path, host: &Host) -> Result<PathBuf> {
    if let Ok(toolchain) = Rustup::of(host).active(dir) {
        if let Some(sysroot) = toolchain.sysroot() {
            return Ok(sysroot.join("bin/cargo"));
        }
    }
    host.find_program("cargo").ok_or_else(|| {
        Error::new(ErrorKind::ToolMissing, "`cargo` is not installed on this machine").with_help(
            "install Rust (rustup, or the distribution's `cargo`): it reads the manifests and fetches \
             dependencies with your credentials, which the environment never sees",
        )
    })
}

/// Rustup's home and what is written there.
struct Rustup<'a> {
    home: Option<PathBuf>,
    host: &'a Host,
}

impl<'a> Rustup<'a> {
    fn of(host: &'a Host) -> Self {
        let given = host.variable("RUSTUP_HOME").map(PathBuf::from);
        let usual = || Some(Path::new(host.variable("HOME")?).join(".rustup"));
        Rustup {
            home: given.or_else(usual),
            host,
        }
    }

    /// The toolchain rustup would use in `dir`.
    fn active(&self, dir: &Path) -> Result<Toolchain> {
        let Some(home) = self.home.as_deref().filter(|home| home.is_dir()) else {
            return Err(missing(
                "rustup is not installed, so there is no toolchain to mount",
            ));
        };
        let (name, why) = self.active_name(home, dir)?;
        if Path::new(&name).is_absolute() {
            return find(&Wanted::Directory(Path::new(&name)), dir, self.host);
        }
        let toolchains = home.join("toolchains");
        let triple = host_triple();
        let sysroot = [name.clone(), format!("{name}-{triple}")]
            .iter()
            .map(|name| toolchains.join(name))
            .find(|sysroot| sysroot.join("bin/cargo").exists());
        let Some(sysroot) = sysroot else {
            return Err(missing(format!(
                "toolchain `{name}` ({why}) is not installed"
            ))
            .with_help(format!(
                "run `rustup toolchain install {name}`, or set `toolchain = \"image\"` to use the distribution's Rust"
            )));
        };
        let sysroot = canonical(&sysroot);
        Ok(Toolchain {
            version: recorded_version(&sysroot),
            source: ToolchainSource::Host { name, sysroot },
        })
    }

    /// The active toolchain's name and what decided it, in rustup's own order: variable, directory
    /// override, toolchain file, default.
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
            .ok_or_else(|| missing("rustup has no default toolchain"))
    }
}

fn missing(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Toolchain, message).with_help(
        "install Rust with rustup, name a toolchain's directory as `toolchain`, or set \
         `toolchain = \"image\"` to use the distribution's Rust",
    )
}

/// The toolchain a `rust-toolchain` file names, in its TOML form or as a bare line.
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

/// The version rustup's channel manifest records for `rust`.
///
/// The manifest is a megabyte of TOML, of which one line is wanted: it is searched, not parsed.
fn recorded_version(sysroot: &Path) -> Option<String> {
    let manifest = sysroot.join("lib/rustlib/multirust-channel-manifest.toml");
    let text = std::fs::read_to_string(manifest).ok()?;
    let table = &text[text.find("\n[pkg.rust]\n")?..];
    let line = table
        .lines()
        .find_map(|line| line.strip_prefix("version = \""))?;
    let version = line.split([' ', '"']).next()?;
    Some(version.to_owned())
}

fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The triple of the machine's own Rust programs. What runs in a recipe's environment is glibc's.
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
            let found = find(&Wanted::Host, &self.0.path().join("w/app"), &host)?;
            match found.source {
                ToolchainSource::Host { name, .. } => Ok(name),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn rustups_order_is_kept() {
        let machine =
            Machine::new("default_toolchain = \"stable\"\n[overrides]\n\"DIR/w\" = \"nightly\"\n");
        assert_eq!(machine.name(&[]).unwrap(), "nightly");
        assert_eq!(
            machine.name(&[("RUSTUP_TOOLCHAIN", "stable")]).unwrap(),
            "stable"
        );
        let file = machine.0.path().join("w/app/rust-toolchain.toml");
        fs::write(file, "[toolchain]\nchannel = \"1.85.0\"\n").unwrap();
        assert_eq!(machine.name(&[]).unwrap(), "1.85.0");
    }

    #[test]
    fn a_toolchain_that_is_not_installed_is_named_with_its_reason() {
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
    fn the_version_is_the_recorded_one() {
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
