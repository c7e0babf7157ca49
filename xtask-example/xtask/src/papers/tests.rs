//! The papers as files in `snapshots`, which `.ci/papers` validates against the published schemas.
//! `UPDATE_SNAPSHOTS=1` writes them.

use super::*;
use crate::crates::tests::{app, std_lock, with_std};
use serde_json::{Value, json};

/// The time of every run here, in seconds since the Unix epoch.
const START: u64 = 1_750_000_000;

fn environment() -> Contents {
    let sum = |digit: &str| digit.repeat(64);
    let json = json!({
        "schema_version": 1,
        "releases": [{
            "origin": "Debian", "suite": "oldstable", "codename": "bookworm", "version": "12.11",
            "url": "http://mirror.example/debian", "date": "Sat, 17 May 2025 09:47:33 UTC",
            "sha256": sum("a"),
        }],
        "packages": [
            {
                "name": "g++-aarch64-linux-gnu", "architecture": "amd64", "version": "4:12.2.0-3",
                "sha256": sum("b"), "source": "gcc-defaults", "source_version": "1.203",
            },
            {
                "name": "local", "architecture": "all", "version": "1", "sha256": null,
                "source": "local", "source_version": "1",
            },
            {
                "name": "python3-pip", "architecture": "all", "version": "23.0.1+dfsg-1",
                "sha256": sum("c"), "source": "python-pip", "source_version": "23.0.1+dfsg-1",
                "removed": true,
            },
        ],
        "downloads": [{ "name": "zig", "version": "0.15.1", "sha256": sum("d") }],
        "pre_build": "apt-get install --yes local\n",
        "image": { "id": format!("sha256:{}", sum("e")), "digest": null, "platform": "linux/amd64" },
    });
    serde_json::from_value(json).unwrap()
}

/// What is known of a build in one case.
struct Case {
    name: &'static str,
    crates: Vec<Crate>,
    std: Vec<StdCrate>,
    environment: Option<Contents>,
    rust: Option<Rust<'static>>,
    time: Option<String>,
    checkout: Checkout,
}

/// A release from a clean checkout.
fn release() -> Case {
    Case {
        name: "release",
        crates: app(&["extra"]),
        std: Vec::new(),
        environment: Some(environment()),
        rust: Some(Rust {
            version: "1.85.0",
            commit: Some("4d91de4e48198da2e33413efdcd9cd2cc0c46688"),
        }),
        time: time_of_sources(START),
        checkout: Checkout::Known {
            repository: Some("https://example.com/o/app.git".to_owned()),
            commit: "fedcba9876543210fedcba9876543210fedcba98".to_owned(),
            is_dirty: false,
        },
    }
}

/// A build of sources that nobody committed, for the engine `host`.
fn unknown() -> Case {
    Case {
        name: "unknown",
        crates: app(&[]),
        std: Vec::new(),
        environment: None,
        rust: None,
        time: time_of_sources(OLDEST),
        checkout: Checkout::Unknown("not a git repository".to_owned()),
    }
}

/// A build of sources that differ from a commit, which is in no repository of others.
fn dirty() -> Case {
    Case {
        name: "dirty",
        checkout: Checkout::Known {
            repository: None,
            commit: "fedcba9876543210fedcba9876543210fedcba98".to_owned(),
            is_dirty: true,
        },
        ..release()
    }
}

/// A build that compiled the standard library.
fn built_std() -> Case {
    Case {
        name: "built-std",
        std: with_std(&std_lock()).1,
        ..release()
    }
}

fn bill(case: &Case) -> Vec<u8> {
    let bytes = bill_of_materials::render(&Material {
        target: "aarch64-unknown-linux-gnu",
        archive_sha256: &"f".repeat(64),
        crates: &case.crates,
        std: &case.std,
        environment: case.environment.as_ref(),
        rust: case.rust,
        time: case.time.clone(),
    });
    bytes.unwrap()
}

fn statement(case: &Case, started: u64) -> Vec<u8> {
    let named = |name: &str, digit: &str| NamedDigest {
        name: name.to_owned(),
        sha256: digit.repeat(64),
    };
    let archive = named("app-1.0.0-aarch64-unknown-linux-gnu.tar.gz", "f");
    let variables = match case.rust {
        Some(_) => BTreeMap::new(),
        None => BTreeMap::from([("CROSS_BUILD_STD".to_owned(), "core".to_owned())]),
    };
    let started = UNIX_EPOCH + Duration::from_secs(started);
    let bytes = provenance::render(&Facts {
        bill_of_materials: named(&format!("{}.{BILL_OF_MATERIALS}", archive.name), "0"),
        archive,
        parameters: Parameters {
            package: "app",
            target: "aarch64-unknown-linux-gnu",
            profile: "release",
            features: &case.crates[0].features,
            tests: true,
            symbols: case.rust.is_none(),
            engine: case.environment.is_none().then_some("host"),
            toolchain: None,
            config: Some(&named("Cross.toml", "3")),
            cargo_config: None,
            local_cargo_configs: &[],
            variables: &variables,
        },
        checkout: &case.checkout,
        locks: &[named("Cargo.lock", "1"), named("Cross.lock", "2")],
        crates: &case.crates,
        std: &case.std,
        environment: case.environment.as_ref(),
        outcome: Built {
            engine: "sandbox".to_owned(),
            environment: "cross-aarch64-0123456789ab".to_owned(),
            recipe_sha256: case.environment.as_ref().map(|_| "4".repeat(64)),
            rust: case.rust.map(|rust| rust.url("rust", None)),
        },
        run: Run {
            builder: case.rust.map(|_| "https://example.com/builder"),
            invocation: "urn:cross-core:run:0123",
            started,
            finished: started + Duration::from_secs(61),
        },
    });
    bytes.unwrap()
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// Compares with the snapshot `name`, or writes it.
fn check(name: &str, bytes: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("snapshots")
        .join(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    let expected = fs::read(&path).unwrap_or_default();
    let help = "look at it, and write it with UPDATE_SNAPSHOTS=1";
    assert_eq!(
        String::from_utf8_lossy(bytes),
        String::from_utf8_lossy(&expected),
        "{name}: {help}"
    );
}

#[test]
fn the_papers_of_every_case_are_those_that_were_looked_at() {
    for case in [release(), unknown(), dirty(), built_std()] {
        check(&format!("{}.cdx.json", case.name), &bill(&case));
        let statement = statement(&case, START);
        check(&format!("{}.provenance.json", case.name), &statement);
    }
}

#[test]
fn a_compiled_std_has_its_crates_in_it() {
    let bill = parsed(&bill(&built_std()));
    let components = bill["components"].as_array().unwrap();
    let std = components.iter().find(|one| one["name"] == "rust-std");
    let parts = std.unwrap()["components"].as_array().unwrap();
    let named: Vec<_> = parts
        .iter()
        .map(|one| {
            (
                one["name"].as_str().unwrap(),
                one["version"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        named,
        [
            ("compiler_builtins", "1.85.0"),
            ("core", "1.85.0"),
            ("hashbrown", "0.15.5"),
            ("std", "1.85.0")
        ]
    );
    assert_eq!(parts[2]["purl"], "pkg:cargo/hashbrown@0.15.5");
    assert_eq!(parts[2]["hashes"][0]["content"], "5".repeat(64));
    let statement = parsed(&statement(&built_std(), START));
    let all = statement["predicate"]["buildDefinition"]["resolvedDependencies"].as_array();
    let found = all.unwrap().iter().find(|one| one["name"] == "hashbrown");
    assert_eq!(found.unwrap()["digest"]["sha256"], "5".repeat(64));
}

#[test]
fn a_bill_of_materials_tells_what_is_shipped_from_what_only_built() {
    let bill = parsed(&bill(&release()));
    let components = bill["components"].as_array().unwrap();
    let of = |scope: &str| -> Vec<_> {
        let all = components.iter().filter(|one| one["scope"] == scope);
        all.map(|one| one["name"].as_str().unwrap()).collect()
    };
    assert_eq!(
        of("required"),
        ["near", "opt", "two", "z-sys", "ssl", "z", "rust-std"]
    );
    assert_eq!(of("excluded"), ["builder", "mac", "shared"]);
    assert_eq!(bill["metadata"]["component"]["name"], "app");
    let built_with = bill["formulation"][0]["components"].as_array().unwrap();
    let names: Vec<_> = built_with
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "rust",
            "g++-aarch64-linux-gnu",
            "local",
            "python3-pip",
            "zig"
        ]
    );
}

#[test]
fn every_reference_of_a_bill_of_materials_leads_to_one_component() {
    for case in [release(), unknown()] {
        let bill = parsed(&bill(&case));
        let components = bill["components"].as_array().unwrap().iter();
        let all = components.chain([&bill["metadata"]["component"]]);
        let names: Vec<_> = all.map(|one| one["bom-ref"].as_str().unwrap()).collect();
        let unique: std::collections::BTreeSet<_> = names.iter().copied().collect();
        assert_eq!(unique.len(), names.len(), "{names:?}");
        let dependencies = bill["dependencies"].as_array().unwrap().iter();
        for reference in dependencies.flat_map(|one| {
            let on = one["dependsOn"].as_array().into_iter().flatten();
            on.chain([&one["ref"]])
        }) {
            assert!(unique.contains(reference.as_str().unwrap()), "{reference}");
        }
    }
}

#[test]
fn equal_builds_have_equal_bills_of_materials_and_each_run_its_own_statement() {
    let (one, other) = (release(), release());
    assert_eq!(bill(&one), bill(&other));
    assert_ne!(statement(&one, START), statement(&other, START + 60));
    let serial = |case: &Case| parsed(&bill(case))["serialNumber"].clone();
    assert_ne!(
        serial(&one),
        serial(&unknown()),
        "another document is another number"
    );
}

#[test]
fn a_statement_names_the_revision_of_clean_sources_alone() {
    let source = |case: &Case| {
        let statement = parsed(&statement(case, START));
        let all = &statement["predicate"]["buildDefinition"]["resolvedDependencies"];
        let mut all = all.as_array().unwrap().iter();
        all.find(|one| one["name"] == "source").cloned()
    };
    let clean = source(&release()).unwrap();
    assert!(clean["digest"]["gitCommit"].is_string());
    let dirty = source(&dirty()).unwrap();
    assert_eq!(dirty["annotations"]["dirty"], true);
    assert!(dirty.get("digest").is_none(), "it is not the commit");
    assert_eq!(source(&unknown()), None);
    let statement = parsed(&statement(&unknown(), START));
    let internal = &statement["predicate"]["buildDefinition"]["internalParameters"];
    assert_eq!(internal["source"], "unknown: not a git repository");
}

#[test]
fn no_paper_has_a_secret_or_a_path_of_the_machine() {
    for case in [release(), unknown(), dirty(), built_std()] {
        for bytes in [bill(&case), statement(&case, START)] {
            let text = String::from_utf8(bytes).unwrap();
            for secret in ["token", "/w/", "/registry", "/git/two"] {
                assert!(!text.contains(secret), "{}: {secret}", case.name);
            }
        }
    }
}

#[test]
fn a_crate_that_is_no_part_of_the_sources_is_marked() {
    for (source, mark) in [
        (Source::Outside, "outsideOfTheRepository"),
        (Source::Ignored, "ignoredByGit"),
    ] {
        let mut case = release();
        case.crates[1].source = source;
        let text = String::from_utf8(statement(&case, START)).unwrap();
        assert!(text.contains(mark), "{text}");
    }
}
