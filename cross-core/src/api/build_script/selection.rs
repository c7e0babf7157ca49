//! Hazard H2: which package is built, and that it is not the one whose build script asks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cross_engine::Cancel;

use crate::cargo::json::{Metadata, Package};
use crate::cargo::workspace::{self, Workspace};
use crate::model::error::{Error, ErrorKind, Result};
use crate::request::request::Request;

use super::outer::Outer;

/// What cargo makes a file of that can be embedded.
const EMBEDDABLE: [&str; 3] = ["bin", "cdylib", "staticlib"];

/// A request whose package is known.
#[derive(Clone, Debug)]
pub(super) struct Selected {
    pub(super) request: Request,
    /// The manifest of the one package that is built, where it is one.
    pub(super) manifest: Option<PathBuf>,
}

/// `request`, with a package chosen if it names none and cargo would choose the outer one.
///
/// # Errors
///
/// [`ErrorKind::Recursion`] where the outer package is what the request selects.
pub(super) fn select(request: Request, outer: &Outer, cancel: &Cancel) -> Result<Selected> {
    let (cargo, host) = (request.cross.host_cargo()?, request.cross.host()?);
    let metadata = workspace::without_dependencies(&cargo, &host, cancel)?;
    let request = choose(request, outer, &metadata)?;
    let workspace = Workspace::of(&cargo, &metadata, BTreeSet::new(), None);
    let manifest = workspace.built_manifest(&request.options.packages);
    Ok(Selected {
        manifest: manifest.map(Path::to_owned),
        request,
    })
}

fn choose(request: Request, outer: &Outer, metadata: &Metadata) -> Result<Request> {
    let members = metadata.workspace_packages();
    let Some(own) = members.clone().find(|it| is_of(it, outer)) else {
        return Ok(request);
    };
    let options = &request.options;
    let all = options
        .cargo
        .iter()
        .any(|it| it == "--workspace" || it == "--all");
    let mut named = options.packages.iter();
    let is_selected = match all {
        true => !excluded(&options.cargo).any(|spec| is_meant(spec, &own.name)),
        false => named.any(|spec| is_meant(spec, &own.name)),
    };
    if is_selected {
        return Err(itself(outer));
    }
    if all || !options.packages.is_empty() {
        return Ok(request);
    }
    let here = request.cross.dir().join("Cargo.toml");
    let is_here = |it: &&Package| it.manifest_path == here;
    if members.clone().any(|it| is_here(&it) && !is_of(it, outer)) {
        return Ok(request);
    }
    let is_candidate = |it: &&Package| !is_of(it, outer) && is_embeddable(it);
    let candidates: Vec<_> = members.filter(is_candidate).collect();
    match candidates.as_slice() {
        [] => Err(itself(outer)),
        [one] => Ok(request.package(&one.name)),
        several => Err(unclear(outer, several.iter().map(|it| it.name.as_str()))),
    }
}

fn is_of(package: &Package, outer: &Outer) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    package
        .dir()
        .is_some_and(|dir| real(dir) == real(&outer.manifest_dir))
}

fn is_embeddable(package: &Package) -> bool {
    let mut kinds = package.targets.iter().flat_map(|target| &target.kind);
    kinds.any(|kind| EMBEDDABLE.contains(&kind.as_str()))
}

/// Whether the package `name` is what `spec` says: `app`, `app@0.1.0`. What a pattern or a URL leads to
/// is found out where that package's own script runs.
fn is_meant(spec: &str, name: &str) -> bool {
    spec.split(['@', ':']).next() == Some(name)
}

/// What `--exclude` names among cargo's arguments.
fn excluded(arguments: &[String]) -> impl Iterator<Item = &str> {
    let pairs = arguments.iter().zip(arguments.iter().skip(1));
    pairs
        .filter(|(flag, _)| *flag == "--exclude")
        .map(|(_, spec)| spec.as_str())
}

fn itself(outer: &Outer) -> Error {
    let message = format!(
        "the build script of `{0}` asks to build `{0}` itself, which waits for its build script",
        outer.package
    );
    Error::new(ErrorKind::Recursion, message).with_help(
        "put what is embedded in a package of its own; name it with \
         `request(|request| request.package(\"NAME\"))`, or its directory with `project(\"DIR\")`",
    )
}

fn unclear<'a>(outer: &Outer, names: impl Iterator<Item = &'a str>) -> Error {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    let message = format!(
        "the build script of `{}` does not say which package is embedded: {} could be meant",
        outer.package,
        names.join(", ")
    );
    let help = "name it with `request(|request| request.package(\"NAME\"))`";
    Error::new(ErrorKind::BuildScript, message).with_help(help)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::build_script::outer::tests::script;
    use crate::request::cross::Cross;

    /// A workspace at `/w` of packages: each a name and the kind of its only target.
    fn workspace(packages: &[(&str, &str)]) -> Metadata {
        let id = |name: &str| format!("path+file:///w/{name}#0.1.0");
        let all: Vec<_> = packages
            .iter()
            .map(|(name, kind)| {
                json!({
                    "name": name, "version": "0.1.0", "id": id(name), "edition": "2021",
                    "manifest_path": format!("/w/{name}/Cargo.toml"), "dependencies": [],
                    "features": {}, "targets": [{
                        "name": name, "kind": [kind], "crate_types": [kind], "edition": "2021",
                        "src_path": format!("/w/{name}/src/main.rs"), "doctest": false,
                        "test": true, "doc": true,
                    }],
                })
            })
            .collect();
        let ids: Vec<_> = packages.iter().map(|(name, _)| id(name)).collect();
        let metadata = json!({
            "packages": all, "workspace_members": ids, "workspace_default_members": ids,
            "resolve": null, "workspace_root": "/w", "target_directory": "/w/target", "version": 1,
        });
        Metadata::parse(&metadata.to_string()).unwrap()
    }

    const TWO: [(&str, &str); 3] = [("app", "bin"), ("firmware", "bin"), ("shared", "lib")];

    /// What the script of `/w/app` selects, by a request in `dir`.
    fn selected(
        packages: &[(&str, &str)],
        dir: &str,
        change: impl FnOnce(Request) -> Request,
    ) -> Result<Vec<String>> {
        let outer = Outer::of(script()).unwrap();
        let request = change(Cross::at(dir).build("thumbv7em-none-eabihf"));
        let request = choose(request, &outer, &workspace(packages))?;
        Ok(request.options.packages)
    }

    #[test]
    fn h2_the_package_being_built_is_refused() {
        let refused = [
            selected(&TWO, "/w/app", |it| it.package("app")),
            selected(&TWO, "/w/app", |it| {
                it.package("firmware").package("app@0.1.0")
            }),
            selected(&TWO, "/w", |it| it.workspace(true)),
            selected(&[("app", "bin"), ("shared", "lib")], "/w/app", |it| it),
        ];
        for refused in refused {
            let error = refused.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Recursion, "{error}");
            assert!(error.to_string().contains("`app`"), "{error}");
            assert!(error.help().unwrap().contains("package of its own"));
        }
    }

    #[test]
    fn the_one_other_package_with_a_program_needs_no_name() {
        for dir in ["/w/app", "/w"] {
            assert_eq!(selected(&TWO, dir, |it| it).unwrap(), ["firmware"]);
        }
        let three = [&TWO[..], &[("boot", "cdylib")]].concat();
        let error = selected(&three, "/w/app", |it| it).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BuildScript);
        assert!(error.to_string().contains("`firmware`, `boot`"), "{error}");
        let named = selected(&three, "/w/app", |it| it.package("boot")).unwrap();
        assert_eq!(named, ["boot"]);
    }

    #[test]
    fn cargos_own_choice_holds_where_it_cannot_be_the_outer_package() {
        let none = [""; 0];
        assert_eq!(selected(&TWO, "/w/firmware", |it| it).unwrap(), none);
        let elsewhere = [("firmware", "bin"), ("boot", "bin")];
        assert_eq!(selected(&elsewhere, "/w", |it| it).unwrap(), none);
        let others = |it: Request| it.workspace(true).cargo_args(["--exclude", "app"]);
        assert_eq!(selected(&TWO, "/w", others).unwrap(), none);
    }
}
