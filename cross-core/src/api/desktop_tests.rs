//! Plans as a user of Docker Desktop gets them, on each system that runs the unit tests.
//!
//! The machine's programs are scripts of that system, which print recorded answers. The
//! engine is another kernel's, and of another architecture than most callers'.

use std::fs;
use std::path::{Path, PathBuf};

use cross_config::Env;
use cross_engine::os;
use serde_json::json;

use crate::model::error::Result;
use crate::plan::plan::Plan;
use crate::request::cross::Cross;

const IS_WINDOWS: bool = matches!(os::System::HERE, os::System::Windows);
const TARGET: &str = "riscv64gc-unknown-linux-gnu";
const IMAGE: &str = "CROSS_TARGET_RISCV64GC_UNKNOWN_LINUX_GNU_IMAGE";
const VERSION: &str = "27.3.1|linux/arm64|Engine containerd runc docker-init |6.10.11-linuxkit|\
                       Docker Desktop 4.35.1 (173168)";

/// A user's machine with Docker Desktop and rustup, on which nothing was built yet.
struct Desktop {
    _dir: tempfile::TempDir,
    root: PathBuf,
    env: Env,
}

impl Desktop {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = os::canonical(dir.path()).unwrap();
        for made in ["bin", "My Home", "rustup/toolchains", "App/src"] {
            fs::create_dir_all(root.join(made)).unwrap();
        }
        // As editors of Windows write it.
        let config = format!("[target.{TARGET}]\r\npre-build = [\"echo one\"]\r\n");
        let app = root.join("App");
        for (name, text) in [
            ("Cargo.toml", "[package]\r\nname = \"app\"\r\n"),
            ("src/main.rs", "fn main() {}\r\n"),
            ("Cross.toml", &config),
        ] {
            fs::write(app.join(name), text).unwrap();
        }
        let own = "default_toolchain = \"stable\"\n";
        fs::write(root.join("rustup/settings.toml"), own).unwrap();
        let env = Env::new()
            .set("PATH", root.join("bin"))
            .set(os::System::HERE.home_variable(), root.join("My Home"))
            .set("RUSTUP_HOME", root.join("rustup"))
            .set("CROSS_CACHE_DIR", root.join("cache"));
        let desktop = Desktop {
            _dir: dir,
            root,
            env,
        };
        let metadata = desktop.metadata().to_string();
        desktop.program("cargo", &[("metadata", &metadata)]);
        desktop.program("rustup", &[]);
        desktop.program("docker", &[("version", VERSION)]);
        desktop
    }

    /// Installs a program that prints a text if its first word is the one before that, and fails
    /// otherwise.
    fn program(&self, name: &str, answers: &[(&str, &str)]) {
        let bin = self.root.join("bin");
        let mut script = String::new();
        for (word, text) in answers {
            let answer = format!("{name}-{word}");
            fs::write(bin.join(&answer), text).unwrap();
            script += &match IS_WINDOWS {
                true => format!("if \"%1\"==\"{word}\" (type \"%~dp0{answer}\" & exit /b 0)\r\n"),
                false => format!(
                    "[ \"$1\" != {word} ] || exec /bin/cat '{}/{answer}'\n",
                    bin.display()
                ),
            };
        }
        match IS_WINDOWS {
            true => {
                let script = format!("@echo off\r\n{script}exit /b 1\r\n");
                fs::write(bin.join(format!("{name}.cmd")), script).unwrap();
            }
            false => {
                let path = bin.join(name);
                fs::write(&path, format!("#!/bin/sh\n{script}exit 1\n")).unwrap();
                os::set_mode(&path, 0o755).ok();
            }
        }
    }

    /// The answer of cargo about the project.
    fn metadata(&self) -> serde_json::Value {
        let app = self.root.join("App");
        json!({
            "packages": [{
                "id": "path+file:///app#0.1.0", "name": "app", "version": "0.1.0", "source": null,
                "manifest_path": app.join("Cargo.toml"), "dependencies": [],
                "targets": [{ "name": "app", "kind": ["bin"], "src_path": app.join("src/main.rs") }],
            }],
            "workspace_members": ["path+file:///app#0.1.0"],
            "workspace_default_members": ["path+file:///app#0.1.0"],
            "workspace_root": app,
            "target_directory": app.join("target"),
        })
    }

    fn cross(&self) -> Cross {
        Cross::at(self.root.join("App"))
            .env(self.env.clone())
            .engine("docker")
    }

    fn plan(&self) -> Result<Plan> {
        self.cross().test(TARGET).plan()
    }

    /// The place of `path` in a container.
    fn inside(path: &Path) -> String {
        let place = os::System::HERE.inside(path).unwrap();
        place.to_str().unwrap().to_owned()
    }

    /// Asserts that the last command of `plan` mounts `path` at its place.
    fn mounts(plan: &Plan, path: &Path) {
        let option = format!("src={},dst={}", path.display(), Desktop::inside(path));
        let mut mounts = run_of(plan);
        mounts.retain(|word| word.starts_with("type="));
        assert!(
            mounts.iter().any(|word| word.contains(&option)),
            "{option} in {mounts:#?}"
        );
    }
}

/// The words of the last command, which runs in a container.
fn run_of(plan: &Plan) -> Vec<String> {
    plan.commands().last().unwrap().args.clone()
}

#[test]
fn a_recipe_becomes_an_image_with_the_engines_compilers_and_toolchain() {
    let desktop = Desktop::new();
    let plan = desktop.plan().unwrap();
    let purposes = plan.steps.iter().map(|step| step.purpose.as_str());
    assert_eq!(
        purposes.take(3).collect::<Vec<_>>(),
        [
            "install the toolchain stable-aarch64-unknown-linux-gnu",
            "install the target's std",
            "make the environment"
        ],
        "{plan}"
    );
    let making = plan.steps[2].command.as_ref().unwrap();
    assert_eq!(making.args[0], "build", "{making}");
    assert!(plan.engine.own_kernel);
    let mut configured = plan
        .explain()
        .iter()
        .filter(|row| row.value.contains("echo one"));
    assert!(configured.all(|row| !row.value.contains('\r')) && !plan.to_string().contains('\r'));
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
    let run = run_of(&plan);
    Desktop::mounts(&plan, &desktop.root.join("App"));
    Desktop::mounts(&plan, &plan.target_dir);
    let at = run.iter().position(|word| word == "--workdir").unwrap();
    assert_eq!(run[at + 1], Desktop::inside(&desktop.root.join("App")));
}

#[test]
fn an_image_of_the_users_is_run_as_it_is() {
    let mut desktop = Desktop::new();
    desktop.env = desktop.env.set(IMAGE, "example/image:1");
    let image = json!([{ "Id": "sha256:0", "Os": "linux", "Architecture": "arm64", "Config": { "Env": [] } }]);
    desktop.program(
        "docker",
        &[("version", VERSION), ("image", &image.to_string())],
    );
    fs::remove_file(desktop.root.join("App/Cross.toml")).unwrap();
    let plan = desktop.plan().unwrap();
    assert!(plan.environment.exists, "{plan}");
    let run = run_of(&plan);
    assert!(run.contains(&"example/image:1".to_owned()), "{run:#?}");
}

#[test]
fn a_cargo_home_elsewhere_is_mounted_where_it_is() {
    let mut desktop = Desktop::new();
    desktop.env = desktop
        .env
        .set("CARGO_HOME", desktop.root.join("Cargo Home"));
    let plan = desktop.plan().unwrap();
    Desktop::mounts(&plan, &desktop.root.join("Cargo Home").join("registry"));
}

#[test]
fn a_user_without_a_home_is_told_what_to_set() {
    let desktop = Desktop::new();
    let variables = ["PATH", "RUSTUP_HOME", "CROSS_CACHE_DIR"];
    let env = variables.into_iter().fold(Env::new(), |env, name| {
        env.set(name, desktop.env.get_str(name).unwrap())
    });
    let error = Desktop { env, ..desktop }.plan().unwrap_err();
    let variable = os::System::HERE.home_variable();
    assert!(error.to_string().contains(variable), "{error}");
    assert!(error.help().unwrap().contains(variable), "{error}");
}
