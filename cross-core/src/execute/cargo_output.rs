//! Reads cargo's JSON messages line by line: artifacts, diagnostics and finished units.

use std::path::{Path, PathBuf};

use cross_engine::process::untrusted::{Dir, Room};

use crate::cargo::json::{Artifact as CargoArtifact, Diagnostic, Message};
use crate::cargo::products::{Product, Products};
use crate::host::glibc_floor;
use crate::model::error::{Error, ErrorKind, Result, from_engine};
use crate::model::outcome::{Artifact, ArtifactKind, CompilerDiagnostic, SourceLocation};
use crate::request::event::EventKind;

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
/// workspace can have.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    /// The target directory of the run.
    target_dir: &'a Dir,
    /// The artifacts that the workspace can produce.
    products: &'a Products,
    /// The directory where final artifacts are published.
    publish_dir: &'a Path,
    /// The first line of the first error, as the compiler rendered it, and its location.
    pub(crate) first_error: Option<String>,
    /// The final artifacts, with their published paths.
    pub(crate) artifacts: Vec<Artifact>,
    /// The compiler's diagnostics.
    pub(crate) diagnostics: Vec<CompilerDiagnostic>,
    room_for_artifacts: Room,
    room_for_diagnostics: Room,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(target_dir: &'a Dir, products: &'a Products, publish_dir: &'a Path) -> Self {
        Reader {
            target_dir,
            products,
            publish_dir,
            first_error: None,
            artifacts: Vec::new(),
            diagnostics: Vec::new(),
            room_for_artifacts: Room::default(),
            room_for_diagnostics: Room::default(),
        }
    }

    /// Reads one line.
    pub(crate) fn read(&mut self, line: &str) -> Line {
        if !line.starts_with('{') {
            return Line::Other;
        }
        match Message::parse(line) {
            Some(Message::Artifact(artifact)) => match self.artifact(&artifact) {
                Ok(events) => Line::Events(events),
                Err(error) => Line::Rejected(error),
            },
            Some(Message::Compiler(message)) => {
                let package = package_name(&message.package_id);
                let diagnostic = compiler_diagnostic(package, message.message);
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
        let package = package_name(&message.package_id);
        let mut events = vec![EventKind::Compiled {
            package: package.clone(),
            fresh: message.fresh,
        }];
        // Dependencies from a registry are not artifacts of this build.
        let is_local = message.package_id.contains("path+file://");
        let is_for_the_host = |kind: &String| kind == "custom-build" || kind == "proc-macro";
        if !is_local || message.target.kind.iter().any(is_for_the_host) {
            return Ok(events);
        }
        let Some(product) = self.products.find(&package, &message.target) else {
            return Ok(events);
        };
        let files: Vec<&Path> = match &message.executable {
            Some(executable) => vec![executable],
            None => message.filenames.iter().map(PathBuf::as_path).collect(),
        };
        for file in files {
            if let Some(artifact) = self.checked_artifact(message, product, file)? {
                events.push(EventKind::Artifact(artifact.clone()));
                self.artifacts.push(artifact);
            }
        }
        Ok(events)
    }

    /// Returns the artifact that `message` names as `file`. `None` if the file is no final artifact
    /// of the workspace.
    fn checked_artifact(
        &mut self,
        message: &CargoArtifact,
        product: &Product,
        file: &Path,
    ) -> Result<Option<Artifact>> {
        let Some(relative) = self.target_dir.relative(file) else {
            return Ok(None);
        };
        let kind = artifact_kind(message);
        // Files below `deps` are internal to cargo.
        let is_final = !relative.components().any(|part| part.as_os_str() == "deps");
        let is_result = is_final || kind == ArtifactKind::Test;
        if !is_result || !self.products.can_be_at(product, relative) {
            return Ok(None);
        }
        // Cargo reports a file only once it exists.
        let open = self.target_dir.file(relative).map_err(from_engine)?;
        let artifact = Artifact {
            package: product.package.clone(),
            name: product.name.clone(),
            kind,
            profile: profile(relative),
            path: match is_final {
                true => self.publish_dir.join(relative),
                false => file.to_owned(),
            },
            inside: file.to_owned(),
            companions: Vec::new(),
            glibc: glibc_floor::of(&open),
            sha256: None,
        };
        if !self.room_for_artifacts.take(4 * file.as_os_str().len()) {
            return Err(Error::new(
                ErrorKind::Untrusted,
                "cargo's messages name too many artifacts",
            ));
        }
        Ok(Some(artifact))
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

fn compiler_diagnostic(package: String, message: Diagnostic) -> CompilerDiagnostic {
    let place = message.spans.iter().find(|span| span.is_primary);
    CompilerDiagnostic {
        level: message.level,
        package,
        place: place.map(|span| SourceLocation {
            file: span.file_name.clone(),
            line: span.line_start,
            column: span.column_start,
        }),
        code: message.code.map(|code| code.code),
        rendered: message.rendered.unwrap_or_else(|| message.message.clone()),
        message: message.message,
    }
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

/// Returns the package's name in a package ID: `path+file:///w/app#0.1.0`, `…#name@0.1.0`, or
/// before cargo 1.77 `name 0.1.0 (path+file:///w/app)`.
fn package_name(id: &str) -> String {
    let Some((url, fragment)) = id.split_once('#') else {
        return id.split(' ').next().unwrap_or(id).to_owned();
    };
    match fragment.split_once('@') {
        Some((name, _)) => name.to_owned(),
        None => url.rsplit('/').next().unwrap_or(url).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::cargo::json::Metadata;

    #[test]
    fn package_ids_of_all_cargo_versions_are_parsed() {
        for (id, name) in [
            ("path+file:///w/my%20app#0.1.0", "my%20app"),
            ("path+file:///w/x#app@0.1.0", "app"),
            ("registry+https://r/#serde@1.0.1", "serde"),
            ("app 0.1.0 (path+file:///w/app)", "app"),
        ] {
            assert_eq!(package_name(id), name, "{id}");
        }
    }

    /// A workspace with the program `app`, and its target directory.
    struct Built {
        root: tempfile::TempDir,
        dir: Dir,
        products: Products,
    }

    const TRIPLE: &str = "aarch64-unknown-linux-gnu";

    impl Built {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            fs::create_dir_all(root.path().join(TRIPLE).join("release/deps")).unwrap();
            let metadata = r#"{"packages":[{"id":"app","name":"app","version":"0.1.0","source":null,
                "manifest_path":"/w/Cargo.toml","dependencies":[],"targets":[
                {"name":"app","kind":["bin"],"src_path":"/w/src/main.rs"}]}],
                "workspace_members":["app"],"workspace_root":"/w","target_directory":"/w/target"}"#;
            let metadata = Metadata::parse(metadata).unwrap();
            let all = metadata.packages.iter().flat_map(Product::of_package);
            Built {
                dir: Dir::open(root.path()).unwrap(),
                products: Products::new(all.collect(), TRIPLE),
                root,
            }
        }

        fn reader(&self) -> Reader<'_> {
            Reader::new(&self.dir, &self.products, Path::new("/w/target"))
        }

        /// The path of `name` in the directory of the release profile.
        fn path(&self, name: &str) -> PathBuf {
            self.root.path().join(TRIPLE).join("release").join(name)
        }
    }

    /// Cargo's message about the program `app` at `path`.
    fn message(path: &Path) -> String {
        let line = r#"{"reason":"compiler-artifact","package_id":"path+file:///w#app@0.1.0","manifest_path":"/w/Cargo.toml","target":{"kind":["bin"],"crate_types":["bin"],"name":"app","src_path":"/w/src/main.rs","edition":"2024","doc":true,"doctest":false,"test":true},"profile":{"opt_level":"3","debuginfo":0,"debug_assertions":false,"overflow_checks":false,"test":false},"features":[],"filenames":["PATH"],"executable":"PATH","fresh":true}"#;
        line.replace("PATH", path.to_str().unwrap())
    }

    #[test]
    fn a_program_is_published_at_cargos_usual_path() {
        let built = Built::new();
        fs::write(built.path("app"), "").unwrap();
        let mut reader = built.reader();
        let Line::Events(events) = reader.read(&message(&built.path("app"))) else {
            panic!("not a message of cargo");
        };
        assert!(matches!(
            &events[0],
            EventKind::Compiled { fresh: true, .. }
        ));
        let artifact = &reader.artifacts[0];
        assert_eq!(artifact.kind, ArtifactKind::Executable);
        assert_eq!(artifact.profile, "release");
        assert!(artifact.inside.starts_with(built.root.path()));
        assert_eq!(
            artifact.path,
            Path::new("/w/target/aarch64-unknown-linux-gnu/release/app")
        );
    }

    #[test]
    fn a_forged_message_about_another_file_adds_no_artifact() {
        let built = Built::new();
        let key = built.root.path().parent().unwrap().join("id_ed25519");
        for path in [
            built.path("authorized_keys"),
            built.path("../../../id_ed25519"),
            built.path("deps/app-0123456789abcdef"),
            PathBuf::from("/etc/passwd"),
            key,
        ] {
            let mut reader = built.reader();
            let line = reader.read(&message(&path));
            assert!(matches!(line, Line::Events(_)), "{}", path.display());
            assert!(reader.artifacts.is_empty(), "{}", path.display());
        }
    }

    #[test]
    fn an_artifact_that_is_no_regular_file_is_rejected() {
        let built = Built::new();
        let path = built.path("app");
        let rejection = || match built.reader().read(&message(&path)) {
            Line::Rejected(error) => error,
            _ => panic!("not rejected"),
        };
        assert_eq!(rejection().kind(), ErrorKind::Io, "the file is missing");
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        let error = rejection();
        assert_eq!(error.kind(), ErrorKind::Untrusted);
        assert!(error.to_string().contains("a symbolic link"), "{error}");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(rejection().kind(), ErrorKind::Untrusted);
    }

    #[test]
    fn stored_data_of_forged_messages_is_bounded() {
        let built = Built::new();
        fs::write(built.path("app"), "").unwrap();
        let line = message(&built.path("app"));
        let mut reader = built.reader();
        reader.room_for_artifacts = Room::new(4 << 10);
        let mut lines = (0..100).map(|_| reader.read(&line));
        assert!(lines.any(|line| matches!(line, Line::Rejected(_))));
        assert!(reader.artifacts.len() < 10);

        let line = r#"{"reason":"compiler-message","package_id":"path+file:///w#app@0.1.0","message":{"message":"m","code":null,"level":"warning","spans":[],"rendered":"RENDERED"}}"#;
        let line = line.replace("RENDERED", &"x".repeat(1 << 10));
        let mut reader = built.reader();
        reader.room_for_diagnostics = Room::new(8 << 10);
        let mut warnings = 0;
        for _ in 0..100 {
            let Line::Events(events) = reader.read(&line) else {
                panic!("not a message of cargo");
            };
            let is_warning = |event: &&EventKind| matches!(event, EventKind::Warning { .. });
            warnings += events.iter().filter(is_warning).count();
            assert!(matches!(events.last(), Some(EventKind::Diagnostic(_))));
        }
        assert_eq!(warnings, 1, "the warning is emitted once");
        assert!(reader.diagnostics.len() < 10);
    }

    #[test]
    fn other_json_is_not_a_message_of_cargo() {
        let built = Built::new();
        let mut reader = built.reader();
        assert!(matches!(
            reader.read(r#"{"reason":"because"}"#),
            Line::Other
        ));
        assert!(matches!(reader.read("plain"), Line::Other));
    }
}
