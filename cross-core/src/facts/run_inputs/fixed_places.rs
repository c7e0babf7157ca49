//! The fixed paths of a reproducible build: which directories have one, and what else is fixed.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use cross_config::Passthrough;
use cross_engine::{EnvValue, Mount};

use super::{HOME, RunInputs, RunInputsContext, kept_file};
use crate::cargo::configured_flags;
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

/// The end of the year 9999, the newest time that a date of four digits has.
const NEWEST: u64 = 253_402_300_799;

/// The variable that tells compilers and tools the time of the sources.
const TIME: &str = "SOURCE_DATE_EPOCH";

/// Flags of rustc and of C compilers that compile for the processor of the machine.
const NATIVE: [&str; 3] = ["target-cpu=native", "-march=native", "-mcpu=native"];

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
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for a time of the sources that is none.
    pub(super) fn fix_variables(&mut self, context: &RunInputsContext<'_>) -> Result<()> {
        if !is_reproducible(context) {
            return Ok(());
        }
        self.check_time()?;
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
        if let (Err(reason), false) = (&checkout, self.env.contains_key(TIME)) {
            // Git names the top of the file system that it searched.
            let reason = match reason.starts_with("not a git repository") {
                true => String::new(),
                false => format!(" ({reason})"),
            };
            let help = match reason.contains("dubious ownership") {
                true => {
                    "let git read the checkout: `git config --global --add safe.directory DIR`; or \
                         set SOURCE_DATE_EPOCH"
                }
                false => "build from a commit of git, or set SOURCE_DATE_EPOCH",
            };
            warn(
                format!("the time of the sources is unknown{reason}, so {TIME} is 1980-01-01"),
                help,
            );
        }
        let callers = context.cross.environment();
        // A name whose variable is not set passes nothing.
        let is_given = |it: &Passthrough| {
            let value = it.value.as_deref().or_else(|| callers.get_str(&it.name));
            value.is_some_and(|value| !value.is_empty())
        };
        let passed = &context.config.passthrough;
        let is_passed = |name: &str| {
            let mut passed = passed.iter().map(|entry| &entry.value);
            passed.any(|it| it.name == name && is_given(it))
        };
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
            let unlocked = context.env_spec.unlocked_parts();
            if !unlocked.is_empty() {
                warn(
                    format!("no lock decides {}", unlocked.join(", and ")),
                    "another machine or another day may have another: install it from files of \
                     the project, or in versions that you name",
                );
            } else if !context.env_spec.is_pinned() {
                warn(
                    "the environment is not locked: another machine or another day has other \
                     compilers"
                        .to_owned(),
                    "lock it with `cargo xtask lock` (`Cross::lock`), or name an image by its digest",
                );
            }
        }
        let is_changed = checkout.map_or(Ok(false), |checkout| checkout.is_changed);
        let help = "commit them, so that others can build the same sources";
        match is_changed {
            Ok(false) => {}
            Ok(true) => warn(
                "the checkout has changes that are not in its commit".to_owned(),
                help,
            ),
            Err(reason) => warn(
                format!("git does not say whether the checkout has changes: {reason}"),
                help,
            ),
        }
        self.warnings.extend(warnings);
        Ok(())
    }

    /// Warns of a flag that compiles for the processor of this machine: one of `request`, of a
    /// variable, or of cargo's configuration.
    pub(crate) fn warn_of_native(&mut self, context: &RunInputsContext<'_>, request: &[String]) {
        if !is_reproducible(context) {
            return;
        }
        let configured = configured_flags::find(context.configs, &context.target.slices());
        let of_env = configured_flags::variables(context.configs);
        let variables = self.env.values().filter_map(|value| match value {
            EnvValue::Plain(text) | EnvValue::Secret(text) => Some(text),
            _ => None,
        });
        let texts = request.iter().chain(configured.iter().flatten());
        let texts = texts.chain(variables).map(String::as_str);
        let texts: Vec<_> = texts.chain(of_env).map(|it| it.replace('_', "-")).collect();
        let is_in = |flag: &&&str| texts.iter().any(|text| text.contains(**flag));
        if let Some(flag) = NATIVE.iter().find(is_in) {
            self.warnings.push(Warning {
                code: "reproducible".to_owned(),
                message: format!("`{flag}` compiles for the processor of this machine"),
                help: Some("name the processor".to_owned()),
            });
        }
    }

    /// Checks the time that the caller sets. Compilers and archivers read it each in its way: one
    /// takes what it does not understand for an error, another for no time.
    fn check_time(&mut self) -> Result<()> {
        let Some(EnvValue::Plain(text) | EnvValue::Secret(text)) = self.env.get(TIME) else {
            return Ok(());
        };
        if text.is_empty() {
            self.env.remove(TIME);
            return Ok(());
        }
        let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit());
        let is_time = is_decimal && text.parse().is_ok_and(|time: u64| time <= NEWEST);
        if is_time {
            return Ok(());
        }
        let message = format!("{TIME} is `{text}`, which is no number of seconds since 1970");
        let help = "set it to seconds, as `git log -1 --format=%ct` prints them, or unset it";
        Err(Error::new(ErrorKind::Config, message).with_help(help))
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
