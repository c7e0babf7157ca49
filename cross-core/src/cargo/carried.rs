//! Cargo's configuration as an environment has it: of every file that cargo reads, what holds for a
//! target's build.
//!
//! A file that a run finds by its place is left there, or replaced by a text. Everything else is
//! merged into one file in the cargo home, which has the lowest precedence. Of the files that are
//! merged, none has a higher precedence than one that is found.

mod holds;

use std::path::{Path, PathBuf};

use crate::cargo::cli::configs::{Configs, Layer, Origin};
use crate::cargo::config;
use crate::cargo::named_paths::NamedPaths;
use crate::model::redact;
use cross_engine::os;

pub(crate) use holds::{KeptProgram, LeftOut, Why};

/// Where the files are looked for, and what a run sees of them.
pub(crate) struct Surroundings<'a> {
    /// All that cargo reads: its files, and what the command line adds to them.
    pub(crate) configs: &'a Configs,
    /// The directory of the request, where cargo looks for its files.
    pub(crate) dir: &'a Path,
    /// The directory of the run.
    pub(crate) inside_dir: &'a Path,
    pub(crate) cargo_home: &'a Path,
    /// The directories of the sources, which a run sees.
    pub(crate) roots: Vec<&'a Path>,
    /// The triple of the host.
    pub(crate) host: &'a str,
    /// The triple of the target.
    pub(crate) target: &'a str,
    /// Whether the name of a table is a condition `cfg(…)` that holds for the target.
    pub(crate) holds: &'a dyn Fn(&str) -> bool,
    /// Whether a linker and a runner that the sources name may be those of the environment, as with
    /// an image of the user's.
    pub(crate) keeps_programs: bool,
    /// Whether a variable of the environment sets the linker of the target, and that of the host.
    pub(crate) sets_linkers: bool,
}

/// Cargo's configuration as an environment has it.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    /// The text of the file in the cargo home; empty if there is nothing to say.
    pub(crate) text: String,
    /// The files that are replaced by others: the real path, and the text that a run sees.
    pub(crate) replaced: Vec<(PathBuf, String)>,
    /// The directories that the configuration names.
    pub(crate) named: NamedPaths,
    /// What does not hold in the environment.
    pub(crate) left_out: Vec<LeftOut>,
    /// Whether a file that a run sees names a runner that does not hold.
    pub(crate) shows_runner: bool,
    /// Whether a file that a run sees names a directory for what is compiled.
    pub(crate) shows_build_dir: bool,
    /// What of the command line names a runner of the target.
    pub(crate) runner: Option<String>,
    /// The linkers and runners that hold unless a variable overrides them.
    pub(crate) programs: Vec<KeptProgram>,
    /// The address that replaces that of a registry, if it has a password or a token; as it may be
    /// shown.
    pub(crate) secret_replacement: Option<String>,
}

impl Carried {
    /// Takes what holds of all files that cargo reads in the directory of the request.
    pub(crate) fn of(around: &Surroundings<'_>) -> Self {
        let configs = around.configs;
        let mut carried = Carried {
            secret_replacement: secret_replacement(configs),
            named: NamedPaths::of(configs),
            ..Carried::default()
        };
        carried.command_line(around);
        let mut home = toml::Table::new();
        let mut found = Vec::new();
        for layers in configs.layers().chunk_by(|a, b| a.top == b.top) {
            let Some(top) = &layers[0].top else {
                continue;
            };
            if around.finds(top) {
                found.push(top);
                let mut own = toml::Table::new();
                let before = carried.left_out.len();
                for layer in layers {
                    merge(&mut own, carried.holds(layer, around));
                }
                let left_out = &carried.left_out[before..];
                let has = |why: &Why| left_out.iter().any(|it| it.why == *why);
                // A file that git knows is not changed without need: it would call the checkout
                // dirty. Variables override what they can.
                let is_replaced = !layers.iter().all(|layer| around.sees(layer))
                    || has(&Why::HostTable)
                    || has(&Why::Linker) && !around.sets_linkers;
                if is_replaced {
                    carried.replace(top, config::written(&own));
                } else {
                    let (runner, build_dir) = (has(&Why::Runner), has(&Why::BuildDir));
                    carried.shows_runner |= runner;
                    carried.shows_build_dir |= build_dir;
                }
            } else {
                for layer in layers {
                    merge(&mut home, carried.holds(layer, around));
                }
            }
        }
        carried.hide_others(&found, around);
        carried.text = config::written(&home);
        carried
    }

    /// Notes what of the command line's configuration matters. It reaches cargo as it is.
    fn command_line(&mut self, around: &Surroundings<'_>) {
        let added = around.configs.of_command_line();
        self.runner = runner_in(added, &|name| around.is_targets(name));
        for (origin, table) in around.configs.of_command_line() {
            if table
                .get("build")
                .is_some_and(|it| it.get("build-dir").is_some())
            {
                self.left_out.push(LeftOut {
                    key: "build.build-dir".to_owned(),
                    file: origin.file().unwrap_or(Path::new("--config")).to_owned(),
                    why: Why::BuildDir,
                });
            }
        }
    }

    /// Hides the files that a run would find and cargo does not find on the host: those of the
    /// workspace, if the request's directory is elsewhere.
    fn hide_others(&mut self, found: &[&PathBuf], around: &Surroundings<'_>) {
        if around.dir == around.inside_dir {
            return;
        }
        for dir in around.inside_dir.ancestors() {
            for name in ["config", "config.toml"] {
                let path = dir.join(".cargo").join(name);
                if path.is_file() && around.finds(&path) && !found.contains(&&path) {
                    self.replace(&path, String::new());
                }
            }
        }
    }

    fn replace(&mut self, path: &Path, text: String) {
        let real = os::canonical(path).unwrap_or_else(|_| path.to_owned());
        self.replaced.push((real, text));
    }
}

impl Surroundings<'_> {
    /// Whether the table `target.<name>` is for the target.
    fn is_targets(&self, name: &str) -> bool {
        name == self.target || (self.holds)(name)
    }

    /// Whether cargo in a run finds the file by its place.
    fn finds(&self, path: &Path) -> bool {
        let dir = path.parent().and_then(Path::parent);
        let is_above = dir.is_some_and(|dir| self.inside_dir.starts_with(dir));
        let is_home = path.parent() == Some(self.cargo_home);
        is_above && !is_home && self.is_below_roots(path)
    }

    /// Whether the file is no link to a place that a run does not see.
    fn sees(&self, layer: &Layer) -> bool {
        let Some(path) = layer.origin.file().filter(|path| self.is_below_roots(path)) else {
            return false;
        };
        let real = os::canonical(path);
        real.is_ok_and(|real| {
            let mut roots = self
                .roots
                .iter()
                .filter_map(|root| os::canonical(root).ok());
            roots.any(|root| real.starts_with(root))
        })
    }

    fn is_below_roots(&self, path: &Path) -> bool {
        self.roots.iter().any(|root| path.starts_with(root))
    }
}

/// The origin of the first table that names a runner, of those that `is_targets` says are the
/// target's.
pub(crate) fn runner_in<'a>(
    tables: impl Iterator<Item = (&'a Origin, &'a toml::Table)>,
    is_targets: &dyn Fn(&str) -> bool,
) -> Option<String> {
    let mut tables = tables;
    let found = tables.find(|(_, table)| {
        let targets = table.get("target").and_then(toml::Value::as_table);
        let mut targets = targets.into_iter().flatten();
        targets.any(|(name, table)| table.get("runner").is_some() && is_targets(name))
    });
    found.map(|(origin, _)| origin.to_string())
}

/// Adds a table of a lower precedence as cargo does: tables are merged, and lists are joined, that
/// of the higher precedence last.
fn merge(higher: &mut toml::Table, lower: toml::Table) {
    for (key, value) in lower {
        match (higher.get_mut(&key), value) {
            (None, value) => drop(higher.insert(key, value)),
            (Some(toml::Value::Table(higher)), toml::Value::Table(lower)) => merge(higher, lower),
            // A program with its arguments is no list of values.
            (Some(toml::Value::Array(higher)), toml::Value::Array(mut all)) if key != "runner" => {
                all.append(higher);
                *higher = all;
            }
            _ => {}
        }
    }
}

fn secret_replacement(configs: &Configs) -> Option<String> {
    let mut table = toml::Table::new();
    for layer in configs.layers() {
        let mut of_layer = layer.table.clone();
        of_layer.retain(|key, _| key == "source" || key == "registries");
        merge(&mut table, of_layer);
    }
    let tables = ["source", "registries"].map(|name| table.get(name));
    let entry = |name: &str| tables.iter().find_map(|table| table.as_ref()?.get(name));
    let sources = tables[0].and_then(toml::Value::as_table);
    let replacing = sources.into_iter().flatten().filter_map(|(_, source)| {
        let entry = entry(source.get("replace-with")?.as_str()?)?;
        entry.get("registry").or(entry.get("index"))?.as_str()
    });
    let mut secret = replacing.filter(|url| redact::strip(url) != *url);
    secret.next().map(|url| redact::redact(url).into_owned())
}

#[cfg(test)]
mod tests;
