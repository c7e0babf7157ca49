//! What a caller is told of a request for one of Apple's systems: values that do not mean what they
//! seem to, and values that variables give.

use std::collections::BTreeSet;
use std::path::Path;

use cross_config::{Config, DiagnosticCode, Env, ExplainedValue, Origin, TargetConfig};

use crate::facts::deployment_target::{KEY, with_variable};
use crate::facts::environment_spec::{Base, EnvironmentSpec};
use crate::host::sdk::OtherSdk;
use crate::model::step::{OTHER_SDK, Warning};
use crate::target::name::TargetName;

/// Keys of a processor's programs that are started, which those of several processors never are.
const OF_STARTED: [&str; 2] = ["runner", "serial-tests"];
/// Since this version, Apple gives all systems of a year the same number.
const COMMON_SINCE: u16 = 26;

/// The values that no key has, and that variables of Apple's and other SDKs' tools give.
pub(crate) fn explained(
    env_spec: &EnvironmentSpec,
    config: &TargetConfig,
    target: &TargetName,
) -> Vec<ExplainedValue> {
    let row = |key: &str, value: String, variable: &str| {
        let origin = Origin::Variable(variable.to_owned());
        ExplainedValue::new(
            format!("target.{}.{key}", target.configured()),
            value,
            origin,
        )
    };
    let sdk = env_spec.sdk.as_ref().and_then(|sdk| {
        let path = sdk.path.display().to_string();
        Some(row("sdk", path, sdk.variable?))
    });
    let version = env_spec.deployment_target;
    let version = version.filter(|_| config.deployment_target.is_none());
    let version = version.zip(with_variable(target));
    let version = version.map(|(version, (_, name))| row(KEY, version.to_string(), name));
    sdk.into_iter().chain(version).collect()
}

/// The warnings for values of `config` that do not mean for `target` what they seem to.
pub(crate) fn warnings(config: &Config, target: &TargetName) -> Vec<Warning> {
    if with_variable(target).is_none() {
        return Vec::new();
    }
    let rows = config.explain();
    let common = common_version(&rows, config, target);
    common.into_iter().chain(of_slices(&rows, target)).collect()
}

/// The warning for a version that is meant for all of Apple's systems, and that only macOS has.
fn common_version(
    rows: &[ExplainedValue],
    config: &Config,
    target: &TargetName,
) -> Option<Warning> {
    let (known, variable) = with_variable(target)?;
    let asked = config.for_target(target.configured()).deployment_target?;
    let build = format!("build.{KEY}");
    let is_common = rows
        .iter()
        .any(|row| row.key == build && row.origin == asked.origin);
    let is_meant = known.facts().os == "macos"
        || asked.value.major >= COMMON_SINCE
        || asked.origin == Origin::Request;
    (is_common && !is_meant).then(|| Warning {
        code: KEY.to_owned(),
        message: format!(
            "`{KEY} = \"{}\"` ({}) is for each of Apple's systems, and becomes {variable} for \
             {known}: the systems number their versions differently",
            asked.value, asked.origin
        ),
        help: Some(format!(
            "write the version of this system under `[target.{known}]`"
        )),
    })
}

/// The warnings for values of targets whose files are joined into those of `target`, which has
/// values of its own.
fn of_slices(rows: &[ExplainedValue], target: &TargetName) -> Vec<Warning> {
    if !target.is_joined() {
        return Vec::new();
    }
    let keys_of = |triple: &str| {
        let table = format!("target.{triple}.");
        let own = rows.iter().filter_map(move |row| {
            let key = row.key.strip_prefix(&table)?;
            Some((key, &row.origin))
        });
        own.collect::<Vec<_>>()
    };
    let own: BTreeSet<_> = keys_of(target.configured())
        .into_iter()
        .map(|it| it.0)
        .collect();
    let slices = target.slices().into_iter().filter_map(|slice| {
        let mut unread = keys_of(slice);
        unread.retain(|(key, _)| !own.contains(key) && !OF_STARTED.contains(key));
        let (_, origin) = unread.first()?;
        let keys: BTreeSet<_> = unread.iter().map(|(key, _)| format!("`{key}`")).collect();
        let keys: Vec<_> = keys.into_iter().collect();
        Some(Warning {
            code: DiagnosticCode::NoEffect.as_str().to_owned(),
            message: format!(
                "{} of `[target.{slice}]` ({origin}) has no effect on {}, which has values of its own",
                keys.join(", "),
                target.configured()
            ),
            help: Some(format!("write it under `[target.{}]`", target.configured())),
        })
    });
    slices.collect()
}

/// The warning for an SDK that a variable names, and that is for another system or another processor
/// than that of `target`, if the environment would have one.
pub(crate) fn other_sdk(
    env_spec: &EnvironmentSpec,
    target: &TargetName,
    env: &Env,
    dir: &Path,
) -> Option<Warning> {
    let known = target.known()?;
    let would = matches!(env_spec.base, Base::Recipe(_)) && env_spec.sdk.is_none();
    let other = OtherSdk::named(known, env, dir).filter(|_| would)?;
    Some(Warning {
        code: OTHER_SDK.to_owned(),
        message: format!("{} is not used: {}", other.variable, other.why),
        help: Some(match (known.facts().sdk, known.facts().lacks()) {
            (None, Some(why)) => format!("unset it for {known}: {why}"),
            _ => format!("name one with `sdk` under `[target.{known}]` of Cross.toml"),
        }),
    })
}

#[cfg(test)]
mod tests {
    use cross_config::Layer;

    use super::*;

    fn target(triple: &str) -> TargetName {
        TargetName::parse(triple, Path::new("/w")).unwrap()
    }

    fn config(text: &str) -> Config {
        Config::merge([Layer::cross_toml(Path::new("Cross.toml"), text)])
    }

    #[test]
    fn a_version_for_all_systems_is_a_warning_where_it_is_not_the_systems_own() {
        let messages = |text: &str, triple: &str| -> Vec<String> {
            let warnings = warnings(&config(text), &target(triple));
            warnings
                .into_iter()
                .map(|warning| warning.message)
                .collect()
        };
        let common = "[build]\ndeployment-target = \"12.0\"\n";
        let said = messages(common, "aarch64-apple-visionos");
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("(Cross.toml:2:21)"), "{said:?}");
        assert!(said[0].contains("XROS_DEPLOYMENT_TARGET"), "{said:?}");
        for (text, triple) in [
            (common.to_owned(), "aarch64-apple-darwin"),
            (common.to_owned(), "aarch64-unknown-linux-gnu"),
            (common.replace("12.0", "26.0"), "aarch64-apple-ios"),
            (
                format!("{common}[target.aarch64-apple-ios]\ndeployment-target = \"15.0\"\n"),
                "aarch64-apple-ios",
            ),
        ] {
            assert_eq!(messages(&text, triple), [""; 0], "{text} {triple}");
        }
    }

    #[test]
    fn values_of_one_processor_that_have_no_effect_on_both_are_a_warning() {
        let both = "universal2-apple-darwin";
        let text = "[target.aarch64-apple-darwin]\nsdk = \"sdk\"\ndeployment-target = \"12.0\"\n\
                    runner = \"r\"\n[target.x86_64-apple-darwin]\nrunner = \"r\"\n";
        let said = warnings(&config(text), &target(both));
        assert_eq!(said.len(), 1, "{said:?}");
        let message = &said[0].message;
        assert!(
            message.starts_with("`deployment-target`, `sdk` of"),
            "{message}"
        );
        assert!(message.contains("(Cross.toml:2:7)"), "{message}");
        let own = format!("{text}[target.{both}]\nsdk = \"sdk\"\ndeployment-target = \"12.0\"\n");
        assert_eq!(warnings(&config(&own), &target(both)), []);
        assert_eq!(warnings(&config(text), &target("aarch64-apple-darwin")), []);
        let variable = "CROSS_TARGET_AARCH64_APPLE_DARWIN_DEPLOYMENT_TARGET";
        let layer = Layer::variables(&Env::new().set(variable, "12.0"));
        let said = warnings(&Config::merge([layer]), &target(both));
        assert!(said[0].message.contains(variable), "{said:?}");
    }
}
