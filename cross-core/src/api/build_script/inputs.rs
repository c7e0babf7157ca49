//! The files and variables that a build depends on: cargo runs the script again when one changes.
//!
//! With one too many the script runs on every build; with one too few it misses a change.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cross_config::{PreBuild, TargetConfig};
use cross_engine::process::untrusted::Dir;
use cross_targets::Target;

use crate::Env;
use crate::facts::configured_paths;
use crate::model::error::{IoContext as _, MapEngineError as _, Result};
use crate::model::lock_file::LOCK_FILE;
use crate::plan::plan::Plan;
use crate::target::name::{TargetName, env_upper};

use super::embed::Embedded;
use super::selection::Selected;
use crate::cargo::dep_info;

/// Variables outside of the configuration that change what is compiled. `PATH`, `CARGO_HOME`,
/// `RUSTUP_HOME` and `RUSTUP_TOOLCHAIN` are not among them: they name places, they differ between a
/// terminal and an editor, and the files that are found there are watched themselves.
const COMPILER_VARIABLES: [&str; 2] = ["CARGO_INCREMENTAL", "SOURCE_DATE_EPOCH"];
/// Prefixes of such variables. Those that are set are watched.
const COMPILER_VARIABLE_PREFIXES: [&str; 2] = ["CARGO_PROFILE_", "CARGO_UNSTABLE_"];

/// The inner lock file, as it was before the build.
pub(super) struct WrittenLockFile {
    path: PathBuf,
    before: Option<SystemTime>,
}

impl WrittenLockFile {
    /// Notes the lock file of the workspace in `root`.
    pub(super) fn before(root: &Path) -> Self {
        let path = root.join("Cargo.lock");
        WrittenLockFile {
            before: modified(&path),
            path,
        }
    }

    /// If the build wrote the lock file, gives it the time of the manifests that it was made from.
    /// It would be newer than the script's run, and cargo would run the script once more for
    /// nothing.
    pub(super) fn is_no_change(&self, manifest: Option<&Path>) -> Result<()> {
        if modified(&self.path) == self.before {
            return Ok(());
        }
        let root = self.path.with_file_name("Cargo.toml");
        let manifests = [Some(root.as_path()), manifest];
        let newest = manifests.into_iter().flatten().filter_map(modified).max();
        match newest {
            Some(time) => {
                let file = fs::OpenOptions::new().write(true).open(&self.path);
                file.and_then(|file| file.set_modified(time))
                    .on("set the time of", &self.path)
            }
            None => Ok(()),
        }
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|meta| meta.modified()).ok()
}

/// The files and variables that a build depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Inputs {
    pub(super) files: BTreeSet<PathBuf>,
    pub(super) variables: BTreeSet<String>,
}

impl Inputs {
    /// The inputs of the embedded files of `plan`, which was made from `selected`. Files in
    /// `out_dir` were made by the build itself.
    pub(super) fn of(
        selected: &Selected,
        plan: &Plan,
        embedded: &[Embedded],
        out_dir: &Path,
    ) -> Result<Self> {
        let Selected { request, manifest } = selected;
        let cross = &request.cross;
        let target = TargetName::parse(&request.target, cross.dir())?;
        let manifest = manifest.as_deref();
        let loaded = cross.load_config(&plan.workspace_root, manifest, request.layer())?;
        let mut config = loaded.config.for_target(target.configured());
        configured_paths::settle(&mut config, &plan.workspace_root, cross.dir());
        let mut inputs = Inputs::default();
        let target_dir = Dir::open(&plan.target_dir).map_engine_error()?;
        for artifact in embedded.iter().filter_map(|file| file.artifact.as_ref()) {
            for source in dep_info::sources_of(&target_dir, &artifact.inside, &plan.fixed)? {
                inputs.add_source(source, out_dir);
            }
        }
        let root = &plan.workspace_root;
        inputs.add_file(root.join("Cargo.toml"));
        inputs.add_file(root.join("Cargo.lock"));
        inputs.add_file(root.join(LOCK_FILE));
        loaded
            .files
            .into_iter()
            .for_each(|file| inputs.add_file(file));
        inputs.add_tool_config(cross.dir(), &cross.cargo_home()?);
        inputs.add_configured_files(&config, root);
        if let Some(sysroot) = plan.toolchain.sysroot() {
            inputs.add_file(sysroot.join("lib/rustlib/multirust-channel-manifest.toml"));
        }
        if target.known().is_none() {
            inputs.add_file(cross.dir().join(target.argument()));
        }
        inputs.add_variables(&config, cross.environment(), &target);
        Ok(inputs)
    }

    /// Adds a source, and the manifest of the package that it belongs to.
    fn add_source(&mut self, source: PathBuf, out_dir: &Path) {
        if source.starts_with(out_dir) {
            return;
        }
        let manifests = source.ancestors().skip(1).map(|dir| dir.join("Cargo.toml"));
        let manifest = manifests.into_iter().find(|manifest| manifest.is_file());
        self.files.extend(manifest);
        self.add_file(source);
    }

    /// Adds a file if it exists: cargo runs a script on every build for a file that does not.
    fn add_file(&mut self, path: PathBuf) {
        if path.is_file() {
            self.files.insert(path);
        }
    }

    /// Adds the configuration files of cargo and rustup that apply in `dir`.
    fn add_tool_config(&mut self, dir: &Path, cargo_home: &Path) {
        for ancestor in dir.ancestors() {
            self.add_cargo_config(&ancestor.join(".cargo"));
            for name in ["rust-toolchain.toml", "rust-toolchain"] {
                self.add_file(ancestor.join(name));
            }
        }
        self.add_cargo_config(cargo_home);
    }

    fn add_cargo_config(&mut self, dir: &Path) {
        for name in ["config.toml", "config"] {
            self.add_file(dir.join(name));
        }
    }

    /// Adds the files that the configuration names.
    fn add_configured_files(&mut self, config: &TargetConfig, root: &Path) {
        if let Some(dockerfile) = &config.dockerfile {
            self.add_file(root.join(&dockerfile.value.file));
        }
        if let Some(PreBuild::ScriptOrCommand { path, .. }) =
            config.pre_build.as_ref().map(|pre_build| &pre_build.value)
        {
            self.add_file(root.join(path));
        }
    }

    /// Adds every variable that can set a configuration key, those that the configuration passes
    /// through, and those that cargo and the compiler read.
    fn add_variables(&mut self, config: &TargetConfig, env: &Env, target: &TargetName) {
        let upper = env_upper(target.triple());
        for key in cross_config::keys() {
            let of_target = key
                .target_variable
                .map(|name| name.replace("<TRIPLE>", &upper));
            let of_build = key.build_variables.into_iter().map(str::to_owned);
            self.variables.extend(of_build.chain(of_target));
        }
        for setting in cross_config::settings() {
            let names = setting.variables.iter().chain(&setting.deprecated);
            self.variables.extend(names.map(|name| (*name).to_owned()));
        }
        let config_file = cross_config::variables::CROSS_CONFIG;
        let fixed = COMPILER_VARIABLES.into_iter().chain([config_file]);
        self.variables.extend(fixed.map(str::to_owned));
        let slices = target.slices().into_iter().map(env_upper);
        let flags = slices.map(|slice| format!("CARGO_TARGET_{slice}_RUSTFLAGS"));
        self.variables.extend(flags);
        self.add_system_variables(target);
        let is_watched = |name: &&str| {
            let mut prefixes = COMPILER_VARIABLE_PREFIXES.iter();
            prefixes.any(|prefix| name.starts_with(prefix))
        };
        let names = env.iter().filter_map(|(name, _)| name.to_str());
        self.variables
            .extend(names.filter(is_watched).map(str::to_owned));
        let passed = config
            .passthrough
            .iter()
            .filter(|variable| variable.value.value.is_none());
        self.variables
            .extend(passed.map(|variable| variable.value.name.clone()));
        let volumes = config.volumes.iter();
        self.variables
            .extend(volumes.map(|volume| volume.value.name.clone()));
        // The inner build does not see this variable of the outer cargo.
        self.variables.remove("CARGO_BUILD_TARGET");
    }

    /// Adds the variables by which the tools of the target's system find its SDK, and the oldest
    /// version of the system. They set what no key does.
    fn add_system_variables(&mut self, target: &TargetName) {
        let Some(facts) = target.known().map(Target::facts) else {
            return;
        };
        let of_sdk = facts.sdk.into_iter().flat_map(|sdk| sdk.variables());
        let names = of_sdk.copied().chain(facts.deployment_variable());
        self.variables.extend(names.map(str::to_owned));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use cross_config::{Config, Layer};

    use super::*;

    fn variables(triple: &str, cross_toml: &str, env: &Env) -> BTreeSet<String> {
        let config = Config::merge([Layer::cross_toml(Path::new("Cross.toml"), cross_toml)]);
        let mut inputs = Inputs::default();
        let target = TargetName::parse(triple, Path::new("/w")).unwrap();
        inputs.add_variables(&config.for_target(triple), env, &target);
        inputs.variables
    }

    #[test]
    fn the_variables_of_a_systems_own_tools_are_watched() {
        let env = Env::new();
        for (triple, names) in [
            (
                "universal2-apple-darwin",
                &[
                    "SDKROOT",
                    "MACOSX_DEPLOYMENT_TARGET",
                    "CARGO_TARGET_AARCH64_APPLE_DARWIN_RUSTFLAGS",
                    "CARGO_TARGET_X86_64_APPLE_DARWIN_RUSTFLAGS",
                ][..],
            ),
            (
                "aarch64-apple-ios",
                &["SDKROOT", "IPHONEOS_DEPLOYMENT_TARGET"],
            ),
            (
                "aarch64-linux-android",
                &["ANDROID_NDK_HOME", "ANDROID_NDK_ROOT"],
            ),
            ("x86_64-pc-windows-msvc", &["XWIN_CACHE_DIR"]),
        ] {
            let watched = variables(triple, "", &env);
            for name in names {
                assert!(watched.contains(*name), "{name} for {triple}");
            }
        }
        assert!(!variables("thumbv7em-none-eabihf", "", &env).contains("SDKROOT"));
    }

    #[test]
    fn the_variables_that_matter_are_watched_and_no_others() {
        let env = Env::new()
            .set("CARGO_PROFILE_DEV_DEBUG", "0")
            .set("HOME", "/h");
        let toml =
            "[build.env]\npassthrough = [\"GIVEN\", \"WRITTEN=here\"]\nvolumes = [\"SHARED\"]\n";
        let watched = variables("thumbv7em-none-eabihf", toml, &env);
        for name in [
            "CROSS_CONFIG",
            "CROSS_CONTAINER_ENGINE",
            "CROSS_BUILD_TOOLCHAIN",
            "CROSS_TARGET_THUMBV7EM_NONE_EABIHF_IMAGE",
            "CROSS_CUSTOM_TOOLCHAIN",
            "CARGO_TARGET_THUMBV7EM_NONE_EABIHF_RUSTFLAGS",
            "CARGO_PROFILE_DEV_DEBUG",
            "SOURCE_DATE_EPOCH",
            "GIVEN",
            "SHARED",
        ] {
            assert!(watched.contains(name), "{name}");
        }
        for name in [
            "PATH",
            "HOME",
            "RUSTUP_TOOLCHAIN",
            "CARGO_HOME",
            "WRITTEN",
            "CARGO_BUILD_TARGET",
        ] {
            assert!(!watched.contains(name), "{name}");
        }
        let target = |name: &&String| name.starts_with("CROSS_TARGET_");
        assert!(!watched.iter().filter(target).any(|name| name.contains('<')));
    }

    #[test]
    fn a_source_adds_its_manifest_unless_the_build_made_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        for path in [
            "fw/Cargo.toml",
            "fw/src/main.rs",
            "fw/data/x",
            "out/made.rs",
            "Cargo.toml",
        ] {
            fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            fs::write(at(path), "").unwrap();
        }
        let mut inputs = Inputs::default();
        for path in ["fw/src/main.rs", "fw/data/x", "out/made.rs", "fw/gone.rs"] {
            inputs.add_source(at(path), &at("out"));
        }
        let expected = ["fw/Cargo.toml", "fw/src/main.rs", "fw/data/x"].map(at);
        assert_eq!(inputs.files, BTreeSet::from(expected));
    }

    #[test]
    fn only_files_that_exist_are_watched() {
        let dir = tempfile::tempdir().unwrap();
        let cargo = dir.path().join("w/.cargo");
        fs::create_dir_all(&cargo).unwrap();
        fs::write(cargo.join("config.toml"), "").unwrap();
        fs::write(dir.path().join("w/rust-toolchain.toml"), "").unwrap();
        let mut inputs = Inputs::default();
        inputs.add_tool_config(&dir.path().join("w/fw"), &dir.path().join("home"));
        let expected = [
            cargo.join("config.toml"),
            dir.path().join("w/rust-toolchain.toml"),
        ];
        assert!(expected.iter().all(|path| inputs.files.contains(path)));
        let ours = |path: &&PathBuf| path.starts_with(dir.path());
        assert_eq!(inputs.files.iter().filter(ours).count(), 2, "{inputs:?}");
    }
}
