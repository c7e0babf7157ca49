use super::*;
use crate::process::invocation::Variables;

/// A cache with a whole environment `whole-1`, and one `damaged-2` with `text` for its manifest.
fn cache(text: &str) -> tempfile::TempDir {
    let cache = tempfile::tempdir().unwrap();
    let home = cache.path().join("environments");
    for name in ["whole-1", "damaged-2", "half-3", ".staged-4.sandbox"] {
        fs::create_dir_all(home.join(name).join("root/usr")).unwrap();
    }
    let blueprint = |name| Blueprint::new(name, "bookworm", ["gcc"]);
    for (name, dir) in [("whole-1", "whole-1"), ("staged-4", ".staged-4.sandbox")] {
        let manifest = Manifest::new(&blueprint(name), 5_000_000);
        manifest.write(&home.join(dir)).unwrap();
    }
    fs::write(home.join("damaged-2").join(MANIFEST), text).unwrap();
    cache
}

#[test]
fn a_damaged_environment_is_listed_not_used_and_can_be_removed() {
    let cache = cache("{\"schema_version\": 1, \"na");
    let engine = Engine::sample(EngineKind::Sandbox);
    let host = Host::new(Variables::new(), cache.path());
    let (environments, cancel) = (Environments::new(&engine, &host), Cancel::new());
    let damaged = cache.path().join("environments/damaged-2");

    let listed = environments.list(&cancel).unwrap();
    let names: Vec<_> = listed.iter().map(|it| (&*it.name, &*it.size)).collect();
    assert_eq!(names, [("damaged-2", ""), ("whole-1", "5MB")]);
    let damage = listed[0].damage.as_deref().unwrap();
    assert!(damage.contains("damaged-2"), "{damage}");
    assert!(
        damage.contains("environment.json` cannot be read: EOF"),
        "{damage}"
    );
    assert_eq!(listed[1].damage, None);

    let blueprint = Blueprint::new("damaged-2", "bookworm", ["gcc"]);
    let errors = [
        environments.exists("damaged-2", &cancel).map(drop),
        environments.make(&blueprint, &cancel, &mut |_| {
            std::ops::ControlFlow::Continue(())
        }),
    ];
    for error in errors.map(Result::unwrap_err) {
        assert_eq!(error.kind(), ErrorKind::Environment);
        assert!(error.to_string().contains(damage), "{error}");
        let help = error.help().unwrap();
        assert!(
            help.contains("`cargo xtask env rm damaged-2 --engine sandbox`"),
            "{help}"
        );
    }

    environments.sweep(&cancel).unwrap();
    assert!(damaged.join("root/usr").exists(), "it is not half made");
    assert!(environments.remove("damaged-2", &cancel).unwrap());
    assert!(!damaged.exists());
    assert!(!environments.exists("damaged-2", &cancel).unwrap());
    assert!(!environments.remove("damaged-2", &cancel).unwrap());
}

#[test]
fn a_directory_in_the_manifests_place_is_removed_with_its_environment() {
    let cache = cache("{}");
    let engine = Engine::sample(EngineKind::Sandbox);
    let host = Host::new(Variables::new(), cache.path());
    let (environments, cancel) = (Environments::new(&engine, &host), Cancel::new());
    let damaged = cache.path().join("environments/damaged-2");
    fs::remove_file(damaged.join(MANIFEST)).unwrap();
    fs::create_dir_all(damaged.join(MANIFEST).join("full")).unwrap();
    assert!(environments.remove("damaged-2", &cancel).unwrap());
    assert!(!damaged.exists());
}

#[test]
fn only_an_environment_is_removed() {
    let cache = cache("{}");
    let engine = Engine::sample(EngineKind::Sandbox);
    let host = Host::new(Variables::new(), cache.path());
    let environments = Environments::new(&engine, &host);
    let base = cache.path().join("bases/base");
    fs::create_dir_all(&base).unwrap();
    Manifest::new(&Blueprint::new("base", "bookworm", ["gcc"]), 1)
        .write(&base)
        .unwrap();
    for name in [
        "../bases/base",
        "../../x",
        "..",
        ".",
        "",
        "half-3",
        "whole-1/root",
    ] {
        assert!(
            !environments.remove(name, &Cancel::new()).unwrap(),
            "{name}"
        );
    }
    assert!(base.join(MANIFEST).exists());
}
