//! The proof of one row: making the environment, reading its versions, a build, and the tests.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use cross_core::mach_o::{MachO, Signature};
use cross_core::{
    Cancel, Cross, ErrorKind, Outcome, Plan, Request,
    config::Layer,
    outcome::ArtifactKind,
    targets::{Level, Target, TestSupport},
    toolchain::ToolchainSource,
};

use super::beside;
use super::evidence::{Answer, Crates, Entry, Store, Versions};
use super::made_sdk::MadeSdk;
use super::versions;
use crate::archive;
use crate::cli;
use crate::commands;
use crate::failure::Failure;
use crate::program_file;
use crate::progress::Progress;

/// The features of the proof besides Rust: all of them first, then fewer for targets that cannot
/// build all.
static FEATURES: [&[&str]; 3] = [&["c", "cxx"], &["c"], &[]];
/// Popular crates with native code, as features of the proof.
const CRATES: [&str; 5] = ["assembly", "bindgen", "cmake", "cxx-bridge", "openssl"];
/// The packages that the crates need besides the recipe.
const PACKAGES: [&str; 2] = ["libclang-dev:native", "libssl-dev"];
/// The files of the proof, relative to its directory.
const SOURCES: [&str; 11] = [
    "Cargo.toml",
    "Cargo.lock",
    "build.rs",
    "src/lib.rs",
    "src/main.rs",
    "src/tests.rs",
    "src/bridge.rs",
    "native/plain.c",
    "native/plain.cpp",
    "native/library.cpp",
    "native/bridge.cpp",
];

/// The files of the program that is proven with the SDK of a Unix, and of that SDK.
const SDK_SOURCES: [&str; 9] = [
    "Cargo.toml",
    "Cargo.lock",
    "build.rs",
    "src/main.rs",
    "native.c",
    "sdk/answer.h",
    "sdk/libc.c",
    "sdk/start.c",
    "sdk/make.sh",
];

/// Whether a row was proven before.
pub(crate) enum Known {
    /// A proof with the same recipe, Rust and crate is recorded.
    Recorded,
    /// This run proved it.
    Now(Box<Entry>),
}

/// The inputs of a proof.
pub(crate) struct Proof<'a> {
    plan: &'a Plan,
    /// A hash of the crate.
    hash: &'a str,
}

/// Proves rows.
pub(crate) struct Prover<'a> {
    args: &'a cli::Matrix,
    cancel: &'a Cancel,
    /// The library for the directory of the proof.
    cross: Cross,
    /// A hash of the crate.
    hash: String,
    /// The directory of the crate.
    dir: PathBuf,
    progress: &'a Progress,
    /// What takes the place of the user's SDK.
    sdk: Option<MadeSdk>,
}

impl Proof<'_> {
    /// Whether `entry` has the same inputs, and passed.
    pub(crate) fn is_of(&self, entry: &Entry) -> bool {
        // The version of the Rust in an environment is unknown before the environment runs.
        let rust = self.plan.toolchain.version.as_ref();
        let rust = rust.or(entry.versions.rust.as_ref());
        entry.key() == self.key()
            && entry.recipe_sha256 == self.plan.environment.recipe_sha256
            && entry.proof == self.hash
            && entry.error.is_none()
            && rust.is_some()
            && entry.versions.rust.as_ref() == rust
    }

    fn key(&self) -> (&str, &str, &str) {
        let plan = self.plan;
        (&plan.target, plan.engine.kind.name(), toolchain(plan))
    }
}

impl<'a> Prover<'a> {
    pub(crate) fn new(
        dir: &Path,
        args: &'a cli::Matrix,
        progress: &'a Progress,
        cancel: &'a Cancel,
    ) -> Result<Self, Failure> {
        let cross = commands::with(Cross::at(dir), &args.choice);
        Ok(Prover {
            args,
            cancel,
            cross: progress.watch(&cross),
            hash: hash(dir, &SOURCES)?,
            dir: dir.to_owned(),
            progress,
            sdk: None,
        })
    }

    /// Returns the requested engine and toolchain, as entries name them.
    pub(crate) fn asked(&self) -> (&str, &str) {
        let choice = &self.args.choice;
        let engine = choice.engine.as_deref().unwrap_or("sandbox");
        (engine, choice.toolchain.as_deref().unwrap_or("host"))
    }

    /// Proves `target`, unless its proof is recorded. An error ends the run.
    pub(crate) fn prove(&self, target: &str, store: &Store) -> Result<Known, Failure> {
        match self.with_made_sdk(target)? {
            None => self.prove_row(target, store),
            Some(prover) => prover.prove_row(target, store),
        }
    }

    /// The same with a directory in place of the SDK, if one can be made for `target`.
    fn with_made_sdk(&self, target: &str) -> Result<Option<Self>, Failure> {
        let known = Target::parse(target).map_err(|error| Failure::new(error.to_string()))?;
        let Some(sdk) = MadeSdk::make(known, &self.dir)? else {
            return Ok(None);
        };
        let (cross, hash) = match sdk.proof(&self.dir) {
            None => (self.cross.clone(), self.hash.clone()),
            Some(dir) => {
                let cross = commands::with(Cross::at(&dir), &self.args.choice);
                (self.progress.watch(&cross), hash(&dir, &SDK_SOURCES)?)
            }
        };
        Ok(Some(Prover {
            cross: cross.defaults(sdk.layer(target)),
            hash,
            dir: self.dir.clone(),
            sdk: Some(sdk),
            ..*self
        }))
    }

    /// Makes the environment of `target` if it is not there, and asks it for its versions.
    pub(crate) fn environment(&self, target: &str) -> Result<Answer, Failure> {
        let with_sdk = self.with_made_sdk(target)?;
        let prover = with_sdk.as_ref().unwrap_or(self);
        let known = Target::parse(target).map_err(|error| Failure::new(error.to_string()))?;
        let plan = prover.cross.build(target).plan_until(self.cancel)?;
        let seconds = prover.make_environment(&plan)?;
        let versions = versions::ask(&prover.cross, known)?;
        let size = prover.size(&plan)?;
        if self.args.discard && seconds.is_some() {
            self.discard(&plan)?;
        }
        Ok(Answer {
            toolchain: toolchain(&plan).to_owned(),
            engine: plan.engine.kind.name().to_owned(),
            recipe_sha256: plan.environment.recipe_sha256,
            target: plan.target,
            versions,
            size,
            seconds,
        })
    }

    /// Makes the environment of `plan` if it is not there, and returns how many seconds that took.
    fn make_environment(&self, plan: &Plan) -> Result<Option<f64>, Failure> {
        if plan.environment.exists {
            return Ok(None);
        }
        let start = Instant::now();
        plan.clone().only_environment().execute(self.cancel)?;
        Ok(Some(rounded(start.elapsed().as_secs_f64())))
    }

    fn prove_row(&self, target: &str, store: &Store) -> Result<Known, Failure> {
        let start = Instant::now();
        let features = match self.sdk {
            None => FEATURES[0],
            Some(_) => &[],
        };
        let plan = self
            .request(self.cross.build(target), features)
            .plan_until(self.cancel)?;
        let proof = Proof {
            plan: &plan,
            hash: &self.hash,
        };
        let again = self.args.again || self.args.rotating.is_some();
        if !again && store.same(&proof).is_some() {
            return Ok(Known::Recorded);
        }
        let mut entry = self.begin(&plan);
        let done = self.row(&plan, &mut entry);
        entry.error = done.err().map(|failure| short(&failure.to_string()));
        entry.seconds = rounded(start.elapsed().as_secs_f64());
        if entry.environment_seconds.is_none() {
            entry.environment_seconds =
                store.environment_seconds(entry.recipe_sha256.as_deref(), &entry.engine);
        }
        if self.args.discard && !plan.environment.exists {
            self.discard(&plan)?;
        }
        Ok(Known::Now(Box::new(entry)))
    }

    fn begin(&self, plan: &Plan) -> Entry {
        let builds_std = |arg: &str| arg.contains("build-std");
        let commands = plan.commands().flat_map(|command| command.args.iter());
        let std = match toolchain(plan) {
            _ if commands.map(|arg| arg.as_str()).any(builds_std) => "build-std",
            "image" => "package",
            _ => "rustup",
        };
        Entry {
            target: plan.target.clone(),
            engine: plan.engine.kind.name().to_owned(),
            toolchain: toolchain(plan).to_owned(),
            date: commands::today(),
            suite: plan.environment.suite.clone(),
            recipe_sha256: plan.environment.recipe_sha256.clone(),
            proof: self.hash.clone(),
            std: std.to_owned(),
            versions: Versions::default(),
            built: Vec::new(),
            sdk: self.sdk.as_ref().map(|sdk| sdk.description().to_owned()),
            glibc: None,
            macos: None,
            tests: None,
            size: None,
            environment_seconds: None,
            seconds: 0.0,
            error: None,
            crates: BTreeMap::new(),
        }
    }

    /// Tests the popular crates one by one.
    pub(crate) fn crates(&self, target: &str) -> Result<Crates, Failure> {
        let packages = Layer::embedder("matrix").packages(PACKAGES);
        let cross = self.cross.clone().defaults(packages);
        let plan = cross.build(target).plan_until(self.cancel)?;
        let mut results = BTreeMap::new();
        for krate in CRATES {
            let request = self.request(cross.test(target), &[krate]);
            let error = request.run_until(self.cancel).err();
            let error = error.map(|error| short(&error.to_string()));
            results.insert(krate.to_owned(), error);
        }
        if self.args.discard && !plan.environment.exists {
            self.discard(&plan)?;
        }
        Ok(Crates {
            toolchain: toolchain(&plan).to_owned(),
            engine: plan.engine.kind.name().to_owned(),
            target: plan.target,
            results,
        })
    }

    /// Runs the proof, and fills `entry` as far as it gets.
    fn row(&self, plan: &Plan, entry: &mut Entry) -> Result<(), Failure> {
        let target =
            Target::parse(&plan.target).map_err(|error| Failure::new(error.to_string()))?;
        entry.environment_seconds = self.make_environment(plan)?;
        entry.size = self.size(plan)?;
        entry.versions = versions::ask(&self.cross, target)?;
        if let Some(sdk) = &self.sdk {
            sdk.complete(&self.cross, plan)?;
            return self.with_sdk(target, sdk, entry);
        }
        if target.facts().level() == Level::Libraries {
            return self.library(&plan.target, entry);
        }
        let wanted = wanted(target);
        let (built, features) = self.build(&plan.target, wanted, entry)?;
        entry.glibc = check(&built, target)?;
        entry.macos = check_macos(&built, target)?;
        entry.tests = match target.facts().tests {
            TestSupport::None => None,
            TestSupport::Programs => Some(self.run_program(&plan.target, features)?),
            _ => Some(self.tests(&plan.target, features, entry)?),
        };
        match features == wanted[0] {
            true => Ok(()),
            false => Err(Failure::new(format!(
                "only {} could be built",
                entry.built.join(" and ")
            ))),
        }
    }

    /// Builds the program that is proven with an SDK, and runs its tests where something runs them.
    fn with_sdk(&self, target: Target, sdk: &MadeSdk, entry: &mut Entry) -> Result<(), Failure> {
        let request = self.request(self.cross.build(target.to_string()), &[]);
        let done = request.run_until(self.cancel)?;
        if done.executables().next().is_none() {
            return Err(Failure::new("no program was built"));
        }
        check(&done, target)?;
        entry.built = vec!["rust".to_owned()];
        if let MadeSdk::Windows(_) = sdk {
            let cross = commands::with(Cross::at(self.dir.join(beside::CRATE)), &self.args.choice);
            let cross = self.progress.watch(&cross);
            let cross = cross.defaults(sdk.layer(&target.to_string()));
            beside::prove(&cross, target, self.cancel)?;
        }
        entry.built.push("c".to_owned());
        if entry.versions.emulator.is_some() {
            entry.tests = Some(self.tests(&target.to_string(), &[], entry)?);
        }
        Ok(())
    }

    /// Builds the proof's library, without C.
    fn library(&self, target: &str, entry: &mut Entry) -> Result<(), Failure> {
        let request = self.request(self.cross.build(target), &[]);
        let done = request.lib(true).run_until(self.cancel)?;
        let mut artifacts = done.artifacts.iter();
        if !artifacts.any(|artifact| artifact.kind == ArtifactKind::RustLibrary) {
            return Err(Failure::new("no library was built"));
        }
        entry.built = vec!["rust".to_owned()];
        Ok(())
    }

    /// Builds the proof with as many features as possible.
    fn build(
        &self,
        target: &str,
        wanted: &[&'static [&'static str]],
        entry: &mut Entry,
    ) -> Result<(Outcome, &'static [&'static str]), Failure> {
        let mut failure = None;
        for &features in wanted {
            let request = self.request(self.cross.build(target), features);
            match request.run_until(self.cancel) {
                Ok(outcome) => {
                    let names = ["rust", "c", "c++"];
                    entry.built = names[..=features.len()]
                        .iter()
                        .map(|part| (*part).to_owned())
                        .collect();
                    return Ok((outcome, features));
                }
                Err(error) if error.kind() == ErrorKind::CargoFailed => {
                    failure.get_or_insert(error);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(failure.map_or_else(|| Failure::new("nothing was built"), Failure::from))
    }

    fn tests(
        &self,
        target: &str,
        features: &[&str],
        entry: &mut Entry,
    ) -> Result<(u64, u64), Failure> {
        let request = self.request(self.cross.test(target), features);
        let tested = request.run_until(self.cancel);
        if let Err(error) = &tested {
            entry.tests = error.tests().map(|summary| (summary.passed, summary.ran()));
        }
        let tests = tested?.tests.unwrap_or_default();
        match tests.ran() {
            0 => Err(Failure::new("no test was run")),
            ran => Ok((tests.passed, ran)),
        }
    }

    /// Runs a program without `std`, whose exit status is the result of its tests.
    fn run_program(&self, target: &str, features: &[&str]) -> Result<(u64, u64), Failure> {
        let request = self.request(self.cross.run(target), features);
        request.run_until(self.cancel)?;
        Ok((1, 1))
    }

    fn request(&self, request: Request, features: &[&str]) -> Request {
        let request = request.locked(true).no_default_features(true);
        match features {
            [] => request,
            some => request.features(some.iter().copied()),
        }
    }

    fn size(&self, plan: &Plan) -> Result<Option<String>, Failure> {
        let there = self.cross.environments(plan.engine.kind.name())?;
        let found = there
            .into_iter()
            .find(|environment| environment.name == plan.environment.name);
        Ok(found.map(|environment| environment.size))
    }

    /// Removes the environment of the row and its artifacts.
    fn discard(&self, plan: &Plan) -> Result<(), Failure> {
        self.cross
            .remove_environment(plan.engine.kind.name(), &plan.environment.name)?;
        match fs::remove_dir_all(&plan.target_dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure::io("remove", &plan.target_dir, &error))
            }
            _ => Ok(()),
        }
    }
}

/// Returns the features to build for `target`: all of them first, then fewer.
fn wanted(target: Target) -> &'static [&'static [&'static str]] {
    match target.triple() {
        // Debian's C++ library for WASI has no threads.
        "wasm32-wasip1-threads" => &FEATURES[1..],
        _ => &FEATURES,
    }
}

/// Checks that the program is for `target`, and returns its glibc floor.
fn check(built: &Outcome, target: Target) -> Result<Option<String>, Failure> {
    let program = built.executables().next();
    let program = program.ok_or_else(|| Failure::new("cargo built no program"))?;
    program_file::check(program, target)
}

/// Checks that a program of macOS loads libraries of the system only, and starts on the target's
/// processor. Returns the oldest macOS that it runs on.
fn check_macos(built: &Outcome, target: Target) -> Result<Option<String>, Failure> {
    if target.facts().os != "macos" {
        return Ok(None);
    }
    let program = built.executables().next();
    let program = program.ok_or_else(|| Failure::new("cargo built no program"))?;
    for read in MachO::read_all(&program.path)? {
        let is_of_system = |name: &&String| name.starts_with("/usr/lib/");
        if let Some(other) = read.libraries.iter().find(|name| !is_of_system(name)) {
            return Err(Failure::new(format!("the program loads `{other}`")));
        }
        if read.machine == "arm64" && read.signature == Signature::None {
            return Err(Failure::new(
                "the program is not signed, so that no processor starts it",
            ));
        }
    }
    match program.deployment_target {
        Some(oldest) => Ok(Some(oldest.to_string())),
        None => Err(Failure::new("the program says no version of macOS")),
    }
}

fn toolchain(plan: &Plan) -> &'static str {
    match plan.toolchain.source {
        ToolchainSource::Image => "image",
        ToolchainSource::Directory { .. } => "directory",
        _ => "host",
    }
}

fn hash(dir: &Path, sources: &[&str]) -> Result<String, Failure> {
    let mut all = Vec::new();
    for path in sources.iter().map(|name| dir.join(name)) {
        let file = fs::read(&path).map_err(|error| Failure::io("read", &path, &error))?;
        all.extend(file);
    }
    Ok(archive::sha256(&all)[..16].to_owned())
}

/// Returns the beginning of an error message, on one line.
fn short(error: &str) -> String {
    let words: Vec<_> = error.split_whitespace().collect();
    words.join(" ").chars().take(300).collect()
}

fn rounded(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}
