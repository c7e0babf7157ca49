//! The paths in the flags for the compiler that variables and cargo's configuration have.
//!
//! What rustc reads is seen where it is. What it writes cannot be redirected in a file of the
//! user's, so a warning names what no run keeps.

use std::path::Path;

use cross_engine::{Access, EnvValue, Mount};

use crate::cargo::cli::configs::Configs;
use crate::cargo::configured_flags;
use crate::cargo::rustc_paths::{self, FlagUse};
use crate::facts::private_places::Private;
use crate::facts::run_inputs::RunInputs;
use crate::facts::seen_places::{settle, shows_more, written_and_real};
use crate::host::places::{normal, real_path};
use crate::model::step::Warning;

/// The flags, and what their paths are relative to.
pub(crate) struct Flags<'a> {
    pub(crate) configs: &'a Configs,
    /// Those of the request.
    pub(crate) request: &'a [String],
    /// Whether the request says itself where profiles are.
    pub(crate) has_profiles: bool,
    /// The triples of the target.
    pub(crate) targets: &'a [&'a str],
    /// The directory in which rustc is started for a package of the workspace.
    pub(crate) root: &'a Path,
    pub(crate) private: Private<'a>,
}

/// The variable that says where programs with instruments write.
const PROFILE_FILE: &str = "LLVM_PROFILE_FILE";

/// Shows in `inputs` what the flags name.
pub(crate) fn show(inputs: &mut RunInputs, flags: &Flags<'_>) {
    let mut lists = of_variables(inputs, flags.targets);
    lists.extend(configured_flags::find(flags.configs, flags.targets));
    lists.push(flags.request.to_vec());
    if !flags.has_profiles && lists.iter().flatten().any(|word| instruments(word)) {
        inputs.warnings.extend(lost_profiles(inputs));
    }
    for words in lists {
        for found in rustc_paths::find(&words) {
            let path = normal(&flags.root.join(found.written(&words)));
            if found.flag_use == FlagUse::Read {
                show_path(inputs, &path, &flags.private);
            } else if !is_kept(inputs, &path) {
                let by_programs = found.flag_use == FlagUse::WrittenByPrograms;
                inputs
                    .warnings
                    .push(lost(&found.flag(&words), &path, by_programs));
            }
        }
    }
    inputs.mounts = settle(std::mem::take(&mut inputs.mounts));
}

fn show_path(inputs: &mut RunInputs, path: &Path, private: &Private<'_>) {
    if !shows_more(path, &inputs.mounts) {
        return;
    }
    let real = real_path(path);
    if let Some(reason) = private.reason(&real) {
        inputs.warnings.push(Warning {
            code: "private-path".to_owned(),
            message: format!(
                "a flag of the compiler names `{}`, {reason}",
                real.display()
            ),
            help: Some("no run sees what is there; copy what a build needs".to_owned()),
        });
        return;
    }
    inputs.mounts.extend(written_and_real(Mount::read(path)));
}

/// Whether what a run writes at `path` is there afterwards.
fn is_kept(inputs: &RunInputs, path: &Path) -> bool {
    let real = real_path(path);
    let mut mounts = inputs.mounts.iter();
    mounts.any(|mount| mount.access == Access::Write && real.starts_with(real_path(&mount.target)))
}

fn lost(word: &str, path: &Path, by_programs: bool) -> Warning {
    let path = path.display();
    let message = match by_programs {
        true => format!(
            "`{word}` in the flags of the compiler: programs that run in an environment cannot write to `{path}`"
        ),
        false => format!(
            "`{word}` in the flags of the compiler: what compiles in an environment cannot write to `{path}`"
        ),
    };
    Warning {
        code: "flag-output".to_owned(),
        message,
        help: Some(
            "name a directory that `writable` has in Cross.toml, or one that `env.volumes` mounts; \
             `cargo rustc -- --emit=…=<path>` writes anywhere"
                .to_owned(),
        ),
    }
}

/// Whether a program that is compiled with this word of a flag writes a profile.
fn instruments(word: &str) -> bool {
    let word = word.replace('_', "-");
    ["instrument-coverage", "profile-generate"]
        .iter()
        .any(|flag| word.contains(flag))
}

/// The warning for profiles that programs write and no run keeps. What they cannot write at all, they
/// say themselves, so that only a place in memory would be lost in silence. A relative path is below
/// the directory of the package, which is no such place.
fn lost_profiles(inputs: &RunInputs) -> Option<Warning> {
    let Some(EnvValue::Plain(file) | EnvValue::Secret(file)) = inputs.env.get(PROFILE_FILE) else {
        return None;
    };
    // The name is a pattern.
    let fixed = file.split('%').next().unwrap_or_default();
    let dir = &fixed[..fixed.rfind('/')?];
    let path = normal(Path::new(if dir.is_empty() { "/" } else { dir }));
    if !path.is_absolute() || is_kept(inputs, &path) {
        return None;
    }
    Some(Warning {
        code: "flag-output".to_owned(),
        message: format!(
            "`{PROFILE_FILE}={file}`: what programs that run in an environment write to `{}` is not kept",
            path.display()
        ),
        help: Some(
            "name a directory that `writable` has in Cross.toml, or one that `env.volumes` mounts"
                .to_owned(),
        ),
    })
}

/// The flags of the variables that a run has.
fn of_variables(inputs: &RunInputs, targets: &[&str]) -> Vec<Vec<String>> {
    let mut lists = Vec::new();
    for key in configured_flags::KEYS.map(str::to_ascii_uppercase) {
        let spaces = &[' ', '\t', '\n'][..];
        let mut names = vec![
            (format!("CARGO_ENCODED_{key}"), &['\u{1f}'][..]),
            (key.clone(), spaces),
            (format!("CARGO_BUILD_{key}"), spaces),
        ];
        names.extend(targets.iter().map(|triple| {
            let triple = triple.to_ascii_uppercase().replace(['-', '.'], "_");
            (format!("CARGO_TARGET_{triple}_{key}"), spaces)
        }));
        for (name, separators) in names {
            if let Some(EnvValue::Plain(text) | EnvValue::Secret(text)) = inputs.env.get(&name) {
                let words = text.split(separators).filter(|word| !word.is_empty());
                lists.push(words.map(str::to_owned).collect());
            }
        }
    }
    lists
}
