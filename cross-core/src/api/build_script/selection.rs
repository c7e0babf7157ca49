//! Selects the package to build, which is never the one whose build script runs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cross_engine::Cancel;
use cross_engine::os;

use crate::cargo::json::{Metadata, Package};
use crate::cargo::path_flags;
use crate::cargo::workspace::{self, Workspace};
use crate::model::error::{Error, ErrorKind, Result};
use crate::request::request::Request;

use super::outer::OuterBuild;

/// The kinds of cargo targets whose artifacts are embedded without being named.
const EMBEDDABLE: [&str; 3] = ["bin", "cdylib", "staticlib"];

/// The kind that is embedded only where the request names it.
const EXAMPLE: &str = "example";

/// A request whose package is selected.
#[derive(Clone, Debug)]
pub(super) struct Selected {
    pub(super) request: Request,
    /// The manifest of the package that is built, if it is one package.
    pub(super) manifest: Option<PathBuf>,
}

/// Selects the package of `request`, if it names none and cargo would select the outer package.
///
/// # Errors
///
/// [`ErrorKind::Recursion`] if the request selects the outer package.
pub(super) fn select(request: Request, outer: &OuterBuild, cancel: &Cancel) -> Result<Selected> {
    let host = request.cross.host()?;
    let cargo = request.cross.host_cargo(&host)?;
    let metadata = workspace::without_dependencies(&cargo, &host, cancel)?;
    let request = choose(request, outer, &metadata)?;
    let workspace = Workspace::of(&cargo, &metadata, BTreeSet::new(), None);
    let package = workspace.configured_package(&request.options.selection());
    Ok(Selected {
        manifest: package.manifest,
        request,
    })
}

/// What `request` builds that can be embedded: the name of each cargo target, and the kind of its
/// artifact. Nothing is built for it.
///
/// # Errors
///
/// As for [`select`], and if there is no project.
pub(super) fn embeddable(
    request: Request,
    outer: &OuterBuild,
    cancel: &Cancel,
) -> Result<Vec<(String, &'static str)>> {
    let host = request.cross.host()?;
    let cargo = request.cross.host_cargo(&host)?;
    let metadata = workspace::without_dependencies(&cargo, &host, cancel)?;
    let request = choose(request, outer, &metadata)?;
    Ok(embeddable_of(&request, outer, &metadata))
}

fn embeddable_of(
    request: &Request,
    outer: &OuterBuild,
    metadata: &Metadata,
) -> Vec<(String, &'static str)> {
    let selection = request.options.selection();
    let manifest = request.cross.dir().join("Cargo.toml");
    let named =
        |specs: &[String], package: &Package| specs.iter().any(|spec| matches(spec, &package.name));
    let has_package_here = metadata
        .workspace_packages()
        .any(|package| package.manifest_path == manifest);
    let is_selected = |package: &&Package| {
        if selection.workspace {
            return !named(&selection.excluded, package);
        }
        match selection.packages.is_empty() {
            true => !has_package_here || package.manifest_path == manifest,
            false => named(&selection.packages, package),
        }
    };
    let packages = metadata.workspace_packages();
    let packages = packages.filter(|package| !is_outer_package(package, outer));
    let targets = packages.filter(is_selected).flat_map(|it| &it.targets);
    let args = &request.options.cargo;
    let mut all = Vec::new();
    for target in targets {
        for kind in EMBEDDABLE.into_iter().chain([EXAMPLE]) {
            let is_of_kind = target.kind.iter().any(|own| own == kind);
            if is_of_kind && is_built(args, &target.name, kind) {
                all.push((target.name.clone(), kind));
            }
        }
    }
    all
}

/// Whether `cargo build` with the arguments `args` makes the artifact `kind` of the cargo target
/// `name`.
fn is_built(args: &[String], name: &str, kind: &str) -> bool {
    // Each kind of cargo target has a flag for all and a flag for those of a name.
    const FLAGS: [[&str; 2]; 4] = [
        ["--bins", "--bin"],
        ["--examples", "--example"],
        ["--tests", "--test"],
        ["--benches", "--bench"],
    ];
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let is_named = |flag| {
        // Cargo resolves patterns. A variable too many does no harm.
        let mut names = path_flags::values(args, flag);
        names.any(|given| given == name || given.contains(['*', '?', '[']))
    };
    let mut named = FLAGS.iter().map(|[_, one]| one);
    let selects_some = has("--lib")
        || has("--all-targets")
        || FLAGS.iter().any(|[all, _]| has(all))
        || named.any(|one| path_flags::values(args, one).next().is_some());
    let [all, one] = match kind {
        "bin" => FLAGS[0],
        EXAMPLE => FLAGS[1],
        _ => ["--lib", "--lib"],
    };
    match selects_some {
        true => has("--all-targets") || has(all) || is_named(one),
        false => kind != EXAMPLE,
    }
}

fn choose(request: Request, outer: &OuterBuild, metadata: &Metadata) -> Result<Request> {
    let members = metadata.workspace_packages();
    let is_own = |package: &&Package| is_outer_package(package, outer);
    let Some(own) = members.clone().find(is_own) else {
        return Ok(request);
    };
    let selection = request.options.selection();
    let named = |specs: &[String]| specs.iter().any(|spec| matches(spec, &own.name));
    let is_selected = match selection.workspace {
        true => !named(&selection.excluded),
        false => named(&selection.packages),
    };
    if is_selected {
        return Err(recursion(outer));
    }
    if selection.workspace || !selection.packages.is_empty() {
        return Ok(request);
    }
    let manifest = request.cross.dir().join("Cargo.toml");
    let is_here = |package: &&Package| package.manifest_path == manifest;
    let mut others = members.clone().filter(|package| !is_own(package));
    if others.any(|package| is_here(&package)) {
        return Ok(request);
    }
    let is_candidate = |package: &&Package| !is_own(package) && is_embeddable(package);
    let candidates: Vec<_> = members.filter(is_candidate).collect();
    match candidates.as_slice() {
        [] => Err(recursion(outer)),
        [one] => Ok(request.package(&one.name)),
        several => Err(ambiguous(
            outer,
            several.iter().map(|package| package.name.as_str()),
        )),
    }
}

fn is_outer_package(package: &Package, outer: &OuterBuild) -> bool {
    let real = |path: &Path| os::canonical(path).unwrap_or_else(|_| path.to_owned());
    package
        .dir()
        .is_some_and(|dir| real(dir) == real(&outer.manifest_dir))
}

fn is_embeddable(package: &Package) -> bool {
    let mut kinds = package.targets.iter().flat_map(|target| &target.kind);
    kinds.any(|kind| EMBEDDABLE.contains(&kind.as_str()))
}

/// Whether the package ID specification `spec` (`app`, `app@0.1.0`) names the package `name`. A
/// pattern or a URL is not resolved here: if it selects the outer package, that package's own
/// script detects the recursion.
fn matches(spec: &str, name: &str) -> bool {
    spec.split(['@', ':']).next() == Some(name)
}

fn recursion(outer: &OuterBuild) -> Error {
    let message = format!(
        "the build script of `{0}` asks to build `{0}` itself, which waits for its build script",
        outer.package
    );
    Error::new(ErrorKind::Recursion, message).with_help(
        "put the embedded program in a package of its own; name it with \
         `request(|request| request.package(\"NAME\"))`, or its directory with `project(\"DIR\")`",
    )
}

fn ambiguous<'a>(outer: &OuterBuild, names: impl Iterator<Item = &'a str>) -> Error {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    let message = format!(
        "the build script of `{}` does not name the package to embed; candidates: {}",
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

    /// The workspace `/w` with these packages, each with its name and the kind of its only target.
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

    /// The packages that the script of `/w/app` selects with a request in `dir`.
    fn selected(
        packages: &[(&str, &str)],
        dir: &str,
        change: impl FnOnce(Request) -> Request,
    ) -> Result<Vec<String>> {
        let outer = OuterBuild::from_env(script()).unwrap();
        let request = change(Cross::at(dir).build("thumbv7em-none-eabihf"));
        let request = choose(request, &outer, &workspace(packages))?;
        Ok(request.options.selection().packages)
    }

    #[test]
    fn the_package_being_built_is_refused() {
        let refused = [
            selected(&TWO, "/w/app", |request| request.package("app")),
            selected(&TWO, "/w/app", |request| {
                request.package("firmware").package("app@0.1.0")
            }),
            selected(&TWO, "/w", |request| request.workspace(true)),
            selected(&[("app", "bin"), ("shared", "lib")], "/w/app", |request| {
                request
            }),
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
            assert_eq!(
                selected(&TWO, dir, |request| request).unwrap(),
                ["firmware"]
            );
        }
        let three = [&TWO[..], &[("boot", "cdylib")]].concat();
        let error = selected(&three, "/w/app", |request| request).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BuildScript);
        assert!(error.to_string().contains("`firmware`, `boot`"), "{error}");
        let named = selected(&three, "/w/app", |request| request.package("boot")).unwrap();
        assert_eq!(named, ["boot"]);
    }

    #[test]
    fn what_would_be_built_is_known_without_building_it() {
        let outer = OuterBuild::from_env(script()).unwrap();
        let of = |dir: &str, change: fn(Request) -> Request| {
            let request = change(Cross::at(dir).build("thumbv7em-none-eabihf"));
            embeddable_of(&request, &outer, &workspace(&TWO))
        };
        let firmware = [("firmware".to_owned(), "bin")];
        assert_eq!(of("/w/firmware", |request| request), firmware);
        assert_eq!(of("/w", |request| request.package("firmware")), firmware);
        assert_eq!(of("/w", |request| request.package("shared")), []);
    }

    #[test]
    fn a_request_that_names_cargo_targets_builds_those_alone() {
        let built = |words: &str| {
            let args: Vec<_> = words.split(' ').map(str::to_owned).collect();
            let all = [
                ("fw", "bin"),
                ("boot", "bin"),
                ("blinky", "example"),
                ("c", "cdylib"),
            ];
            let built = all
                .iter()
                .filter(|(name, kind)| is_built(&args, name, kind));
            built.map(|(name, _)| *name).collect::<Vec<_>>()
        };
        for (words, expected) in [
            ("--release", &["fw", "boot", "c"][..]),
            ("--bin fw", &["fw"]),
            ("--bin=boot --lib", &["boot", "c"]),
            ("--bins", &["fw", "boot"]),
            ("--example blinky", &["blinky"]),
            ("--examples --bin fw", &["fw", "blinky"]),
            ("--example *ky", &["blinky"]),
            ("--all-targets", &["fw", "boot", "blinky", "c"]),
        ] {
            assert_eq!(built(words), expected, "{words}");
        }
    }

    #[test]
    fn cargos_own_selection_is_kept_where_it_is_another_package() {
        let none = [""; 0];
        assert_eq!(
            selected(&TWO, "/w/firmware", |request| request).unwrap(),
            none
        );
        let elsewhere = [("firmware", "bin"), ("boot", "bin")];
        assert_eq!(selected(&elsewhere, "/w", |request| request).unwrap(), none);
        let others = |request: Request| request.workspace(true).cargo_args(["--exclude", "app"]);
        assert_eq!(selected(&TWO, "/w", others).unwrap(), none);
    }
}
