//! The input of a test: a machine, a project, variables and a command line.

use std::fs;
use std::path::{Path, PathBuf};

use cross_core::{Cross, Error, ErrorKind, Plan, cargo_cli::CargoPlan};
use cross_tests::{Answer, Fakes, Machine, Project};

use crate::seen::Seen;

/// A target with a recipe and an emulator.
pub(crate) const T: &str = "aarch64-unknown-linux-gnu";
/// Another target with a recipe and an emulator.
pub(crate) const U: &str = "s390x-unknown-linux-gnu";
/// The host of the fake machine.
pub(crate) const HOST: &str = "x86_64-unknown-linux-gnu";
/// A target without a recipe, for which the `cross` project publishes an image.
pub(crate) const PUBLISHED: &str = "x86_64-unknown-illumos";
/// The nightly toolchain of a machine with two toolchains.
pub(crate) const NIGHTLY: &str = "nightly-x86_64-unknown-linux-gnu";

/// The surroundings of a command line.
pub(crate) struct Case {
    pub(crate) machine: Machine,
    pub(crate) project: Project,
    dir: PathBuf,
}

/// A project with this Cross.toml, on a machine with docker.
pub(crate) fn case(cross_toml: &str) -> Case {
    on(Fakes::Docker).toml(cross_toml)
}

/// A project that is configured only for [`T`].
pub(crate) fn for_t() -> Case {
    case(&format!("[build]\ndefault-target = \"{T}\"\n"))
}

/// A project with these lines of configuration for [`T`].
pub(crate) fn t_with(lines: &str) -> Case {
    case(&format!("[target.{T}]\n{lines}\n"))
}

/// A project with these lines of configuration for each of these targets.
pub(crate) fn each_with(targets: &[&str], lines: &str) -> Case {
    let table = |target| format!("[target.\"{target}\"]\n{lines}\n");
    case(&targets.iter().map(table).collect::<String>())
}

/// A project on a machine with this engine.
pub(crate) fn on(engine: Fakes) -> Case {
    let project = Project::new("app");
    Case {
        machine: Machine::new(env!("CARGO_BIN_EXE_fake-engine"), engine),
        dir: project.path().to_owned(),
        project,
    }
}

impl Case {
    /// Writes the Cross.toml.
    pub(crate) fn toml(self, text: &str) -> Self {
        self.file("Cross.toml", text)
    }

    /// Writes a file of the project.
    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.project = self.project.file(path, text);
        self
    }

    /// Adds lines to the Cargo.toml.
    pub(crate) fn manifest(self, lines: &str) -> Self {
        let path = self.path("Cargo.toml");
        let text = fs::read_to_string(path).unwrap();
        self.file("Cargo.toml", &format!("{text}{lines}\n"))
    }

    /// Makes the project a workspace with a member `member`, and a path dependency `beside`
    /// outside.
    pub(crate) fn workspace(mut self) -> Self {
        self.project = self.project.with_member_and_path_dependency();
        self
    }

    /// Runs the command line in this directory of the project.
    pub(crate) fn in_dir(mut self, dir: &str) -> Self {
        self.dir = self.path(dir);
        fs::create_dir_all(&self.dir).unwrap();
        self
    }

    /// Sets a variable of the user.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.machine = self.machine.set(name, value);
        self
    }

    /// Sets each of these variables to the same value.
    pub(crate) fn set_all(self, names: &[&str], value: &str) -> Self {
        names.iter().fold(self, |case, name| case.set(name, value))
    }

    /// Creates a directory of the project and sets a variable to its path.
    pub(crate) fn set_to_dir(self, name: &str, dir: &str) -> Self {
        let path = self.path(dir);
        fs::create_dir_all(&path).unwrap();
        self.set(name, path.to_str().unwrap())
    }

    /// Installs a program that prints nothing.
    pub(crate) fn program(mut self, name: &str) -> Self {
        self.machine = self.machine.program(name);
        self
    }

    /// Adds an engine.
    pub(crate) fn also(mut self, engine: Fakes) -> Self {
        self.machine = self.machine.engine(engine);
        self
    }

    /// Adds a toolchain of rustup.
    pub(crate) fn toolchain(mut self, name: &str, version: &str) -> Self {
        self.machine = self.machine.toolchain(name, version);
        self
    }

    /// Makes docker's images set these variables.
    pub(crate) fn image(mut self, variables: &[(&str, &str)]) -> Self {
        self.machine = self.machine.image(variables);
        self
    }

    /// Labels docker's images as built on the image with this id.
    pub(crate) fn built_on(mut self, id: &str) -> Self {
        self.machine = self.machine.built_on(id);
        self
    }

    /// Removes a file of the project.
    pub(crate) fn without(mut self, path: &str) -> Self {
        self.project = self.project.without(path);
        self
    }

    /// Adds a rule for calls of a fake program.
    pub(crate) fn rule(mut self, program: &str, args: &[&str], answer: Answer) -> Self {
        self.machine = self.machine.rule(program, args, answer);
        self
    }

    /// Removes docker's images.
    pub(crate) fn cold(self) -> Self {
        let gone = Answer::fails(1, "Error: No such image\n");
        self.rule("docker", &["image", "inspect"], gone)
    }

    /// Adds a nightly toolchain with the source of `std`.
    pub(crate) fn nightly(mut self) -> Self {
        self.machine = self
            .machine
            .toolchain(NIGHTLY, "1.97.0-nightly")
            .component(NIGHTLY, "lib/rustlib/src/rust/library");
        self
    }

    /// Returns a path of the project.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.project.path().join(path)
    }

    pub(crate) fn cross(&self) -> Cross {
        Cross::at(&self.dir).env(self.machine.env())
    }

    fn asked(&self, words: &[&str]) -> cross_core::Result<CargoPlan> {
        self.cross().cargo(words).plan()
    }

    /// Plans a command line.
    #[track_caller]
    pub(crate) fn cargo(&self, words: &[&str]) -> Seen {
        match self.asked(words) {
            Ok(plan) => Seen::new(plan),
            Err(error) => panic!("{words:?}: {error}\nhelp: {:?}", error.help()),
        }
    }

    /// Plans `cargo build --target T`.
    #[track_caller]
    pub(crate) fn build(&self) -> Seen {
        self.build_for(T)
    }

    #[track_caller]
    pub(crate) fn build_for(&self, target: &str) -> Seen {
        self.cargo(&["build", "--target", target])
    }

    /// Plans a build request without a command line.
    #[track_caller]
    pub(crate) fn request(&self, target: &str) -> Plan {
        self.cross().build(target).plan().unwrap()
    }

    /// Returns the error of a refused command line, which must have help.
    #[track_caller]
    pub(crate) fn refused(&self, words: &[&str], kind: ErrorKind) -> Error {
        let error = match self.asked(words) {
            Ok(plan) => panic!("{words:?} is not refused:\n{plan}"),
            Err(error) => error,
        };
        assert_eq!(error.kind(), kind, "{error}\nhelp: {:?}", error.help());
        assert!(error.help().is_some(), "nothing says what to do: {error}");
        error
    }

    /// Checks that the configuration is refused with this message and help.
    #[track_caller]
    pub(crate) fn misconfigured(&self, message: &str, help: &str) {
        let error = self.refused(&["build", "--target", T], ErrorKind::Config);
        says(&error, message, help);
    }

    /// Returns the names of the started programs, without those that read the manifests.
    pub(crate) fn started(&self) -> Vec<String> {
        let calls = self.machine.calls().into_iter().map(|call| call.program);
        calls
            .filter(|program| !["cargo", "rustc"].contains(&program.as_str()))
            .collect()
    }
}

/// Checks the message and the help of an error.
#[track_caller]
pub(crate) fn says(error: &Error, message: &str, help: &str) {
    let (said, remedy) = (error.to_string(), error.help().unwrap_or_default());
    assert!(said.contains(message), "`{message}` is not in: {said}");
    assert!(
        remedy.contains(help),
        "`{help}` is not in: {remedy}\n{said}"
    );
}

/// Returns the variable of a key for [`T`].
pub(crate) fn of_t(suffix: &str) -> String {
    format!("CROSS_TARGET_AARCH64_UNKNOWN_LINUX_GNU_{suffix}")
}

/// Returns a path as text.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Installs a program that prints `says` for these arguments.
pub(crate) fn has_tool(case: Case, program: &str, args: &[&str], says: &str) -> Case {
    case.rule(program, args, Answer::says(says))
}
