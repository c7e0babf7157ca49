//! Cargo's configuration files as far as the front door reads them: found as cargo finds them, merged
//! key by key as cargo merges them.
//!
//! Source: the cargo book, reference/config, and cargo 1.95's own behaviour.

use std::fmt;
use std::path::{Path, PathBuf};

use super::problem;
use crate::model::error::Result;

/// Where a text of configuration comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file, by its absolute path.
    File(PathBuf),
    /// A value of `--config`, in the directory it was given in.
    CommandLine(PathBuf),
}

impl Origin {
    /// What relative paths in it are relative to: the directory that has `.cargo`.
    fn base(&self) -> &Path {
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

/// One text of configuration, parsed.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) origin: Origin,
    pub(crate) table: toml::Table,
}

/// The configuration that is in force, the strongest layer first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Configs {
    layers: Vec<Layer>,
}

/// A value that is a text, or a list of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Texts {
    One(String),
    BatchRequest(Vec<String>),
}

/// The targets that the configuration names where nothing else does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DefaultTargets {
    pub(crate) targets: Vec<String>,
    /// The strongest text that names one.
    pub(crate) origin: Origin,
}

impl Configs {
    /// Parses texts, given strongest first.
    ///
    /// # Errors
    ///
    /// A text that is not TOML.
    #[cfg(test)]
    pub(crate) fn parse<I>(texts: I) -> Result<Configs>
    where
        I: IntoIterator<Item = (Origin, String)>,
    {
        let layers = texts.into_iter().map(|(origin, text)| {
            let table = table(&origin, &text)?;
            Ok(Layer { origin, table })
        });
        layers
            .collect::<Result<_>>()
            .map(|layers| Configs { layers })
    }

    /// Finds the files that cargo would read in `dir`, strongest first: those of `dir` and of the
    /// directories above it, then that of `cargo_home`; each before what it includes.
    ///
    /// `read` answers with a file's text, or `None` where there is no such file.
    ///
    /// # Errors
    ///
    /// A text that is not TOML; an included file that is not there, or that includes itself.
    pub(crate) fn find(
        dir: &Path,
        cargo_home: Option<&Path>,
        read: &dyn Fn(&Path) -> Option<String>,
    ) -> Result<Configs> {
        let mut found = Configs::default();
        let above = dir.ancestors().map(|dir| dir.join(".cargo"));
        let mut places: Vec<PathBuf> = Vec::new();
        for place in above.chain(cargo_home.map(Path::to_owned)) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        for place in places {
            // Where both are there cargo takes the older name.
            let names = ["config", "config.toml"].map(|name| place.join(name));
            let file = names
                .into_iter()
                .find_map(|path| Some((read(&path)?, path)));
            if let Some((text, path)) = file {
                found.add(path, &text, read, &mut Vec::new())?;
            }
        }
        Ok(found)
    }

    /// Adds a file and, weaker than it, what it includes: of several the last is the strongest.
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
        self.layers.push(Layer { origin, table });
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
                    let by = including.last().map(|it| it.display().to_string());
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

    /// With a value of `--config` that is `KEY=VALUE`, stronger than all there is.
    ///
    /// # Errors
    ///
    /// A value that is not TOML.
    pub(crate) fn with_setting(mut self, value: &str, dir: &Path) -> Result<Configs> {
        let origin = Origin::CommandLine(dir.to_owned());
        let table = table(&origin, value)?;
        self.layers.insert(0, Layer { origin, table });
        Ok(self)
    }

    /// With a file that `--config` names, and what it includes, stronger than all there is.
    ///
    /// # Errors
    ///
    /// As [`find`](Configs::find).
    pub(crate) fn with_file(
        mut self,
        path: PathBuf,
        text: &str,
        read: &dyn Fn(&Path) -> Option<String>,
    ) -> Result<Configs> {
        let mut stronger = Configs::default();
        stronger.add(path, text, read, &mut Vec::new())?;
        stronger.layers.append(&mut self.layers);
        Ok(stronger)
    }

    /// The layers of files, without those of the command line.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Path, &toml::Table)> {
        self.layers.iter().filter_map(|layer| match &layer.origin {
            Origin::File(path) => Some((path.as_path(), &layer.table)),
            Origin::CommandLine(_) => None,
        })
    }

    /// A text or a list, merged as cargo merges: the strongest text counts; lists are joined, the
    /// strongest last.
    ///
    /// # Errors
    ///
    /// A value of another type; a text in one layer and a list in another.
    pub(crate) fn texts(&self, table: &str, key: &str) -> Result<Option<Texts>> {
        merged(&self.layers, table, key)
    }

    /// `build.target`.
    ///
    /// # Errors
    ///
    /// As [`texts`](Configs::texts).
    pub(crate) fn default_targets(&self) -> Result<Option<DefaultTargets>> {
        let Some(texts) = self.texts("build", "target")? else {
            return Ok(None);
        };
        let targets = match texts {
            Texts::One(target) => vec![target],
            Texts::BatchRequest(targets) => targets,
        };
        let strongest = self.strongest("build", "target");
        Ok(strongest
            .filter(|_| !targets.is_empty())
            .map(|(layer, _)| DefaultTargets {
                targets: targets.iter().map(|it| located(it, layer)).collect(),
                origin: layer.origin.clone(),
            }))
    }

    /// `build.target-dir`, absolute.
    pub(crate) fn target_dir(&self) -> Option<PathBuf> {
        let (layer, value) = self.strongest("build", "target-dir")?;
        Some(layer.origin.base().join(value.as_str()?))
    }

    fn strongest(&self, table: &str, key: &str) -> Option<(&Layer, &toml::Value)> {
        self.layers
            .iter()
            .find_map(|layer| Some((layer, layer.table.get(table)?.get(key)?)))
    }
}

/// A target's specification is a file, relative as any path of the configuration.
fn located(target: &str, layer: &Layer) -> String {
    if target.ends_with(".json") {
        layer.origin.base().join(target).display().to_string()
    } else {
        target.to_owned()
    }
}

fn table(origin: &Origin, text: &str) -> Result<toml::Table> {
    text.parse()
        .map_err(|error| problem::config(format!("{origin} is not TOML: {error}")))
}

fn merged(layers: &[Layer], table: &str, key: &str) -> Result<Option<Texts>> {
    let mut merged: Option<Texts> = None;
    for layer in layers {
        let Some(value) = layer.table.get(table).and_then(|it| it.get(key)) else {
            continue;
        };
        let texts = Texts::of(value).ok_or_else(|| {
            let message = format!("`{table}.{key}` in {} is no text and no list", layer.origin);
            problem::config(message).with_help("write a string, or an array of strings")
        })?;
        merged = Some(match (merged, texts) {
            (None, texts) => texts,
            (Some(Texts::One(strong)), Texts::One(_)) => Texts::One(strong),
            (Some(Texts::BatchRequest(strong)), Texts::BatchRequest(mut all)) => {
                all.extend(strong);
                Texts::BatchRequest(all)
            }
            _ => {
                let message = format!(
                    "`{table}.{key}` in {} cannot be merged: it is a string in one file and an \
                     array in another",
                    layer.origin
                );
                return Err(problem::config(message).with_help("write both alike"));
            }
        });
    }
    Ok(merged)
}

impl Texts {
    fn of(value: &toml::Value) -> Option<Texts> {
        if let Some(text) = value.as_str() {
            return Some(Texts::One(text.to_owned()));
        }
        let texts = value.as_array()?.iter();
        let texts: Option<_> = texts.map(|it| Some(it.as_str()?.to_owned())).collect();
        texts.map(Texts::BatchRequest)
    }
}

/// What a file includes, and whether it may be missing.
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

    fn paths(configs: &Configs) -> Vec<&str> {
        configs
            .files()
            .map(|(path, _)| path.to_str().unwrap())
            .collect()
    }

    #[test]
    fn files_are_found_from_the_directory_upwards_and_then_in_cargos_home() {
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
    fn cargos_home_above_the_directory_is_read_once() {
        let text =
            |path: &Path| (path == Path::new("/home/u/.cargo/config.toml")).then(String::new);
        let home = Some(Path::new("/home/u/.cargo"));
        let configs = Configs::find(Path::new("/home/u/w"), home, &text).unwrap();
        assert_eq!(configs.layers.len(), 1);
    }

    #[test]
    fn what_is_included_is_weaker_than_the_file_and_stronger_than_those_above() {
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
    fn problems_of_files_name_the_file() {
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
            assert_eq!(found(files).unwrap_err().to_string(), message);
        }
        let error = found(&[("/.cargo/config.toml", "[")]).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("`/.cargo/config.toml` is not TOML: ")
        );
    }

    #[test]
    fn lists_are_joined_and_the_strongest_text_counts() {
        let file = |dir: &str, text: &str| {
            let path = PathBuf::from(format!("{dir}/.cargo/config.toml"));
            (Origin::File(path), text.to_owned())
        };
        let parsed = |strong, weak| Configs::parse([file("/w", strong), file("", weak)]).unwrap();
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
            "`build.target` in `/w/.cargo/config.toml` is no text and no list"
        );
        let none = parsed("build.target = []", "").default_targets().unwrap();
        assert_eq!(none, None);
    }

    #[test]
    fn the_command_line_is_stronger_and_its_paths_are_the_directorys() {
        let configs = found(&[(
            "/w/.cargo/config.toml",
            "build.target = \"specs/a.json\"\nbuild.target-dir = \"out\"",
        )])
        .unwrap();
        let targets = configs.default_targets().unwrap().unwrap().targets;
        assert_eq!(targets, ["/w/specs/a.json"]);
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
