//! Types for cargo's JSON: the output of `cargo metadata`, and the messages of a build.
//!
//! Only the fields that are used here are read. Cargo keeps their meaning and may add others.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The output of `cargo metadata --format-version 1`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    workspace_members: Vec<String>,
    /// The packages that are built from the directory if none is named. Cargo before 1.71 does not
    /// name them.
    workspace_default_members: Option<Vec<String>>,
    pub(crate) workspace_root: PathBuf,
    pub(crate) target_directory: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Package {
    id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// The package's registry or git source; `None` for a path package.
    pub(crate) source: Option<String>,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
    /// The table `metadata`, which may be any value.
    #[serde(default)]
    pub(crate) metadata: serde_json::Value,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dependency {
    /// The package's own name.
    #[serde(default)]
    pub(crate) name: String,
    /// `dev`, `build`, or `None` for what the package itself uses.
    #[serde(default)]
    pub(crate) kind: Option<String>,
    /// The directory of a path dependency.
    pub(crate) path: Option<PathBuf>,
    /// Where it comes from; `None` for a path.
    #[serde(default)]
    pub(crate) source: Option<String>,
}

/// A cargo target of a package: a binary, a library, a test, ….
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// `bin`, `lib`, `test`, …; several for a library with several crate types.
    pub(crate) kind: Vec<String>,
    /// The first of its source files.
    pub(crate) src_path: PathBuf,
}

impl Metadata {
    /// Parses the output of `cargo metadata`.
    pub(crate) fn parse(json: &str) -> serde_json::Result<Metadata> {
        serde_json::from_str(json)
    }

    pub(crate) fn workspace_packages(&self) -> impl Iterator<Item = &Package> + Clone {
        let is_member = |package: &&Package| self.workspace_members.contains(&package.id);
        self.packages.iter().filter(is_member)
    }

    /// Whether cargo builds the package if none is named; `None` if cargo does not say.
    pub(crate) fn is_default(&self, package: &Package) -> Option<bool> {
        let defaults = self.workspace_default_members.as_ref()?;
        Some(defaults.contains(&package.id))
    }
}

impl Package {
    /// The directory of the package's manifest.
    pub(crate) fn dir(&self) -> Option<&Path> {
        self.manifest_path.parent()
    }
}

/// A message: one line of the output of `--message-format=json`.
#[derive(Debug)]
pub(crate) enum Message {
    Artifact(Box<Artifact>),
    Compiler(Box<CompilerMessage>),
    BuildScript(Box<BuildScript>),
    /// A message whose contents are not used.
    Other,
}

/// The message for a unit that was compiled or is fresh.
#[derive(Debug, Deserialize)]
pub(crate) struct Artifact {
    pub(crate) package_id: String,
    pub(crate) target: Target,
    pub(crate) profile: Profile,
    #[serde(default)]
    pub(crate) features: Vec<String>,
    pub(crate) filenames: Vec<PathBuf>,
    pub(crate) executable: Option<PathBuf>,
    pub(crate) fresh: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Profile {
    /// Whether the unit was built with a test harness.
    pub(crate) test: bool,
}

/// The message for a build script that ran, or whose output is fresh.
#[derive(Debug, Deserialize)]
pub(crate) struct BuildScript {
    pub(crate) package_id: String,
    /// The native libraries, as the script named them: `static=z`.
    #[serde(default)]
    pub(crate) linked_libs: Vec<String>,
    /// Where rustc looks for them: `native=/…`.
    #[serde(default)]
    pub(crate) linked_paths: Vec<String>,
    /// The script's own directory.
    pub(crate) out_dir: PathBuf,
}

/// The message for a diagnostic of the compiler.
#[derive(Debug, Deserialize)]
pub(crate) struct CompilerMessage {
    pub(crate) package_id: String,
    pub(crate) message: Diagnostic,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Diagnostic {
    pub(crate) message: String,
    pub(crate) code: Option<Code>,
    /// Rustc's name of the level: `error`, `warning`, `note`, ….
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
    /// Parses a line; `None` if the line is not one of cargo's messages.
    pub(crate) fn parse(line: &str) -> Option<Message> {
        // A tagged enum would be shorter, but its generated parser makes every build of this
        // library slower.
        #[derive(Deserialize)]
        struct Tag {
            reason: String,
        }
        let Tag { reason } = serde_json::from_str(line).ok()?;
        match reason.as_str() {
            "compiler-artifact" => serde_json::from_str(line).ok().map(Message::Artifact),
            "compiler-message" => serde_json::from_str(line).ok().map(Message::Compiler),
            "build-script-executed" => serde_json::from_str(line).ok().map(Message::BuildScript),
            "build-finished" => Some(Message::Other),
            _ => None,
        }
    }
}
