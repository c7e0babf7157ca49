//! The caller's variables in the inputs of a run: those that it has, and those that it lacks.

use std::collections::BTreeSet;

use cross_engine::EnvValue;

use super::{PROXIES, RunInputs, RunInputsContext, utf8_variables};
use crate::facts::caller_variables;
use crate::facts::named_variables::NamedVariables;
use crate::model::redact;
use crate::model::step::Warning;
use crate::target::name::env_upper;

impl RunInputs {
    /// Passes on the caller's variables that are on the list or that the configuration names.
    pub(super) fn callers_variables(
        &mut self,
        context: &RunInputsContext<'_>,
        read: NamedVariables,
    ) {
        let env = context.cross.environment();
        let targets: Vec<_> = context.target.slices().into_iter().map(env_upper).collect();
        let flags_of = |target| {
            ["RUSTFLAGS", "RUSTDOCFLAGS"].map(|flags| format!("CARGO_TARGET_{target}_{flags}"))
        };
        let target_flags: Vec<_> = targets.iter().flat_map(flags_of).collect();
        for (name, value) in utf8_variables(env) {
            let is_target_flags = target_flags.iter().any(|flags| flags == name);
            if caller_variables::is_index(name) {
                // The address of a registry, without its credentials.
                self.set(name, redact::strip(value));
            } else if caller_variables::is_passed(name) || is_target_flags {
                self.set(name, value);
            } else if let Some((why, help)) = targets
                .iter()
                .find_map(|target| caller_variables::left_out(name, target))
            {
                let passed = &context.config.passthrough;
                if !value.is_empty() && !passed.iter().any(|it| it.value.name == name) {
                    self.warnings.push(Warning {
                        code: "variable".to_owned(),
                        message: format!("{name} is not used: {why}"),
                        help: Some(help.to_owned()),
                    });
                }
            }
        }
        self.not_utf8(context, &target_flags);
        for entry in &context.config.passthrough {
            let variable = &entry.value;
            let callers = || env.get_str(&variable.name);
            if let Some(value) = variable.value.as_deref().or_else(callers) {
                // The value may be a token.
                let value = EnvValue::Secret(value.to_owned());
                self.env.insert(variable.name.clone(), value);
            }
        }
        self.unseen(context, read);
    }

    /// Names the variables that would reach the run, and whose values no engine passes on.
    fn not_utf8(&mut self, context: &RunInputsContext<'_>, target_flags: &[String]) {
        for (name, value) in context.cross.environment().iter() {
            let Some(name) = name.to_str().filter(|_| value.to_str().is_none()) else {
                continue;
            };
            let passed = context.config.passthrough.iter().map(|entry| &entry.value);
            let is_named = passed
                .into_iter()
                .any(|it| it.name == name && it.value.is_none());
            let is_flags = target_flags.iter().any(|flags| flags == name);
            if is_named || is_flags || caller_variables::is_passed(name) {
                self.warnings.push(Warning {
                    code: "variable".to_owned(),
                    message: format!("{name} is not used: its value is not UTF-8"),
                    help: Some(
                        "give it a UTF-8 value: cargo reads no other, and no engine passes one on"
                            .to_owned(),
                    ),
                });
            }
        }
    }

    /// Names the variables that are set, that the sources `read` or a configuration of cargo's
    /// leaves to the caller, and that no run has.
    fn unseen(&mut self, context: &RunInputsContext<'_>, mut read: NamedVariables) {
        let mut forced = BTreeSet::new();
        for (file, table) in context.configs.files() {
            let env = table.get("env").and_then(toml::Value::as_table);
            for (name, value) in env.into_iter().flatten() {
                match value.get("force").and_then(toml::Value::as_bool) {
                    Some(true) => {
                        forced.insert(name.as_str());
                    }
                    // Without `force`, the caller's value takes precedence over this one.
                    _ => read.add(name, file),
                }
            }
        }
        for (name, file) in &context.workspace.dependency_variables {
            read.add(name, file);
        }
        let env = context.cross.environment();
        let set = utf8_variables(env).filter(|(name, value)| {
            let mut targets = context.target.slices().into_iter().map(env_upper);
            let has_reason =
                targets.any(|target| caller_variables::left_out(name, &target).is_some());
            !value.is_empty() && !has_reason && !forced.contains(name)
        });
        let set = set.collect();
        let has = |name: &str| {
            self.env.contains_key(name)
                || self.network_env.contains_key(name)
                || PROXIES.contains(&name)
        };
        let warning = read.warning(&set, has, &context.workspace.root);
        self.warnings.extend(warning);
    }
}
