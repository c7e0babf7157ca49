//! The steps that publish: artifacts, what belongs to them, reports, and what a flag names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cross_engine::process::untrusted::{Dir, RegularFile};
use cross_targets::Target;

use super::Execution;
use crate::execute::cargo_output::{Reason, Unpublished};
use crate::execute::companions;
use crate::execute::failure::tool_failure;
use crate::execute::join::{self, Join, Slice};
use crate::execute::publish::{self, Mirror};
use crate::execute::quoted::quoted;
use crate::execute::reports;
use crate::execute::stripped::{self, StrippedCopy};
use crate::host::files;
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::model::outcome::{Artifact, ArtifactKind};
use crate::model::step::{Step, Verb};
use crate::request::event::EventKind;

/// How many files that are not published a warning names.
const LEFT_SHOWN: usize = 5;

impl Execution<'_> {
    /// Emits an event for each artifact that was published.
    pub(super) fn announce(&self) -> Result<()> {
        let published = self.artifacts.iter();
        let mut published = published.filter(|artifact| artifact.kind != ArtifactKind::Test);
        published.try_for_each(|artifact| self.emit(EventKind::Artifact(artifact.clone())))
    }

    /// Computes the SHA-256 of every artifact.
    pub(super) fn checksums(&mut self, published: &Dir) -> Result<()> {
        let mut sums = Vec::new();
        for artifact in &self.artifacts {
            let dir = match artifact.path == artifact.inside {
                true => self.target_dir()?,
                false => published,
            };
            let file = files::open(dir, &artifact.path)?;
            sums.push(files::sha256(&file, self.cancel)?);
        }
        for (artifact, sum) in self.artifacts.iter_mut().zip(sums) {
            artifact.sha256 = Some(sum);
        }
        Ok(())
    }

    /// Whether `step` strips, and what it would make is there. What is on the machine of a remote
    /// engine is not known here: the step's script finds out.
    pub(super) fn is_stripped(&self, step: &Step) -> Result<bool> {
        match &step.strips {
            Some(strips) if self.plan.remote.is_none() => {
                let target_dir = self.target_dir()?;
                Ok(stripped::are_current(target_dir, strips, &self.artifacts))
            }
            _ => Ok(false),
        }
    }

    /// What a run of `step` came to, whose program is not the target's if it strips.
    pub(super) fn of_step(&self, step: &Step, ran: Result<()>) -> Result<()> {
        let Some(strips) = &step.strips else {
            return ran;
        };
        ran.map_err(|error| tool_failure(error, &step.purpose, &strips.tool, &self.plan.target))
    }

    /// Publishes the artifacts that were built, or their copies in the directory `stripped`, and
    /// what belongs to them, below `published`.
    pub(super) fn publish_artifacts(
        &mut self,
        published: &Dir,
        stripped: Option<&Path>,
    ) -> Result<()> {
        let target_dir = self.target_dir()?;
        let copies = match stripped {
            Some(dir) => stripped::copies(target_dir, dir, &self.artifacts)?,
            None => BTreeMap::new(),
        };
        let whole = self.artifacts.iter().cloned();
        let whole = whole.filter(|artifact| !copies.contains_key(&artifact.path));
        publish::artifacts(
            target_dir,
            published,
            &whole.collect::<Vec<_>>(),
            self.cancel,
        )?;
        stripped::publish(target_dir, published, &copies, self.cancel)?;
        self.publish_companions(published, &copies)?;
        for artifact in &mut self.artifacts {
            let copy = copies.get(&artifact.path);
            let debug = copy.and_then(|copy| copy.debug_file(&artifact.path));
            artifact.companions.extend(debug);
        }
        Ok(())
    }

    /// Publishes what belongs to the artifacts that were built, below `published`. What has a
    /// stripped copy is there already.
    fn publish_companions(
        &mut self,
        published: &Dir,
        copies: &BTreeMap<PathBuf, StrippedCopy>,
    ) -> Result<()> {
        let (target_dir, products) = (self.target_dir()?, &self.plan.products);
        self.publish_reports(published)?;
        let Some(from) = target_dir
            .dir_if_any(products.directory())
            .map_engine_error()?
        else {
            return Ok(());
        };
        let to = published
            .create_dir_all(products.directory())
            .map_engine_error()?;
        let built = self.artifacts.iter();
        let built = built.filter(|artifact| artifact.path != artifact.inside);
        let names: Vec<_> = built
            .clone()
            .map(|artifact| (artifact.package.as_str(), artifact.name.as_str()))
            .collect();
        let profiles: Vec<_> = built
            .filter_map(|artifact| artifact.inside.strip_prefix(from.path()).ok())
            .filter_map(|relative| Some(relative.components().next()?.as_os_str()))
            .collect();
        // The artifacts were checked when they were built.
        let mut check = |_: &RegularFile, path: &Path| Ok(!copies.contains_key(path));
        let mut mirror = Mirror {
            wanted: &products.only(&names),
            scope: None,
            ..Mirror::of(self.plan, &to, self.cancel, &mut check)
        };
        mirror.run_profiles(&from, &profiles)?;
        let Mirror { copied, left, .. } = mirror;
        self.warn_of(&left, &from)?;
        companions::add(&mut self.artifacts, to.path(), &copied);
        Ok(())
    }

    /// Publishes the reports of cargo and its tools below `published`.
    fn publish_reports(&self, published: &Dir) -> Result<()> {
        let from = self.target_dir()?;
        reports::publish(from, published, &self.plan.workspace_root, self.cancel)?;
        match self.runs_tests() {
            true => Ok(()),
            false => self.warn_of(&reports::left(from, published)?, from),
        }
    }

    /// Joins the files that cargo made in the directories `from`, one for each triple, and makes
    /// the artifacts those that were joined.
    pub(super) fn join(&mut self, from: &[PathBuf], to: &Path) -> Result<()> {
        let target_dir = self.target_dir()?;
        let mut slices = Vec::new();
        for path in from {
            let relative = files::relative(target_dir, path)?;
            let target = relative.to_str().and_then(|name| Target::parse(name).ok());
            let dir = target_dir.dir_if_any(relative).map_engine_error()?;
            slices.extend(target.zip(dir).map(|(target, dir)| Slice { target, dir }));
        }
        if slices.len() == from.len() {
            let to = files::relative(target_dir, to)?;
            let to = target_dir.create_dir_all(to).map_engine_error()?;
            let join = Join {
                slices,
                to: &to,
                products: &self.plan.products,
                fixed: &self.plan.fixed,
                cancel: self.cancel,
            };
            join.run()?;
        }
        self.artifacts = self.joined_artifacts(from, to)?;
        Ok(())
    }

    /// The artifacts after they were joined. What is not joined stays where cargo put it: Rust's
    /// own libraries and test binaries.
    fn joined_artifacts(&self, from: &[PathBuf], to: &Path) -> Result<Vec<Artifact>> {
        let target_dir = self.target_dir()?;
        let (mut all, mut joined) = (Vec::<Artifact>::new(), BTreeMap::new());
        for artifact in &self.artifacts {
            let mut relatives = from
                .iter()
                .map(|dir| artifact.inside.strip_prefix(dir).ok());
            let relative = relatives.find_map(|relative| relative);
            let is_rusts = artifact.inside.extension().is_some_and(|it| it == "rlib");
            let Some(relative) =
                relative.filter(|_| !is_rusts && artifact.kind != ArtifactKind::Test)
            else {
                let path = artifact.inside.clone();
                all.push(Artifact {
                    path,
                    ..artifact.clone()
                });
                continue;
            };
            let inside = to.join(relative);
            if let Some(known) = joined.get(&inside).and_then(|&at: &usize| all.get_mut(at)) {
                known.deployment_target = known.deployment_target.max(artifact.deployment_target);
                if !known.slices.contains(&artifact.inside) {
                    known.slices.push(artifact.inside.clone());
                }
                continue;
            }
            joined.insert(inside.clone(), all.len());
            let published = files::relative(target_dir, &inside)?;
            all.push(Artifact {
                path: self.plan.publish_dir.join(published),
                slices: vec![artifact.inside.clone()],
                inside,
                ..artifact.clone()
            });
        }
        for artifact in all.iter().filter(|artifact| !artifact.slices.is_empty()) {
            let path = files::relative(target_dir, &artifact.inside)?;
            let is_there = target_dir.file_if_any(path).map_engine_error()?.is_some();
            if !is_there || artifact.slices.len() != from.len() {
                return Err(join::incomplete(path, from));
            }
        }
        Ok(all)
    }

    /// Notes files that were copied to `dir`.
    fn note_published(&self, dir: &Path, copied: &[PathBuf]) {
        let copied = copied.iter().map(|path| dir.join(path));
        self.published.borrow_mut().extend(copied);
    }

    /// Copies the files that cargo presents to its user from the directory `from` to `to`.
    pub(super) fn mirror(&self, from: &Path, to: &Path, is_certain: bool) -> Result<()> {
        let target_dir = self.target_dir()?;
        let name = files::relative(target_dir, from)?;
        let Some(from) = target_dir.dir_if_any(name).map_engine_error()? else {
            return match is_certain && self.succeeded() {
                true => Err(publish::nothing_made(from)),
                false => Ok(()),
            };
        };
        let published = publish::destination(&self.plan.publish_dir)?;
        self.publish_reports(&published)?;
        let to = published.create_dir_all(files::relative(&published, to)?);
        let to = to.map_engine_error()?;
        let mut check = |file: &RegularFile, path: &Path| self.may_be_published(file, path);
        let mut mirror = Mirror::of(self.plan, &to, self.cancel, &mut check);
        mirror.run(&from)?;
        // A cargo that worked in another directory leaves nothing here.
        let is_certain = is_certain && self.succeeded();
        if is_certain && mirror.copied.is_empty() && !publish::has_profile(&from)? {
            return Err(publish::nothing_made(from.path()));
        }
        self.note_published(to.path(), &mirror.copied);
        self.warn_of_other_targets(target_dir)?;
        self.warn_of(&mirror.left, &from)
    }

    /// Warns of the artifacts for other targets that cargo has made in `from`.
    fn warn_of_other_targets(&self, from: &Dir) -> Result<()> {
        let others = reports::of_other_targets(from, &self.plan.products)?;
        let others = others.into_iter().map(|path| Unpublished {
            file: from.path().join(path),
            reason: Reason::Target,
        });
        self.warn_of_unpublished(&others.collect::<Vec<_>>())
    }

    /// Warns that what is at `left`, relative to `from`, is not published. What cargo itself named
    /// has its own warning.
    fn warn_of(&self, left: &[PathBuf], from: &Dir) -> Result<()> {
        let is_named = |path: &PathBuf| {
            let mut named = self.unpublished.iter();
            named.any(|it| it.file.starts_with(from.path().join(path)))
        };
        let left: Vec<_> = left.iter().filter(|path| !is_named(path)).collect();
        if left.is_empty() {
            return Ok(());
        }
        self.emit(EventKind::Warning {
            code: "not-published".to_owned(),
            message: format!(
                "{}: not published, since no target of the manifests makes a file of this name",
                shown(&left)
            ),
            help: Some(format!(
                "the files are in `{}`; a build script writes to `OUT_DIR`, and `cargo build \
                 --message-format=json` names that directory",
                from.path().display()
            )),
        })
    }

    /// Warns of the artifacts that cargo has made and that are not published.
    pub(super) fn warn_of_unpublished(&self, unpublished: &[Unpublished]) -> Result<()> {
        for reason in [Reason::Name, Reason::Target, Reason::Outside] {
            let of_reason = unpublished.iter().filter(|it| it.reason == reason);
            let mut files: Vec<_> = of_reason.map(|it| &it.file).collect();
            files.dedup();
            if files.is_empty() {
                continue;
            }
            let (why, help) = reason.words();
            self.emit(EventKind::Warning {
                code: "not-published".to_owned(),
                message: format!("{}: not published, since {why}", shown(&files)),
                help: Some(help.to_owned()),
            })?;
        }
        Ok(())
    }

    /// Copies a file that a flag names as output.
    pub(super) fn deliver(&self, from: &Path, to: &Path) -> Result<()> {
        let dir = self.target_dir()?;
        let relative = files::relative(dir, from)?;
        let file = dir.file_if_any(relative).map_engine_error()?;
        let file = file.ok_or_else(|| publish::nothing_made(to))?;
        let (parent, name) = (to.parent().unwrap_or(to), to.file_name());
        publish::destination(parent)?
            .publish(&file, Path::new(name.unwrap_or_default()), self.cancel)
            .map_engine_error()?;
        self.published.borrow_mut().push(to.to_owned());
        Ok(())
    }

    /// Copies the artifacts in a directory that a flag names, or what was stripped for `step`.
    pub(super) fn deliver_artifacts(&self, step: &Step, from: &Path, to: &Path) -> Result<()> {
        let dir = self.target_dir()?;
        let relative = files::relative(dir, from)?;
        let made = dir.dir_if_any(relative).map_engine_error()?;
        let made = made.ok_or_else(|| publish::nothing_made(to))?;
        let to = publish::destination(to)?;
        let mut check = |file: &RegularFile, path: &Path| self.may_be_published(file, path);
        let mirror = Mirror::of(self.plan, &to, self.cancel, &mut check);
        let products = &self.plan.products;
        let strips = step.strips.as_ref();
        let wanted = strips.map(|strips| products.with_stems(&strips.stems));
        let mut mirror = Mirror {
            scope: None,
            wanted: wanted.as_ref().unwrap_or(products),
            ..mirror
        };
        match &wanted {
            Some(_) => mirror.of_stripped(&made)?,
            None => mirror.of_flag(&made)?,
        }
        self.note_published(to.path(), &mirror.copied);
        strips.map_or(Ok(()), |strips| {
            stripped::remove_debug_files(to.path(), strips)
        })
    }

    /// Whether the plan runs tests or benchmarks, after what is compiled was published.
    pub(super) fn runs_tests(&self) -> bool {
        matches!(self.plan.verb, Verb::Test | Verb::Bench | Verb::Nextest)
    }

    /// Publishes what the tests or benchmarks have reported in files, whose run came to `result`.
    pub(super) fn publish_reports_of_run(&self, result: Result<()>) -> Result<()> {
        use ErrorKind::{Cancelled, Deadline, Unreachable};
        let early = |error: &Error| matches!(error.kind(), Cancelled | Deadline | Unreachable);
        if result.as_ref().is_err_and(early) {
            // Nobody waits for reports any more, or nobody could send them.
            return result;
        }
        // A report is most needed of tests that failed.
        let published = self.publish_reports_now();
        result.and(published)
    }

    fn publish_reports_now(&self) -> Result<()> {
        let has_reports = reports::come_from_a_run(self.plan.verb, &self.plan.workspace_root);
        if has_reports && !self.fetch(&self.artifacts, false)? {
            return Ok(());
        }
        let published = publish::destination(&self.plan.publish_dir)?;
        self.publish_reports(&published)?;
        let from = self.target_dir()?;
        self.warn_of(&reports::left(from, &published)?, from)
    }
}

/// The first of `files`, and how many more there are.
fn shown(files: &[&PathBuf]) -> String {
    let first = files.iter().take(LEFT_SHOWN);
    let mut shown: Vec<_> = first
        .map(|path| format!("`{}`", quoted(&path.to_string_lossy())))
        .collect();
    if files.len() > LEFT_SHOWN {
        shown.push(format!("{} more", files.len() - LEFT_SHOWN));
    }
    shown.join(", ")
}
