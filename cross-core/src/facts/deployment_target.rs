//! The oldest version of one of Apple's systems that programs have to run on, as it is asked for.

use cross_config::{Env, Origin, Sourced, TargetConfig};
use cross_targets::{SystemVersion, Target};

use crate::model::error::{Error, ErrorKind, Result};
use crate::target::name::TargetName;

/// The key that asks for it.
pub(crate) const KEY: &str = "deployment-target";

/// The oldest version of the target's system that the configuration, or else the variable of Apple's
/// tools, asks for.
///
/// # Errors
///
/// [`ErrorKind::Config`] if the variable has no version, or if rustc compiles for newer ones only.
pub(crate) fn deployment_target(
    target: &TargetName,
    config: &TargetConfig,
    env: &Env,
) -> Result<Option<Sourced<SystemVersion>>> {
    let Some((target, variable)) = with_variable(target) else {
        return Ok(None);
    };
    let asked = match &config.deployment_target {
        Some(key) => Some(key.clone()),
        None => of_variable(variable, env)?,
    };
    if let Some(asked) = &asked {
        compiles_for(target, asked, variable)?;
    }
    Ok(asked)
}

/// The target with the variable of Apple's tools, if it is one of Apple's systems.
pub(crate) fn with_variable(target: &TargetName) -> Option<(Target, &'static str)> {
    let target = target.known()?;
    Some((target, target.facts().deployment_variable()?))
}

/// The version that the caller's `variable` asks for. An empty one asks for none.
fn of_variable(variable: &str, env: &Env) -> Result<Option<Sourced<SystemVersion>>> {
    let value = env.get_str(variable).filter(|value| !value.is_empty());
    let parsed = value.map(str::parse::<SystemVersion>).transpose();
    let parsed = parsed.map_err(|error| {
        let message = format!("{error} ({variable})");
        Error::new(ErrorKind::Config, message).with_help(error.help())
    })?;
    let origin = || Origin::Variable(variable.to_owned());
    Ok(parsed.map(|version| Sourced::new(version, origin())))
}

/// Refuses a version for which rustc does not compile: it would silently take its own oldest.
fn compiles_for(target: Target, asked: &Sourced<SystemVersion>, variable: &str) -> Result<()> {
    for slice in target.slices() {
        let facts = slice.facts();
        let oldest = facts.oldest_system();
        let version = oldest.map_or(asked.value, |oldest| asked.value.max(oldest));
        let Some(rusts) = facts.oldest_of_rust().filter(|rusts| version < *rusts) else {
            continue;
        };
        let named = match &asked.origin {
            Origin::Variable(name) if name == variable => format!("{name}={}", asked.value),
            origin => format!("`{KEY} = \"{}\"` ({origin})", asked.value),
        };
        let message = format!("{named} is too old for {slice}: Rust's oldest version is {rusts}");
        return Err(Error::new(ErrorKind::Config, message)
            .with_help(format!("request {rusts} or a later version")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use cross_config::{Config, Layer};

    use super::*;

    fn asked(triple: &str, text: &str, env: &Env) -> Result<Option<Sourced<SystemVersion>>> {
        let target = TargetName::parse(triple, Path::new("/w")).unwrap();
        let config = Config::merge([Layer::cross_toml(Path::new("Cross.toml"), text)]);
        deployment_target(&target, &config.for_target(triple), env)
    }

    #[test]
    fn a_version_that_rustc_does_not_compile_for_is_refused() {
        let none = Env::new();
        for (triple, old, oldest) in [
            ("x86_64-apple-darwin", "10.9", "10.12"),
            ("universal2-apple-darwin", "10.11", "10.12"),
            ("aarch64-apple-ios", "9.0", "10.0"),
            ("x86_64-apple-ios", "9.0", "10.0"),
            ("aarch64-apple-tvos", "9.0", "10.0"),
        ] {
            let text = |version| format!("[target.{triple}]\ndeployment-target = \"{version}\"\n");
            let error = asked(triple, &text(old), &none).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let said = error.to_string();
            assert!(said.contains(old) && said.ends_with(oldest), "{said}");
            assert!(said.contains("Cross.toml:2:21"), "{said}");
            assert!(error.help().unwrap().contains(oldest));
            asked(triple, &text(oldest), &none).unwrap();
        }
        // The systems of these processors began later, and programs get that version.
        for triple in [
            "aarch64-apple-darwin",
            "aarch64-apple-ios-sim",
            "aarch64-apple-watchos",
        ] {
            let text = format!("[target.{triple}]\ndeployment-target = \"1.0\"\n");
            asked(triple, &text, &none).unwrap();
        }
        let env = Env::new().set("MACOSX_DEPLOYMENT_TARGET", "10.9");
        let said = asked("x86_64-apple-darwin", "", &env)
            .unwrap_err()
            .to_string();
        assert!(
            said.starts_with("MACOSX_DEPLOYMENT_TARGET=10.9 is too old"),
            "{said}"
        );
    }

    #[test]
    fn an_empty_variable_asks_for_nothing() {
        let env = Env::new().set("IPHONEOS_DEPLOYMENT_TARGET", "");
        assert_eq!(asked("aarch64-apple-ios", "", &env).unwrap(), None);
    }
}
