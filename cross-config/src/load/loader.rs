//! The I/O door: reads the files it is pointed at, and nothing else.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::diagnostics::diagnostic::{Code, Diagnostic, Severity};
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
/// Reads `Cross.toml` in the workspace root (or the file `CROSS_CONFIG` names), the `Cargo.toml` of the
/// workspace root, and the one of the package that is built. Each may be absent, unless it was named.
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
    policy: BTreeMap<Code, Severity>,
}

/// What [`Loader::load`] found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The merged configuration.
    pub config: Config,
    /// Problems that do not stop a request.
    pub warnings: Vec<Diagnostic>,
    /// The files that were read, in that order: what the configuration depends on.
    pub files: Vec<PathBuf>,
}

/// What reading the files has found so far.
#[derive(Default)]
struct Found {
    layers: Vec<Layer>,
    problems: Vec<Diagnostic>,
    files: Vec<PathBuf>,
}

impl Loader {
    /// Loads for the workspace whose root is this directory.
    #[must_use]
    pub fn new(workspace_root: impl Into<PathBuf>) -> Self {
        Self {
            workspace_root: workspace_root.into(),
            current_dir: None,
            package_manifest: None,
            env: Env::new(),
            layers: Vec::new(),
            policy: BTreeMap::new(),
        }
    }

    /// The environment to read variables from.
    ///
    /// # Default value
    ///
    /// An empty one.
    #[must_use]
    pub fn env(mut self, env: &Env) -> Self {
        self.env = env.clone();
        self
    }

    /// What relative paths in variables are relative to.
    ///
    /// # Default value
    ///
    /// The workspace root.
    #[must_use]
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.current_dir = Some(directory.into());
        self
    }

    /// The `Cargo.toml` of the package that is built, whose `[package.metadata.cross]` is read. It has
    /// to exist.
    ///
    /// # Default value
    ///
    /// The one of the workspace root.
    #[must_use]
    pub fn package_manifest(mut self, path: impl Into<PathBuf>) -> Self {
        self.package_manifest = Some(path.into());
        self
    }

    /// Adds the embedder's defaults.
    #[must_use]
    pub fn embedder(self, layer: impl Into<Layer>) -> Self {
        self.layer(layer.into())
    }

    /// Adds what the caller says for one call.
    #[must_use]
    pub fn request(self, layer: impl Into<Layer>) -> Self {
        self.layer(layer.into())
    }

    /// Takes every problem with this code for an error, or for a warning: what it is about is then left
    /// out, and the rest of its file counts.
    ///
    /// ```
    /// use cross_config::{Code, Loader, Severity};
    ///
    /// let lenient = Loader::new("/home/me/project").severity(Code::UnknownKey, Severity::Warning);
    /// ```
    ///
    /// # Default value
    ///
    /// The severity that the problem's own [`Diagnostic::severity`] has.
    #[must_use]
    pub fn severity(mut self, code: Code, severity: Severity) -> Self {
        self.policy.insert(code, severity);
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
    /// All problems of all sources at once, if at least one of them is an error: a file that was named
    /// and is missing, a file that can't be read, a syntax error, an unknown key, a value that is not
    /// one, a variable that asks for what is not supported yet.
    pub fn load(&self) -> Result<Loaded, Error> {
        let mut found = Found::default();
        self.manifests(&mut found);
        self.cross_toml(&mut found);
        found
            .layers
            .push(Layer::variables(&self.env).relative_to(self.base()));
        let Found {
            layers,
            mut problems,
            files,
        } = found;
        let config = Config::merge(self.layers.iter().cloned().chain(layers));
        problems.extend(config.diagnostics().cloned());
        for problem in &mut problems {
            if let Some(severity) = self.policy.get(&problem.code) {
                problem.severity = *severity;
            }
        }
        let warnings = Error::unless_usable(problems)?;
        Ok(Loaded {
            config,
            warnings,
            files,
        })
    }

    fn base(&self) -> &Path {
        self.current_dir.as_deref().unwrap_or(&self.workspace_root)
    }

    fn manifests(&self, found: &mut Found) {
        let root = self.workspace_root.join(CARGO_TOML);
        let package = self.package_manifest.as_ref().filter(|it| **it != root);
        let sections = if package.is_some() {
            Sections::Workspace
        } else {
            Sections::Both
        };
        if let Some(text) = found.read(&root, &Need::None) {
            found
                .layers
                .push(Layer::cargo_sections(&root, &text, sections));
        }
        let Some(package) = package else { return };
        if let Some(text) = found.read(package, &Need::Caller) {
            found
                .layers
                .push(Layer::cargo_sections(package, &text, Sections::Package));
        }
    }

    fn cross_toml(&self, found: &mut Found) {
        let named = self.env.get(CROSS_CONFIG).filter(|it| !it.is_empty());
        let (path, need) = match named {
            Some(named) => (self.base().join(named), Need::Variable(CROSS_CONFIG)),
            None => (self.workspace_root.join(CROSS_TOML), Need::None),
        };
        match found.read(&path, &need) {
            Some(text) => found.layers.push(Layer::cross_toml(&path, &text)),
            None if named.is_none() => self.warn_of_lower_case(&path, found),
            None => {}
        }
    }

    fn warn_of_lower_case(&self, wanted: &Path, found: &mut Found) {
        let path = self.workspace_root.join(LOWER_CASE);
        if path.is_file() && !wanted.exists() {
            let message = format!("`{}` is not read", path.display());
            let warning = Diagnostic::warning(Code::LowerCaseFile, message);
            found
                .problems
                .push(warning.help(format!("rename it to `{CROSS_TOML}`")));
        }
    }
}

/// Who needs a file to be there.
enum Need {
    None,
    Caller,
    Variable(&'static str),
}

impl Found {
    /// The text of a file, if it is there and is text; every other outcome is reported, except that a
    /// file which nobody named is absent.
    fn read(&mut self, path: &Path, need: &Need) -> Option<String> {
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
            Need::None if absent => return None,
            _ if absent => {
                Diagnostic::error(Code::MissingFile, format!("`{shown}` does not exist"))
            }
            _ => Diagnostic::error(
                Code::UnreadableFile,
                format!("`{shown}` can't be read: {cause}"),
            ),
        };
        self.problems.push(match need {
            Need::Variable(name) => problem
                .help(format!("correct the path, or unset {name}"))
                .variable(*name),
            Need::Caller | Need::None => problem.help("check the path and its permissions"),
        });
        None
    }
}

#[cfg(test)]
mod tests;
