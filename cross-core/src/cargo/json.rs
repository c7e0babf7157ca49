//! What cargo says as JSON, as far as it is read here: `cargo metadata`, and the messages of a
//! build.
//!
//! Cargo keeps the meaning of these fields and adds others, which are ignored.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The answer of `cargo metadata --format-version 1`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    workspace_members: Vec<String>,
    pub(crate) workspace_root: PathBuf,
    pub(crate) target_directory: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Package {
    id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// Where it comes from; `None` for a path.
    pub(crate) source: Option<String>,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dependency {
    /// The directory of a path dependency.
    pub(crate) path: Option<PathBuf>,
    /// Where it comes from; `None` for a path.
    #[serde(default)]
    pub(crate) source: Option<String>,
}

/// A program, library, test, … of a package.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// `bin`, `lib`, `test`, …: several for a library that is built in several ways.
    pub(crate) kind: Vec<String>,
    /// The first of its source files.
    pub(crate) src_path: PathBuf,
}

impl Metadata {
    /// Reads what `cargo metadata` printed.
    pub(crate) fn parse(json: &str) -> serde_json::Result<Metadata> {
        serde_json::from_str(json)
    }

    pub(crate) fn workspace_packages(&self) -> impl Iterator<Item = &Package> + Clone {
        let is_member = |package: &&Package| self.workspace_members.contains(&package.id);
        self.packages.iter().filter(is_member)
    }
}

impl Package {
    /// The directory of its manifest.
    pub(crate) fn dir(&self) -> Option<&Path> {
        self.manifest_path.parent()
    }
}

/// One line of `--message-format=json`.
#[derive(Debug)]
pub(crate) enum Message {
    Artifact(Box<Artifact>),
    Compiler(Box<CompilerMessage>),
    /// A message of cargo's that nothing is read of.
    Other,
}

/// A unit was compiled, or was fresh.
#[derive(Debug, Deserialize)]
pub(crate) struct Artifact {
    pub(crate) package_id: String,
    pub(crate) target: Target,
    pub(crate) profile: Profile,
    pub(crate) filenames: Vec<PathBuf>,
    pub(crate) executable: Option<PathBuf>,
    pub(crate) fresh: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Profile {
    /// Whether it was built with a test harness.
    pub(crate) test: bool,
}

/// The compiler had something to say.
#[derive(Debug, Deserialize)]
pub(crate) struct CompilerMessage {
    pub(crate) package_id: String,
    pub(crate) message: Diagnostic,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Diagnostic {
    pub(crate) message: String,
    pub(crate) code: Option<Code>,
    /// `error`, `warning`, `note`, … as rustc calls it.
    pub(crate) level: String,
    pub(crate) spans: Vec<Span>,
    pub(crate) rendered: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Code {
    pub(crate) code: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Span {
    pub(crate) file_name: PathBuf,
    pub(crate) line_start: u64,
    pub(crate) column_start: u64,
    pub(crate) is_primary: bool,
}

impl Message {
    /// Reads a line; `None` if it is no message of cargo's.
    pub(crate) fn parse(line: &str) -> Option<Message> {
        // A tagged enum would say it in one, and costs every build of this library a second parser.
        #[derive(Deserialize)]
        struct Tag {
            reason: String,
        }
        let Tag { reason } = serde_json::from_str(line).ok()?;
        match reason.as_str() {
            "compiler-artifact" => serde_json::from_str(line).ok().map(Message::Artifact),
            "compiler-message" => serde_json::from_str(line).ok().map(Message::Compiler),
            "build-script-executed" | "build-finished" => Some(Message::Other),
            _ => None,
        }
    }
}
