//! The loader, which reads the configuration files. No other module performs I/O.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::diagnostics::diagnostic::{Diagnostic, DiagnosticCode, Severity};
use crate::layers::layer::Layer;
use crate::layers::read_toml::Sections;
use crate::load::error::Error;
use crate::resolve::config::Config;
use crate::variables::CROSS_CONFIG;
use crate::variables::env::Env;

const CROSS_TOML: &str = "Cross.toml";
const LOWER_CASE: &str = "cross.toml";
const CARGO_TOML: &str = "Cargo.toml";

/// Loads the configuration of a workspace.
///
/// The loader reads `Cross.toml` in the workspace root (or the file that `CROSS_CONFIG` names), the
/// `Cargo.toml` of the workspace root, and the `Cargo.toml` of the package to build. Each may be
/// absent unless it is named explicitly.
///
/// ```no_run
/// use cross_config::{Env, Layer, Loader};
///
/// let loaded = Loader::new("/home/me/project")
///     .env(&Env::from_iter(std::env::vars_os()))
///     .embedder(Layer::embedder("xtask").suite("bookworm"))
///     .load()?;
/// for warning in &loaded.warnings {
///     println!("warning: {warning}");
/// }
/// # Ok::<(), cross_config::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Loader {
    workspace_root: PathBuf,
    current_dir: Option<PathBuf>,
    package_manifest: Option<PathBuf>,
    env: Env,
    layers: Vec<Layer>,
    severities: BTreeMap<DiagnosticCode, Severity>,
}

/// The result of [`Loader::load`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoadedConfig {
    /// The merged configuration.
    pub config: Config,
    /// The problems that do not make the configuration unusable.
    pub warnings: Vec<Diagnostic>,
    /// The files that were read, in order. The configuration depends on them.
    pub files: Vec<PathBuf>,
}

/// The layers, problems and files found so far.
#[derive(Default)]
struct FilesRead {
    layers: Vec<Layer>,
    problems: Vec<Diagnostic>,
    files: Vec<PathBuf>,
}

impl Loader {
    /// Creates a loader for the workspace with this root directory.
    #[must_use]
    pub fn new(workspace_root: impl Into<PathBuf>) -> Self {
        Self {
            workspace_root: workspace_root.into(),
            current_dir: None,
            package_manifest: None,
            env: Env::new(),
            layers: Vec::new(),
            severities: BTreeMap::new(),
        }
    }

    /// The environment from which variables are read.
    ///
    /// # Default value
    ///
    /// An empty environment.
    #[must_use]
    pub fn env(mut self, env: &Env) -> Self {
        self.env = env.clone();
        self
    }

    /// The directory to which relative paths in variables are relative.
    ///
    /// # Default value
    ///
    /// The workspace root.
    #[must_use]
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.current_dir = Some(directory.into());
        self
    }

    /// The `Cargo.toml` of the package to build, whose `[package.metadata.cross]` is read. It has
    /// to exist.
    ///
    /// # Default value
    ///
    /// The `Cargo.toml` of the workspace root.
    #[must_use]
    pub fn package_manifest(mut self, path: impl Into<PathBuf>) -> Self {
        self.package_manifest = Some(path.into());
        self
    }

    /// Adds defaults of the embedding application.
    #[must_use]
    pub fn embedder(self, layer: impl Into<Layer>) -> Self {
        self.layer(layer.into())
    }

    /// Adds settings that the caller makes for a single call.
    #[must_use]
    pub fn request(self, layer: impl Into<Layer>) -> Self {
        self.layer(layer.into())
    }

    /// Sets the severity of all problems with this code. The affected key is ignored, and the rest
    /// of its file still applies.
    ///
    /// ```
    /// use cross_config::{DiagnosticCode, Loader, Severity};
    ///
    /// let lenient = Loader::new("/home/me/project")
    ///     .severity(DiagnosticCode::UnknownKey, Severity::Warning);
    /// ```
    ///
    /// # Default value
    ///
    /// The severity in [`Diagnostic::severity`].
    #[must_use]
    pub fn severity(mut self, code: DiagnosticCode, severity: Severity) -> Self {
        self.severities.insert(code, severity);
        self
    }

    fn layer(mut self, layer: Layer) -> Self {
        self.layers.push(layer.relative_to(&self.workspace_root));
        self
    }

    /// Reads the files and merges the layers.
    ///
    /// # Errors
    ///
    /// Returns all problems of all sources if at least one of them is an error: a named file that
    /// is missing, a file that cannot be read, a syntax error, an unknown key, an invalid value, or
    /// a variable for an unsupported feature.
    pub fn load(&self) -> Result<LoadedConfig, Error> {
        let mut found = FilesRead::default();
        self.read_manifests(&mut found);
        self.cross_toml(&mut found);
        found
            .layers
            .push(Layer::variables(&self.env).relative_to(self.base()));
        let FilesRead {
            layers,
            mut problems,
            files,
        } = found;
        let config = Config::merge(self.layers.iter().cloned().chain(layers));
        problems.extend(config.diagnostics().cloned());
        for problem in &mut problems {
            if let Some(severity) = self.severities.get(&problem.code) {
                problem.severity = *severity;
            }
        }
        let warnings = Error::or_warnings(problems)?;
        Ok(LoadedConfig {
            config,
            warnings,
            files,
        })
    }

    fn base(&self) -> &Path {
        self.current_dir.as_deref().unwrap_or(&self.workspace_root)
    }

    fn read_manifests(&self, found: &mut FilesRead) {
        let root = self.workspace_root.join(CARGO_TOML);
        let package = self
            .package_manifest
            .as_ref()
            .filter(|manifest| **manifest != root);
        let sections = if package.is_some() {
            Sections::Workspace
        } else {
            Sections::Both
        };
        if let Some(text) = found.read(&root, &Requirement::Optional) {
            found
                .layers
                .push(Layer::cargo_sections(&root, &text, sections));
        }
        let Some(package) = package else { return };
        if let Some(text) = found.read(package, &Requirement::NamedByCaller) {
            found
                .layers
                .push(Layer::cargo_sections(package, &text, Sections::Package));
        }
    }

    fn cross_toml(&self, found: &mut FilesRead) {
        let named = self.env.get(CROSS_CONFIG).filter(|path| !path.is_empty());
        let (path, need) = match named {
            Some(named) => (
                self.base().join(named),
                Requirement::NamedByVariable(CROSS_CONFIG),
            ),
            None => (self.workspace_root.join(CROSS_TOML), Requirement::Optional),
        };
        match found.read(&path, &need) {
            Some(text) => found.layers.push(Layer::cross_toml(&path, &text)),
            None if named.is_none() => self.warn_about_lower_case_name(&path, found),
            None => {}
        }
    }

    fn warn_about_lower_case_name(&self, expected: &Path, found: &mut FilesRead) {
        let path = self.workspace_root.join(LOWER_CASE);
        if path.is_file() && !expected.exists() {
            let message = format!("`{}` is not read", path.display());
            let warning = Diagnostic::warning(DiagnosticCode::LowerCaseFile, message);
            found
                .problems
                .push(warning.help(format!("rename it to `{CROSS_TOML}`")));
        }
    }
}

/// Whether a file has to exist, and who named it.
enum Requirement {
    Optional,
    NamedByCaller,
    NamedByVariable(&'static str),
}

impl FilesRead {
    /// Returns the text of a file. Failures are reported, except for a file that is absent and was
    /// not named.
    fn read(&mut self, path: &Path, need: &Requirement) -> Option<String> {
        let cause = match std::fs::read_to_string(path) {
            Ok(text) => {
                self.files.push(path.to_owned());
                return Some(text);
            }
            Err(cause) => cause,
        };
        let absent = cause.kind() == ErrorKind::NotFound;
        let shown = path.display();
        let problem = match need {
            Requirement::Optional if absent => return None,
            _ if absent => Diagnostic::error(
                DiagnosticCode::MissingFile,
                format!("`{shown}` does not exist"),
            ),
            _ => Diagnostic::error(
                DiagnosticCode::UnreadableFile,
                format!("`{shown}` cannot be read: {cause}"),
            ),
        };
        self.problems.push(match need {
            Requirement::NamedByVariable(name) => problem
                .help(format!("correct the path, or unset {name}"))
                .variable(*name),
            Requirement::NamedByCaller | Requirement::Optional => {
                problem.help("check the path and its permissions")
            }
        });
        None
    }
}

#[cfg(test)]
mod tests;
