//! The bill of materials of an archive, in the format CycloneDX 1.5.
//!
//! `components` has what is in the program (`scope: required`) and the crates that only built it
//! (`excluded`): build dependencies, procedural macros and what these need. `formulation` has what
//! else it was built with: the environment's packages and the toolchain. The same crates, environment
//! and sources give the same bytes: there is no time of the run, no path of the machine and no random
//! number.

use cross_core::contents::Contents;
use cross_core::outcome::{LibraryOrigin, NativeLibrary};
use cyclonedx_bom::models::component::{Classification, Component, Components, Scope};
use cyclonedx_bom::models::dependency::{Dependencies, Dependency};
use cyclonedx_bom::models::formulation::Formula;
use cyclonedx_bom::models::hash::{Hash, HashAlgorithm, HashValue, Hashes};
use cyclonedx_bom::models::license::{LicenseChoice, Licenses};
use cyclonedx_bom::models::lifecycle::{Lifecycle, Lifecycles, Phase};
use cyclonedx_bom::models::metadata::Metadata;
use cyclonedx_bom::models::property::{Properties, Property};
use cyclonedx_bom::models::tool::Tools;
use cyclonedx_bom::prelude::{Bom, DateTime, Purl, SpdxExpression, UrnUuid};
use sha2::{Digest as _, Sha256};

use crate::archive;
use crate::crates::Crate;
use crate::failure::Failure;
use crate::package_url::{self, Rust, package_url};
use crate::std_crates::StdCrate;

/// What a bill of materials is made from.
pub(crate) struct Material<'a> {
    pub(crate) target: &'a str,
    /// The SHA-256 of the archive.
    pub(crate) archive_sha256: &'a str,
    /// The crates, that of the program first.
    pub(crate) crates: &'a [Crate],
    /// The crates of the standard library, if the build compiled it.
    pub(crate) std: &'a [StdCrate],
    /// What is in the environment; `None` if nothing is on record.
    pub(crate) environment: Option<&'a Contents>,
    /// Rust, if its version is known.
    pub(crate) rust: Option<Rust<'a>>,
    /// The time of the sources as an RFC 3339 text, if it is known.
    pub(crate) time: Option<String>,
}

/// Returns the document.
pub(crate) fn render(material: &Material<'_>) -> Result<Vec<u8>, Failure> {
    let mut bom = bom(material)?;
    let content = json(bom.clone())?;
    bom.serial_number = Some(UrnUuid(serial_number(&content)));
    json(bom)
}

fn json(bom: Bom) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    bom.output_as_json_v1_5(&mut bytes)
        .map_err(|error| Failure::new(format!("cannot write the bill of materials: {error}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A UUID of the content, so that equal documents have the same: version 8 of RFC 9562.
fn serial_number(content: &[u8]) -> String {
    let mut bytes = Sha256::digest(content);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    format!("urn:uuid:{}", parts.join("-"))
}

fn bom(material: &Material<'_>) -> Result<Bom, Failure> {
    let (program, crates) = material
        .crates
        .split_first()
        .ok_or_else(|| Failure::new("a program without a crate"))?;
    let mut components: Vec<_> = crates.iter().map(of_crate).collect();
    let natives = material.crates.iter().flat_map(|one| {
        let libraries = one.libraries.iter();
        libraries.map(|library| of_library(one, library))
    });
    components.extend(natives);
    let std = material.rust.map(|rust| of_std(rust, material));
    let mut dependencies: Vec<_> = material
        .crates
        .iter()
        .map(|one| depends_on(one, material.crates))
        .collect();
    if let (Some(std), Some(first)) = (&std, dependencies.first_mut()) {
        first.dependencies.extend(std.bom_ref.clone());
    }
    components.extend(std);
    let time = material.time.clone().map(DateTime::try_from).transpose();
    let time = time.map_err(|error| Failure::new(format!("the time of the sources: {error}")))?;
    Ok(Bom {
        serial_number: None,
        metadata: Some(Metadata {
            timestamp: time,
            tools: Some(Tools::Object {
                services: None,
                components: Some(Components(vec![Component::new(
                    Classification::Application,
                    "cargo xtask dist",
                    env!("CARGO_PKG_VERSION"),
                    None,
                )])),
            }),
            component: Some(of_program(program, material)),
            lifecycles: Some(Lifecycles(vec![Lifecycle::Phase(Phase::Build)])),
            ..Metadata::default()
        }),
        components: Some(Components(components)),
        dependencies: Some(Dependencies(dependencies)),
        formulation: Some(vec![built_with(material)]),
        ..Bom::default()
    })
}

/// The name of a crate within the document.
fn reference(for_host: bool, url: &str) -> String {
    match for_host {
        true => format!("build:{url}"),
        false => url.to_owned(),
    }
}

fn reference_of(one: &Crate) -> String {
    reference(one.key.for_host, &package_url::of_crate(one))
}

fn reference_of_library(one: &Crate, library: &NativeLibrary) -> String {
    let kind = library.kind.as_deref().unwrap_or("any");
    format!("native:{kind}:{}:{}", library.name, reference_of(one))
}

fn of_program(program: &Crate, material: &Material<'_>) -> Component {
    let mut component = of_crate(program);
    component.component_type = Classification::Application;
    component.scope = None;
    component.hashes = sha256(Some(material.archive_sha256));
    let target = Property::new("cross:target", material.target);
    let properties = component.properties.get_or_insert(Properties(Vec::new()));
    properties.0.push(target);
    component
}

fn of_crate(one: &Crate) -> Component {
    let url = package_url::of_crate(one);
    let reference = reference(one.key.for_host, &url);
    let role = match (one.is_macro, one.key.for_host) {
        (true, _) => "procedural macro",
        (false, true) => "build dependency",
        (false, false) => "linked",
    };
    let mut properties = vec![Property::new("cross:role", role)];
    if !one.features.is_empty() {
        properties.push(Property::new("cross:features", &one.features.join(",")));
    }
    if one.license.is_none() && one.license_file.is_none() {
        properties.push(Property::new("cross:license", "none is declared"));
    }
    Component {
        scope: Some(scope(one.key.for_host)),
        hashes: sha256(one.checksum.as_deref()),
        licenses: licenses(one),
        purl: purl(&url),
        properties: Some(Properties(properties)),
        ..Component::new(
            Classification::Library,
            &one.name,
            &one.version,
            Some(reference),
        )
    }
}

fn scope(for_host: bool) -> Scope {
    match for_host {
        true => Scope::Excluded,
        false => Scope::Required,
    }
}

/// A native library that a crate links. Its version is not known: build scripts do not tell it.
fn of_library(one: &Crate, library: &NativeLibrary) -> Component {
    let linkage = match library.kind.as_deref() {
        Some("static") => "static",
        Some("dylib") => "dynamic",
        Some("framework") => "framework",
        Some(other) => other,
        None => "dynamic, or static if there is nothing else",
    };
    let from = match library.origin {
        LibraryOrigin::BuildScript => "the build script of the crate",
        LibraryOrigin::Sources => "a file that came with the sources",
        _ => "the environment",
    };
    let properties = [
        Property::new("cross:linkage", linkage),
        Property::new("cross:crate", &format!("{}@{}", one.name, one.version)),
        Property::new("cross:from", from),
    ];
    Component {
        version: None,
        scope: Some(scope(one.key.for_host)),
        properties: Some(Properties(properties.to_vec())),
        ..Component::new(
            Classification::Library,
            &library.name,
            "",
            Some(reference_of_library(one, library)),
        )
    }
}

/// Rust's standard library, which comes compiled with the toolchain, or was compiled with the program.
/// Then its crates are parts of it.
fn of_std(rust: Rust<'_>, material: &Material<'_>) -> Component {
    let url = rust.url("rust-std", Some(material.target));
    let of_crate = |one| of_std_crate(one, rust.version);
    let parts = material.std.iter().map(of_crate);
    let parts: Vec<_> = parts.collect();
    Component {
        scope: Some(Scope::Required),
        purl: purl(&url),
        components: (!parts.is_empty()).then_some(Components(parts)),
        ..Component::new(
            Classification::Framework,
            "rust-std",
            rust.version,
            Some(url),
        )
    }
}

/// A crate of the standard library. One from its own source has the version of Rust.
fn of_std_crate(one: &StdCrate, rust: &str) -> Component {
    let version = one.version.as_deref().unwrap_or(rust);
    let features = one.features.join(",");
    let features = (!features.is_empty()).then(|| Property::new("cross:features", &features));
    let name = format!("std:{}@{version}", one.name);
    Component {
        scope: Some(scope(one.for_host)),
        hashes: sha256(one.checksum.as_deref()),
        purl: one.url().as_deref().and_then(purl),
        properties: features.map(|features| Properties(vec![features])),
        ..Component::new(
            Classification::Library,
            &one.name,
            version,
            Some(reference(one.for_host, &name)),
        )
    }
}

fn depends_on(one: &Crate, all: &[Crate]) -> Dependency {
    let crates = all.iter().filter(|it| one.depends_on.contains(&it.key));
    let libraries = one.libraries.iter();
    let libraries = libraries.map(|library| reference_of_library(one, library));
    Dependency {
        dependency_ref: reference_of(one),
        dependencies: crates.map(reference_of).chain(libraries).collect(),
    }
}

fn sha256(value: Option<&str>) -> Option<Hashes> {
    let hash = |value: &str| Hash {
        alg: HashAlgorithm::SHA_256,
        content: HashValue(value.to_owned()),
    };
    value.map(|value| Hashes(vec![hash(value)]))
}

fn purl(url: &str) -> Option<Purl> {
    url.parse().ok()
}

fn licenses(one: &Crate) -> Option<Licenses> {
    let declared =
        one.license.as_deref().map(
            |license| match SpdxExpression::parse_lax(license.to_owned()) {
                Ok(expression) => LicenseChoice::Expression(expression),
                Err(_) => LicenseChoice::license(license),
            },
        );
    let in_file = || {
        let file = one.license_file.as_deref()?;
        Some(LicenseChoice::license(&format!("the crate's file {file}")))
    };
    let choice = declared.or_else(in_file)?;
    Some(Licenses(vec![choice]))
}

/// What the program was built with, beside crates.
fn built_with(material: &Material<'_>) -> Formula {
    let mut properties = Vec::new();
    let mut components: Vec<_> = material.rust.map(of_rustc).into_iter().collect();
    match material.environment {
        Some(contents) => {
            properties = properties_of(contents);
            components.extend(packages(contents));
        }
        None => properties.push(Property::new(
            "cross:environment",
            "what is in it is not on record",
        )),
    }
    Formula {
        bom_ref: None,
        components: Some(Components(components)),
        services: None,
        workflows: None,
        properties: Some(Properties(properties)),
    }
}

fn of_rustc(rust: Rust<'_>) -> Component {
    Component {
        purl: purl(&rust.url("rust", None)),
        ..Component::new(Classification::Application, "rust", rust.version, None)
    }
}

fn properties_of(contents: &Contents) -> Vec<Property> {
    let sha256 = contents.sha256();
    let mut properties = vec![Property::new("cross:environment-sha256", &sha256)];
    properties.extend(contents.releases.iter().map(|release| {
        let text = format!(
            "{} {} {} of {}, sha256:{}",
            release.origin, release.codename, release.version, release.date, release.sha256
        );
        Property::new("cross:release", &text)
    }));
    if let Some(text) = &contents.pre_build {
        let sum = archive::sha256(text.as_bytes());
        properties.push(Property::new("cross:pre-build-sha256", &sum));
    }
    if let Some(image) = &contents.image {
        let name = image.digest.as_ref().unwrap_or(&image.id);
        let text = format!("{name} ({})", image.platform);
        properties.push(Property::new("cross:image", &text));
    }
    properties
}

/// The packages of the environment, and what was downloaded beside them.
fn packages(contents: &Contents) -> impl Iterator<Item = Component> + '_ {
    let release = contents.releases.first();
    let origin = release.map_or("debian", |release| release.origin.as_str());
    let codename = release.map_or("", |release| release.codename.as_str());
    let packages = contents.packages.iter().map(move |package| {
        let url = package_url::of_package(package, origin, codename);
        let removed = Property::new("cross:removed", "before the environment was complete");
        Component {
            hashes: sha256(package.sha256.as_deref()),
            purl: purl(&url),
            properties: package.removed.then(|| Properties(vec![removed])),
            ..Component::new(
                Classification::Library,
                &package.name,
                &package.version,
                None,
            )
        }
    });
    let downloads = contents.downloads.iter().map(|file| {
        let url = package_url("generic", &file.name, &file.version, &[]);
        Component {
            hashes: sha256(Some(&file.sha256)),
            purl: purl(&url),
            ..Component::new(Classification::Application, &file.name, &file.version, None)
        }
    });
    packages.chain(downloads)
}
