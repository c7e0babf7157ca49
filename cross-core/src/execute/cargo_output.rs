//! Cargo's JSON messages, line by line: artifacts, diagnostics, and what is fresh.

use std::path::{Path, PathBuf};

use cross_engine::process::untrusted::{Dir, Room};

use crate::cargo::json::{Artifact as CargoArtifact, Diagnostic, Message};
use crate::cargo::products::{Product, Products};
use crate::host::glibc_floor;
use crate::model::error::{Error, ErrorKind, Result, from_engine};
use crate::model::outcome::{Artifact, ArtifactKind, CompilerDiagnostic, SourceLocation};
use crate::request::event::EventKind;

/// What one line of cargo's standard output means.
pub(crate) enum Line {
    /// Nothing to report.
    Silent,
    /// One or more events, in order.
    Events(Vec<EventKind>),
    /// What no honest build does: there is nothing more to read.
    Refused(Error),
    /// Not a message of cargo's.
    Other,
}

/// Reads the messages of one cargo run and maps its paths to where they are published.
///
/// Whatever compiles can write such messages, too. A file is an artifact only if it is a regular
/// one in the target directory, under a name that a target of the workspace gives it.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    /// The target directory of the run.
    built_in: &'a Dir,
    /// What can be built.
    products: &'a Products,
    /// The directory where final artifacts appear.
    published_in: &'a Path,
    /// The first error's text, as the compiler rendered it.
    pub(crate) first_error: Option<String>,
    /// Final artifacts, as they are once published.
    pub(crate) artifacts: Vec<Artifact>,
    /// What the compiler had to say.
    pub(crate) diagnostics: Vec<CompilerDiagnostic>,
    room_for_artifacts: Room,
    room_for_diagnostics: Room,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(built_in: &'a Dir, products: &'a Products, published_in: &'a Path) -> Self {
        Reader {
            built_in,
            products,
            published_in,
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
                Err(error) => Line::Refused(error),
            },
            Some(Message::Compiler(message)) => {
                let package = package_name(&message.package_id);
                let said = diagnostic(package, message.message);
                if said.level == "error" && self.first_error.is_none() {
                    self.first_error = said.rendered.lines().next().map(str::to_owned);
                }
                let mut events = Vec::new();
                let was_full = self.room_for_diagnostics.is_full();
                if self.room_for_diagnostics.take(said.size()) {
                    self.diagnostics.push(said.clone());
                } else if !was_full {
                    events.push(too_many_diagnostics());
                }
                events.push(EventKind::Diagnostic(said));
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
        // A dependency from a registry is no result of this build.
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
            if let Some(artifact) = self.believed(message, product, file)? {
                events.push(EventKind::Artifact(artifact.clone()));
                self.artifacts.push(artifact);
            }
        }
        Ok(events)
    }

    /// The artifact that `message` names as `file`; `None` where it is none, or none of ours.
    fn believed(
        &mut self,
        message: &CargoArtifact,
        product: &Product,
        file: &Path,
    ) -> Result<Option<Artifact>> {
        let Some(inside) = self.built_in.relative(file) else {
            return Ok(None);
        };
        let kind = artifact_kind(message);
        // Final artifacts have plain names; what is below `deps` is cargo's own.
        let is_final = !inside.components().any(|part| part.as_os_str() == "deps");
        let is_result = is_final || kind == ArtifactKind::Test;
        if !is_result || !self.products.can_be_at(product, inside) {
            return Ok(None);
        }
        // Cargo tells of a file when it is there.
        let open = self.built_in.file(inside).map_err(from_engine)?;
        let artifact = Artifact {
            package: product.package.clone(),
            name: product.name.clone(),
            kind,
            profile: profile(inside),
            path: match is_final {
                true => self.published_in.join(inside),
                false => file.to_owned(),
            },
            inside: file.to_owned(),
            glibc: glibc_floor::of(&open),
            sha256: None,
        };
        if !self.room_for_artifacts.take(4 * file.as_os_str().len()) {
            return Err(Error::new(
                ErrorKind::Untrusted,
                "cargo's messages name more artifacts than any workspace has",
            ));
        }
        Ok(Some(artifact))
    }
}

fn too_many_diagnostics() -> EventKind {
    EventKind::Warning {
        code: "diagnostics-dropped".to_owned(),
        message: "the compiler says more than is kept: the outcome has the first 32 MiB of it"
            .to_owned(),
        help: Some("every diagnostic is an event when it comes".to_owned()),
    }
}

/// The profile of an artifact at `<triple>/<directory>/…` in the target directory.
fn profile(inside: &Path) -> String {
    let directory = inside.components().nth(1);
    let name = directory.map(|it| it.as_os_str().to_string_lossy().into_owned());
    match name.unwrap_or_default().as_str() {
        "debug" => "dev".to_owned(),
        other => other.to_owned(),
    }
}

fn diagnostic(package: String, said: Diagnostic) -> CompilerDiagnostic {
    let place = said.spans.iter().find(|span| span.is_primary);
    CompilerDiagnostic {
        level: said.level,
        package,
        place: place.map(|span| SourceLocation {
            file: span.file_name.clone(),
            line: span.line_start,
            column: span.column_start,
        }),
        code: said.code.map(|it| it.code),
        rendered: said.rendered.unwrap_or_else(|| said.message.clone()),
        message: said.message,
    }
}

fn artifact_kind(message: &CargoArtifact) -> ArtifactKind {
    let has = |kinds: &[&str]| {
        kinds
            .iter()
            .any(|it| message.target.kind.iter().any(|kind| kind == it))
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

/// The package's name in a package id: `path+file:///w/app#0.1.0`, `…#name@0.1.0`, or before
/// cargo 1.77 `name 0.1.0 (path+file:///w/app)`.
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
    fn package_ids_of_every_age_have_names() {
        for (id, name) in [
            ("path+file:///w/my%20app#0.1.0", "my%20app"),
            ("path+file:///w/x#app@0.1.0", "app"),
            ("registry+https://r/#serde@1.0.1", "serde"),
            ("app 0.1.0 (path+file:///w/app)", "app"),
        ] {
            assert_eq!(package_name(id), name, "{id}");
        }
    }

    /// A workspace with the program `app`, of which cargo can say that it built something.
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

        /// Where cargo puts `name` of the release profile.
        fn path(&self, name: &str) -> PathBuf {
            self.root.path().join(TRIPLE).join("release").join(name)
        }
    }

    /// Cargo's message on the program `app`, at `path`.
    fn message(path: &Path) -> String {
        let line = r#"{"reason":"compiler-artifact","package_id":"path+file:///w#app@0.1.0","manifest_path":"/w/Cargo.toml","target":{"kind":["bin"],"crate_types":["bin"],"name":"app","src_path":"/w/src/main.rs","edition":"2024","doc":true,"doctest":false,"test":true},"profile":{"opt_level":"3","debuginfo":0,"debug_assertions":false,"overflow_checks":false,"test":false},"features":[],"filenames":["PATH"],"executable":"PATH","fresh":true}"#;
        line.replace("PATH", path.to_str().unwrap())
    }

    #[test]
    fn a_built_program_is_published_at_cargos_usual_path() {
        let built = Built::new();
        fs::write(built.path("app"), "").unwrap();
        let mut reader = built.reader();
        let Line::Events(events) = reader.read(&message(&built.path("app"))) else {
            panic!("a message of cargo's");
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
    fn a_forged_message_names_no_file_that_cargo_does_not_make() {
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
    fn an_artifact_that_is_no_regular_file_ends_the_build() {
        let built = Built::new();
        let path = built.path("app");
        let is_refused = || match built.reader().read(&message(&path)) {
            Line::Refused(error) => error,
            _ => panic!("not refused"),
        };
        assert_eq!(is_refused().kind(), ErrorKind::Io, "it is not there");
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        let error = is_refused();
        assert_eq!(error.kind(), ErrorKind::Untrusted);
        assert!(error.to_string().contains("a symbolic link"), "{error}");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(is_refused().kind(), ErrorKind::Untrusted);
    }

    #[test]
    fn what_is_kept_of_forged_messages_is_bounded() {
        let built = Built::new();
        fs::write(built.path("app"), "").unwrap();
        let line = message(&built.path("app"));
        let mut reader = built.reader();
        reader.room_for_artifacts = Room::new(4 << 10);
        let mut lines = (0..100).map(|_| reader.read(&line));
        assert!(lines.any(|line| matches!(line, Line::Refused(_))));
        assert!(reader.artifacts.len() < 10);

        let said = r#"{"reason":"compiler-message","package_id":"path+file:///w#app@0.1.0","message":{"message":"m","code":null,"level":"warning","spans":[],"rendered":"RENDERED"}}"#;
        let said = said.replace("RENDERED", &"x".repeat(1 << 10));
        let mut reader = built.reader();
        reader.room_for_diagnostics = Room::new(8 << 10);
        let mut warnings = 0;
        for _ in 0..100 {
            let Line::Events(events) = reader.read(&said) else {
                panic!("a message of cargo's");
            };
            let is_warning = |event: &&EventKind| matches!(event, EventKind::Warning { .. });
            warnings += events.iter().filter(is_warning).count();
            assert!(matches!(events.last(), Some(EventKind::Diagnostic(_))));
        }
        assert_eq!(warnings, 1, "it is told once");
        assert!(reader.diagnostics.len() < 10);
    }

    #[test]
    fn a_programs_own_json_is_not_cargos() {
        let built = Built::new();
        let mut reader = built.reader();
        assert!(matches!(
            reader.read(r#"{"reason":"because"}"#),
            Line::Other
        ));
        assert!(matches!(reader.read("plain"), Line::Other));
    }
}
