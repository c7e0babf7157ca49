//! Variables as written: the names of the registry to values, all problems at once.

use std::ffi::OsStr;

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::env::Env;
use crate::keys::{KEYS, Key};
use crate::nearest::nearest;
use crate::origin::{Origin, Sourced};
use crate::unserved::{self, UNSERVED, UNSERVED_VARIABLES, Unserved};
use crate::values::{Slot, Values, Written};
use crate::variables::{BUILD_PREFIX, CROSS_TARGET_RUNNER, TARGET_PREFIX};

/// What the suffix of a `CROSS_TARGET_<TRIPLE>_<SUFFIX>` variable names.
enum Meaning {
    Served(&'static Key),
    Unserved,
}

/// Reads every variable of the registry that `env` has. Targets are named by their
/// [`spelling`](crate::variables::spelling), from which a triple can't be told for sure.
pub(crate) fn read(env: &Env) -> Written {
    let mut written = Written::default();
    build_level(env, &mut written);
    let named = env
        .iter()
        .filter_map(|(name, value)| Some((name.to_str()?, value)));
    for (name, value) in named.filter(|(_, value)| !value.is_empty()) {
        if let Some(rest) = name.strip_prefix(TARGET_PREFIX) {
            target_level(name, rest, value, &mut written);
        } else {
            not_served(name, value, &mut written);
        }
    }
    written.problems.sort_by(|a, b| a.variable.cmp(&b.variable));
    written
}

/// Each key takes the first of its variables that is set.
fn build_level(env: &Env, written: &mut Written) {
    for key in KEYS {
        let mut set = key
            .build_variables
            .iter()
            .filter_map(|name| Some((name, env.get(name)?)));
        let found = set.find(|(_, value)| !value.is_empty());
        if let Some((name, value)) = found {
            let problems = store(key, name, value, &mut written.build);
            written.problems.extend(problems);
        }
    }
}

fn target_level(name: &str, rest: &str, value: &OsStr, written: &mut Written) {
    match split(rest) {
        Some((triple, Meaning::Served(key))) => {
            let values = written.targets.entry(triple.replace('.', "_")).or_default();
            written.problems.extend(store(key, name, value, values));
        }
        Some((_, Meaning::Unserved)) => {
            if !is_off(value) {
                let problem = unserved::diagnostic(name, Severity::Error);
                written.problems.push(problem.variable(name));
            }
        }
        None if name == CROSS_TARGET_RUNNER => {}
        None => written.problems.push(unknown(name, None)),
    }
}

/// `AARCH64_UNKNOWN_LINUX_GNU_RUNNER` as triple and key. The longest suffix that fits wins, because
/// some suffixes end with others.
fn split(rest: &str) -> Option<(&str, Meaning)> {
    let served = KEYS
        .iter()
        .filter_map(|key| Some((key.target_suffix?, Meaning::Served(key))));
    let suffixes = UNSERVED.iter().flat_map(|key| key.target_suffixes);
    let all = served.chain(suffixes.map(|suffix| (*suffix, Meaning::Unserved)));
    let fitting = all.filter_map(|(suffix, meaning)| {
        let triple = rest.strip_suffix(suffix)?.strip_suffix('_')?;
        (!triple.is_empty()).then_some((triple, meaning))
    });
    fitting.min_by_key(|(triple, _)| triple.len())
}

fn not_served(name: &str, value: &OsStr, written: &mut Written) {
    let of_key = Unserved::of_build_variable(name).map(|_| Severity::Error);
    let own = UNSERVED_VARIABLES
        .iter()
        .find(|(it, _)| *it == name)
        .map(|(_, severity)| *severity);
    let served = || KEYS.iter().any(|key| key.build_variables.contains(&name));
    if let Some(severity) = of_key.or(own) {
        if !is_off(value) {
            written
                .problems
                .push(unserved::diagnostic(name, severity).variable(name));
        }
    } else if name.starts_with(BUILD_PREFIX) && !served() {
        let all = KEYS.iter().flat_map(|key| key.build_variables).copied();
        written.problems.push(unknown(name, nearest(name, all)));
    }
}

/// A warning only: an environment is shared by many programs.
fn unknown(name: &str, meant: Option<&str>) -> Diagnostic {
    let warning =
        Diagnostic::warning(Code::UnknownVariable, "this variable means nothing").variable(name);
    match meant {
        Some(meant) => warning.help(format!("did you mean `{meant}`?")),
        None => warning.help("check its spelling, or unset it"),
    }
}

fn is_off(value: &OsStr) -> bool {
    value.to_str().is_some_and(unserved::is_off)
}

fn store(key: &Key, name: &str, value: &OsStr, values: &mut Values) -> Vec<Diagnostic> {
    let Some(text) = value.to_str() else {
        return vec![
            Diagnostic::error(Code::InvalidValue, "its value is not UTF-8").variable(name),
        ];
    };
    let sourced = |text: &str| Sourced::new(text.to_owned(), Origin::Variable(name.to_owned()));
    match (key.slot)(values) {
        Slot::Text(slot) => slot.store(key.name, sourced(text)),
        Slot::List(slot) => {
            let items = text.split_whitespace().map(sourced).collect();
            slot.store(key.name, sourced(text).map(|_| items))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(variables: &[(&str, &str)]) -> Vec<String> {
        let set = |env: Env, (name, value): &(&str, &str)| env.set(*name, *value);
        let written = read(&variables.iter().fold(Env::new(), set));
        written.problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_empty_environment_says_nothing() {
        let written = read(&Env::new());
        assert!(written.problems.is_empty() && written.targets.is_empty());
        assert!(
            KEYS.iter()
                .all(|key| (key.shown)(&written.build).rows().is_none())
        );
    }

    #[test]
    fn every_problem_is_reported_at_once_by_variable() {
        assert_eq!(
            problems(&[
                ("CROSS_BUILD_NETWORK", "maybe"),
                ("CROSS_BUILD_ENV_PASSTHROUGH", "A-B OK CROSS_RUNNER"),
                ("CROSS_BUILD_TARGET", "s390x-linux-gnu"),
                ("CROSS_BUILD_TOOLCHIAN", "host"),
                ("CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU_PACKAGES", "-o"),
                ("CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU_RUNER", "x"),
            ]),
            [
                "CROSS_BUILD_ENV_PASSTHROUGH: `A-B` is not a value of `env.passthrough` [invalid-value]",
                "CROSS_BUILD_ENV_PASSTHROUGH: `CROSS_RUNNER` in `env.passthrough` is reserved [reserved-name]",
                "CROSS_BUILD_NETWORK: `maybe` is not a value of `network` [invalid-value]",
                "CROSS_BUILD_TARGET: `s390x-linux-gnu` is not a known target [unknown-target]",
                "CROSS_BUILD_TOOLCHIAN: this variable means nothing [unknown-variable]",
                "CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU_PACKAGES: `-o` is not a value of `packages` [invalid-value]",
                "CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU_RUNER: this variable means nothing [unknown-variable]",
            ]
        );
    }

    #[test]
    fn a_misspelled_variable_is_a_warning_with_the_nearest_real_one() {
        let written = read(&Env::new().set("CROSS_BUILD_TOOLCHIAN", "host"));
        let [problem] = written.problems.as_slice() else {
            panic!("{:?}", written.problems)
        };
        assert_eq!(problem.severity, Severity::Warning);
        assert_eq!(
            problem.help.as_deref(),
            Some("did you mean `CROSS_BUILD_TOOLCHAIN`?")
        );
    }

    #[test]
    fn what_is_not_served_is_said_unless_it_is_off() {
        let all = UNSERVED
            .iter()
            .flat_map(|key| key.build_variables)
            .map(|name| (*name).to_owned());
        let suffixes = UNSERVED.iter().flat_map(|key| key.target_suffixes);
        let of_targets =
            suffixes.map(|suffix| format!("CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU_{suffix}"));
        let own = UNSERVED_VARIABLES
            .iter()
            .map(|(name, _)| (*name).to_owned());
        for name in all.chain(of_targets).chain(own) {
            let expected = format!("{name}: `{name}` is not supported yet [not-supported-yet]");
            assert_eq!(problems(&[(&name, "x")]), [expected]);
            for off in ["", "0", "false"] {
                assert_eq!(problems(&[(&name, off)]), [""; 0], "{name}={off}");
            }
        }
    }

    #[test]
    fn variables_of_others_are_left_alone() {
        assert_eq!(
            problems(&[
                ("CROSS_COMPILE", "aarch64-linux-gnu-"),
                ("CROSS_DEBUG", "1"),
                ("CROSS_TARGET_RUNNER", "qemu"),
                ("CARGO_TARGET_DIR", "x"),
                ("CROSS_CONFIG", "x"),
            ]),
            [""; 0]
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_utf_8_is_an_error_that_does_not_show_it() {
        use std::os::unix::ffi::OsStringExt;
        let env = Env::new().set(
            "CROSS_CONTAINER_ENGINE",
            std::ffi::OsString::from_vec(vec![0xff]),
        );
        let said: Vec<_> = read(&env)
            .problems
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            said,
            ["CROSS_CONTAINER_ENGINE: its value is not UTF-8 [invalid-value]"]
        );
    }
}
