//! What goes in: a machine, a project, variables and a command line.

use std::fs;
use std::path::{Path, PathBuf};

use cross_core::{Cross, Error, ErrorKind, Plan, cargo_cli::CargoPlan};
use cross_tests::{Answer, Fakes, Machine, Project};

use crate::seen::Seen;

/// A target with a recipe and an emulator.
pub(crate) const T: &str = "aarch64-unknown-linux-gnu";
/// Another one.
pub(crate) const U: &str = "s390x-unknown-linux-gnu";
/// What the fake machine is.
pub(crate) const HOST: &str = "x86_64-unknown-linux-gnu";
/// One that has no recipe, but an image that the `cross` project publishes.
pub(crate) const PUBLISHED: &str = "x86_64-unknown-illumos";
/// The second toolchain of a machine that has two.
pub(crate) const NIGHTLY: &str = "nightly-x86_64-unknown-linux-gnu";

/// A command line's surroundings.
pub(crate) struct Case {
    pub(crate) machine: Machine,
    pub(crate) project: Project,
    dir: PathBuf,
}

/// A project with this Cross.toml, on a machine with docker.
pub(crate) fn case(cross_toml: &str) -> Case {
    on(Fakes::Docker).toml(cross_toml)
}

/// A project whose only configuration is that it is built for [`T`].
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
    /// Writes its Cross.toml.
    pub(crate) fn toml(self, text: &str) -> Self {
        self.file("Cross.toml", text)
    }

    /// Writes a file of the project.
    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.project = self.project.file(path, text);
        self
    }

    /// Adds lines to its Cargo.toml.
    pub(crate) fn manifest(self, lines: &str) -> Self {
        let path = self.path("Cargo.toml");
        let text = fs::read_to_string(path).unwrap();
        self.file("Cargo.toml", &format!("{text}{lines}\n"))
    }

    /// Makes it a workspace with a member `member`, and a path dependency `beside` outside.
    pub(crate) fn workspace(mut self) -> Self {
        self.project = self.project.with_member_and_path_dependency();
        self
    }

    /// Gives the command line in this directory of the project.
    pub(crate) fn in_dir(mut self, dir: &str) -> Self {
        self.dir = self.path(dir);
        fs::create_dir_all(&self.dir).unwrap();
        self
    }

    /// Sets a variable of the user's.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.machine = self.machine.set(name, value);
        self
    }

    /// Sets each of these to the same value.
    pub(crate) fn set_all(self, names: &[&str], value: &str) -> Self {
        names.iter().fold(self, |case, name| case.set(name, value))
    }

    /// Sets a variable to a path of the project, which becomes a directory.
    pub(crate) fn set_to_dir(self, name: &str, dir: &str) -> Self {
        let path = self.path(dir);
        fs::create_dir_all(&path).unwrap();
        self.set(name, path.to_str().unwrap())
    }

    /// Installs a program, which answers nothing.
    pub(crate) fn program(mut self, name: &str) -> Self {
        self.machine = self.machine.program(name);
        self
    }

    /// This engine answers too.
    pub(crate) fn also(mut self, engine: Fakes) -> Self {
        self.machine = self.machine.engine(engine);
        self
    }

    /// Rustup has this toolchain too.
    pub(crate) fn toolchain(mut self, name: &str, version: &str) -> Self {
        self.machine = self.machine.toolchain(name, version);
        self
    }

    /// Docker's images set these variables.
    pub(crate) fn image(mut self, variables: &[(&str, &str)]) -> Self {
        self.machine = self.machine.image(variables);
        self
    }

    /// Docker's images are labelled as built on the image of this id.
    pub(crate) fn built_on(mut self, id: &str) -> Self {
        self.machine = self.machine.built_on(id);
        self
    }

    /// Removes a file of the project.
    pub(crate) fn without(mut self, path: &str) -> Self {
        self.project = self.project.without(path);
        self
    }

    /// What a fake does when it is called so.
    pub(crate) fn rule(mut self, program: &str, args: &[&str], answer: Answer) -> Self {
        self.machine = self.machine.rule(program, args, answer);
        self
    }

    /// Docker has no image.
    pub(crate) fn cold(self) -> Self {
        let gone = Answer::fails(1, "Error: No such image\n");
        self.rule("docker", &["image", "inspect"], gone)
    }

    /// A nightly toolchain is installed too, with the source of `std`.
    pub(crate) fn nightly(mut self) -> Self {
        self.machine = self
            .machine
            .toolchain(NIGHTLY, "1.97.0-nightly")
            .component(NIGHTLY, "lib/rustlib/src/rust/library");
        self
    }

    /// A path of the project.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.project.path().join(path)
    }

    pub(crate) fn cross(&self) -> Cross {
        Cross::at(&self.dir).env(self.machine.env())
    }

    fn asked(&self, words: &[&str]) -> cross_core::Result<CargoPlan> {
        self.cross().cargo(words).plan()
    }

    /// What the command line becomes.
    #[track_caller]
    pub(crate) fn cargo(&self, words: &[&str]) -> Seen {
        match self.asked(words) {
            Ok(plan) => Seen::new(plan),
            Err(error) => panic!("{words:?}: {error}\nhelp: {:?}", error.help()),
        }
    }

    /// `cargo build --target T`.
    #[track_caller]
    pub(crate) fn build(&self) -> Seen {
        self.build_for(T)
    }

    #[track_caller]
    pub(crate) fn build_for(&self, target: &str) -> Seen {
        self.cargo(&["build", "--target", target])
    }

    /// The plan of a build that is not asked for by a command line.
    #[track_caller]
    pub(crate) fn request(&self, target: &str) -> Plan {
        self.cross().build(target).plan().unwrap()
    }

    /// Why the command line is refused; whatever is refused says what to do instead.
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

    /// That the configuration is refused, with a message and a help that have these words.
    #[track_caller]
    pub(crate) fn misconfigured(&self, message: &str, help: &str) {
        let error = self.refused(&["build", "--target", T], ErrorKind::Config);
        says(&error, message, help);
    }

    /// The names of the programs that were started, without what reads the manifests.
    pub(crate) fn started(&self) -> Vec<String> {
        let calls = self.machine.calls().into_iter().map(|call| call.program);
        calls
            .filter(|it| !["cargo", "rustc"].contains(&it.as_str()))
            .collect()
    }
}

/// That an error names its cause and its remedy.
#[track_caller]
pub(crate) fn says(error: &Error, message: &str, help: &str) {
    let (said, remedy) = (error.to_string(), error.help().unwrap_or_default());
    assert!(said.contains(message), "`{message}` is not in: {said}");
    assert!(
        remedy.contains(help),
        "`{help}` is not in: {remedy}\n{said}"
    );
}

/// The variable of a key of [`T`].
pub(crate) fn of_t(suffix: &str) -> String {
    format!("CROSS_TARGET_AARCH64_UNKNOWN_LINUX_GNU_{suffix}")
}

/// A path as text.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What a program says where it is asked so.
pub(crate) fn has_tool(case: Case, program: &str, args: &[&str], says: &str) -> Case {
    case.rule(program, args, Answer::says(says))
}
