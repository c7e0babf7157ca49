//! What a run on the host sees: the machine as it is, with the variables that an environment has.
//!
//! The allow-list of environments is there to keep what is the host's outside. Here there is no outside: what
//! a compiler of the host needs to work (`PATH`, `HOME`, `LD_PRELOAD` of a wrapper, `NIX_*`, licences of a
//! commercial compiler) nobody can list, and nothing could be kept from it anyway. So a run inherits the
//! caller's variables, as with a plain cargo, and only what another cargo said of *its* package is taken out.

use std::collections::{BTreeMap, BTreeSet};

use cross_config::Env;
use cross_engine::EnvValue;

use super::search::Emulator;
use super::{Equipment, callers};
use crate::build_script::is_outer_cargos;
use crate::error::Result;
use crate::inside::{Given, Inside, kept_file};
use crate::plan::Prepared;
use crate::planner::target_dir_key;
use crate::runner;
use crate::toolchain::ToolchainSource;

/// What is the user's own word to a plain cargo, even where a cargo passes it on.
const USERS: [&str; 7] = [
    "CARGO_BUILD_",
    "RUSTFLAGS",
    "RUSTDOCFLAGS",
    "RUSTC_BOOTSTRAP",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_TARGET_DIR",
];

impl Inside {
    /// What a run on the host sees.
    pub(crate) fn on_host(given: &Given<'_>, equipment: &Equipment) -> Result<Self> {
        let triple = given.target.triple();
        let key = target_dir_key(&given.definition.name(), given.toolchain);
        let target_root = &given.workspace.target_directory;
        let target_dir = target_root.join("cross").join(format!("{triple}-{key}"));
        let mut prepared = vec![
            Prepared::CacheDirectory(target_root.clone()),
            Prepared::Directory(target_dir.clone()),
        ];
        prepared.extend(equipment.prepared.iter().cloned());
        let mut inside = Inside {
            env: outer_cargos(given.cross.environment()),
            cargo_home: given.cross.cargo_home()?,
            target_dir,
            mounts: Vec::new(),
            network_mounts: Vec::new(),
            network_env: BTreeMap::new(),
            yielding: BTreeSet::new(),
            seccomp: None,
            prepared,
        };
        inside.variables_of_cargo(given);
        for (name, value) in &equipment.env {
            // What the caller says of this machine's tools holds.
            if callers(given.cross, name).is_none() {
                inside.say(name, value.clone());
            }
        }
        inside.passed_on(given);
        inside.programs(given, equipment);
        Ok(inside)
    }

    fn say(&mut self, name: &str, value: impl Into<String>) {
        self.env
            .insert(name.to_owned(), EnvValue::Plain(value.into()));
    }

    /// Cargo and rustc are the toolchain's own, before rustup's proxies of the same names.
    fn variables_of_cargo(&mut self, given: &Given<'_>) {
        if let Some(sysroot) = given.toolchain.sysroot() {
            let bin = sysroot.join("bin").display().to_string();
            let path = match callers(given.cross, "PATH") {
                Some(path) => format!("{bin}:{path}"),
                None => bin,
            };
            self.say("PATH", path);
        }
        if let ToolchainSource::Host { name, .. } = &given.toolchain.source {
            self.say("RUSTUP_TOOLCHAIN", name.clone());
        }
        self.say("CARGO_TARGET_DIR", self.target_dir.display().to_string());
        // What has to be fetched was fetched before, as everywhere.
        self.say("CARGO_NET_OFFLINE", "true");
    }

    /// Variables that the configuration gives a value. The others are there anyway.
    fn passed_on(&mut self, given: &Given<'_>) {
        for entry in &given.config.passthrough {
            if let Some(value) = &entry.value.value {
                let value = EnvValue::Secret(value.clone());
                self.env.insert(entry.value.name.clone(), value);
            }
        }
        for volume in &given.config.volumes {
            if let Some(path) = &volume.value.path {
                let path = given.cross.dir().join(path);
                self.say(&volume.value.name, path.display().to_string());
            }
        }
    }

    /// How cargo starts programs of the target.
    fn programs(&mut self, given: &Given<'_>, equipment: &Equipment) {
        let emulator = equipment.emulator.as_ref();
        let variable = given.target.runner_variable();
        let asked = given.config.runner.as_ref().map(|it| it.value.as_str());
        match asked.filter(|it| !it.is_empty()) {
            Some("native") => {}
            None | Some("qemu-user") => {
                let is_callers = callers(given.cross, &variable).is_some();
                if let Some(emulator) = emulator.filter(|_| !is_callers) {
                    self.emulated(given, equipment, emulator, &variable);
                }
            }
            Some(command) => self.say(&variable, command),
        }
    }

    fn emulated(
        &mut self,
        given: &Given<'_>,
        equipment: &Equipment,
        emulator: &Emulator,
        variable: &str,
    ) {
        let row = given.definition.runner(given.target);
        let Some(script) = runner::script(&row) else {
            return;
        };
        let script = equipment.with_emulator(&script);
        let name = format!("run-{}", given.target.triple());
        let (file, kept) = kept_file(given.host, &name, script, true);
        self.prepared.push(kept);
        self.say(variable, file.display().to_string());
        if let Some(prefix) = &emulator.prefix {
            self.say("QEMU_LD_PREFIX", prefix.clone());
        }
    }
}

/// What a cargo that runs the caller says of the caller's own package; nothing where none does.
fn outer_cargos(env: &Env) -> BTreeMap<String, EnvValue> {
    let runs_us = env.get("CARGO").is_some() && env.get("CARGO_MANIFEST_DIR").is_some();
    let names = env.iter().filter_map(|(name, _)| name.to_str());
    names
        .filter(|_| runs_us)
        .filter(|name| is_outer_cargos(name) && !USERS.iter().any(|it| name.starts_with(it)))
        .map(|name| (name.to_owned(), EnvValue::Unset))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_outer_cargo_says_of_its_package_is_taken_out() {
        let env = Env::new()
            .set("CARGO", "/rust/bin/cargo")
            .set("CARGO_MANIFEST_DIR", "/w/xtask")
            .set("CARGO_PKG_NAME", "xtask")
            .set("OUT_DIR", "/w/target/x")
            .set("LD_LIBRARY_PATH", "/w/target/debug/deps")
            .set("RUSTC_WRAPPER", "sccache")
            .set("RUSTFLAGS", "-Cdebuginfo=0")
            .set("NIX_CC", "/nix/x")
            .set("HOME", "/home/u");
        let gone: Vec<_> = outer_cargos(&env).into_keys().collect();
        let expected = [
            "CARGO",
            "CARGO_MANIFEST_DIR",
            "CARGO_PKG_NAME",
            "LD_LIBRARY_PATH",
            "OUT_DIR",
        ];
        assert_eq!(gone, expected);
        let plain = env.remove("CARGO_MANIFEST_DIR");
        assert!(outer_cargos(&plain).is_empty(), "no cargo runs the caller");
    }
}
