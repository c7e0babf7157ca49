//! The I/O door: reads the files it is pointed at, and nothing else.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::de::Sections;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::env::Env;
use crate::error::Error;
use crate::layer::Layer;
use crate::variables::CROSS_CONFIG;

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
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::diagnostic::Severity;

    fn workspace(files: &[(&str, &str)]) -> TempDir {
        let root = TempDir::new().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn codes(diagnostics: &[Diagnostic]) -> Vec<&'static str> {
        diagnostics.iter().map(|it| it.code.as_str()).collect()
    }

    #[test]
    fn a_workspace_without_files_has_the_built_in_configuration() {
        let root = workspace(&[]);
        let loaded = Loader::new(root.path()).load().unwrap();
        assert_eq!(loaded.warnings, []);
        assert_eq!(loaded.files, [""; 0].map(PathBuf::from));
        assert_eq!(
            loaded
                .config
                .for_target("s390x-unknown-linux-gnu")
                .engine
                .unwrap()
                .value,
            "auto"
        );
    }

    #[test]
    fn what_a_problem_means_is_the_callers_to_say() {
        let root = workspace(&[(
            "Cross.toml",
            "[build]\nsuite = 'b'\nnetwrok = 'none'\n[target.s390x-linux-gnu]\n",
        )]);
        let loader = || Loader::new(root.path());
        assert!(loader().load().is_err());
        let lenient = loader()
            .severity(Code::UnknownKey, Severity::Warning)
            .load()
            .unwrap();
        assert_eq!(codes(&lenient.warnings), ["unknown-key", "unknown-target"]);
        assert!(
            lenient
                .config
                .for_target("s390x-unknown-linux-gnu")
                .suite
                .is_some()
        );
        let strict = loader()
            .severity(Code::UnknownKey, Severity::Warning)
            .severity(Code::UnknownTarget, Severity::Error)
            .load();
        assert!(strict.unwrap_err().to_string().contains("[unknown-target]"));
    }

    #[test]
    fn every_source_is_read_and_the_files_are_named() {
        let root = workspace(&[
            (
                "Cargo.toml",
                "[workspace.metadata.cross.build]\nsuite = 'a'\nnetwork = 'none'",
            ),
            ("Cross.toml", "build.suite = 'b'"),
        ]);
        let env = Env::new().set("CROSS_CONTAINER_ENGINE", "docker");
        let loaded = Loader::new(root.path())
            .env(&env)
            .embedder(Layer::embedder("app").packages(["a0"]))
            .request(Layer::request().toolchain("image"))
            .load()
            .unwrap();
        let target = loaded.config.for_target("s390x-unknown-linux-gnu");
        assert_eq!(
            target.suite.unwrap().origin.to_string(),
            format!("{}:1:15", root.path().join("Cross.toml").display())
        );
        assert_eq!(target.network.unwrap().value.as_str(), "none");
        assert_eq!(
            target.engine.unwrap().to_string(),
            "docker (CROSS_CONTAINER_ENGINE)"
        );
        assert_eq!(target.packages[0].to_string(), "a0 (embedder app)");
        assert_eq!(target.toolchain.unwrap().to_string(), "image (request)");
        assert_eq!(
            loaded.files,
            [
                root.path().join("Cargo.toml"),
                root.path().join("Cross.toml")
            ]
        );
    }

    /// Upstream bug 8: it read the first member that had something to say.
    #[test]
    fn only_the_package_that_is_built_is_read() {
        let root = workspace(&[
            (
                "Cargo.toml",
                "[workspace.metadata.cross.build]\nnetwork = 'none'\n[package.metadata.cross.build]\nsuite = 'root'",
            ),
            (
                "a/Cargo.toml",
                "[package.metadata.cross.build]\npackages = ['a0']\n[workspace.metadata.cross]\nbuild.network = 'host'",
            ),
            ("b/Cargo.toml", "not TOML"),
        ]);
        let of = |loader: Loader| {
            loader
                .load()
                .unwrap()
                .config
                .for_target("s390x-unknown-linux-gnu")
        };
        let member =
            of(Loader::new(root.path()).package_manifest(root.path().join("a/Cargo.toml")));
        assert_eq!(member.network.unwrap().value.as_str(), "none");
        assert_eq!(member.suite, None);
        assert_eq!(member.packages.len(), 1);
        let itself = of(Loader::new(root.path()).package_manifest(root.path().join("Cargo.toml")));
        assert_eq!(itself.suite.unwrap().value, "root");
    }

    /// Upstream bug 3: it ignored that.
    #[test]
    fn a_file_that_was_named_and_is_missing_is_an_error() {
        let root = workspace(&[("Cross.toml", "build.suite = 'b'")]);
        let env = Env::new().set(CROSS_CONFIG, "other.toml");
        let error = Loader::new(root.path()).env(&env).load().unwrap_err();
        let path = root.path().join("other.toml");
        assert_eq!(
            error.to_string(),
            format!(
                "CROSS_CONFIG: `{}` does not exist [missing-file]",
                path.display()
            )
        );
        assert_eq!(
            error.help(),
            Some("correct the path, or unset CROSS_CONFIG")
        );
        let error = Loader::new(root.path())
            .package_manifest(root.path().join("no/Cargo.toml"))
            .load()
            .unwrap_err();
        assert_eq!(codes(error.diagnostics()), ["missing-file"]);
    }

    #[test]
    fn cross_config_replaces_cross_toml_and_is_relative_to_the_current_directory() {
        let root = workspace(&[
            ("Cross.toml", "build.suite = 'b'"),
            ("sub/other.toml", "build.network = 'none'"),
        ]);
        let env = Env::new().set(CROSS_CONFIG, "other.toml");
        let loaded = Loader::new(root.path())
            .env(&env)
            .current_dir(root.path().join("sub"))
            .load()
            .unwrap();
        let target = loaded.config.for_target("s390x-unknown-linux-gnu");
        assert_eq!((target.suite, target.network.is_some()), (None, true));
    }

    #[test]
    fn lower_case_cross_toml_is_a_warning() {
        let root = workspace(&[("cross.toml", "build.suite = 'b'")]);
        let loaded = Loader::new(root.path()).load().unwrap();
        assert_eq!(codes(&loaded.warnings), ["lower-case-file"]);
        // Who names another file did not mean this one.
        let named = Env::new().set(CROSS_CONFIG, "other.toml");
        let error = Loader::new(root.path()).env(&named).load().unwrap_err();
        assert_eq!(codes(error.diagnostics()), ["missing-file"]);
        assert_eq!(
            loaded.config.for_target("s390x-unknown-linux-gnu").suite,
            None
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_reported_once() {
        let root = workspace(&[]);
        fs::create_dir(root.path().join("Cross.toml")).unwrap();
        fs::write(root.path().join("Cargo.toml"), [0xff]).unwrap();
        let error = Loader::new(root.path()).load().unwrap_err();
        assert_eq!(
            codes(error.diagnostics()),
            ["unreadable-file", "unreadable-file"]
        );
    }

    #[test]
    fn problems_of_all_sources_come_at_once_with_the_warnings() {
        let root = workspace(&[
            ("Cargo.toml", "workspace.metadata.cross.bulid = 1"),
            (
                "Cross.toml",
                "[build]\nengine = 1\n[target.s390x-linux-gnu]\n",
            ),
        ]);
        let env = Env::new().set("CROSS_BUILD_NETWORK", "x");
        let layer = Layer::embedder("app").suite("-");
        let error = Loader::new(root.path())
            .env(&env)
            .embedder(layer)
            .load()
            .unwrap_err();
        assert_eq!(
            codes(error.diagnostics()),
            [
                "invalid-value",
                "unknown-key",
                "wrong-type",
                "unknown-target",
                "invalid-value"
            ]
        );
        assert_eq!(error.to_string().lines().count(), 4, "{error}");
        assert_eq!(error.diagnostics()[3].severity, Severity::Warning);
    }

    #[test]
    fn relative_paths_are_relative_to_what_declares_them() {
        let root = workspace(&[
            (
                "Cross.toml",
                "build.toolchain = './rust/1.90'\nbuild.engine = 'docker'",
            ),
            (
                "elsewhere/c.toml",
                "build.toolchain = '../rust'\ntarget.s390x-unknown-linux-gnu.toolchain = '/abs/rust'",
            ),
        ]);
        let toolchain = |loader: Loader, triple: &str| {
            PathBuf::from(
                loader
                    .load()
                    .unwrap()
                    .config
                    .for_target(triple)
                    .toolchain
                    .unwrap()
                    .value,
            )
        };
        let at = |path: &str| root.path().join(path);
        let loader = || Loader::new(root.path());
        assert_eq!(toolchain(loader(), "x"), at("rust/1.90"));
        let elsewhere = Env::new().set(CROSS_CONFIG, "elsewhere/c.toml");
        assert_eq!(
            toolchain(loader().env(&elsewhere), "x"),
            at("elsewhere/../rust")
        );
        assert_eq!(
            toolchain(loader().env(&elsewhere), "s390x-unknown-linux-gnu"),
            PathBuf::from("/abs/rust")
        );
        let variable = Env::new().set("CROSS_BUILD_TOOLCHAIN", "tc/");
        assert_eq!(
            toolchain(loader().env(&variable).current_dir(at("sub")), "x"),
            at("sub/tc")
        );
        assert_eq!(
            toolchain(loader().request(Layer::request().toolchain("a/b")), "x"),
            at("a/b")
        );
        let engine = loader()
            .load()
            .unwrap()
            .config
            .for_target("x")
            .engine
            .unwrap();
        assert_eq!(engine.value, "docker");
    }
}
