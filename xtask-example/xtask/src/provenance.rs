//! The provenance of an archive: an in-toto Statement v1 with the predicate SLSA Provenance v1.
//!
//! docs/provenance.md describes the build type: what the parameters mean, and which of them a
//! verifier has to check. The statement is not signed.

use std::collections::BTreeMap;
use std::time::SystemTime;

use cross_core::Outcome;
use cross_core::contents::Contents;
use serde_json::{Map, Value, json};

use crate::checkout::Checkout;
use crate::crates::{Crate, Source};
use crate::failure::Failure;
use crate::package_url::{self, Rust, package_url};
use crate::std_crates::StdCrate;

/// The build type. Its description is below this heading, and its version grows when a parameter is
/// removed or changes its meaning.
const BUILD_TYPE: &str =
    "https://github.com/cross-core/cross-core/blob/main/docs/provenance.md#build-type-dist-v1";

/// The builder that is named if the user names none: a machine of which nobody says anything.
const LOCAL_BUILDER: &str =
    "https://github.com/cross-core/cross-core/blob/main/docs/provenance.md#builder-local";

/// A file, by its name and content.
#[derive(Clone, Debug)]
pub(crate) struct NamedDigest {
    pub(crate) name: String,
    pub(crate) sha256: String,
}

/// What the user asked for, which a verifier compares with what is expected.
pub(crate) struct Parameters<'a> {
    pub(crate) package: &'a str,
    pub(crate) target: &'a str,
    pub(crate) profile: &'a str,
    pub(crate) features: &'a [String],
    /// Whether the tests ran.
    pub(crate) tests: bool,
    /// Whether debug information was split off.
    pub(crate) symbols: bool,
    /// The engine and the toolchain, if the command line named them.
    pub(crate) engine: Option<&'a str>,
    pub(crate) toolchain: Option<&'a str>,
    /// Cross.toml, or the file that `CROSS_CONFIG` names, if there is one.
    pub(crate) config: Option<&'a NamedDigest>,
    /// Cargo's configuration in its home, if there is one.
    pub(crate) cargo_config: Option<&'a NamedDigest>,
    /// Its other configuration files that are no part of the sources.
    pub(crate) local_cargo_configs: &'a [NamedDigest],
    /// The variables that decide what is built.
    pub(crate) variables: &'a BTreeMap<String, String>,
}

/// One run of the command.
pub(crate) struct Run<'a> {
    /// The URI of who builds; `None` for a machine of which nobody says anything.
    pub(crate) builder: Option<&'a str>,
    pub(crate) invocation: &'a str,
    pub(crate) started: SystemTime,
    pub(crate) finished: SystemTime,
}

/// What a statement is made from.
pub(crate) struct Facts<'a> {
    pub(crate) archive: NamedDigest,
    pub(crate) bill_of_materials: NamedDigest,
    pub(crate) parameters: Parameters<'a>,
    pub(crate) checkout: &'a Checkout,
    /// Cargo.lock and the other files that decide what is built.
    pub(crate) locks: &'a [NamedDigest],
    pub(crate) crates: &'a [Crate],
    /// The crates of the standard library, if the build compiled it.
    pub(crate) std: &'a [StdCrate],
    pub(crate) environment: Option<&'a Contents>,
    pub(crate) outcome: Built,
    pub(crate) run: Run<'a>,
}

/// How it was built.
#[derive(Clone, Debug, Default)]
pub(crate) struct Built {
    pub(crate) engine: String,
    pub(crate) environment: String,
    pub(crate) recipe_sha256: Option<String>,
    /// The package URL of Rust.
    pub(crate) rust: Option<String>,
}

impl Built {
    pub(crate) fn of(outcome: &Outcome) -> Self {
        Built {
            engine: outcome.engine.kind.to_string(),
            environment: outcome.environment.name.clone(),
            recipe_sha256: outcome.environment.recipe_sha256.clone(),
            rust: Rust::of(&outcome.toolchain).map(|rust| rust.url("rust", None)),
        }
    }
}

/// Returns the document.
pub(crate) fn render(facts: &Facts<'_>) -> Result<Vec<u8>, Failure> {
    let text = serde_json::to_vec_pretty(&statement(facts));
    let mut bytes =
        text.map_err(|error| Failure::new(format!("cannot write the provenance: {error}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn statement(facts: &Facts<'_>) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [file(&facts.archive)],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": external(&facts.parameters),
                "internalParameters": internal(facts),
                "resolvedDependencies": dependencies(facts),
            },
            "runDetails": {
                "builder": {
                    "id": facts.run.builder.unwrap_or(LOCAL_BUILDER),
                    "version": { "xtask": env!("CARGO_PKG_VERSION") },
                },
                "metadata": {
                    "invocationId": facts.run.invocation,
                    "startedOn": time(facts.run.started),
                    "finishedOn": time(facts.run.finished),
                },
                "byproducts": [file(&facts.bill_of_materials)],
            },
        },
    })
}

fn external(parameters: &Parameters<'_>) -> Value {
    let mut all = json!({
        "package": parameters.package,
        "target": parameters.target,
        "profile": parameters.profile,
        "features": parameters.features,
        "tests": parameters.tests,
    });
    let local = parameters.local_cargo_configs;
    let given = [
        ("engine", parameters.engine.map(|name| json!(name))),
        ("toolchain", parameters.toolchain.map(|name| json!(name))),
        ("config", parameters.config.map(file)),
        ("cargoConfig", parameters.cargo_config.map(file)),
        (
            "localCargoConfigs",
            (!local.is_empty()).then(|| local.iter().map(file).collect()),
        ),
        ("symbols", parameters.symbols.then_some(json!(true))),
        (
            "variables",
            (!parameters.variables.is_empty()).then(|| json!(parameters.variables)),
        ),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            all[name] = value;
        }
    }
    all
}

fn internal(facts: &Facts<'_>) -> Value {
    let mut all = Map::new();
    let built = &facts.outcome;
    all.insert("engine".to_owned(), json!(built.engine));
    all.insert("environment".to_owned(), json!(built.environment));
    if let Some(sha256) = &built.recipe_sha256 {
        all.insert("recipeSha256".to_owned(), json!(sha256));
    }
    if facts.environment.is_none() {
        let text = "what is in the environment is not on record";
        all.insert("environmentContents".to_owned(), json!(text));
    }
    if let Checkout::Unknown(reason) = facts.checkout {
        all.insert("source".to_owned(), json!(format!("unknown: {reason}")));
    }
    Value::Object(all)
}

fn dependencies(facts: &Facts<'_>) -> Vec<Value> {
    let mut all: Vec<Value> = source(facts.checkout).into_iter().collect();
    all.extend(facts.locks.iter().map(file));
    all.extend(
        facts
            .outcome
            .rust
            .iter()
            .map(|url| json!({ "name": "rust", "uri": url })),
    );
    all.extend(facts.crates.iter().filter_map(of_crate));
    all.extend(facts.std.iter().filter_map(of_std_crate));
    all.extend(facts.environment.into_iter().flat_map(of_environment));
    // A crate that is a part of the program and of what built it is one dependency.
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|one| seen.insert(one.to_string()));
    all
}

/// The sources. Those that differ from a commit have no digest, so that nobody takes them for it.
fn source(checkout: &Checkout) -> Option<Value> {
    let Checkout::Known {
        repository,
        commit,
        is_dirty,
    } = checkout
    else {
        return None;
    };
    let url = repository.as_deref().unwrap_or(package_url::LOCAL);
    let uri = match repository {
        Some(url) => format!("git+{url}"),
        None => url.to_owned(),
    };
    Some(match is_dirty {
        false => json!({
            "name": "source",
            "uri": format!("{uri}@{commit}"),
            "digest": { "gitCommit": commit },
        }),
        true => json!({
            "name": "source",
            "uri": uri,
            "annotations": { "dirty": true, "baseCommit": commit },
        }),
    })
}

/// A crate that is not a part of the sources. Nothing is known of one that is elsewhere on this machine.
fn of_crate(one: &Crate) -> Option<Value> {
    let uri = package_url::of_crate(one);
    let digest = match (&one.source, &one.checksum) {
        (Source::Directory(_), _) => return None,
        (Source::Outside | Source::Ignored, _) => {
            let annotations = match one.source {
                Source::Ignored => json!({ "ignoredByGit": true }),
                _ => json!({ "outsideOfTheRepository": true }),
            };
            return Some(json!({ "name": one.name, "uri": uri, "annotations": annotations }));
        }
        (Source::Git(_, revision), _) => json!({ "gitCommit": revision }),
        (_, Some(sha256)) => json!({ "sha256": sha256 }),
        (_, None) => return Some(json!({ "name": one.name, "uri": uri })),
    };
    Some(json!({ "name": one.name, "uri": uri, "digest": digest }))
}

/// A crate of the standard library that is not a part of Rust's sources.
fn of_std_crate(one: &StdCrate) -> Option<Value> {
    let uri = one.url()?;
    Some(match &one.checksum {
        Some(sha256) => json!({ "name": one.name, "uri": uri, "digest": { "sha256": sha256 } }),
        None => json!({ "name": one.name, "uri": uri }),
    })
}

fn of_environment(contents: &Contents) -> Vec<Value> {
    let release = contents.releases.first();
    let origin = release.map_or("debian", |release| release.origin.as_str());
    let codename = release.map_or("", |release| release.codename.as_str());
    let packages = contents.packages.iter().map(|package| {
        let uri = package_url::of_package(package, origin, codename);
        match &package.sha256 {
            Some(sha256) => {
                json!({ "name": package.name, "uri": uri, "digest": { "sha256": sha256 } })
            }
            None => json!({ "name": package.name, "uri": uri }),
        }
    });
    let downloads = contents.downloads.iter().map(|file| {
        let uri = package_url("generic", &file.name, &file.version, &[]);
        json!({ "name": file.name, "uri": uri, "digest": { "sha256": file.sha256 } })
    });
    let image = contents.image.iter().map(|image| {
        let id = image.digest.as_ref().unwrap_or(&image.id);
        let sha256 = id.trim_start_matches("sha256:");
        json!({ "name": "image", "digest": { "sha256": sha256 } })
    });
    packages.chain(downloads).chain(image).collect()
}

fn file(file: &NamedDigest) -> Value {
    json!({ "name": file.name, "digest": { "sha256": file.sha256 } })
}

fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}
