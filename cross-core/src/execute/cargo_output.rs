//! Reads cargo's JSON messages line by line: artifacts, diagnostics and finished units.

use std::path::{Component, Path, PathBuf};

use cross_engine::os::System;
use cross_engine::process::untrusted::{Dir, Room};

use crate::cargo::json::{Artifact as CargoArtifact, Diagnostic, Message};
use crate::cargo::package_id::PackageId;
use crate::cargo::products::{Product, Products};
use crate::execute::companions::is_beside_a_library;
use crate::execute::compiled_packages::CompiledPackages;
use crate::host::{deployment_target, files, glibc_floor};
use crate::model::error::{Error, ErrorKind, Result, from_engine};
use crate::model::fixed_paths::FixedPaths;
use crate::model::outcome::{Artifact, ArtifactKind, CompilerDiagnostic, SourceLocation};
use crate::request::event::EventKind;

/// The directories in which cargo keeps what is its own.
const INTERNAL: [&str; 2] = ["deps", "build"];
/// The directory in a target's directory in which rustdoc writes.
const DOCUMENTATION: &str = "doc";

/// The meaning of one line of cargo's standard output.
pub(crate) enum Line {
    /// Nothing to report.
    Silent,
    /// One or more events, in order.
    Events(Vec<EventKind>),
    /// A message that the library rejects. The run is ended.
    Rejected(Error),
    /// Not a message of cargo.
    Other,
}

/// Reads the messages of one cargo run, and maps its paths to the published paths.
///
/// A build script or a procedural macro can forge such messages. A file is accepted as an artifact
/// only if it is a regular file in the target directory, under a name that a cargo target of the
/// workspace can have. Other files that cargo shows its user are named, with the reason.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    /// The target directory of the run.
    target_dir: &'a Dir,
    /// The artifacts that the workspace can produce.
    products: &'a Products,
    /// The directory where final artifacts are published.
    publish_dir: &'a Path,
    /// The paths that the run sees.
    fixed: FixedPaths,
    /// Whether the files are on the machine of a remote engine until they are fetched, so that
    /// artifacts are checked and reported later: see [`fetched`](Reader::fetched).
    is_apart: bool,
    /// Whether cargo made nothing new.
    pub(crate) is_fresh: bool,
    /// The first line of the first error, as the compiler rendered it, and its location.
    pub(crate) first_error: Option<String>,
    /// The final artifacts, with their published paths.
    pub(crate) artifacts: Vec<Artifact>,
    /// The test binaries of procedural macros, which run where cargo does.
    pub(crate) host_tests: Vec<Artifact>,
    /// The compiler's diagnostics.
    pub(crate) diagnostics: Vec<CompilerDiagnostic>,
    /// The files that cargo calls final artifacts and that are not published.
    pub(crate) unpublished: Vec<Unpublished>,
    /// What was compiled, or found compiled.
    pub(crate) packages: CompiledPackages,
    room_for_artifacts: Room,
    room_for_diagnostics: Room,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(target_dir: &'a Dir, products: &'a Products, publish_dir: &'a Path) -> Self {
        Reader {
            target_dir,
            products,
            publish_dir,
            fixed: FixedPaths::default(),
            is_apart: false,
            is_fresh: true,
            first_error: None,
            artifacts: Vec::new(),
            host_tests: Vec::new(),
            diagnostics: Vec::new(),
            unpublished: Vec::new(),
            packages: CompiledPackages::default(),
            room_for_artifacts: Room::default(),
            room_for_diagnostics: Room::default(),
        }
    }

    /// Sets the paths that the run sees.
    pub(crate) fn fixed(mut self, fixed: &FixedPaths) -> Self {
        self.fixed = fixed.clone();
        self
    }

    /// Sets whether the files are on the machine of a remote engine.
    pub(crate) fn apart(mut self, yes: bool) -> Self {
        self.is_apart = yes;
        self
    }

    /// Checks the artifacts of a remote engine, whose files have been fetched, and returns the
    /// events about them.
    pub(crate) fn fetched(&mut self) -> Result<Vec<EventKind>> {
        for artifact in &mut self.artifacts {
            let open = files::open(self.target_dir, &artifact.inside)?;
            artifact.glibc = glibc_floor::of(&open);
            artifact.deployment_target = deployment_target::of(&open);
        }
        // The others are reported when they are published.
        let tests = self.artifacts.iter();
        let tests = tests.filter(|artifact| artifact.kind == ArtifactKind::Test);
        Ok(tests.cloned().map(EventKind::Artifact).collect())
    }

    /// Reads one line.
    pub(crate) fn read(&mut self, line: &str) -> Line {
        if !line.starts_with('{') {
            return Line::Other;
        }
        match Message::parse(line) {
            Some(Message::Artifact(mut artifact)) => {
                artifact.package_id = self.fixed.text_outside(&artifact.package_id);
                for file in artifact
                    .filenames
                    .iter_mut()
                    .chain(&mut artifact.executable)
                {
                    *file = self.fixed.outside(file);
                }
                match self.artifact(&artifact) {
                    Ok(events) => Line::Events(events),
                    Err(error) => Line::Rejected(error),
                }
            }
            Some(Message::BuildScript(mut script)) => {
                script.package_id = self.fixed.text_outside(&script.package_id);
                script.out_dir = self.fixed.outside(&script.out_dir);
                for linked in &mut script.linked_paths {
                    // `native=/path`, or the path alone.
                    let at = linked.find('=').map_or(0, |at| at + 1);
                    let path = self.fixed.outside(Path::new(&linked[at..]));
                    *linked = format!("{}{}", &linked[..at], path.display());
                }
                let (dir, products) = (self.target_dir, self.products);
                match self.packages.build_script(&script, dir, products) {
                    Ok(()) => Line::Silent,
                    Err(error) => Line::Rejected(error),
                }
            }
            Some(Message::Compiler(message)) => {
                let package = PackageId::parse(&message.package_id).name.to_owned();
                let diagnostic = compiler_diagnostic(package, message.message, &self.fixed);
                if diagnostic.level == "error" && self.first_error.is_none() {
                    self.first_error = Some(summary(&diagnostic));
                }
                let mut events = Vec::new();
                let was_full = self.room_for_diagnostics.is_full();
                if self.room_for_diagnostics.take(diagnostic.size()) {
                    self.diagnostics.push(diagnostic.clone());
                } else if !was_full {
                    events.push(too_many_diagnostics());
                }
                events.push(EventKind::Diagnostic(diagnostic));
                Line::Events(events)
            }
            Some(Message::Other) => Line::Silent,
            None => Line::Other,
        }
    }

    fn artifact(&mut self, message: &CargoArtifact) -> Result<Vec<EventKind>> {
        let id = PackageId::parse(&message.package_id);
        let package = id.name.to_owned();
        self.packages
            .unit(message, self.target_dir, self.products)?;
        self.is_fresh &= message.fresh;
        let mut events = vec![EventKind::Compiled {
            package: package.clone(),
            fresh: message.fresh,
        }];
        // Dependencies from a registry are not artifacts of this build.
        let is = |kind: &str| message.target.kind.iter().any(|own| own == kind);
        if !id.is_local() || is("custom-build") || is("proc-macro") && !message.profile.test {
            return Ok(events);
        }
        let product = self.products.find(&package, &message.target);
        let files: Vec<&Path> = match &message.executable {
            Some(executable) => vec![executable],
            None => {
                let files = message.filenames.iter().map(PathBuf::as_path);
                files.filter(|file| !is_beside_a_library(file)).collect()
            }
        };
        for file in files {
            if is("proc-macro") {
                let test = self.host_test(product, file)?;
                self.host_tests.extend(test);
                continue;
            }
            let Some(relative) = self.final_place(message, file)? else {
                continue;
            };
            let Some(product) = product else {
                self.leave(file, Reason::Name)?;
                continue;
            };
            if let Some(artifact) = self.checked_artifact(message, product, file, relative)? {
                if artifact.kind == ArtifactKind::Test && !self.is_apart {
                    events.push(EventKind::Artifact(artifact.clone()));
                }
                self.artifacts.push(artifact);
            }
        }
        Ok(events)
    }

    /// Where in the target directory `file` is, which `message` names, if cargo shows it to its
    /// user.
    fn final_place<'f>(
        &mut self,
        message: &CargoArtifact,
        file: &'f Path,
    ) -> Result<Option<&'f Path>> {
        let Some(relative) = self.target_dir.relative(file) else {
            self.leave(file, Reason::Outside)?;
            return Ok(None);
        };
        // Cargo names the first page of the documentation, which is published as a whole.
        if relative
            .components()
            .nth(1)
            .is_some_and(|part| part.as_os_str() == DOCUMENTATION)
        {
            return Ok(None);
        }
        // Test binaries are among the files that are internal to cargo.
        let is_test = artifact_kind(message) == ArtifactKind::Test;
        let mut parts = relative.components().map(Component::as_os_str);
        let is_internal = parts.any(|part| INTERNAL.iter().any(|name| part == *name));
        Ok((is_test || !is_internal).then_some(relative))
    }

    /// Returns the artifact that `message` names as `file`, at `relative` in the target directory.
    /// `None` if it is no artifact of the workspace.
    fn checked_artifact(
        &mut self,
        message: &CargoArtifact,
        product: &Product,
        file: &Path,
        relative: &Path,
    ) -> Result<Option<Artifact>> {
        if !self.products.can_be_at(product, relative) {
            let directory = relative.components().next();
            let directory = directory.and_then(|name| name.as_os_str().to_str());
            let is_other = directory.is_some_and(|name| self.products.is_of_another_target(name));
            let reason = match is_other {
                true => Reason::Target,
                false => Reason::Name,
            };
            self.leave(file, reason)?;
            return Ok(None);
        }
        let kind = artifact_kind(message);
        // Cargo reports a file only once it exists.
        let (glibc, deployment_target) = match self.is_apart {
            true => (None, None),
            false => {
                let open = self.target_dir.file(relative).map_err(from_engine)?;
                (glibc_floor::of(&open), deployment_target::of(&open))
            }
        };
        let artifact = Artifact {
            path: match kind {
                ArtifactKind::Test => file.to_owned(),
                _ => self.publish_dir.join(relative),
            },
            glibc,
            deployment_target,
            ..artifact_at(file, product, kind, relative)
        };
        self.make_room(file)?;
        Ok(Some(artifact))
    }

    /// Returns the test binary of `product`, a procedural macro, which a message names as `file`.
    fn host_test(&mut self, product: Option<&Product>, file: &Path) -> Result<Option<Artifact>> {
        let relative = self.target_dir.relative(file);
        let named = product.zip(relative);
        let named = named.filter(|(product, path)| self.products.can_be_host_test(product, path));
        let Some((product, relative)) = named else {
            self.leave(file, Reason::Name)?;
            return Ok(None);
        };
        if !self.is_apart {
            self.target_dir.file(relative).map_err(from_engine)?;
        }
        self.make_room(file)?;
        let relative = Path::new("host").join(relative);
        let artifact = artifact_at(file, product, ArtifactKind::Test, &relative);
        Ok(Some(artifact))
    }

    /// Notes that `file` is not published.
    fn leave(&mut self, file: &Path, reason: Reason) -> Result<()> {
        self.make_room(file)?;
        self.unpublished.push(Unpublished {
            file: file.to_owned(),
            reason,
        });
        Ok(())
    }

    /// Fails if there is no room for another artifact.
    fn make_room(&mut self, file: &Path) -> Result<()> {
        match self.room_for_artifacts.take(4 * file.as_os_str().len()) {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::Untrusted,
                "cargo's messages name too many artifacts",
            )),
        }
    }
}

/// The artifact `file` of `product`, which is not published, and whose contents are not known. It is
/// at `relative`, which begins with the directory of the target.
fn artifact_at(file: &Path, product: &Product, kind: ArtifactKind, relative: &Path) -> Artifact {
    Artifact {
        package: product.package.clone(),
        name: product.name.clone(),
        kind,
        profile: profile(relative),
        path: file.to_owned(),
        inside: file.to_owned(),
        companions: Vec::new(),
        glibc: None,
        deployment_target: None,
        slices: Vec::new(),
        sha256: None,
        source: (kind == ArtifactKind::Test).then(|| test_source(product)),
    }
}

/// What cargo calls the source of a test binary of `product`: `unittests src/lib.rs`, `tests/it.rs`.
fn test_source(product: &Product) -> String {
    let package = product.manifest.parent().unwrap_or(Path::new(""));
    let source = product.source.strip_prefix(package);
    let source = source.unwrap_or(&product.source).display();
    match product.is("test") {
        true => source.to_string(),
        false => format!("unittests {source}"),
    }
}

/// A file that cargo calls a final artifact, and that is not published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unpublished {
    /// The file, as cargo names it.
    pub(crate) file: PathBuf,
    pub(crate) reason: Reason,
}

/// Why a file is not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// No target of the manifests makes a file of its name.
    Name,
    /// It is for another target than the request's.
    Target,
    /// It is not in the target directory.
    Outside,
}

impl Reason {
    /// The reason in words, and what the user can do.
    pub(crate) fn words(self) -> (&'static str, &'static str) {
        match self {
            Reason::Name => (
                "no target of the manifests makes a file of this name",
                "what is inside is hostile, so that only names that the manifests give are published: \
                 give the target that name in the manifest, or copy the file",
            ),
            Reason::Target => (
                "it is built for another target than the requested one",
                "remove `forced-target` or the like from the manifest, and request that target, too",
            ),
            Reason::Outside => (
                "it is not in the target directory of the environment",
                "remove the flag or the setting that leads there",
            ),
        }
    }
}

/// The first line of a diagnostic, and its location.
fn summary(diagnostic: &CompilerDiagnostic) -> String {
    let text = diagnostic.shown();
    let first = text.lines().next().unwrap_or_default();
    match &diagnostic.place {
        Some(place) => {
            let file = place.file.display();
            format!("{first} ({file}:{}:{})", place.line, place.column)
        }
        None => first.to_owned(),
    }
}

fn too_many_diagnostics() -> EventKind {
    EventKind::Warning {
        code: "diagnostics-dropped".to_owned(),
        message: "the compiler printed too many diagnostics: the outcome has only the first 32 MiB"
            .to_owned(),
        help: Some("receive all diagnostics as events".to_owned()),
    }
}

/// Returns the profile of an artifact at `<triple>/<directory>/…` in the target directory.
fn profile(relative: &Path) -> String {
    let directory = relative.components().nth(1);
    let name = directory.map(|name| name.as_os_str().to_string_lossy().into_owned());
    match name.unwrap_or_default().as_str() {
        "debug" => "dev".to_owned(),
        other => other.to_owned(),
    }
}

fn compiler_diagnostic(
    package: String,
    message: Diagnostic,
    fixed: &FixedPaths,
) -> CompilerDiagnostic {
    let place = message.spans.iter().find(|span| span.is_primary);
    CompilerDiagnostic {
        level: message.level,
        package,
        place: place.map(|span| SourceLocation {
            file: fixed.outside(&span.file_name),
            line: span.line_start,
            column: span.column_start,
        }),
        code: message.code.map(|code| code.code),
        rendered: match message.rendered {
            Some(text) => rendered_outside(fixed, &text),
            None => fixed.text_outside(&message.message),
        },
        message: fixed.text_outside(&message.message),
    }
}

/// What the compiler rendered, or a line of it, with the host's paths.
pub(crate) fn rendered_outside(fixed: &FixedPaths, text: &str) -> String {
    with_host_paths(System::HERE, &fixed.text_outside(text))
}

/// What the compiler rendered, with the host's paths where it names files: behind its arrows.
fn with_host_paths(system: System, rendered: &str) -> String {
    if system != System::Windows {
        return rendered.to_owned();
    }
    let lines = rendered.split_inclusive('\n').map(|line| {
        let place = ["--> ", "::: "].iter().find_map(|arrow| {
            let mut rest = &line[line.find(arrow)? + arrow.len()..];
            // What ends the colour of the arrow.
            while rest.starts_with('\u{1b}') {
                rest = rest.split_once('m')?.1;
            }
            rest.starts_with('/').then_some(rest)
        });
        let Some(rest) = place else {
            return line.to_owned();
        };
        let before = &line[..line.len() - rest.len()];
        let (place, position) = rest.split_at(rest.find(':').unwrap_or(rest.len()));
        let path = system.outside(Path::new(place));
        format!("{before}{}{position}", path.display())
    });
    lines.collect()
}

fn artifact_kind(message: &CargoArtifact) -> ArtifactKind {
    let has = |kinds: &[&str]| {
        let mut target_kinds = message.target.kind.iter();
        target_kinds.any(|kind| kinds.contains(&kind.as_str()))
    };
    if message.profile.test || has(&["test", "bench"]) {
        ArtifactKind::Test
    } else if has(&["example"]) {
        ArtifactKind::Example
    } else if message.executable.is_some() {
        ArtifactKind::Executable
    } else if has(&["cdylib", "staticlib", "dylib"]) {
        ArtifactKind::Library
    } else {
        ArtifactKind::RustLibrary
    }
}

#[cfg(test)]
mod tests;
