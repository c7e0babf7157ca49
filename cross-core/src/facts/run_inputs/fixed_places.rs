//! The fixed paths of a reproducible build: which directories have one, and what else is fixed.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use cross_engine::{EnvValue, Mount};

use super::{HOME, RunInputs, RunInputsContext, kept_file};
use crate::cargo::named_paths::NamedPaths;
use crate::facts::checkout::Checkout;
use crate::facts::private_places::is_system;
use crate::facts::sources;
use crate::host::places::{normal, real_path};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::fixed_paths::{FixedPaths, HOST_NAME};
use crate::model::step::{Prepared, Warning};

/// The directory of all places. No distribution has one of this name.
const TOP: &str = "/cross";

/// The time of sources whose age is unknown, in seconds since the Unix epoch: 1980-01-01, the
/// oldest time that a zip file can store.
const OLDEST: u64 = 315_532_800;

/// The variable that tells compilers and tools the time of the sources.
const TIME: &str = "SOURCE_DATE_EPOCH";

/// Directories right below the root that belong to the system, and are no project of their own.
const SHARED: [&str; 8] = ["home", "media", "mnt", "opt", "root", "srv", "tmp", "var"];

impl RunInputs {
    /// Gives the directories that what compiles may name a fixed place each. `builds_std` is
    /// whether the source of `std` is needed, and `compiles` is not set for a command of the caller,
    /// which may be there for what was built.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the sources have no directory of their own in common, or crates in a
    /// directory have no place where the relative path to them leads.
    pub(crate) fn fix_places(
        &mut self,
        context: &RunInputsContext<'_>,
        builds_std: bool,
        compiles: bool,
    ) -> Result<()> {
        if !is_reproducible(context) || context.env_spec.host_toolset().is_some() {
            return Ok(());
        }
        let place = |name: &str| Path::new(TOP).join(name);
        let mut dirs = vec![(PathBuf::from(HOME), PathBuf::from(HOME))];
        let mut add = |dir: &Path, name: &str| {
            dirs.push((dir.to_owned(), place(name)));
            dirs.push((real_path(dir), place(name)));
        };
        let project = self.project_dir(context)?;
        add(&project, "project");
        add(&self.target_dir, "target");
        add(&self.cargo_home, "cargo");
        add(&context.host.cache, "cache");
        if let Some(sdk) = &context.env_spec.sdk {
            add(&sdk.path, "sdk");
        }
        let sysroot = context.toolchain.sysroot();
        if let Some(sysroot) = sysroot {
            add(sysroot, "rust");
        }
        let crates = NamedPaths::of(context.configs);
        let crates: Vec<_> = crates.relative_sources().cloned().collect();
        self.place_guessed(&project, &place("project"), &crates, &mut dirs)?;
        if let Some(sysroot) = sysroot {
            // With the source of `std`, rustc names its files there instead of where they were when
            // `std` was built.
            let source = sysroot.join("lib/rustlib/src");
            if source.is_dir() && !builds_std {
                self.mounts.push(Mount::scratch(source));
            }
        }
        // What was published before is no source. It may be among them.
        let published = real_path(&context.workspace.target_directory);
        let real = real_path(&project);
        if compiles && published.starts_with(&real) && published != real {
            self.mounts.push(Mount::scratch(published));
        }
        let mut fixed = FixedPaths::new(dirs);
        for file in self.prepared.clone() {
            let Prepared::File {
                path,
                text,
                executable,
            } = file
            else {
                continue;
            };
            let placed = fixed.text_inside(&text);
            let name = path.file_name().and_then(OsStr::to_str);
            if let (true, Some(name)) = (placed != text, name) {
                let (copy, file) = kept_file(context.host, name, placed, executable);
                self.prepared.push(file);
                fixed.replace_file(path, copy);
            }
        }
        self.fixed = fixed;
        Ok(())
    }

    /// The directory that has the project: the workspace, the repository that it is in, and the
    /// packages that it depends on by path. What its sources name besides does not count, because
    /// it may be something that is there by chance.
    fn project_dir(&self, context: &RunInputsContext<'_>) -> Result<PathBuf> {
        let home = context.host.home().map(|home| real_path(&home));
        let is_of_home = |dir: &Path| {
            let real = real_path(dir);
            home.as_ref().is_some_and(|home| home.starts_with(&real))
        };
        let roots: Vec<PathBuf> = sources::roots(context.workspace).map(normal).collect();
        let repositories = roots.iter().filter_map(|root| {
            let mut above = root.ancestors();
            above.find(|dir| dir.join(".git").exists() && !is_of_home(dir))
        });
        let all = roots.iter().map(PathBuf::as_path).chain(repositories);
        let all = all.chain(self.named_sources.iter().map(PathBuf::as_path));
        let common = all.map(Path::to_owned).reduce(|a, b| common(&a, &b));
        let common = common.unwrap_or_default();
        let real = real_path(&common);
        let is_shared = |dir: &Path| {
            let mut names = names(dir);
            match (names.next(), names.next()) {
                (None, _) => true,
                (Some(name), None) => is_shared_name(name),
                _ => false,
            }
        };
        let has_cache = real_path(&context.host.cache).starts_with(&real);
        if !is_shared(&common)
            && !is_shared(&real)
            && !is_system(&real)
            && !is_of_home(&real)
            && !has_cache
        {
            return Ok(common);
        }
        let mut parts = roots;
        parts.extend(self.named_sources.iter().cloned());
        let named: Vec<String> = parts
            .iter()
            .map(|dir| format!("`{}`", dir.display()))
            .collect();
        let message = format!(
            "`reproducible` gives the project a fixed path, and {} have no directory of their own in common",
            named.join(" and ")
        );
        let help = "move them into one directory, or remove `reproducible`";
        Err(Error::new(ErrorKind::Config, message).with_help(help))
    }

    /// Fixes what else what compiles may read: time, time zone, locale, user and the history of
    /// earlier builds. Warns of what defeats it.
    pub(super) fn fix_variables(&mut self, context: &RunInputsContext<'_>) {
        if !is_reproducible(context) {
            return;
        }
        let checkout = Checkout::probe(&context.workspace.root, context.host, context.cancel);
        let mut warnings = Vec::new();
        let mut warn = |message: String, help: &str| {
            warnings.push(Warning {
                code: "reproducible".to_owned(),
                message,
                help: Some(help.to_owned()),
            });
        };
        let time = checkout.as_ref().map_or(OLDEST, |checkout| checkout.time);
        if checkout.is_none() && !self.env.contains_key(TIME) {
            warn(
                format!("the time of the sources is unknown, so {TIME} is 1980-01-01"),
                "build from a commit of git, or set SOURCE_DATE_EPOCH",
            );
        }
        let passed = &context.config.passthrough;
        let is_passed = |name: &str| passed.iter().any(|it| it.value.name == name);
        let mut set = |name: &str, value: &str, is_kept: bool| {
            let is_set = is_passed(name) || is_kept && self.env.contains_key(name);
            if !is_set {
                self.env
                    .insert(name.to_owned(), EnvValue::Plain(value.to_owned()));
            }
        };
        set(TIME, &time.to_string(), true);
        for (name, value) in [
            ("CARGO_INCREMENTAL", "0"),
            ("LANG", "C.UTF-8"),
            ("LC_ALL", "C.UTF-8"),
            ("TZ", "UTC"),
            ("ZERO_AR_DATE", "1"),
        ] {
            set(name, value, false);
        }
        if context.env_spec.host_toolset().is_some() {
            warn(
                "the engine `host` has no fixed paths: what is built depends on the machine and on \
                 the directory"
                    .to_owned(),
                "choose the sandbox, docker or podman as the engine",
            );
        } else {
            // Engines of containers set it.
            set("HOSTNAME", HOST_NAME, false);
            set("USER", "user", false);
            if !context.env_spec.is_pinned() {
                warn(
                    "the environment is not locked: another machine or another day has other \
                     compilers"
                        .to_owned(),
                    "lock it with `cargo xtask lock` (`Cross::lock`), or name an image by its digest",
                );
            }
        }
        if checkout.is_some_and(|checkout| checkout.is_changed) {
            warn(
                "the checkout has changes that are not in its commit".to_owned(),
                "commit them, so that others can build the same sources",
            );
        }
        let is_native = |value: &EnvValue| match value {
            EnvValue::Plain(text) | EnvValue::Secret(text) => text.contains("target-cpu=native"),
            _ => false,
        };
        if self.env.values().any(is_native) {
            warn(
                "`target-cpu=native` compiles for the processor of this machine".to_owned(),
                "name the processor",
            );
        }
        self.warnings.extend(warnings);
    }
}

/// The names of which `path` consists.
pub(super) fn names(path: &Path) -> impl Iterator<Item = &OsStr> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name),
        _ => None,
    })
}

/// Whether a directory of this name right below the root belongs to the system.
pub(super) fn is_shared_name(name: &OsStr) -> bool {
    SHARED.iter().any(|shared| name == *shared)
}

/// Whether the build is reproducible.
pub(super) fn is_reproducible(context: &RunInputsContext<'_>) -> bool {
    let key = context.config.reproducible.as_ref();
    key.is_some_and(|key| key.value)
}

/// The innermost directory that has both paths, which are absolute.
fn common(a: &Path, b: &Path) -> PathBuf {
    let pairs = a.components().zip(b.components());
    let same = pairs.take_while(|(a, b)| a == b);
    same.map(|(part, _)| part.as_os_str()).collect()
}
