//! ripgrep from the crate registry: built for aarch64 on every engine, tested under the emulator,
//! and run on a file.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cross_core::{Cross, binary::Binary, targets::Target};
use cross_engine::Invocation;
use cross_tests::{Leftovers, Project, ambient, on_engines, tool};

const TARGET: &str = "aarch64-unknown-linux-gnu";
const VERSION: &str = "14.1.1";

/// Fetches the crate as a dependency, and returns the directory where cargo unpacked it.
fn source() -> &'static Path {
    static SOURCE: OnceLock<PathBuf> = OnceLock::new();
    SOURCE.get_or_init(|| {
        let manifest = format!(
            "[package]\nname = \"fetch\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
             [dependencies]\nripgrep = \"={VERSION}\"\n"
        );
        let project = Project::new("fetch").file("Cargo.toml", &manifest);
        let project = project.without("Cargo.lock");
        let fetch = Invocation::new(tool::cargo()).arg("fetch");
        tool::stdout(&fetch.cwd(project.path()));
        // Cargo does not report the directory of a package without a library.
        let home = ambient::variable("CARGO_HOME").map(PathBuf::from);
        let home = home
            .unwrap_or_else(|| PathBuf::from(ambient::variable("HOME").unwrap()).join(".cargo"));
        let sources = fs::read_dir(home.join("registry/src")).unwrap();
        sources
            .map(|source| source.unwrap().path().join(format!("ripgrep-{VERSION}")))
            .find(|source| source.join("Cargo.toml").exists())
            .unwrap()
    })
}

/// A copy of the crate in its own directory.
struct Ripgrep {
    project: Project,
    leftovers: Leftovers,
    cross: Cross,
}

impl Ripgrep {
    fn on(engine: &str) -> Self {
        let project = Project::new("ripgrep");
        let leftovers = Leftovers::of(&project);
        fs::remove_dir_all(project.path()).unwrap();
        let copy = [
            "-r",
            source().to_str().unwrap(),
            project.path().to_str().unwrap(),
        ];
        tool::stdout(&Invocation::new("cp").args(copy));
        // Without debug information, it compiles in half the time.
        let env = leftovers
            .env()
            .set("CARGO_PROFILE_DEV_DEBUG", "0")
            .set("CARGO_INCREMENTAL", "0");
        let cross = project.cross().env(env).engine(engine);
        Ripgrep {
            project,
            leftovers,
            cross,
        }
    }

    /// Runs `rg` on a file of the project, and returns what it printed.
    fn search(&self) -> String {
        let file = self.project.path().join("poem.txt");
        fs::write(&file, "one line\nanother LINE\nnothing\n").unwrap();
        let run = self.cross.run(TARGET).locked(true);
        run.args(["--ignore-case", "--line-number", "line$", "poem.txt"])
            .run()
            .unwrap();
        self.project.recorder().output()
    }
}

on_engines! { @ is_built_and_run docker podman }
on_engines! { @ is_built_tested_and_run sandbox }

fn is_built_and_run(engine: &str) {
    is_built_and_run_in(&Ripgrep::on(engine));
}

fn is_built_and_run_in(ripgrep: &Ripgrep) {
    let built = ripgrep.cross.build(TARGET).locked(true).run().unwrap();
    let program = built.executables().next().unwrap();
    let usual = ripgrep.project.path().join("target").join(TARGET);
    assert_eq!(program.path, usual.join("debug/rg"));
    let is = Binary::read(&program.path).unwrap();
    assert!(is.is_for(Target::parse(TARGET).unwrap()), "{is:?}");
    let printed = ripgrep.search();
    for line in ["1:one line", "2:another LINE"] {
        assert!(
            printed.lines().any(|printed_line| printed_line == line),
            "{line} in {printed}"
        );
    }
    assert!(!printed.contains("nothing"), "{printed}");
    ripgrep.leftovers.are_none();
}

/// The unit tests run under the emulator. The other tests start `rg` by a path that only a machine
/// of the target can execute.
fn is_built_tested_and_run(engine: &str) {
    let ripgrep = Ripgrep::on(engine);
    let unit = ripgrep
        .cross
        .test(TARGET)
        .locked(true)
        .cargo_args(["--bins"]);
    let tests = unit.run().unwrap().tests.unwrap();
    assert!(tests.passed >= 100, "{tests:?}");
    assert_eq!(tests.failed, 0, "{tests:?}");
    is_built_and_run_in(&ripgrep);
}
