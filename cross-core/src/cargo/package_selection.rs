//! The packages that a build selects, and the one whose configuration applies.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cargo::cli::command_line::CommandLine;
use crate::cargo::cli::flags::Flag;
use crate::cargo::json::{Metadata, Package};
use crate::model::hash::short_hash;

/// The packages that a request names.
#[derive(Clone, Debug, Default)]
pub(crate) struct PackageSelection {
    /// The package ID specifications of `--package`.
    pub(crate) packages: Vec<String>,
    /// Whether all packages of the workspace are selected (`--workspace`).
    pub(crate) workspace: bool,
    /// The package ID specifications of `--exclude`.
    pub(crate) excluded: Vec<String>,
}

/// A package of the workspace, as far as its selection and its configuration go.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) name: String,
    version: String,
    pub(crate) manifest: PathBuf,
    /// Whether cargo builds it if no package is named.
    is_default: bool,
    /// The hash of its `[package.metadata.cross]`. Empty if it has none.
    metadata: String,
    /// Whether it depends on this library, as an xtask does, itself or by another package of the
    /// workspace.
    pub(crate) uses_cross: bool,
}

/// The package whose configuration applies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConfiguredPackage {
    /// Its manifest; `None` if no package is selected.
    pub(crate) manifest: Option<PathBuf>,
    /// The names of all built packages whose configurations differ, that of the manifest first.
    /// Empty unless there are several.
    pub(crate) ambiguous: Vec<String>,
}

impl PackageSelection {
    /// The packages that a command line names.
    pub(crate) fn of(line: &CommandLine) -> Self {
        let texts = |flag| line.texts(flag).map(str::to_owned).collect();
        PackageSelection {
            packages: texts(Flag::Package),
            workspace: line.has(Flag::Workspace),
            excluded: texts(Flag::Exclude),
        }
    }

    /// The packages that arguments of a subcommand name; none if cargo would refuse the arguments.
    pub(crate) fn of_arguments(arguments: &[String]) -> Self {
        let build = "build".to_owned();
        let words = std::iter::once(&build).chain(arguments).map(OsString::from);
        let line = CommandLine::parse(words);
        line.map_or_else(|_| PackageSelection::default(), |line| Self::of(&line))
    }
}

impl Member {
    /// The packages of a workspace, in cargo's order. `here` is the manifest that cargo is called
    /// for.
    pub(crate) fn all(metadata: &Metadata, here: &Path) -> Vec<Member> {
        let members = metadata.workspace_packages();
        let users = users_of_cross(members.clone());
        let members = members.map(|package| Member {
            name: package.name.clone(),
            version: package.version.clone(),
            manifest: package.manifest_path.clone(),
            // Cargo before 1.71 does not name the default packages.
            is_default: metadata
                .is_default(package)
                .unwrap_or(package.manifest_path == here),
            metadata: configuration(package),
            uses_cross: package.dir().is_some_and(|dir| users.contains(dir)),
        });
        members.collect()
    }

    /// Whether the request builds it for its own sake.
    pub(crate) fn is_selected(&self, selection: &PackageSelection) -> bool {
        let named = |specs: &[String]| specs.iter().any(|spec| self.is_named_by(spec));
        if selection.workspace {
            return !named(&selection.excluded);
        }
        match selection.packages.is_empty() {
            true => self.is_default,
            false => named(&selection.packages),
        }
    }

    /// Whether the package ID specification names the package, by cargo's rules: a name or pattern,
    /// optionally with a version (`app@0.1`), or the URL of its directory, optionally with a name
    /// and version (`path+file:///w/app#app@0.1.0`).
    fn is_named_by(&self, spec: &str) -> bool {
        let Some((_, url)) = spec.split_once("file://") else {
            return self.is_named(spec);
        };
        let (path, fragment) = url.split_once('#').unwrap_or((url, ""));
        let path = path.split('?').next().unwrap_or_default();
        self.manifest.parent() == Some(Path::new(&decoded(path)))
            && (fragment.is_empty() || self.is_version(fragment) || self.is_named(fragment))
    }

    fn is_named(&self, spec: &str) -> bool {
        match spec.split_once(['@', ':']) {
            Some((name, version)) => name == self.name && self.is_version(version),
            None => is_match(spec.as_bytes(), self.name.as_bytes()),
        }
    }

    /// Whether `version` is the package's, or the beginning of it: `0.1`.
    fn is_version(&self, version: &str) -> bool {
        let rest = self.version.strip_prefix(version);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '+']))
    }
}

/// The built package whose configuration applies: the first that has some, else the first.
pub(crate) fn configured(members: &[Member], selection: &PackageSelection) -> ConfiguredPackage {
    // A cargo script has its manifest in a comment.
    let has_file = |member: &&Member| member.manifest.extension().is_some_and(|it| it == "toml");
    let built = members.iter().filter(has_file);
    let built = built.filter(|member| member.is_selected(selection));
    let mut with_metadata = built.clone().filter(|member| !member.metadata.is_empty());
    let Some(first) = with_metadata.next() else {
        return ConfiguredPackage {
            manifest: built.map(|member| member.manifest.clone()).next(),
            ambiguous: Vec::new(),
        };
    };
    let others = with_metadata.filter(|member| member.metadata != first.metadata);
    let mut ambiguous: Vec<_> = others.map(|member| member.name.clone()).collect();
    if !ambiguous.is_empty() {
        ambiguous.insert(0, first.name.clone());
    }
    ConfiguredPackage {
        manifest: Some(first.manifest.clone()),
        ambiguous,
    }
}

/// The directories of the packages that depend on this library, also by others of these.
fn users_of_cross<'a>(packages: impl Iterator<Item = &'a Package> + Clone) -> BTreeSet<&'a Path> {
    let mut users: BTreeSet<&Path> = BTreeSet::new();
    loop {
        let uses_cross = |package: &&Package| {
            package.dependencies.iter().any(|dependency| {
                let is_cross = dependency.name == env!("CARGO_PKG_NAME");
                let path = dependency.path.as_deref();
                let is_user = is_cross || path.is_some_and(|path| users.contains(path));
                is_user && dependency.kind.is_none()
            })
        };
        let found: Vec<_> = packages.clone().filter(uses_cross).collect();
        let known = users.len();
        users.extend(found.into_iter().filter_map(Package::dir));
        if users.len() == known {
            return users;
        }
    }
}

fn configuration(package: &Package) -> String {
    let metadata = package.metadata.get("cross");
    metadata.map_or_else(String::new, |cross| short_hash(&cross.to_string(), 16))
}

/// Whether the pattern with `*` and `?` matches the name.
pub(crate) fn is_match(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => {
            is_match(rest, name) || !name.is_empty() && is_match(pattern, &name[1..])
        }
        ([b'?', rest @ ..], [_, name @ ..]) => is_match(rest, name),
        ([one, rest @ ..], [letter, name @ ..]) => one == letter && is_match(rest, name),
        _ => false,
    }
}

/// The path of a URL, without percent-encoding.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let code = after
            .get(..2)
            .and_then(|code| std::str::from_utf8(code).ok());
        let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        match (first, code) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, metadata: &str) -> Member {
        Member {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            manifest: PathBuf::from(format!("/w w/{name}/Cargo.toml")),
            is_default: name == "app",
            metadata: metadata.to_owned(),
            uses_cross: false,
        }
    }

    #[test]
    fn a_package_uses_cross_also_by_another_of_the_workspace() {
        let package = |name: &str, dependencies: &[(&str, Option<&str>)]| {
            let dependencies = dependencies.iter().map(|(dependency, kind)| {
                let is_member = *dependency != "cross-core";
                let path = is_member.then(|| format!("/w/{dependency}"));
                serde_json::json!({"name": dependency, "kind": kind, "path": path})
            });
            serde_json::json!({
                "id": name, "name": name, "version": "0.1.0", "source": null, "targets": [],
                "manifest_path": format!("/w/{name}/Cargo.toml"),
                "dependencies": dependencies.collect::<Vec<_>>(),
            })
        };
        let metadata = serde_json::json!({
            "packages": [
                package("app", &[("lib", None)]),
                package("lib", &[("xtask", Some("dev"))]),
                package("release", &[("cross-core", None)]),
                package("xtask", &[("lib", None), ("steps", None)]),
                package("steps", &[("release", None)]),
                package("tool", &[("cross-core", Some("build"))]),
            ],
            "workspace_members": ["app", "lib", "release", "xtask", "steps", "tool"],
            "workspace_root": "/w",
            "target_directory": "/w/target",
        });
        let metadata = Metadata::parse(&metadata.to_string()).unwrap();
        let members = Member::all(&metadata, Path::new("/w/app/Cargo.toml"));
        let users = members.iter().filter(|member| member.uses_cross);
        let users: Vec<_> = users.map(|member| member.name.as_str()).collect();
        assert_eq!(users, ["release", "xtask", "steps"]);
    }

    fn packages(specs: &[&str]) -> PackageSelection {
        PackageSelection {
            packages: specs.iter().map(|&spec| spec.to_owned()).collect(),
            ..PackageSelection::default()
        }
    }

    #[test]
    fn a_package_is_named_as_cargo_names_it() {
        let app = member("app", "");
        for spec in [
            "app",
            "app@0.1.0",
            "app@0.1",
            "app:0.1.0",
            "a*",
            "*",
            "?pp",
            "path+file:///w%20w/app#app@0.1.0",
            "path+file:///w%20w/app#0.1.0",
            "path+file:///w%20w/app#app",
            "path+file:///w%20w/app",
            "file:///w%20w/app",
        ] {
            assert!(app.is_named_by(spec), "{spec}");
        }
        for spec in [
            "ap",
            "app2",
            "app@0.2",
            "app@0.1.00",
            "b*",
            "??",
            "",
            "path+file:///w%20w/lib#app@0.1.0",
            "path+file:///w%20w/app#lib@0.1.0",
            "path+file:///w%20w/app#0.2.0",
            "https://a.invalid/app#app@0.1.0",
        ] {
            assert!(!app.is_named_by(spec), "{spec}");
        }
    }

    fn chosen(members: &[Member], selection: &PackageSelection) -> (String, Vec<String>) {
        let configured = configured(members, selection);
        let manifest = configured.manifest.unwrap_or_default();
        let dir = manifest.parent().and_then(Path::file_name);
        let name = dir.map(|name| name.to_string_lossy().into_owned());
        (name.unwrap_or_default(), configured.ambiguous)
    }

    #[test]
    fn the_built_package_that_has_a_configuration_is_chosen() {
        let members = [member("app", ""), member("lib", "x"), member("tool", "y")];
        let none = Vec::<String>::new();
        let one = |name: &str| (name.to_owned(), none.clone());
        assert_eq!(chosen(&members, &packages(&[])), one("app"));
        assert_eq!(chosen(&members, &packages(&["app", "tool"])), one("tool"));
        assert_eq!(chosen(&members, &packages(&["lib"])), one("lib"));
        assert_eq!(chosen(&members, &packages(&["other"])), one(""));
        let mut all = PackageSelection {
            workspace: true,
            ..PackageSelection::default()
        };
        let both = vec!["lib".to_owned(), "tool".to_owned()];
        assert_eq!(chosen(&members, &all), ("lib".to_owned(), both));
        all.excluded = vec!["lib".to_owned()];
        assert_eq!(chosen(&members, &all), one("tool"));
    }

    #[test]
    fn arguments_name_packages_in_every_form_of_cargos() {
        let arguments = [
            "-pa",
            "--package=b",
            "-p",
            "c",
            "--features",
            "d",
            "--exclude=e",
        ];
        let selection = PackageSelection::of_arguments(&arguments.map(str::to_owned));
        assert_eq!(selection.packages, ["a", "b", "c"]);
        assert_eq!(selection.excluded, ["e"]);
        assert!(!selection.workspace);
        for all in ["--workspace", "--all"] {
            assert!(PackageSelection::of_arguments(&[all.to_owned()]).workspace);
        }
    }

    #[test]
    fn equal_configurations_are_not_ambiguous() {
        let members = [member("lib", "x"), member("tool", "x")];
        let chosen = chosen(&members, &packages(&["*"]));
        assert_eq!(chosen, ("lib".to_owned(), Vec::new()));
    }
}
