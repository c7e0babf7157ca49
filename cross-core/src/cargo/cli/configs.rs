//! Cargo's configuration files, found and merged as cargo does.
//!
//! Only the keys that command lines need are merged. Source: the cargo book, reference/config, and
//! the behaviour of cargo 1.95.

use std::fmt;
use std::path::{Path, PathBuf};

use super::problem;
use crate::model::error::Result;

/// The origin of a configuration text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file, by its absolute path.
    File(PathBuf),
    /// A value of `--config`, with the directory of the command.
    CommandLine(PathBuf),
}

impl Origin {
    /// The path of a file.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Origin::File(path) => Some(path),
            Origin::CommandLine(_) => None,
        }
    }

    /// The directory to which paths are relative: for a file, the directory that contains `.cargo`.
    pub(crate) fn base(&self) -> &Path {
        match self {
            Origin::File(path) => path.parent().and_then(Path::parent).unwrap_or(path),
            Origin::CommandLine(dir) => dir,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File(path) => write!(f, "`{}`", path.display()),
            Origin::CommandLine(_) => f.write_str("`--config`"),
        }
    }
}

/// A parsed configuration text.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) origin: Origin,
    /// The file that cargo finds by its place: this one, or one that includes it. `None` for what
    /// the command line adds.
    pub(crate) top: Option<PathBuf>,
    pub(crate) table: toml::Table,
}

/// The configuration, with the layer of the highest precedence first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Configs {
    layers: Vec<Layer>,
}

/// A value that is a string or a list of strings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StringOrList {
    String(String),
    List(Vec<String>),
}

/// The targets of `build.target`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DefaultTargets {
    pub(crate) targets: Vec<String>,
    /// The origin with the highest precedence that has the key.
    pub(crate) origin: Origin,
}

impl Configs {
    /// Parses texts, the highest precedence first.
    ///
    /// # Errors
    ///
    /// If a text is not TOML.
    #[cfg(test)]
    pub(crate) fn parse<I>(texts: I) -> Result<Configs>
    where
        I: IntoIterator<Item = (Origin, String)>,
    {
        let layers = texts.into_iter().map(|(origin, text)| {
            let table = table(&origin, &text)?;
            let top = origin.file().map(Path::to_owned);
            Ok(Layer { origin, top, table })
        });
        layers
            .collect::<Result<_>>()
            .map(|layers| Configs { layers })
    }

    /// Finds the files that cargo would read in `dir`, the highest precedence first: the files of
    /// `dir` and of the directories above it, then the file of `cargo_home`. A file precedes those
    /// it includes.
    ///
    /// `read` returns the text of a file, or `None` if there is no such file.
    ///
    /// # Errors
    ///
    /// If a file is not TOML, or an included file does not exist or includes itself.
    pub(crate) fn find(
        dir: &Path,
        cargo_home: Option<&Path>,
        read: &dyn Fn(&Path) -> Option<String>,
    ) -> Result<Configs> {
        let mut found = Configs::default();
        let above = dir.ancestors().map(|dir| dir.join(".cargo"));
        let mut dirs: Vec<PathBuf> = Vec::new();
        for dir in above.chain(cargo_home.map(Path::to_owned)) {
            if !dirs.contains(&dir) {
                dirs.push(dir);
            }
        }
        for dir in dirs {
            // If both exist, cargo reads the older name.
            let names = ["config", "config.toml"].map(|name| dir.join(name));
            let file = names
                .into_iter()
                .find_map(|path| Some((read(&path)?, path)));
            if let Some((text, path)) = file {
                found.add(path, &text, read, &mut Vec::new())?;
            }
        }
        Ok(found)
    }

    /// Adds a file, and then the files it includes, the last one first.
    fn add(
        &mut self,
        path: PathBuf,
        text: &str,
        read: &dyn Fn(&Path) -> Option<String>,
        including: &mut Vec<PathBuf>,
    ) -> Result<()> {
        let origin = Origin::File(path.clone());
        let table = table(&origin, text)?;
        let included = includes(&table, &path)?;
        let top = Some(including.first().unwrap_or(&path).clone());
        self.layers.push(Layer { origin, top, table });
        including.push(path);
        for (file, optional) in included.into_iter().rev() {
            if including.contains(&file) {
                let message = format!("`{}` includes itself", file.display());
                return Err(problem::config(message));
            }
            match read(&file) {
                Some(text) => self.add(file, &text, read, including)?,
                None if optional => {}
                None => {
                    let by = including.last().map(|path| path.display().to_string());
                    let message = format!(
                        "`{}`, which `{}` includes, cannot be read",
                        file.display(),
                        by.unwrap_or_default()
                    );
                    return Err(problem::config(message));
                }
            }
        }
        including.pop();
        Ok(())
    }

    /// Adds a setting, a value `KEY=VALUE` of `--config`, with the highest precedence.
    ///
    /// # Errors
    ///
    /// If the value is not TOML.
    pub(crate) fn with_setting(mut self, value: &str, dir: &Path) -> Result<Configs> {
        let origin = Origin::CommandLine(dir.to_owned());
        let table = table(&origin, value)?;
        let top = None;
        self.layers.insert(0, Layer { origin, top, table });
        Ok(self)
    }

    /// Adds a file that `--config` names, and the files it includes, with the highest precedence.
    ///
    /// # Errors
    ///
    /// As for [`find`](Configs::find).
    pub(crate) fn with_file(
        mut self,
        path: PathBuf,
        text: &str,
        read: &dyn Fn(&Path) -> Option<String>,
    ) -> Result<Configs> {
        let mut configs = Configs::default();
        configs.add(path, text, read, &mut Vec::new())?;
        // Cargo does not find it by its place.
        configs.layers.iter_mut().for_each(|layer| layer.top = None);
        configs.layers.append(&mut self.layers);
        Ok(configs)
    }

    /// The files, without the settings of the command line.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Path, &toml::Table)> {
        let layers = self.layers.iter();
        layers.filter_map(|layer| Some((layer.origin.file()?, &layer.table)))
    }

    /// All layers, the highest precedence first.
    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// All settings, each with the directory to which its paths are relative.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (&Path, &toml::Table)> {
        let layers = self.layers.iter();
        layers.map(|layer| (layer.origin.base(), &layer.table))
    }

    /// A string or a list, merged as cargo merges. The string with the highest precedence is taken.
    /// Lists are joined, the highest precedence last.
    ///
    /// # Errors
    ///
    /// If a value has another type, or is a string in one layer and a list in another.
    pub(crate) fn string_or_list(&self, table: &str, key: &str) -> Result<Option<StringOrList>> {
        merged(&self.layers, table, key)
    }

    /// The targets of `build.target`.
    ///
    /// # Errors
    ///
    /// As for [`string_or_list`](Configs::string_or_list).
    pub(crate) fn default_targets(&self) -> Result<Option<DefaultTargets>> {
        let targets = match self.string_or_list("build", "target")? {
            Some(StringOrList::String(target)) => vec![target],
            Some(StringOrList::List(targets)) => targets,
            None => return Ok(None),
        };
        let first = self.first("build", "target");
        Ok(first
            .filter(|_| !targets.is_empty())
            .map(|(layer, _)| DefaultTargets {
                targets: targets
                    .iter()
                    .map(|target| absolute_target(target, layer))
                    .collect(),
                origin: layer.origin.clone(),
            }))
    }

    /// The absolute path of `build.target-dir`.
    pub(crate) fn target_dir(&self) -> Option<PathBuf> {
        let (layer, value) = self.first("build", "target-dir")?;
        Some(layer.origin.base().join(value.as_str()?))
    }

    /// The settings of the command line, and of the files that it names.
    pub(crate) fn of_command_line(&self) -> impl Iterator<Item = (&Origin, &toml::Table)> {
        let added = self.layers.iter().filter(|layer| layer.top.is_none());
        added.map(|layer| (&layer.origin, &layer.table))
    }

    /// Whether the command line sets a directory for what is compiled.
    pub(crate) fn sets_build_dir(&self) -> bool {
        let mut tables = self.of_command_line();
        tables.any(|(_, table)| {
            table
                .get("build")
                .is_some_and(|it| it.get("build-dir").is_some())
        })
    }

    /// The absolute path of the directory for final artifacts. `variable` returns the value of a
    /// variable, which takes precedence over files, and not over the command line.
    pub(crate) fn artifact_dir(
        &self,
        dir: &Path,
        variable: impl Fn(&str) -> Option<PathBuf>,
    ) -> Option<PathBuf> {
        // Cargo before 1.83 calls it so.
        ["artifact-dir", "out-dir"].iter().find_map(|key| {
            let name = format!("CARGO_BUILD_{}", key.to_ascii_uppercase().replace('-', "_"));
            let file = self.first("build", key);
            let set = variable(&name).map(|path| dir.join(path));
            match file {
                Some((layer, value)) if layer.top.is_none() || set.is_none() => {
                    Some(layer.origin.base().join(value.as_str()?))
                }
                _ => set,
            }
        })
    }

    /// The layer with the highest precedence that has the key, and its value.
    fn first(&self, table: &str, key: &str) -> Option<(&Layer, &toml::Value)> {
        self.layers
            .iter()
            .find_map(|layer| Some((layer, layer.table.get(table)?.get(key)?)))
    }
}

/// The target; the path of a target specification is made absolute.
fn absolute_target(target: &str, layer: &Layer) -> String {
    if target.ends_with(".json") {
        layer.origin.base().join(target).display().to_string()
    } else {
        target.to_owned()
    }
}

fn table(origin: &Origin, text: &str) -> Result<toml::Table> {
    text.parse().map_err(|error| {
        let help = match origin.file() {
            Some(_) => "correct the line: cargo itself cannot read the file either",
            None => "`--config` takes `KEY=VALUE` in TOML, or the path of a file that exists",
        };
        problem::config(format!("{origin} is not TOML: {error}")).with_help(help)
    })
}

fn merged(layers: &[Layer], table: &str, key: &str) -> Result<Option<StringOrList>> {
    let mut merged: Option<StringOrList> = None;
    for layer in layers {
        let Some(value) = layer.table.get(table).and_then(|table| table.get(key)) else {
            continue;
        };
        let value = StringOrList::parse(value).ok_or_else(|| {
            let message = format!(
                "`{table}.{key}` in {} is neither a string nor a list",
                layer.origin
            );
            problem::config(message).with_help("write a string, or an array of strings")
        })?;
        merged = Some(match (merged, value) {
            (None, value) => value,
            (Some(StringOrList::String(higher)), StringOrList::String(_)) => {
                StringOrList::String(higher)
            }
            (Some(StringOrList::List(higher)), StringOrList::List(mut all)) => {
                all.extend(higher);
                StringOrList::List(all)
            }
            _ => {
                let message = format!(
                    "`{table}.{key}` in {} cannot be merged: it is a string in one file and an \
                     array in another",
                    layer.origin
                );
                return Err(problem::config(message).with_help("use one type in all files"));
            }
        });
    }
    Ok(merged)
}

impl StringOrList {
    fn parse(value: &toml::Value) -> Option<Self> {
        if let Some(text) = value.as_str() {
            return Some(StringOrList::String(text.to_owned()));
        }
        let values = value.as_array()?.iter();
        let texts: Option<_> = values.map(|text| Some(text.as_str()?.to_owned())).collect();
        texts.map(StringOrList::List)
    }
}

/// The files that a file includes, and whether each is optional.
fn includes(table: &toml::Table, path: &Path) -> Result<Vec<(PathBuf, bool)>> {
    let dir = path.parent().unwrap_or(path);
    let entries = match table.get("include") {
        None => return Ok(Vec::new()),
        Some(toml::Value::Array(entries)) => entries.iter().collect(),
        Some(entry) => vec![entry],
    };
    let included = entries.into_iter().map(|entry| {
        let file = entry.as_str().or_else(|| entry.get("path")?.as_str());
        let optional = entry.get("optional").and_then(toml::Value::as_bool);
        file.map(|file| (dir.join(file), optional.unwrap_or(false)))
            .ok_or_else(|| {
                problem::config(format!("`include` in `{}` names no file", path.display()))
            })
    });
    included.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn found(files: &[(&str, &str)]) -> Result<Configs> {
        let files: BTreeMap<PathBuf, String> = files
            .iter()
            .map(|(path, text)| (path.into(), (*text).to_owned()))
            .collect();
        Configs::find(
            Path::new("/w/app"),
            Some(Path::new("/home/u/.cargo")),
            &|path| files.get(path).cloned(),
        )
    }

    /// A path that was composed on this system, as Unix would.
    fn with_slashes(path: &str) -> String {
        path.replace(std::path::MAIN_SEPARATOR, "/")
    }

    fn paths(configs: &Configs) -> Vec<String> {
        configs
            .files()
            .map(|(path, _)| with_slashes(path.to_str().unwrap()))
            .collect()
    }

    #[test]
    fn files_are_found_in_parent_directories_and_then_in_cargo_home() {
        let configs = found(&[
            ("/home/u/.cargo/config.toml", ""),
            ("/.cargo/config.toml", ""),
            ("/w/.cargo/config", ""),
            ("/w/.cargo/config.toml", "this one is not read"),
            ("/w/app/.cargo/config.toml", ""),
            ("/w/app/src/.cargo/config.toml", ""),
        ]);
        assert_eq!(
            paths(&configs.unwrap()),
            [
                "/w/app/.cargo/config.toml",
                "/w/.cargo/config",
                "/.cargo/config.toml",
                "/home/u/.cargo/config.toml",
            ]
        );
    }

    #[test]
    fn cargo_home_above_the_directory_is_read_once() {
        let text =
            |path: &Path| (path == Path::new("/home/u/.cargo/config.toml")).then(String::new);
        let home = Some(Path::new("/home/u/.cargo"));
        let configs = Configs::find(Path::new("/home/u/w"), home, &text).unwrap();
        assert_eq!(configs.layers.len(), 1);
    }

    #[test]
    fn included_files_rank_between_the_file_and_the_files_above() {
        let configs = found(&[
            (
                "/w/app/.cargo/config.toml",
                "include = [\"a.toml\", { path = \"none.toml\", optional = true }, \"sub/b.toml\"]",
            ),
            ("/w/app/.cargo/a.toml", "build.target = \"a\""),
            ("/w/app/.cargo/sub/b.toml", "build.target = \"b\""),
            ("/w/.cargo/config.toml", "build.target = \"above\""),
        ])
        .unwrap();
        assert_eq!(
            paths(&configs),
            [
                "/w/app/.cargo/config.toml",
                "/w/app/.cargo/sub/b.toml",
                "/w/app/.cargo/a.toml",
                "/w/.cargo/config.toml",
            ]
        );
        let targets = configs.default_targets().unwrap().unwrap();
        assert_eq!(targets.targets, ["b"]);
    }

    #[test]
    fn errors_name_the_file() {
        for (files, message) in [
            (
                &[("/w/app/.cargo/config.toml", "include = \"a.toml\"")][..],
                "`/w/app/.cargo/a.toml`, which `/w/app/.cargo/config.toml` includes, cannot be read",
            ),
            (
                &[
                    ("/w/app/.cargo/config.toml", "include = \"a.toml\""),
                    ("/w/app/.cargo/a.toml", "include = [\"config.toml\"]"),
                ],
                "`/w/app/.cargo/config.toml` includes itself",
            ),
            (
                &[("/w/app/.cargo/config.toml", "include = [3]")],
                "`include` in `/w/app/.cargo/config.toml` names no file",
            ),
        ] {
            let error = found(files).unwrap_err().to_string();
            assert_eq!(with_slashes(&error), message);
        }
        let error = found(&[("/.cargo/config.toml", "[")]).unwrap_err();
        assert!(
            with_slashes(&error.to_string()).starts_with("`/.cargo/config.toml` is not TOML: ")
        );
    }

    #[test]
    fn lists_are_joined_and_the_first_string_is_taken() {
        let file = |dir: &str, text: &str| {
            let path = PathBuf::from(format!("{dir}/.cargo/config.toml"));
            (Origin::File(path), text.to_owned())
        };
        let parsed = |first, second| Configs::parse([file("/w", first), file("", second)]).unwrap();
        let configs = parsed("build.target = [\"c\"]", "build.target = [\"a\", \"b\"]");
        let targets = configs.default_targets().unwrap().unwrap();
        assert_eq!(targets.targets, ["a", "b", "c"]);
        assert_eq!(targets.origin.to_string(), "`/w/.cargo/config.toml`");
        let configs = parsed("build.target = \"c\"", "build.target = \"a\"");
        assert_eq!(configs.default_targets().unwrap().unwrap().targets, ["c"]);
        let error = parsed("build.target = \"c\"", "build.target = [\"a\"]")
            .default_targets()
            .unwrap_err();
        assert!(error.to_string().contains("cannot be merged"), "{error}");
        let error = parsed("build.target = 3", "")
            .default_targets()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`build.target` in `/w/.cargo/config.toml` is neither a string nor a list"
        );
        let none = parsed("build.target = []", "").default_targets().unwrap();
        assert_eq!(none, None);
    }

    #[test]
    fn the_command_line_has_precedence_and_its_paths_are_relative_to_the_directory() {
        let configs = found(&[(
            "/w/.cargo/config.toml",
            "build.target = \"specs/a.json\"\nbuild.target-dir = \"out\"",
        )])
        .unwrap();
        let targets = configs.default_targets().unwrap().unwrap().targets;
        assert_eq!(with_slashes(&targets[0]), "/w/specs/a.json");
        assert_eq!(configs.target_dir(), Some("/w/out".into()));
        let dir = Path::new("/w/app");
        let values = [
            "build.target=\"x\"",
            "build.target=\"y\"",
            "build.target-dir=\"z\"",
        ];
        let configs = values.iter().fold(configs, |configs, value| {
            configs.with_setting(value, dir).unwrap()
        });
        let targets = configs.default_targets().unwrap().unwrap();
        assert_eq!(targets.targets, ["y"]);
        assert_eq!(targets.origin, Origin::CommandLine(dir.into()));
        assert_eq!(configs.target_dir(), Some("/w/app/z".into()));
        let error = Configs::default().with_setting("=1", dir).unwrap_err();
        assert!(error.to_string().starts_with("`--config` is not TOML: "));
    }
}
