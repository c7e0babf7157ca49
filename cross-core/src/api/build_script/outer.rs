//! The outer build, as its build script can know it: from the environment that cargo gives it, and from
//! cargo's own command line.

use std::path::{Path, PathBuf};

use crate::Env;
use crate::cargo::outer::GUARD;
use crate::model::error::{Error, ErrorKind, Result};

/// What cargo sets for a build script, and all together for nothing else.
const SIGNS: [&str; 5] = [
    "CARGO_MANIFEST_DIR",
    "HOST",
    "NUM_JOBS",
    "OUT_DIR",
    "TARGET",
];

/// The outer build.
#[derive(Clone, Debug)]
pub(super) struct Outer {
    pub(super) env: Env,
    /// Where the script may write.
    pub(super) out_dir: PathBuf,
    /// The directory of the package that the script belongs to, and the package's name.
    pub(super) manifest_dir: PathBuf,
    pub(super) package: String,
    pub(super) jobs: Option<u32>,
    pub(super) offline: bool,
    pub(super) locked: bool,
}

impl Outer {
    /// The outer build of the script whose variables are `env`.
    pub(super) fn of(env: Env) -> Result<Self> {
        let missing: Vec<_> = SIGNS
            .into_iter()
            .filter(|it| env.get(it).is_none())
            .collect();
        if !missing.is_empty() {
            let message = format!(
                "this process is no build script: {} not set",
                match missing.as_slice() {
                    [one] => format!("{one} is"),
                    all => format!("{} are", all.join(", ")),
                }
            );
            let help = "call it from a build.rs, which cargo gives these variables; elsewhere use \
                        `cross_core::Cross`";
            return Err(Error::new(ErrorKind::BuildScript, message).with_help(help));
        }
        let path = |name| PathBuf::from(env.get(name).unwrap_or_default());
        let manifest_dir = path("CARGO_MANIFEST_DIR");
        let package = env.get_str("CARGO_PKG_NAME").map(str::to_owned);
        Ok(Outer {
            out_dir: path("OUT_DIR"),
            package: package.unwrap_or_else(|| manifest_dir.display().to_string()),
            manifest_dir,
            jobs: env.get_str("NUM_JOBS").and_then(|it| it.parse().ok()),
            offline: env.get_str("CARGO_NET_OFFLINE") == Some("true"),
            locked: false,
            env,
        })
    }

    /// Heeds the flags of the cargo whose command line this is: cargo tells a build script of neither
    /// `--offline` nor `--locked`, so they are read from where they stand.
    pub(super) fn started_by(mut self, command_line: &[String]) -> Self {
        let Some((program, words)) = command_line.split_first() else {
            return self;
        };
        let is_cargo = Path::new(program)
            .file_stem()
            .is_some_and(|it| it == "cargo");
        if !is_cargo {
            return self;
        }
        for word in words.iter().take_while(|word| *word != "--") {
            self.offline |= word == "--offline" || word == "--frozen";
            self.locked |= word == "--locked" || word == "--frozen";
        }
        self
    }

    /// The package whose script began the build in which this script runs, if that is where it runs.
    pub(super) fn begun_by(&self) -> Option<&str> {
        self.env.get_str(GUARD).filter(|it| !it.is_empty())
    }

    /// That this is not a build that a build script began.
    pub(super) fn is_outermost(&self) -> Result<()> {
        let Some(package) = self.begun_by() else {
            return Ok(());
        };
        let message = format!(
            "the build script of `{}` runs in a build that the build script of `{package}` began, and asks \
             for another",
            self.package
        );
        Err(Error::new(ErrorKind::Recursion, message).with_help(format!(
            "build from one script only: let `{package}` select packages that do not lead to `{}`, or ask \
             `BuildScript::is_nested` first",
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
    fn a_build_script_is_known_by_what_cargo_sets_for_it() {
        let outer = Outer::of(script()).unwrap();
        assert_eq!(outer.package, "app");
        assert_eq!(outer.jobs, Some(2));
        for name in SIGNS {
            let error = Outer::of(script().remove(name)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BuildScript);
            assert!(
                error.to_string().contains(&format!("{name} is not set")),
                "{error}"
            );
            assert!(error.help().unwrap().contains("Cross"));
        }
        let error = Outer::of(Env::new()).unwrap_err().to_string();
        assert!(error.contains("CARGO_MANIFEST_DIR, HOST"), "{error}");
    }

    #[test]
    fn the_outer_flags_are_read_where_they_stand() {
        let flags = |line: &str| {
            let outer = Outer::of(script()).unwrap().started_by(&words(line));
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
        assert!(Outer::of(env).unwrap().offline);
    }

    #[test]
    fn h2_a_script_in_a_scripts_build_is_told_so() {
        let outer = Outer::of(script().set(GUARD, "outermost")).unwrap();
        let error = outer.is_outermost().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Recursion);
        let said = format!("{error}; {}", error.help().unwrap());
        assert!(
            said.contains("`app`") && said.contains("`outermost`"),
            "{said}"
        );
        Outer::of(script().set(GUARD, ""))
            .unwrap()
            .is_outermost()
            .unwrap();
    }
}
