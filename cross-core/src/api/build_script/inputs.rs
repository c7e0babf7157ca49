//! Hazard H15: what a build depends on, neither more (the script would run on every build) nor
//! less.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cross_config::{PreBuild, TargetConfig};
use cross_engine::untrusted::Dir;

use crate::Env;
use crate::model::error::{MapEngineError as _, Result};
use crate::plan::plan::Plan;
use crate::target::name::{TargetName, env_upper};

use super::embed::Embedded;
use super::selection::Selected;
use crate::cargo::dep_info;

/// Variables beside the configuration's that change what is compiled. `PATH`, `CARGO_HOME`,
/// `RUSTUP_HOME` and `RUSTUP_TOOLCHAIN` are not among them: they say where to find things, differ
/// between a terminal and an editor, and what is found there is watched itself.
const COMPILING: [&str; 2] = ["CARGO_INCREMENTAL", "SOURCE_DATE_EPOCH"];
/// Families of such variables, of which those are watched that are set.
const COMPILING_FAMILIES: [&str; 2] = ["CARGO_PROFILE_", "CARGO_UNSTABLE_"];

/// What a build depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Inputs {
    pub(super) files: BTreeSet<PathBuf>,
    pub(super) variables: BTreeSet<String>,
}

impl Inputs {
    /// What `plan`, made of what was selected, depended on for what is embedded. What lies in
    /// `out_dir` was made by the build itself.
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
        let config = loaded.config.for_target(target.configured());
        let mut inputs = Inputs::default();
        let target_dir = Dir::open(&plan.target_dir).map_engine_error()?;
        for artifact in embedded.iter().filter_map(|it| it.artifact.as_ref()) {
            for source in dep_info::sources_of(&target_dir, &artifact.inside)? {
                inputs.source(source, out_dir);
            }
        }
        let root = &plan.workspace_root;
        inputs.file(root.join("Cargo.toml"));
        inputs.file(root.join("Cargo.lock"));
        loaded.files.into_iter().for_each(|it| inputs.file(it));
        inputs.tools(cross.dir(), &cross.cargo_home()?);
        inputs.configured(&config, root);
        if let Some(sysroot) = plan.toolchain.sysroot() {
            inputs.file(sysroot.join("lib/rustlib/multirust-channel-manifest.toml"));
        }
        if target.known().is_none() {
            inputs.file(cross.dir().join(target.argument()));
        }
        inputs.variables(&config, cross.environment(), target.triple());
        Ok(inputs)
    }

    /// A source, and the manifest of the package it belongs to.
    fn source(&mut self, source: PathBuf, out_dir: &Path) {
        if source.starts_with(out_dir) {
            return;
        }
        let manifests = source.ancestors().skip(1).map(|dir| dir.join("Cargo.toml"));
        let manifest = manifests.into_iter().find(|it| it.is_file());
        self.files.extend(manifest);
        self.file(source);
    }

    /// A file, if it is there: cargo runs a script again on every build for one that is not.
    fn file(&mut self, path: PathBuf) {
        if path.is_file() {
            self.files.insert(path);
        }
    }

    /// The files by which cargo and rustup are configured in `dir`.
    fn tools(&mut self, dir: &Path, cargo_home: &Path) {
        for ancestor in dir.ancestors() {
            self.cargo_config(&ancestor.join(".cargo"));
            for name in ["rust-toolchain.toml", "rust-toolchain"] {
                self.file(ancestor.join(name));
            }
        }
        self.cargo_config(cargo_home);
    }

    fn cargo_config(&mut self, dir: &Path) {
        for name in ["config.toml", "config"] {
            self.file(dir.join(name));
        }
    }

    /// The files that the configuration names.
    fn configured(&mut self, config: &TargetConfig, root: &Path) {
        if let Some(dockerfile) = &config.dockerfile {
            self.file(root.join(&dockerfile.value.file));
        }
        if let Some(PreBuild::ScriptOrCommand { path, .. }) =
            config.pre_build.as_ref().map(|it| &it.value)
        {
            self.file(root.join(path));
        }
    }

    /// Every variable that the configuration can be said by, what it passes on, and what cargo and
    /// the compiler heed in there.
    fn variables(&mut self, config: &TargetConfig, env: &Env, triple: &str) {
        let spelled = env_upper(triple);
        for key in cross_config::keys() {
            let of_target = key
                .target_variable
                .map(|it| it.replace("<TRIPLE>", &spelled));
            let of_build = key.build_variables.into_iter().map(str::to_owned);
            self.variables.extend(of_build.chain(of_target));
        }
        for setting in cross_config::settings() {
            let names = setting.variables.iter().chain(&setting.deprecated);
            self.variables.extend(names.map(|name| (*name).to_owned()));
        }
        let config_file = cross_config::variables::CROSS_CONFIG;
        let fixed = COMPILING.into_iter().chain([config_file]);
        self.variables.extend(fixed.map(str::to_owned));
        self.variables
            .insert(format!("CARGO_TARGET_{spelled}_RUSTFLAGS"));
        let is_compiling = |name: &&str| COMPILING_FAMILIES.iter().any(|it| name.starts_with(it));
        let names = env.iter().filter_map(|(name, _)| name.to_str());
        self.variables
            .extend(names.filter(is_compiling).map(str::to_owned));
        let passed = config
            .passthrough
            .iter()
            .filter(|it| it.value.value.is_none());
        self.variables
            .extend(passed.map(|it| it.value.name.clone()));
        self.variables
            .extend(config.volumes.iter().map(|it| it.value.name.clone()));
        // An outer setting of cargo's, which the inner build does not see.
        self.variables.remove("CARGO_BUILD_TARGET");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use cross_config::{Config, Layer};

    use super::*;

    fn variables(cross_toml: &str, env: &Env) -> BTreeSet<String> {
        let config = Config::merge([Layer::cross_toml(Path::new("Cross.toml"), cross_toml)]);
        let mut inputs = Inputs::default();
        let triple = "thumbv7em-none-eabihf";
        inputs.variables(&config.for_target(triple), env, triple);
        inputs.variables
    }

    #[test]
    fn h15_the_variables_that_matter_are_watched_and_no_others() {
        let env = Env::new()
            .set("CARGO_PROFILE_DEV_DEBUG", "0")
            .set("HOME", "/h");
        let toml =
            "[build.env]\npassthrough = [\"GIVEN\", \"WRITTEN=here\"]\nvolumes = [\"SHARED\"]\n";
        let watched = variables(toml, &env);
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
    fn h15_a_source_brings_its_manifest_and_what_the_build_made_is_none() {
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
            inputs.source(at(path), &at("out"));
        }
        let expected = ["fw/Cargo.toml", "fw/src/main.rs", "fw/data/x"].map(at);
        assert_eq!(inputs.files, BTreeSet::from(expected));
    }

    #[test]
    fn h15_only_files_that_are_there_are_watched() {
        let dir = tempfile::tempdir().unwrap();
        let cargo = dir.path().join("w/.cargo");
        fs::create_dir_all(&cargo).unwrap();
        fs::write(cargo.join("config.toml"), "").unwrap();
        fs::write(dir.path().join("w/rust-toolchain.toml"), "").unwrap();
        let mut inputs = Inputs::default();
        inputs.tools(&dir.path().join("w/fw"), &dir.path().join("home"));
        let expected = [
            cargo.join("config.toml"),
            dir.path().join("w/rust-toolchain.toml"),
        ];
        assert!(expected.iter().all(|it| inputs.files.contains(it)));
        let ours = |path: &&PathBuf| path.starts_with(dir.path());
        assert_eq!(inputs.files.iter().filter(ours).count(), 2, "{inputs:?}");
    }
}
