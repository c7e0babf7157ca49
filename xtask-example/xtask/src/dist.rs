//! `dist`: builds, tests, checks and packages logsift for every target it ships for.

use std::path::PathBuf;
use std::time::Instant;

use cross_core::{
    Artifact, Cancel, Cross, Outcome, Request,
    batch::BatchItem,
    object_files::Strip,
    plan::EnvironmentKind,
    project::LocalPackage,
    targets::{Target, TestSupport},
};
use serde_json::json;

use crate::archive::{self, Member};
use crate::cli;
use crate::commands::{self, PACKAGE};
use crate::contents::{self, Place};
use crate::deb::{self, Deb};
use crate::failure::Failure;
use crate::manifest::{Archive, Built, Entry, Packed, PaperFile, Seconds, Status, Store, Tests};
use crate::output;
use crate::papers::{Paper, Papers, Program};
use crate::program_file;
use crate::progress::Progress;
use crate::provenance::NamedDigest;
use crate::verify;

struct Dist<'a> {
    args: &'a cli::Dist,
    package: LocalPackage,
    /// The workspace's root.
    root: PathBuf,
    /// The documents in every archive.
    documents: Vec<Member>,
    /// The time of the files in archives, in seconds since the Unix epoch.
    source_time: u64,
    store: Store,
    papers: Papers,
    progress: Progress,
}

/// Runs the command, for all targets as one batch.
pub(crate) fn run(args: &cli::Dist, cancel: &Cancel) -> Result<(), Failure> {
    let cross = commands::cross(&args.choice)?;
    let targets = commands::targets_of(&cross, &args.target)?;
    if args.deb {
        deb::require(&cross, &targets, cancel)?;
    }
    verify::require(&cross, args, &targets, cancel)?;
    let dist = Dist::new(args, &cross)?;
    dist.progress.expect(&targets);
    let mut batch = dist
        .progress
        .watch(&cross)
        .build_many(&targets)
        .each(|request| dist.stripped(common(request)));
    if let Some(jobs) = args.jobs {
        batch = batch.jobs(jobs);
    }
    if !args.fail_fast {
        batch = batch.keep_going(true);
    }
    let done = batch.run_with(cancel, |item| dist.target(item))?;
    let mut entries = Vec::new();
    for outcome in done.targets {
        match outcome.result {
            Ok(entry) => entries.push(entry),
            Err(Ended::Early(_)) if outcome.stopped => {}
            // The work for this target could not start.
            Err(Ended::Early(failure)) => {
                entries.push(dist.finish(Work::of(&outcome.target), Some(&failure))?);
            }
            Err(Ended::Failed(entry)) => entries.push(*entry),
            Err(Ended::Store(failure)) => return Err(failure),
        }
    }
    dist.progress.close();
    cancel.check().map_err(|_| Failure::new("interrupted"))?;
    dist.conclude(&entries);
    let failed = entries.iter().filter(|entry| !entry.is_ok()).count();
    let left = targets.len() - entries.len();
    match (failed, left) {
        (0, _) if args.verify => verify::run(
            &verify::Built {
                cross: &cross,
                args,
                targets: &targets,
                entries: &entries,
                root: &dist.root,
                archives: dist.store.dir(),
            },
            cancel,
        ),
        (0, _) => Ok(()),
        (_, 0) => Err(Failure::new(format!(
            "{failed} of {} targets failed",
            targets.len()
        ))),
        _ => Err(Failure::new(format!(
            "a target failed; {left} were not finished"
        ))),
    }
}

/// Sets the options of all requests for what is shipped. Tests use the profile of the program, so that
/// dependencies such as SQLite's C code are compiled once for both.
pub(crate) fn common(request: Request) -> Request {
    let request = request.package(PACKAGE).release(true).locked(true);
    request.reproducible(true)
}

/// Why the work for a target did not succeed.
enum Ended {
    /// It failed, as its entry says.
    Failed(Box<Entry>),
    /// It was stopped, or never started.
    Early(Failure),
    /// Its entry could not be recorded.
    Store(Failure),
}

impl From<cross_core::Error> for Ended {
    fn from(error: cross_core::Error) -> Self {
        Ended::Early(error.into())
    }
}

impl<'a> Dist<'a> {
    fn new(args: &'a cli::Dist, cross: &Cross) -> Result<Self, Failure> {
        let project = cross.project()?;
        let package = project.package(PACKAGE).cloned();
        let package =
            package.ok_or_else(|| Failure::new(format!("there is no package `{PACKAGE}`")))?;
        let documents = contents::documents(&project.root, &package.dir);
        let documents = documents.map_err(|error| Failure::io("read", &package.dir, &error))?;
        let dir = project.target_directory.join("dist");
        let progress = Progress::new(cross, args.message_format)
            .keep_output()
            .without_table();
        Ok(Dist {
            store: Store::open(dir, PACKAGE, &package.version)?,
            documents,
            papers: Papers::new(&project.root, &args.run, &args.choice)?,
            source_time: archive::source_time(&project.root)?,
            root: project.root,
            args,
            package,
            progress,
        })
    }

    /// Makes one target and records its entry in the manifest.
    fn target(&self, item: &BatchItem<'_>) -> Result<Entry, Ended> {
        let (mut work, mut total) = (Work::of(item.target()), 0.0);
        let done = timed(&mut total, || self.make(item, &mut work));
        if let (Err(failure), Err(_)) = (&done, item.cancel().check()) {
            return Err(Ended::Early(failure.clone()));
        }
        work.entry.seconds.total = total;
        let failure = done.err();
        let entry = self.finish(work, failure.as_ref());
        match entry.map_err(Ended::Store)? {
            entry if entry.is_ok() => Ok(entry),
            entry => Err(Ended::Failed(Box::new(entry))),
        }
    }

    /// Records the result of a target, and prints it.
    fn finish(&self, mut work: Work, failure: Option<&Failure>) -> Result<Entry, Failure> {
        if let Some(failure) = failure {
            work.entry.archive = None;
            work.entry.tests = failure
                .tests
                .as_deref()
                .map(Tests::from)
                .or(work.entry.tests);
            work.entry.status = Status::Failed {
                error: failure.to_string(),
                help: failure.help.clone(),
            };
        }
        let packed = work.entry.archive.as_ref().map(|_| &work.packed);
        self.store.record(work.entry.clone(), packed)?;
        self.progress.finish(&work.entry.target, failure);
        Ok(work.entry)
    }

    fn make(&self, item: &BatchItem<'_>, work: &mut Work) -> Result<(), Failure> {
        let Entry {
            target,
            seconds,
            tests,
            built,
            ..
        } = &mut work.entry;
        let run = |request: Request| Ok(self.stripped(common(request)).run_until(item.cancel())?);
        let build = item.request()?;
        let outcome = timed(&mut seconds.build, || Ok(build.run_until(item.cancel())?))?;
        let program = program_of(&outcome)?;
        // Nothing here runs programs of macOS, for example: what can be checked is the file.
        let runs = runs(item.cross(), target)?;
        if !self.args.no_test && runs {
            let tested = timed(&mut seconds.test, || run(item.cross().test(&*target)))?;
            *tests = tested.tests.as_ref().map(Tests::from);
            if tests.as_ref().is_none_or(|tests| tests.run == 0) {
                return Err(
                    Failure::new("no test was run").with_help("pass `--no-test` to skip the tests")
                );
            }
        }
        if runs {
            timed(&mut seconds.run, || {
                let request = item.cross().run(&*target).args(["--version"]).capture(true);
                self.check_version(&run(request)?)
            })?;
        }
        self.progress.step(target, "check and package");
        let glibc = program_file::check(program, target_of(target)?)?;
        *built = Some(built_by(&outcome, glibc));
        self.package(work, program)?;
        self.describe(work, item, &outcome, program)?;
        self.add(work, self.symbols(&work.entry.target, program)?);
        let deb = self.deb(item, &work.entry.target, program)?;
        self.add(work, deb);
        Ok(())
    }

    /// Has the program compiled with debug information, and stripped, if the archives of that are
    /// wanted. The profile alone would only remove it.
    fn stripped(&self, request: Request) -> Request {
        if !self.args.symbols {
            return request;
        }
        let settings = ["strip=\"none\"", "debug=\"line-tables-only\""];
        let settings = settings.map(|setting| format!("profile.release.{setting}"));
        let settings = settings.into_iter();
        let flags = settings.flat_map(|setting| ["--config".to_owned(), setting]);
        request.cargo_args(flags).strip(Strip::Split)
    }

    /// The archive of the program's debug information, if it has any.
    fn symbols(&self, target: &str, program: &Artifact) -> Result<Option<Paper>, Failure> {
        let members = contents::companions(&program.companions, Place::Symbols)
            .map_err(|error| Failure::io("read what belongs to", &program.path, &error))?;
        if members.is_empty() {
            return Ok(None);
        }
        let (kind, top) = (contents::kind_of(target), self.top(target));
        let bytes = kind.pack(&top, &members, self.source_time);
        let bytes = bytes.map_err(|error| Failure::new(format!("cannot pack {top}: {error}")))?;
        Ok(Some(Paper {
            file: format!("{top}-symbols.{}", kind.extension()),
            bytes,
        }))
    }

    /// The Debian package, if it is wanted and a Debian runs the program.
    fn deb(
        &self,
        item: &BatchItem<'_>,
        target: &str,
        program: &Artifact,
    ) -> Result<Option<Paper>, Failure> {
        if !self.args.deb {
            return Ok(None);
        }
        let Some(architecture) = deb::architecture(target) else {
            output::warning(format!(
                "{target}: no Debian package, since Debian has no architecture for it"
            ));
            return Ok(None);
        };
        let deb = Deb {
            cross: item.cross(),
            target,
            architecture,
            program,
            version: &format!("{PACKAGE} {}", self.package.version),
            source_time: self.source_time,
            dir: program.path.parent().unwrap_or(self.store.dir()),
        };
        deb.pack(item.cancel()).map(Some)
    }

    /// Adds a file beside the archive.
    fn add(&self, work: &mut Work, file: Option<Paper>) {
        let (Some(archive), Some(file)) = (&mut work.entry.archive, file) else {
            return;
        };
        archive.papers.push(PaperFile {
            file: file.file.clone(),
            sha256: archive::sha256(&file.bytes),
        });
        work.packed.papers.push(file);
    }

    /// The name of the folder in the archive for `target`, and of the archive itself.
    fn top(&self, target: &str) -> String {
        format!("{PACKAGE}-{}-{target}", self.package.version)
    }

    /// Checks the output of `--version`, for which the program ran under the target's emulator.
    fn check_version(&self, outcome: &Outcome) -> Result<(), Failure> {
        let printed = outcome.stdout.as_deref().unwrap_or_default();
        let expected = format!("{PACKAGE} {}", self.package.version);
        if printed.trim_end() != expected {
            let message =
                format!("`{PACKAGE} --version` printed `{printed}` instead of `{expected}`");
            return Err(Failure::new(message));
        }
        Ok(())
    }

    fn package(&self, work: &mut Work, program: &Artifact) -> Result<(), Failure> {
        let target = &work.entry.target;
        let (kind, top) = (contents::kind_of(target), self.top(target));
        let read = |error| Failure::io("read", &program.path, &error);
        let mut members = vec![Member::read(&program.path, true).map_err(read)?];
        let beside = contents::companions(&program.companions, Place::Archive);
        members.extend(beside.map_err(read)?);
        members.extend(self.documents.iter().cloned());
        let packed = kind.pack(&top, &members, self.source_time);
        work.packed.archive =
            packed.map_err(|error| Failure::new(format!("cannot pack {top}: {error}")))?;
        work.entry.archive = Some(Archive {
            file: format!("{top}.{}", kind.extension()),
            sha256: archive::sha256(&work.packed.archive),
            size: work.packed.archive.len() as u64,
            papers: Vec::new(),
        });
        Ok(())
    }

    /// Adds the papers of the packed archive.
    fn describe(
        &self,
        work: &mut Work,
        item: &BatchItem<'_>,
        outcome: &Outcome,
        program: &Artifact,
    ) -> Result<(), Failure> {
        let Some(archive) = &mut work.entry.archive else {
            return Ok(());
        };
        let papers = self.papers.of(&Program {
            cross: item.cross(),
            package: PACKAGE,
            target: &work.entry.target,
            choice: &self.args.choice,
            outcome,
            profile: &program.profile,
            tested: work.entry.tests.is_some(),
            symbols: self.args.symbols,
            archive: NamedDigest {
                name: archive.file.clone(),
                sha256: archive.sha256.clone(),
            },
            is_shared: false,
            source_time: self.source_time,
        })?;
        archive.papers = papers
            .iter()
            .map(|paper| PaperFile {
                file: paper.file.clone(),
                sha256: archive::sha256(&paper.bytes),
            })
            .collect();
        work.packed.papers = papers;
        Ok(())
    }

    /// Prints the results of all targets.
    fn conclude(&self, entries: &[Entry]) {
        let manifest = self.store.manifest_path();
        if self.args.message_format == cli::Format::Json {
            let finished = json!({ "manifest": manifest, "targets": entries });
            return output::json(&json!({ "event": { "dist-finished": finished } }));
        }
        let head = ["target", "result", "tests", "glibc", "size", "seconds"];
        let rows: Vec<_> = entries.iter().map(summary).collect();
        output::answer(format!(
            "\n{}\n\n{}",
            output::table(head, &rows),
            manifest.display()
        ));
        self.papers.warnings().iter().for_each(output::warning);
    }
}

/// The results for one target so far.
struct Work {
    entry: Entry,
    packed: Packed,
}

impl Work {
    fn of(target: &str) -> Self {
        let entry = Entry {
            target: target.to_owned(),
            status: Status::Ok,
            built: None,
            archive: None,
            tests: None,
            seconds: Seconds::default(),
        };
        Work {
            entry,
            packed: Packed::default(),
        }
    }
}

/// Runs `work` and stores how long it took, even if it fails.
fn timed<T>(seconds: &mut f64, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let start = Instant::now();
    let done = work();
    *seconds = start.elapsed().as_secs_f64();
    done
}

fn program_of(outcome: &Outcome) -> Result<&Artifact, Failure> {
    let program = outcome
        .executables()
        .find(|program| program.name == PACKAGE);
    program.ok_or_else(|| Failure::new(format!("cargo built no program `{PACKAGE}`")))
}

fn target_of(name: &str) -> Result<Target, Failure> {
    Target::parse(name).map_err(|error| Failure::new(error.to_string()))
}

/// Whether the target's programs run. In the environment of a recipe that depends on the SDK and on
/// the key `runner`, too, and the plan says where they do not.
fn runs(cross: &Cross, target: &str) -> Result<bool, Failure> {
    let facts = target_of(target)?.facts();
    // A request that starts joined programs is refused: they are for several processors.
    if !facts.slices.is_empty() {
        return Ok(false);
    }
    let tests = cross.test(target).plan()?;
    Ok(match tests.environment.kind {
        EnvironmentKind::Recipe => tests.warnings.iter().all(|it| it.code != "not-run"),
        _ => facts.tests != TestSupport::None,
    })
}

fn built_by(outcome: &Outcome, glibc: Option<String>) -> Built {
    Built {
        engine: outcome.engine.to_string(),
        environment: outcome.environment.name.clone(),
        recipe_sha256: outcome.environment.recipe_sha256.clone(),
        rust: outcome.toolchain.version.clone(),
        glibc,
    }
}

fn summary(entry: &Entry) -> [String; 6] {
    let absent = || "-".to_owned();
    let glibc = entry.built.as_ref().and_then(|built| built.glibc.clone());
    let size = entry
        .archive
        .as_ref()
        .map(|archive| format!("{:.1} MB", archive.size as f64 / 1e6));
    let tests = entry
        .tests
        .as_ref()
        .map(|tests| format!("{}/{}", tests.passed, tests.run));
    [
        entry.target.clone(),
        if entry.is_ok() { "ok" } else { "failed" }.to_owned(),
        tests.unwrap_or_else(absent),
        glibc.unwrap_or_else(absent),
        size.unwrap_or_else(absent),
        format!("{:.0}", entry.seconds.total),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_test_is_planned_for_joined_programs() {
        let cross = Cross::at(env!("CARGO_MANIFEST_DIR"));
        let runs = runs(&cross, "universal2-apple-darwin");
        assert!(!runs.map_err(|failure| failure.to_string()).unwrap());
    }
}
