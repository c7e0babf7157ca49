//! A user of this machine who is not root, and what they need to use the library.

use std::fs;
use std::path::{Path, PathBuf};

use cross_core::{Cancel, Env};
use cross_engine::{Invocation, process};

use crate::fixture::{Project, real_env};
use crate::tool;

/// Their name. `cargo xtask setup` makes no users: whoever prepares the machine for the suites does.
const NAME: &str = "cross-test";

/// The user, with a toolchain in their home that reads manifests and fetches.
#[derive(Debug)]
pub struct PlainUser {
    id: u32,
    home: PathBuf,
    toolchain: PathBuf,
}

impl PlainUser {
    /// The user of this machine; the toolchain stays in their home for the next time.
    ///
    /// # Panics
    ///
    /// When there is none, or this process may not be them: that is a failure of the suite.
    pub fn get() -> Self {
        let passwd = fs::read_to_string("/etc/passwd").unwrap();
        let fields: Vec<&str> = passwd
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .find(|fields| fields[0] == NAME)
            .unwrap_or_else(|| panic!("this suite needs a user: `useradd --create-home {NAME}`"));
        let home = PathBuf::from(fields[5]);
        PlainUser {
            id: fields[2].parse().unwrap(),
            toolchain: toolchain_in(&home),
            home,
        }
    }

    /// The number of the user.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Their home directory.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Nothing of root's, and no engine's socket or configuration.
    pub fn env(&self) -> Env {
        let path = format!("{}/bin:/usr/bin:/bin", self.toolchain.display());
        let is_proxy = |name: &str| name.to_lowercase().ends_with("_proxy");
        let env = real_env()
            .iter()
            .filter(|(name, _)| name.to_str().is_some_and(is_proxy))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect::<Env>();
        env.set("HOME", &self.home)
            .set("USER", NAME)
            .set("PATH", path)
    }

    /// Gives them `project` with everything beside it, and a copy of `program` there, whose path is
    /// returned.
    pub fn owns(&self, project: &Project, program: &Path) -> String {
        let copy = project.outer().join(program.file_name().unwrap());
        fs::copy(program, &copy).unwrap();
        let (owner, outer) = (format!("{NAME}:"), project.outer().to_str().unwrap());
        tool::stdout(&Invocation::new("chown").args(["-R", &owner, outer]));
        copy.to_str().unwrap().to_owned()
    }

    /// Runs `command` as them with these variables in `dir`; the last line of what it prints is JSON
    /// and is returned.
    ///
    /// # Panics
    ///
    /// When it is not.
    #[track_caller]
    pub fn run(&self, env: &Env, dir: &Path, command: &[&str]) -> serde_json::Value {
        let run = Invocation::new(tool::on_path("runuser"))
            .args(["-u", NAME, "--"])
            .args(command.iter().copied())
            .cwd(dir);
        let variables = env
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let said = process::output(&run, &variables, &Cancel::new()).unwrap();
        let last = said.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| {
            let exit = said.exit;
            panic!(
                "{command:?} as {NAME}: {exit}, {error}\n{last}\n{}",
                said.stderr
            )
        })
    }
}

/// The toolchain of the tests, for a user who may not look into root's home: linked where it is on
/// the same file system, else copied.
fn toolchain_in(home: &Path) -> PathBuf {
    let sysroot = tool::stdout(&Invocation::new(tool::rustc()).args(["--print", "sysroot"]));
    let sysroot = Path::new(sysroot.trim());
    let there = home.join(sysroot.file_name().unwrap());
    if !there.join("bin/cargo").exists() {
        let copy = |how: &str| {
            let words = [how, sysroot.to_str().unwrap(), there.to_str().unwrap()];
            tool::output(&Invocation::new("cp").args(words))
                .exit
                .success()
        };
        assert!(copy("-al") || copy("-a"), "the toolchain cannot be copied");
    }
    there
}
