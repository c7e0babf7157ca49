//! Environments that cannot be made.

use std::fs;
use std::os::unix::fs::symlink;

use cross_core::{Cancel, ErrorKind, engine::EnvironmentLocation};
use cross_engine::{Environments, Host};
use cross_tests::{Project, ambient, engines, on_engines};

use crate::{Case, Fails as _, TARGET, says};

on_engines! { package_mirror_unreachable no_mmdebstrap_and_no_registry package_not_found_in_a_recipe }

/// A project whose recipe asks for an unusual package, so that no engine has its environment.
fn unusual(package: &str, engine: &str) -> Case {
    let recipe = format!("[build]\npackages = [\"{package}\"]\n");
    Case::of(Project::new("app").cross_toml(&recipe), engine)
}

/// Checks that the environment of `case` still does not exist on `engine`.
#[track_caller]
fn is_not_there(case: &Case, engine: &str) {
    let plan = case.cross.build(TARGET).plan().unwrap();
    assert!(!plan.environment.exists);
    let host = Host::new(ambient::variables().collect(), case.leftovers.own_cache());
    let engine = engines::need(engine);
    let environments = Environments::new(&engine, &host);
    let name = &plan.environment.name;
    assert!(!environments.exists(name, &Cancel::new()).unwrap());
    if let EnvironmentLocation::Directory(dir) = environments.location(name) {
        assert!(!dir.exists());
    }
}

fn package_mirror_unreachable(engine: &str) {
    let nobody = "http://127.0.0.1:9";
    let case = unusual("hello", engine).own_cache().env(|env| {
        env.set("http_proxy", nobody)
            .set("https_proxy", nobody)
            .remove("no_proxy")
    });
    let error = case.build_fails(ErrorKind::Unreachable);
    says(
        &error.to_string(),
        &["building the environment", "127.0.0.1"],
    );
    says(error.help().unwrap(), &["http_proxy"]);
    is_not_there(&case, engine);
}

/// A container engine could use an image of the distribution from a registry. The sandbox could
/// not.
fn no_mmdebstrap_and_no_registry(engine: &str) {
    let recipe = "[build]\nsuite = \"nowhere\"\n";
    let case = Case::of(Project::new("app").cross_toml(recipe), engine).own_cache();
    let bin = case.project.outer().join("bin");
    fs::create_dir(&bin).unwrap();
    let path = case.leftovers.env().get("PATH").unwrap().to_owned();
    for dir in std::env::split_paths(&path) {
        for program in fs::read_dir(dir).into_iter().flatten() {
            let program = program.unwrap().path();
            let name = program.file_name().unwrap();
            if name != "mmdebstrap" {
                // The first one in `PATH` is found.
                let _ = symlink(&program, bin.join(name));
            }
        }
    }
    let registries = case.project.outer().join("registries.conf");
    fs::write(&registries, NO_REGISTRY).unwrap();
    let case = case.env(|env| {
        env.set("PATH", &bin)
            .set("CONTAINERS_REGISTRIES_CONF", &registries)
    });
    if engine == "sandbox" {
        let error = case.build_fails(ErrorKind::ToolMissing);
        says(&error.to_string(), &["`mmdebstrap` is not installed"]);
        says(error.help().unwrap(), &["install mmdebstrap", "docker"]);
    } else {
        let error = case.build_fails(ErrorKind::Unreachable);
        says(&error.to_string(), &["building the environment's image"]);
        says(error.help().unwrap(), &["mmdebstrap", "registry"]);
    }
    is_not_there(&case, engine);
}

/// A podman configuration that redirects the default registry to an unreachable one.
const NO_REGISTRY: &str = r#"
unqualified-search-registries = ["127.0.0.1:9"]
[[registry]]
prefix = "docker.io"
location = "127.0.0.1:9"
"#;

fn package_not_found_in_a_recipe(engine: &str) {
    let case = unusual("libnosuchthing-dev", engine).own_cache_with_bases();
    let error = case.build_fails(ErrorKind::PackageNotFound);
    says(&error.to_string(), &["libnosuchthing-dev", "suite"]);
    says(error.help().unwrap(), &["packages", "Cross.toml"]);
    is_not_there(&case, engine);
}
