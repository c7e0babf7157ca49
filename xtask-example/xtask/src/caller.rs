//! What the caller's machine adds to what the checkout says, for the provenance: configuration
//! files that lie elsewhere, and variables.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use cross_core::Plan;
use cross_core::config::Origin;

use crate::archive;
use crate::checkout;
use crate::failure::Failure;
use crate::papers::digest;
use crate::provenance::NamedDigest;

/// The prefixes of cargo's variables that decide what is built. Those of registries have tokens, and
/// those of a network do not matter.
const PREFIXES: [&str; 4] = [
    "CARGO_BUILD_",
    "CARGO_PROFILE_",
    "CARGO_TARGET_",
    "CARGO_UNSTABLE_",
];
/// Others that decide it.
const NAMES: [&str; 6] = [
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "RUSTC_BOOTSTRAP",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
    "SOURCE_DATE_EPOCH",
];
/// What ends the names of those that set the oldest version of one of Apple's systems.
const DEPLOYMENT_TARGET: &str = "_DEPLOYMENT_TARGET";
/// Those that say where it is built.
const PLACES: [&str; 3] = [
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_TARGET_DIR",
];

/// The configuration files that a run reads, by their digests.
pub(crate) struct Files {
    /// Cross.toml, or the file that `CROSS_CONFIG` names.
    pub(crate) config: Option<NamedDigest>,
    /// Cargo's configuration in its home.
    pub(crate) cargo_config: Option<NamedDigest>,
    /// Cargo's other configuration that is no part of the sources: above the repository, unknown to
    /// git, or included.
    pub(crate) local_cargo_configs: Vec<NamedDigest>,
}

impl Files {
    /// Reads them for the workspace in `root`.
    pub(crate) fn read(root: &Path) -> Result<Self, Failure> {
        let config = match non_empty("CROSS_CONFIG") {
            None => digest(root, "Cross.toml")?,
            Some(named) => {
                // Relative paths begin where the command was called.
                let path = env::current_dir().unwrap_or_default().join(named);
                let shown = path.strip_prefix(root).unwrap_or(&path);
                let name = shown.display().to_string();
                let file = path.file_name().unwrap_or_default().to_string_lossy();
                let dir = path.parent().unwrap_or(root);
                digest(dir, &file)?.map(|file| NamedDigest { name, ..file })
            }
        };
        let home = non_empty("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(PathBuf::from(non_empty("HOME")?).join(".cargo")));
        let configs = CargoConfigs::find(root, home.as_deref());
        Ok(Files {
            config,
            cargo_config: match &configs.of_home {
                Some(file) => Some(configs.digest(file)?),
                None => None,
            },
            local_cargo_configs: configs.local_digests()?,
        })
    }
}

/// Cargo's configuration files.
struct CargoConfigs<'a> {
    root: &'a Path,
    home: Option<&'a Path>,
    of_home: Option<PathBuf>,
    /// The others: those of the directories from the workspace's root up, and all that are included.
    others: BTreeSet<PathBuf>,
}

impl<'a> CargoConfigs<'a> {
    fn find(root: &'a Path, home: Option<&'a Path>) -> Self {
        let of_home = home.and_then(config_in);
        let is_of_home = |dir: &PathBuf| {
            let home = home.and_then(|home| home.canonicalize().ok());
            home.is_some() && home == dir.canonicalize().ok()
        };
        let above = root.ancestors().map(|dir| dir.join(".cargo"));
        let above = above.filter(|dir| !is_of_home(dir));
        let mut queue: Vec<_> = above.filter_map(|dir| config_in(&dir)).collect();
        let mut others: BTreeSet<_> = queue.iter().cloned().collect();
        queue.extend(of_home.clone());
        while let Some(file) = queue.pop() {
            for included in included(&file) {
                if others.insert(included.clone()) {
                    queue.push(included);
                }
            }
        }
        CargoConfigs {
            root,
            home,
            of_home,
            others,
        }
    }

    /// The digests of those that are no part of the sources, by which a change of them would show.
    fn local_digests(&self) -> Result<Vec<NamedDigest>, Failure> {
        let top = checkout::top(self.root);
        let others = self.others.iter();
        let local = others.filter(|file| !checkout::is_tracked(file, &top));
        local.map(|file| self.digest(file)).collect()
    }

    fn digest(&self, file: &Path) -> Result<NamedDigest, Failure> {
        let bytes = fs::read(file).map_err(|error| Failure::io("read", file, &error))?;
        Ok(NamedDigest {
            name: self.name(file),
            sha256: archive::sha256(&bytes),
        })
    }

    /// Its path from cargo's home, or else from the workspace's root.
    fn name(&self, file: &Path) -> String {
        if let Some(inner) = self.home.and_then(|home| file.strip_prefix(home).ok()) {
            return format!("$CARGO_HOME/{}", inner.display());
        }
        let above = self.root.ancestors().enumerate();
        let mut relative = above.filter_map(|(up, dir)| {
            let inner = file.strip_prefix(dir).ok()?;
            Some(format!("{}{}", "../".repeat(up), inner.display()))
        });
        relative
            .next()
            .unwrap_or_else(|| file.display().to_string())
    }
}

/// Cargo's configuration file in a directory. Cargo prefers the first, too.
fn config_in(dir: &Path) -> Option<PathBuf> {
    let files = ["config", "config.toml"].map(|name| dir.join(name));
    files.into_iter().find(|file| file.is_file())
}

/// The files that a configuration file includes, as far as they are there.
fn included(file: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let table: toml::Table = text.parse().unwrap_or_default();
    let entries = match table.get("include") {
        Some(toml::Value::Array(entries)) => entries.clone(),
        entry => entry.cloned().into_iter().collect(),
    };
    let around = file.parent().unwrap_or(file);
    let paths = entries.iter().filter_map(|entry| {
        let path = entry.get("path").unwrap_or(entry);
        Some(around.join(path.as_str()?))
    });
    // Files that include one another are found under one name.
    let files = paths.filter_map(|path| path.canonicalize().ok());
    files.filter(|path| path.is_file()).collect()
}

/// The variables that decide what `plan` builds, with their values: cargo's, and those of keys of
/// the configuration. The library redacts values that are passed to what compiles.
pub(crate) fn variables(plan: &Plan) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = env::vars_os().filter_map(of_cargo).collect();
    for row in plan.explain() {
        let Origin::Variable(name) = &row.origin else {
            continue;
        };
        // A setting of the machine, such as options of a container, is no key.
        if !row.key.starts_with("build.") && !row.key.starts_with("target.") {
            continue;
        }
        all.entry(name.clone())
            .and_modify(|value| *value = format!("{value} {}", row.value))
            .or_insert_with(|| row.value.clone());
    }
    all
}

fn of_cargo((name, value): (OsString, OsString)) -> Option<(String, String)> {
    let (name, value) = (
        name.into_string().ok()?,
        value.to_string_lossy().into_owned(),
    );
    let is_prefixed = PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let decides =
        is_prefixed || name.ends_with(DEPLOYMENT_TARGET) || NAMES.contains(&name.as_str());
    let is_place = PLACES.contains(&name.as_str());
    (decides && !is_place && !value.is_empty()).then_some((name, value))
}

fn non_empty(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_decide_what_is_built_are_told_without_places_and_tokens() {
        let told = |name: &str| of_cargo((name.into(), "value".into())).is_some();
        for name in [
            "RUSTFLAGS",
            "CARGO_PROFILE_RELEASE_LTO",
            "CARGO_BUILD_RUSTFLAGS",
            "CARGO_UNSTABLE_BUILD_STD",
            "MACOSX_DEPLOYMENT_TARGET",
            "RUSTC_BOOTSTRAP",
        ] {
            assert!(told(name), "{name}");
        }
        for name in [
            "CARGO_TARGET_DIR",
            "CARGO_REGISTRY_TOKEN",
            "CARGO_REGISTRIES_MINE_TOKEN",
            "CARGO_HTTP_PROXY",
            "PATH",
        ] {
            assert!(!told(name), "{name}");
        }
        assert!(of_cargo(("RUSTFLAGS".into(), "".into())).is_none());
    }

    #[test]
    fn every_configuration_of_cargo_that_is_no_part_of_the_sources_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        let root = dir.join("above/repository/workspace");
        let home = dir.join("home");
        let write = |path: &str, text: &str| {
            let path = dir.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("home/config.toml", "include = \"more.toml\"");
        write("home/more.toml", "");
        write(
            "above/.cargo/config.toml",
            "include = [{ path = \"../x.toml\" }]",
        );
        write(
            "above/x.toml",
            "include = [\".cargo/../x.toml\", \"gone.toml\"]",
        );
        write("above/repository/.cargo/config.toml", "[build]");
        write("above/repository/workspace/.cargo/config", "");
        write("above/repository/workspace/.cargo/config.toml", "unused");
        let repository = dir.join("above/repository");
        let git = |args: &[&str]| checkout::git(&repository, args).unwrap();
        git(&["init", "--quiet"]);
        git(&["add", ".cargo"]);
        let configs = CargoConfigs::find(&root, Some(&home));
        assert_eq!(configs.of_home, Some(home.join("config.toml")));
        let local = configs.local_digests().unwrap();
        let names: BTreeSet<_> = local.iter().map(|file| file.name.as_str()).collect();
        let expected = [
            "$CARGO_HOME/more.toml",
            "../../.cargo/config.toml",
            "../../x.toml",
            ".cargo/config",
        ];
        assert_eq!(names, BTreeSet::from(expected));
        // The home may be one of the directories above.
        let home = dir.join("above/.cargo");
        let configs = CargoConfigs::find(&root, Some(&home));
        assert!(!configs.others.contains(&home.join("config.toml")));
    }
}
