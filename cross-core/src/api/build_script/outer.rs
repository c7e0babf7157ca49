//! The outer build, as its build script sees it: in the environment that cargo sets, and on cargo's
//! own command line.

use std::path::{Path, PathBuf};

use crate::Env;
use crate::cargo::outer::GUARD;
use crate::model::error::{Error, ErrorKind, Result};

/// Variables that cargo sets for a build script. It sets all of them for no other program.
const BUILD_SCRIPT_VARIABLES: [&str; 5] = [
    "CARGO_MANIFEST_DIR",
    "HOST",
    "NUM_JOBS",
    "OUT_DIR",
    "TARGET",
];

/// The outer build.
#[derive(Clone, Debug)]
pub(super) struct OuterBuild {
    pub(super) env: Env,
    /// The directory that the script may write to.
    pub(super) out_dir: PathBuf,
    /// The directory of the script's package.
    pub(super) manifest_dir: PathBuf,
    /// The name of the script's package.
    pub(super) package: String,
    pub(super) jobs: Option<u32>,
    pub(super) offline: bool,
    pub(super) locked: bool,
}

impl OuterBuild {
    /// The outer build of the script that runs with the environment `env`.
    pub(super) fn from_env(env: Env) -> Result<Self> {
        let missing: Vec<_> = BUILD_SCRIPT_VARIABLES
            .into_iter()
            .filter(|name| env.get(name).is_none())
            .collect();
        if !missing.is_empty() {
            let message = format!(
                "this process is not a build script: {} not set",
                match missing.as_slice() {
                    [one] => format!("{one} is"),
                    all => format!("{} are", all.join(", ")),
                }
            );
            let help = "call it from a build.rs, where cargo sets these variables; use \
                        `cross_core::Cross` elsewhere";
            return Err(Error::new(ErrorKind::BuildScript, message).with_help(help));
        }
        let path = |name| PathBuf::from(env.get(name).unwrap_or_default());
        let manifest_dir = path("CARGO_MANIFEST_DIR");
        let package = env.get_str("CARGO_PKG_NAME").map(str::to_owned);
        Ok(OuterBuild {
            out_dir: path("OUT_DIR"),
            package: package.unwrap_or_else(|| manifest_dir.display().to_string()),
            manifest_dir,
            jobs: env.get_str("NUM_JOBS").and_then(|jobs| jobs.parse().ok()),
            offline: env.get_str("CARGO_NET_OFFLINE") == Some("true"),
            locked: false,
            env,
        })
    }

    /// Adds the flags on the command line of the cargo that started the script. Cargo passes
    /// neither `--offline` nor `--locked` to a build script in any other way.
    pub(super) fn with_flags_of(mut self, command_line: &[String]) -> Self {
        let Some((program, args)) = command_line.split_first() else {
            return self;
        };
        let is_cargo = Path::new(program)
            .file_stem()
            .is_some_and(|name| name == "cargo");
        if !is_cargo {
            return self;
        }
        for arg in args.iter().take_while(|arg| *arg != "--") {
            self.offline |= arg == "--offline" || arg == "--frozen";
            self.locked |= arg == "--locked" || arg == "--frozen";
        }
        self
    }

    /// The package whose build script began the build that this script runs in, if one did.
    pub(super) fn outermost_package(&self) -> Option<&str> {
        self.env
            .get_str(GUARD)
            .filter(|package| !package.is_empty())
    }

    /// Refuses to build if a build script began the build that this script runs in.
    pub(super) fn require_outermost(&self) -> Result<()> {
        let Some(package) = self.outermost_package() else {
            return Ok(());
        };
        let message = format!(
            "the build script of `{}` runs in a build that the build script of `{package}` began, and \
             cannot begin another one",
            self.package
        );
        Err(Error::new(ErrorKind::Recursion, message).with_help(format!(
            "build from one script only: select packages in `{package}` that do not depend on `{}`, or \
             check `BuildScript::is_nested` first",
            self.package
        )))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The variables of a build script of the package `app`.
    pub(in crate::api::build_script) fn script() -> Env {
        let triple = "x86_64-unknown-linux-gnu";
        Env::new()
            .set("OUT_DIR", "/w/target/debug/build/app-1/out")
            .set("CARGO_MANIFEST_DIR", "/w/app")
            .set("CARGO_PKG_NAME", "app")
            .set("TARGET", triple)
            .set("HOST", triple)
            .set("NUM_JOBS", "2")
    }

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_build_script_is_recognised_by_its_variables() {
        let outer = OuterBuild::from_env(script()).unwrap();
        assert_eq!(outer.package, "app");
        assert_eq!(outer.jobs, Some(2));
        for name in BUILD_SCRIPT_VARIABLES {
            let error = OuterBuild::from_env(script().remove(name)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BuildScript);
            assert!(
                error.to_string().contains(&format!("{name} is not set")),
                "{error}"
            );
            assert!(error.help().unwrap().contains("Cross"));
        }
        let error = OuterBuild::from_env(Env::new()).unwrap_err().to_string();
        assert!(error.contains("CARGO_MANIFEST_DIR, HOST"), "{error}");
    }

    #[test]
    fn flags_are_read_from_cargos_command_line() {
        let flags = |line: &str| {
            let outer = OuterBuild::from_env(script()).unwrap();
            let outer = outer.with_flags_of(&words(line));
            (outer.offline, outer.locked)
        };
        assert_eq!(flags("/r/bin/cargo build -q"), (false, false));
        assert_eq!(flags("/r/bin/cargo build --locked"), (false, true));
        assert_eq!(flags("cargo --offline test"), (true, false));
        assert_eq!(flags("cargo check --frozen"), (true, true));
        assert_eq!(flags("cargo run -- --frozen"), (false, false));
        assert_eq!(flags("make --offline --locked"), (false, false));
        assert_eq!(flags(""), (false, false));
        let env = script().set("CARGO_NET_OFFLINE", "true");
        assert!(OuterBuild::from_env(env).unwrap().offline);
    }

    #[test]
    fn a_nested_build_script_is_refused_by_name() {
        let outer = OuterBuild::from_env(script().set(GUARD, "outermost")).unwrap();
        let error = outer.require_outermost().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Recursion);
        let said = format!("{error}; {}", error.help().unwrap());
        assert!(
            said.contains("`app`") && said.contains("`outermost`"),
            "{said}"
        );
        OuterBuild::from_env(script().set(GUARD, ""))
            .unwrap()
            .require_outermost()
            .unwrap();
    }
}
