//! Cargo's JSON messages, line by line: artifacts, diagnostics, and what is fresh.

use std::path::{Path, PathBuf};

use crate::cargo::json::{Artifact as CargoArtifact, Diagnostic, Message};
use crate::host::glibc_floor;
use crate::model::outcome::{Artifact, ArtifactKind, CompilerDiagnostic, SourceLocation};
use crate::request::event::EventKind;

/// What one line of cargo's standard output means.
pub(crate) enum Line {
    /// Nothing to report.
    Silent,
    /// One or more events, in order.
    Events(Vec<EventKind>),
    /// Not a message of cargo's.
    Other,
}

/// Reads the messages of one cargo run and maps its paths to where they are published.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    /// The target directory of the run.
    pub(crate) built_in: &'a Path,
    /// The directory where final artifacts appear.
    pub(crate) published_in: &'a Path,
    /// The first error's text, as the compiler rendered it.
    pub(crate) first_error: Option<String>,
    /// Final artifacts, as they are once published.
    pub(crate) artifacts: Vec<Artifact>,
    /// What the compiler had to say.
    pub(crate) diagnostics: Vec<CompilerDiagnostic>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(built_in: &'a Path, published_in: &'a Path) -> Self {
        Reader {
            built_in,
            published_in,
            first_error: None,
            artifacts: Vec::new(),
            diagnostics: Vec::new(),
        }
    }

    /// Reads one line.
    pub(crate) fn read(&mut self, line: &str) -> Line {
        if !line.starts_with('{') {
            return Line::Other;
        }
        match Message::parse(line) {
            Some(Message::Artifact(artifact)) => Line::Events(self.artifact(&artifact)),
            Some(Message::Compiler(message)) => {
                let package = package_name(&message.package_id);
                let said = diagnostic(package, message.message);
                if said.level == "error" && self.first_error.is_none() {
                    self.first_error = said.rendered.lines().next().map(str::to_owned);
                }
                self.diagnostics.push(said.clone());
                Line::Events(vec![EventKind::Diagnostic(said)])
            }
            Some(Message::Other) => Line::Silent,
            None => Line::Other,
        }
    }

    fn artifact(&mut self, message: &CargoArtifact) -> Vec<EventKind> {
        let package = package_name(&message.package_id);
        let mut events = vec![EventKind::Compiled {
            package: package.clone(),
            fresh: message.fresh,
        }];
        // A dependency from a registry is no result of this build.
        let is_local = message.package_id.contains("path+file://");
        let is_for_the_host = |kind: &String| kind == "custom-build" || kind == "proc-macro";
        if !is_local || message.target.kind.iter().any(is_for_the_host) {
            return events;
        }
        let kind = artifact_kind(message);
        let files: Vec<&Path> = match &message.executable {
            Some(executable) => vec![executable],
            None => message.filenames.iter().map(PathBuf::as_path).collect(),
        };
        for file in files {
            let Ok(inside) = file.strip_prefix(self.built_in) else {
                continue;
            };
            // Final artifacts have plain names; what is below `deps` is cargo's own.
            let is_final = !inside.components().any(|part| part.as_os_str() == "deps");
            if !is_final && kind != ArtifactKind::Test {
                continue;
            }
            let published = if is_final {
                self.published_in.join(inside)
            } else {
                file.to_owned()
            };
            let artifact = Artifact {
                package: package.clone(),
                name: message.target.name.clone(),
                kind,
                profile: profile(inside),
                path: published,
                inside: file.to_owned(),
                glibc: glibc_floor::of(file),
                sha256: None,
            };
            events.push(EventKind::Artifact(artifact.clone()));
            self.artifacts.push(artifact);
        }
        events
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
    use super::*;

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

    #[test]
    fn a_built_program_is_published_at_cargos_usual_path() {
        let (built, published) = (Path::new("/w/target/cross/t-1"), Path::new("/w/target"));
        let mut reader = Reader::new(built, published);
        let line = r#"{"reason":"compiler-artifact","package_id":"path+file:///w#app@0.1.0","manifest_path":"/w/Cargo.toml","target":{"kind":["bin"],"crate_types":["bin"],"name":"app","src_path":"/w/src/main.rs","edition":"2024","doc":true,"doctest":false,"test":true},"profile":{"opt_level":"3","debuginfo":0,"debug_assertions":false,"overflow_checks":false,"test":false},"features":[],"filenames":["/w/target/cross/t-1/aarch64-unknown-linux-gnu/release/app"],"executable":"/w/target/cross/t-1/aarch64-unknown-linux-gnu/release/app","fresh":true}"#;
        let Line::Events(events) = reader.read(line) else {
            panic!("a message of cargo's");
        };
        assert!(matches!(
            &events[0],
            EventKind::Compiled { fresh: true, .. }
        ));
        let artifact = &reader.artifacts[0];
        assert_eq!(artifact.kind, ArtifactKind::Executable);
        assert_eq!(artifact.profile, "release");
        assert!(artifact.inside.starts_with(built));
        assert_eq!(
            artifact.path,
            Path::new("/w/target/aarch64-unknown-linux-gnu/release/app")
        );
    }

    #[test]
    fn a_programs_own_json_is_not_cargos() {
        let mut reader = Reader::new(Path::new("/b"), Path::new("/p"));
        assert!(matches!(
            reader.read(r#"{"reason":"because"}"#),
            Line::Other
        ));
        assert!(matches!(reader.read("plain"), Line::Other));
    }
}
