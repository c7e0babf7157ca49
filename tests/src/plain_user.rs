//! A user of this machine who is not root, with everything that the library needs.

use std::fs;
use std::path::{Path, PathBuf};

use cross_core::{Cancel, Env};
use cross_engine::{Invocation, process};

use crate::fixture::{Project, real_env};
use crate::tool;

/// The name of the user. `cargo xtask setup --test-user` creates the user.
const NAME: &str = "cross-test";

/// The user, with a toolchain in the home directory that reads manifests and fetches crates.
#[derive(Debug)]
pub struct PlainUser {
    id: u32,
    home: PathBuf,
    toolchain: PathBuf,
}

impl PlainUser {
    /// Finds the user, and installs the toolchain for this and later runs.
    ///
    /// # Panics
    ///
    /// If the user does not exist, which fails the suite.
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

    /// Returns the id of the user.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Returns the home directory.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Returns variables that name no file of root, and no socket or configuration of an engine.
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

    /// Gives the user `project` with everything beside it and a copy of `program`. Returns the path
    /// of the copy.
    pub fn owns(&self, project: &Project, program: &Path) -> String {
        let copy = project.outer().join(program.file_name().unwrap());
        // In a process of its own: what another thread starts would inherit the open file, and a
        // program that is open for writing does not start.
        tool::stdout(
            &Invocation::new("cp")
                .arg(program.to_str().unwrap())
                .arg(copy.to_str().unwrap()),
        );
        let (owner, outer) = (format!("{NAME}:"), project.outer().to_str().unwrap());
        tool::stdout(&Invocation::new("chown").args(["-R", &owner, outer]));
        copy.to_str().unwrap().to_owned()
    }

    /// Runs `command` as the user in `dir`, and returns the last line of its output as JSON.
    ///
    /// # Panics
    ///
    /// If the last line is not JSON.
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

/// Installs the toolchain of the tests for a user who cannot read root's home. Its files are linked
/// on the same file system, and copied otherwise.
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
