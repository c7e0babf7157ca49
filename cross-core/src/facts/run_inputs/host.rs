//! The run inputs of the engine `host`.
//!
//! An environment has an allow-list of variables, because the host's tools must not leak into it.
//! On the host, a run inherits the caller's variables, as with plain cargo: nobody can list the
//! variables that compilers need (`PATH`, `HOME`, `LD_PRELOAD` of a wrapper, `NIX_*`, licenses of
//! commercial compilers), and nothing on the host can be hidden from them. Only the variables of an
//! outer cargo that describe its own package are removed.

use std::collections::BTreeMap;

use cross_config::Env;
use cross_engine::EnvValue;

use super::{RunInputs, RunInputsContext, kept_file};
use crate::cargo::outer;
use crate::facts::host_toolset::{HostRunner, HostToolset};
use crate::model::error::Result;
use crate::model::toolchain::ToolchainSource;
use crate::target::runner;

impl RunInputs {
    /// The run inputs of the engine `host`.
    pub(crate) fn on_host(context: &RunInputsContext<'_>, toolset: &HostToolset) -> Result<Self> {
        let mut inputs = RunInputs::of_target_dir(context)?;
        inputs.env = without_outer_cargo(context.cross.environment());
        inputs.prepared.extend(toolset.prepared.iter().cloned());
        inputs.runner = inputs.configured_runner(context);
        inputs.cargo_variables(context);
        inputs.deployment_target(context);
        for (name, value) in &toolset.env {
            // The caller's own variables for this machine's tools have precedence.
            if context.cross.text_variable(name).is_none() {
                inputs.set(name, value.clone());
            }
        }
        if context.cross.text_variable("LD_LIBRARY_PATH").is_none() {
            inputs.toolchain_libraries(context);
        }
        inputs.configured_variables(context);
        inputs.host_runner(context, toolset);
        inputs.fix_variables(context)?;
        Ok(inputs)
    }

    /// Sets cargo's variables, and a `PATH` on which the toolchain's cargo and rustc precede
    /// rustup's proxies.
    fn cargo_variables(&mut self, context: &RunInputsContext<'_>) {
        if let Some(sysroot) = context.toolchain.sysroot() {
            let bin = sysroot.join("bin").display().to_string();
            let path = match context.cross.text_variable("PATH") {
                Some(path) => format!("{bin}:{path}"),
                None => bin,
            };
            self.set("PATH", path);
        }
        if let ToolchainSource::Host { name, .. } = &context.toolchain.source {
            self.set("RUSTUP_TOOLCHAIN", name.clone());
        }
        self.set("CARGO_TARGET_DIR", self.target_dir.display().to_string());
        // Dependencies are fetched in a step of their own.
        self.set("CARGO_NET_OFFLINE", "true");
    }

    /// Sets the variables that the configuration gives a value. The caller's are inherited anyway.
    fn configured_variables(&mut self, context: &RunInputsContext<'_>) {
        for entry in &context.config.passthrough {
            if let Some(value) = &entry.value.value {
                let value = EnvValue::Secret(value.clone());
                self.env.insert(entry.value.name.clone(), value);
            }
        }
        for volume in &context.config.volumes {
            if let Some(path) = &volume.value.path {
                let path = context.cross.dir().join(path);
                self.set(&volume.value.name, path.display().to_string());
            }
        }
    }

    /// Sets cargo's runner: a generated script that starts the emulator, or the user's command.
    fn host_runner(&mut self, context: &RunInputsContext<'_>, toolset: &HostToolset) {
        let emulator = toolset.emulator.as_ref();
        let variable = context.target.runner_variable();
        let key = context.config.runner.as_ref();
        let command = key.map(|key| key.value.as_str());
        match command.filter(|command| !command.is_empty()) {
            Some("native") => {}
            None | Some("qemu-user") => {
                let is_set = context.cross.text_variable(&variable).is_some();
                if let Some(emulator) = emulator.filter(|_| !is_set) {
                    self.emulator_script(context, toolset, emulator, &variable);
                }
            }
            Some(command) => self.set(&variable, command),
        }
    }

    /// Sets cargo's runner to a generated script that starts the emulator.
    fn emulator_script(
        &mut self,
        context: &RunInputsContext<'_>,
        toolset: &HostToolset,
        emulator: &HostRunner,
        variable: &str,
    ) {
        let runner = context.env_spec.runner(context.target);
        let Some(script) = runner::script(&runner) else {
            return;
        };
        let script = toolset.with_emulator(&script);
        let name = format!("run-{}", context.target.triple());
        let (file, kept) = kept_file(context.host, &name, script, true);
        self.prepared.push(kept);
        self.set(variable, file.display().to_string());
        if let Some(prefix) = &emulator.prefix {
            self.set("QEMU_LD_PREFIX", prefix.clone());
        }
    }
}

/// Unsets the variables of an outer cargo that describe its own package, if the caller runs under
/// one.
fn without_outer_cargo(env: &Env) -> BTreeMap<String, EnvValue> {
    let has_outer_cargo = env.get("CARGO").is_some() && env.get("CARGO_MANIFEST_DIR").is_some();
    let names = env.iter().filter_map(|(name, _)| name.to_str());
    names
        .filter(|_| has_outer_cargo)
        .filter(|name| outer::is_removed_on_host(name.as_ref()))
        .map(|name| (name.to_owned(), EnvValue::Unset))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_variables_of_an_outer_cargos_package_are_removed() {
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
        let removed: Vec<_> = without_outer_cargo(&env).into_keys().collect();
        let expected = [
            "CARGO",
            "CARGO_MANIFEST_DIR",
            "CARGO_PKG_NAME",
            "LD_LIBRARY_PATH",
            "OUT_DIR",
        ];
        assert_eq!(removed, expected);
        let plain = env.remove("CARGO_MANIFEST_DIR");
        assert!(
            without_outer_cargo(&plain).is_empty(),
            "there is no outer cargo"
        );
    }
}
