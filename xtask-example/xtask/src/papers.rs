//! The papers beside an archive: its bill of materials, and its provenance.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cross_core::{Cross, ErrorKind, Outcome, contents::Contents, targets::Target};

use crate::archive::{self, OLDEST};
use crate::bill_of_materials::{self, Material};
use crate::caller;
use crate::checkout::{self, Checkout};
use crate::cli;
use crate::crates::{Checksums, Crate, Metadata, Resolved, Source};
use crate::dist;
use crate::failure::Failure;
use crate::package_url::Rust;
use crate::provenance::{self, Built, Facts, NamedDigest, Parameters, Run};
use crate::std_crates::{StdCrate, StdLock};

/// What ends the name of a bill of materials: tools know the format by it.
const BILL_OF_MATERIALS: &str = "cdx.json";

/// What ends the name of a statement.
const PROVENANCE: &str = "provenance.json";

/// The files of the workspace that decide what is built, beside the sources.
const LOCKS: [&str; 4] = [
    "Cargo.lock",
    "Cross.lock",
    "rust-toolchain",
    "rust-toolchain.toml",
];

/// A paper.
#[derive(Clone, Debug)]
pub(crate) struct Paper {
    pub(crate) file: String,
    pub(crate) bytes: Vec<u8>,
}

impl Paper {
    fn digest(&self) -> NamedDigest {
        NamedDigest {
            name: self.file.clone(),
            sha256: archive::sha256(&self.bytes),
        }
    }
}

/// What the papers of all targets of a run have in common.
pub(crate) struct Papers {
    root: PathBuf,
    /// The directory of the repository around it, or else itself.
    repository: PathBuf,
    checkout: Checkout,
    checksums: Checksums,
    locks: Vec<NamedDigest>,
    files: caller::Files,
    builder: Option<String>,
    invocation: String,
    offline: bool,
    started: SystemTime,
    /// What the papers cannot say, and why.
    gaps: Mutex<BTreeSet<String>>,
    /// What cargo resolves, by triples.
    metadata: Mutex<BTreeMap<String, Arc<Metadata>>>,
}

/// A program that was built for a target.
pub(crate) struct Program<'a> {
    pub(crate) cross: &'a Cross,
    pub(crate) package: &'a str,
    pub(crate) target: &'a str,
    /// The options of the command line.
    pub(crate) choice: &'a cli::Choice,
    pub(crate) outcome: &'a Outcome,
    /// The profile that built it.
    pub(crate) profile: &'a str,
    /// Whether its tests ran.
    pub(crate) tested: bool,
    /// Whether its debug information was split off.
    pub(crate) symbols: bool,
    /// The archive's name and SHA-256.
    pub(crate) archive: NamedDigest,
    /// Whether the archive has programs for other targets, too. Their papers are named after them.
    pub(crate) is_shared: bool,
    /// The time of the files in the archive, in seconds since the Unix epoch.
    pub(crate) source_time: u64,
}

impl Program<'_> {
    /// The name of its papers, without what their kinds add.
    fn paper_name(&self) -> String {
        match self.is_shared {
            true => format!("{}.{}", self.archive.name, self.target),
            false => self.archive.name.clone(),
        }
    }
}

impl Papers {
    /// Reads what is the same for all targets, before anything is built.
    pub(crate) fn new(
        root: &Path,
        run: &cli::NamedRun,
        choice: &cli::Choice,
    ) -> Result<Self, Failure> {
        let started = SystemTime::now();
        let locks = LOCKS.iter().map(|name| digest(root, name));
        let locks = locks.collect::<Result<Vec<_>, _>>()?;
        Ok(Papers {
            repository: checkout::top(root),
            checkout: Checkout::of(root),
            checksums: Checksums::read(&root.join("Cargo.lock"))?,
            locks: locks.into_iter().flatten().collect(),
            files: caller::Files::read(root)?,
            builder: run.builder_id.clone(),
            invocation: run
                .invocation_id
                .clone()
                .unwrap_or_else(|| invocation(started)),
            offline: choice.offline,
            started,
            gaps: Mutex::default(),
            root: root.to_owned(),
            metadata: Mutex::default(),
        })
    }

    /// What the user should know of the papers before a release.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let gaps = self.gaps.lock().unwrap_or_else(PoisonError::into_inner);
        self.checkout
            .warning()
            .into_iter()
            .chain(gaps.iter().cloned())
            .collect()
    }

    /// Returns the papers of the archive with `program`.
    pub(crate) fn of(&self, program: &Program<'_>) -> Result<Vec<Paper>, Failure> {
        let outcome = program.outcome;
        let (crates, std) = self.crates(program)?;
        let environment = self.contents(program)?;
        let rust = Rust::of(&outcome.toolchain);
        let plan = dist::common(program.cross.build(program.target)).plan()?;
        let checkout = self.checkout_of_build();
        let name = program.paper_name();
        let bill_of_materials = Paper {
            file: format!("{name}.{BILL_OF_MATERIALS}"),
            bytes: bill_of_materials::render(&Material {
                target: program.target,
                archive_sha256: &program.archive.sha256,
                crates: &crates,
                std: &std,
                environment: environment.as_ref(),
                rust,
                time: time_of_sources(program.source_time),
            })?,
        };
        let features = crates.first().map(|one| one.features.as_slice());
        let statement = provenance::render(&Facts {
            archive: program.archive.clone(),
            bill_of_materials: bill_of_materials.digest(),
            parameters: Parameters {
                package: program.package,
                target: program.target,
                profile: program.profile,
                features: features.unwrap_or_default(),
                tests: program.tested,
                symbols: program.symbols,
                engine: program.choice.engine.as_deref(),
                toolchain: program.choice.toolchain.as_deref(),
                config: self.files.config.as_ref(),
                cargo_config: self.files.cargo_config.as_ref(),
                local_cargo_configs: &self.files.local_cargo_configs,
                variables: &caller::variables(&plan),
            },
            checkout: &checkout,
            locks: &self.locks,
            crates: &crates,
            std: &std,
            environment: environment.as_ref(),
            outcome: Built::of(outcome),
            run: Run {
                builder: self.builder.as_deref(),
                invocation: &self.invocation,
                started: self.started,
                finished: SystemTime::now(),
            },
        })?;
        let provenance = Paper {
            file: format!("{name}.{PROVENANCE}"),
            bytes: statement,
        };
        Ok(vec![bill_of_materials, provenance])
    }

    /// What is known of the sources, which may have changed since the build began.
    fn checkout_of_build(&self) -> Checkout {
        let built = self.checkout.until(&Checkout::of(&self.root));
        if built != self.checkout {
            let gap = "the sources changed during the build: the provenance says so, and names no revision";
            self.add_gaps([gap.to_owned()]);
        }
        built
    }

    /// The crates of the program, and those of the standard library that were compiled for it.
    fn crates(&self, program: &Program<'_>) -> Result<(Vec<Crate>, Vec<StdCrate>), Failure> {
        let resolved = Resolved {
            for_target: &*self.resolve(&triples(program.target))?,
            for_host: &*self.resolve(&[&host()])?,
            checksums: &self.checksums,
            repository: &self.repository,
        };
        let lock = StdLock::of(program.outcome)?;
        let (own, std) = resolved.without_std(&program.outcome.packages, &lock);
        let crates = resolved.crates_of(program.package, &own)?;
        let crates: Vec<_> = crates.into_iter().map(|one| self.placed(one)).collect();
        let gaps = crates.iter().filter_map(|one| {
            let place = match one.source {
                Source::Outside => "in a directory outside of the repository",
                Source::Ignored => "a crate with sources that git ignores",
                _ => return None,
            };
            let name = &one.name;
            Some(format!(
                "`{name}` is {place}: the papers do not say which sources it had"
            ))
        });
        self.add_gaps(gaps);
        Ok((crates, std))
    }

    /// A crate in a directory is a part of the sources unless git ignores it.
    fn placed(&self, mut one: Crate) -> Crate {
        let Source::Directory(dir) = &one.source else {
            return one;
        };
        let is_known = matches!(self.checkout, Checkout::Known { .. });
        if is_known && checkout::ignores(&self.repository, &self.root.join(dir)) {
            one.source = Source::Ignored;
        }
        one
    }

    fn add_gaps(&self, gaps: impl IntoIterator<Item = String>) {
        let mut known = self.gaps.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(gaps);
    }

    /// What is in the environment that built the program. `None` if nobody recorded it, as on the
    /// engine `host`, which is a gap.
    fn contents(&self, program: &Program<'_>) -> Result<Option<Contents>, Failure> {
        let contents = match program.cross.contents(program.target) {
            Err(error) if error.kind() == ErrorKind::Environment => {
                let target = program.target;
                let gap = format!(
                    "the papers of {target} do not name the packages that it was built with: {}",
                    Failure::from(error).with_its_help()
                );
                self.add_gaps([gap]);
                return Ok(None);
            }
            read => read?,
        };
        let used = program.outcome.environment.contents_sha256.as_ref();
        if used.is_some_and(|used| *used != contents.sha256()) {
            let message = "the environment was replaced while the program was built";
            return Err(Failure::new(message).with_help("run the command again"));
        }
        Ok(Some(contents))
    }

    /// What cargo resolves for these triples. It is asked once.
    fn resolve(&self, triples: &[&str]) -> Result<Arc<Metadata>, Failure> {
        let mut known = self.metadata.lock().unwrap_or_else(PoisonError::into_inner);
        let name = triples.join(" ");
        if let Some(metadata) = known.get(&name) {
            return Ok(Arc::clone(metadata));
        }
        let metadata = Arc::new(Metadata::query(&self.root, triples, self.offline)?);
        known.insert(name, Arc::clone(&metadata));
        Ok(metadata)
    }
}

/// Fetches what the papers of `targets` need to know, so that they can be written offline.
pub(crate) fn prefetch(root: &Path, targets: &[String]) -> Result<(), Failure> {
    let host = host();
    for triples in targets
        .iter()
        .map(|it| triples(it))
        .chain([vec![host.as_str()]])
    {
        Metadata::query(root, &triples, false)?;
    }
    Ok(())
}

/// The triples that cargo builds for a target.
pub(crate) fn triples(target: &str) -> Vec<&str> {
    match Target::parse(target) {
        Ok(known) => known.slices().map(Target::triple).collect(),
        Err(_) => vec![target],
    }
}

/// The triple of what runs in environments: they are Linux of the machine's architecture.
pub(crate) fn host() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

/// The time of the sources, if it is known.
fn time_of_sources(seconds: u64) -> Option<String> {
    let time = UNIX_EPOCH + Duration::from_secs(seconds);
    (seconds != OLDEST).then(|| humantime::format_rfc3339_seconds(time).to_string())
}

/// The digest of the file `name` of a directory, if it is there.
pub(crate) fn digest(root: &Path, name: &str) -> Result<Option<NamedDigest>, Failure> {
    let path = root.join(name);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(NamedDigest {
            name: name.to_owned(),
            sha256: archive::sha256(&bytes),
        })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io("read", &path, &error)),
    }
}

/// A name that no other run has.
fn invocation(started: SystemTime) -> String {
    let since = started.duration_since(UNIX_EPOCH).unwrap_or_default();
    let text = format!("{}.{}", since.as_nanos(), std::process::id());
    format!(
        "urn:cross-core:run:{}",
        &archive::sha256(text.as_bytes())[..32]
    )
}

#[cfg(test)]
mod tests;
