//! A machine with fake programs, which records every call to them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cross_core::engine::EnvironmentLocation;
use cross_core::{Cross, Env, Plan};

use crate::fake::{Answer, Call, RECORD, RULES, Rule};
use crate::fixture::Project;
use crate::redact::Redactor;
use crate::tool;

/// The engine of a fake machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fakes {
    /// A bubblewrap that can create namespaces.
    Sandbox,
    /// A docker whose daemon answers.
    Docker,
    /// A podman.
    Podman,
    /// No engine.
    Nothing,
}

impl Fakes {
    /// Every engine.
    pub const ENGINES: [Fakes; 3] = [Fakes::Sandbox, Fakes::Docker, Fakes::Podman];

    /// Returns the name of the engine's kind.
    pub fn name(self) -> &'static str {
        match self {
            Fakes::Sandbox => "sandbox",
            Fakes::Docker => "docker",
            Fakes::Podman => "podman",
            Fakes::Nothing => "nothing",
        }
    }
}

/// The answer of docker to the library's version query.
const DOCKER_ANSWER: &str = "26.1.5|linux/amd64|Engine containerd runc docker-init \n";
/// The answer of podman to the library's version query.
const PODMAN_ANSWER: &str = "4.3.1|linux/amd64|\n";
/// The answer of bubblewrap to `--version`.
const SANDBOX_ANSWER: &str = "bubblewrap 0.8.0\n";
/// The only toolchain of the fake rustup.
const TOOLCHAIN: &str = "stable-x86_64-unknown-linux-gnu";
/// The tools of the machine that lifelines and the making of environments need.
const REAL_TOOLS: [&str; 10] = [
    "sh", "cat", "tar", "sleep", "rm", "mkdir", "true", "env", "setsid", "unshare",
];

/// A machine in a temporary directory, with a PATH, a home, a cache, and a rustup with one
/// toolchain. Its cargo and rustc are the real ones, and their calls are recorded.
#[derive(Debug)]
pub struct Machine {
    dir: tempfile::TempDir,
    fake: PathBuf,
    rules: Vec<Rule>,
    env: Env,
}

impl Machine {
    /// Creates a machine on which `engine` works and has every environment. `fake` is the program
    /// of the fake engine, `env!("CARGO_BIN_EXE_fake-engine")`.
    pub fn new(fake: &str, engine: Fakes) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let toolchain = root.join("rustup/toolchains").join(TOOLCHAIN);
        for made in ["bin", "home", "cargo/registry", "cargo/git", "cache"] {
            fs::create_dir_all(root.join(made)).unwrap();
        }
        install_toolchain(&toolchain, "1.85.0");
        let settings = format!("default_toolchain = \"{TOOLCHAIN}\"\n");
        fs::write(root.join("rustup/settings.toml"), settings).unwrap();
        for tool in REAL_TOOLS {
            symlink(tool::on_path(tool), root.join("bin").join(tool)).unwrap();
        }
        let mut machine = Machine {
            env: env_of(root),
            fake: PathBuf::from(fake),
            rules: Vec::new(),
            dir,
        };
        machine.link(&toolchain.join("bin/cargo"));
        machine.link(&toolchain.join("bin/rustc"));
        machine = machine
            .program("rustc")
            .rule("cargo", &[], Answer::Become(tool::cargo()))
            .rule("rustc", &[], Answer::Become(tool::rustc()));
        machine.engine(engine)
    }

    /// Creates a machine whose docker runs the commands of containers on the machine itself.
    pub fn running_here(fake: &str) -> Self {
        Machine::new(fake, Fakes::Docker).rule("docker", &["run"], Answer::RunHere)
    }

    /// Adds a toolchain of rustup, with `std` for the targets of the suites.
    #[must_use]
    pub fn toolchain(self, name: &str, version: &str) -> Self {
        let toolchain = self.path("rustup/toolchains").join(name);
        install_toolchain(&toolchain, version);
        self.link(&toolchain.join("bin/cargo"));
        self.link(&toolchain.join("bin/rustc"));
        self
    }

    /// Adds a directory to the toolchain `name`.
    #[must_use]
    pub fn component(self, name: &str, dir: &str) -> Self {
        let toolchain = self.path("rustup/toolchains").join(name);
        fs::create_dir_all(toolchain.join(dir)).unwrap();
        self
    }

    /// Adds an engine.
    #[must_use]
    pub fn engine(self, engine: Fakes) -> Self {
        let ok = || image(&[], "");
        match engine {
            Fakes::Nothing => self,
            Fakes::Sandbox => {
                self.program("bwrap")
                    .rule("bwrap", &["--version"], Answer::says(SANDBOX_ANSWER))
            }
            Fakes::Docker => self
                .program("docker")
                .rule(
                    "docker",
                    &["version", "--format"],
                    Answer::says(DOCKER_ANSWER),
                )
                .rule("docker", &["image", "inspect"], ok())
                .rule("docker", &["rm", "--force"], Answer::says("")),
            Fakes::Podman => self
                .program("podman")
                .rule(
                    "podman",
                    &["version", "--format"],
                    Answer::says(PODMAN_ANSWER),
                )
                .rule("podman", &["image", "inspect"], ok())
                .rule("podman", &["rm", "--force"], Answer::says("")),
        }
    }

    /// Makes docker's images set these variables.
    #[must_use]
    pub fn image(self, variables: &[(&str, &str)]) -> Self {
        self.rule("docker", &["image", "inspect"], image(variables, ""))
    }

    /// Labels docker's images as built on the image with this id.
    #[must_use]
    pub fn built_on(self, id: &str) -> Self {
        self.rule("docker", &["image", "inspect"], image(&[], id))
    }

    /// Installs the fake program under this name.
    #[must_use]
    pub fn program(self, name: &str) -> Self {
        self.link(&self.path("bin").join(name));
        self
    }

    fn link(&self, path: &Path) {
        // The link may exist already.
        let _ = fs::remove_file(path);
        symlink(&self.fake, path).unwrap();
    }

    /// Adds a rule for calls of `program` with `args` among its arguments. The newest rule that
    /// matches a call applies.
    #[must_use]
    pub fn rule(mut self, program: &str, args: &[&str], answer: Answer) -> Self {
        self.rules.insert(0, Rule::new(program, args, answer));
        let text = serde_json::to_string(&self.rules).unwrap();
        fs::write(self.path(RULES), text).unwrap();
        self
    }

    /// Sets a variable of the user.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.env = self.env.set(name, value);
        self
    }

    /// Returns `path` below the machine's root directory.
    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Returns the user's variables.
    pub fn env(&self) -> Env {
        self.env.clone()
    }

    /// Returns the library for `project` on this machine.
    pub fn cross(&self, project: &Project) -> Cross {
        Cross::at(project.path()).env(self.env())
    }

    /// Returns every call so far.
    pub fn calls(&self) -> Vec<Call> {
        let text = fs::read_to_string(self.path(RECORD)).unwrap_or_default();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Returns the calls of `program` so far.
    pub fn calls_of(&self, program: &str) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(|call| call.program == program);
        calls
    }

    /// Forgets the calls so far.
    pub fn forget(&self) {
        let _ = fs::remove_file(self.path(RECORD));
    }

    /// Creates the environment of `plan` if it is a directory: small, with the layout of a
    /// distribution.
    pub fn make_environment(&self, plan: &Plan) {
        let EnvironmentLocation::Directory(dir) = &plan.environment.location else {
            return;
        };
        let root = dir.join("root");
        for made in ["usr/bin", "usr/lib", "etc/ssl/certs", "root", "tmp", "var"] {
            fs::create_dir_all(root.join(made)).unwrap();
        }
        for file in ["resolv.conf", "hosts", "passwd", "group"] {
            fs::write(root.join("etc").join(file), "").unwrap();
        }
        for (link, text) in [("bin", "usr/bin"), ("lib", "usr/lib")] {
            symlink(text, root.join(link)).unwrap();
        }
        let manifest = serde_json::json!({
            "schema_version": 1, "name": plan.environment.name, "suite": "bookworm",
            "packages": [], "bytes": 0, "made_at_unix": 0,
        });
        fs::write(dir.join("environment.json"), manifest.to_string()).unwrap();
    }

    /// Returns a redactor that knows the directories of this machine and of `project`.
    pub fn redactor(&self, project: &Project) -> Redactor {
        Redactor::new()
            .path(project.path(), "PROJECT")
            .path(self.dir.path(), "MACHINE")
    }
}

/// Returns the answer of a container CLI about an image that sets `variables` and is labelled as
/// built on `base`. It also answers a query for the id.
fn image(variables: &[(&str, &str)], base: &str) -> Answer {
    let variables = variables
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let facts = serde_json::json!([{
        "Id": "sha256:0",
        "Os": "linux",
        "Architecture": "amd64",
        "Config": {
            "Env": variables.collect::<Vec<_>>(),
            "Labels": { "org.cross-core.base": base },
        },
    }]);
    Answer::says(&format!("{facts}\n"))
}

/// Creates the files of a toolchain, except its programs.
fn install_toolchain(dir: &Path, version: &str) {
    let rustlib = dir.join("lib/rustlib");
    fs::create_dir_all(dir.join("bin")).unwrap();
    for target in crate::TARGETS {
        fs::create_dir_all(rustlib.join(target).join("lib")).unwrap();
    }
    let manifest = format!("\n[pkg.rust]\nversion = \"{version} (4d91de4e4 2025-02-17)\"\n");
    fs::write(rustlib.join("multirust-channel-manifest.toml"), manifest).unwrap();
}

fn env_of(root: &Path) -> Env {
    Env::new()
        .set("PATH", root.join("bin"))
        .set("HOME", root.join("home"))
        .set("CARGO_HOME", root.join("cargo"))
        .set("RUSTUP_HOME", root.join("rustup"))
        .set("CROSS_CACHE_DIR", root.join("cache"))
}
