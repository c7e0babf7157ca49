//! End to end on every real engine: a crate with C code is built, tested under the emulator and run;
//! what it makes is where cargo puts it, for the right machine, and the caller's own.
//!
//! On the sandbox also as a plain user, who makes the environment too: without root, without a
//! daemon, and without anything of root's.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cross_core::{ArtifactKind, Cancel, Env, Target, binary::Binary};
use cross_engine::{Invocation, Variables, process};
use cross_tests::{Leftovers, Project, engines, on_engines, tool};

const TARGET: &str = "aarch64-unknown-linux-gnu";

/// The user who is not root. `cargo xtask setup` does not make users: the machine of the suite does.
const PLAIN_USER: &str = "cross-test";

/// A program that prints what a function in C returned.
fn with_c_code() -> Project {
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
                    [build-dependencies]\ncc = \"1.2\"\n";
    let main = "extern \"C\" { fn pointer_bits_in_c() -> i32; }\n\
                fn bits() -> i32 { unsafe { pointer_bits_in_c() } }\n\
                fn main() { println!(\"C says {} bits on {}\", bits(), std::env::consts::ARCH); }\n\
                #[test]\nfn c_and_rust_agree() { assert_eq!(bits(), usize::BITS as i32); }\n";
    Project::new("app")
        .without("Cargo.lock")
        .file("Cargo.toml", manifest)
        .file("src/main.rs", main)
        .file(
            "build.rs",
            "fn main() { cc::Build::new().file(\"src/bits.c\").compile(\"bits\"); }\n",
        )
        .file(
            "src/bits.c",
            "int pointer_bits_in_c(void) { return 8 * (int)sizeof(void *); }\n",
        )
}

/// The program of `project`, which is for the target's machine and of the user `user`.
#[track_caller]
fn program_of(project: &Project, user: u32) -> PathBuf {
    let program = project.path().join("target").join(TARGET).join("debug/app");
    let target = Target::parse(TARGET).unwrap();
    assert!(Binary::read(&program).unwrap().is_for(target));
    assert_eq!(program.metadata().unwrap().uid(), user);
    program
}

on_engines! { c_code_is_built_tested_and_run }

fn c_code_is_built_tested_and_run(engine: &str) {
    let project = with_c_code();
    let leftovers = Leftovers::of(&project);
    let me = project.outer().metadata().unwrap().uid();
    let cross = project.cross().env(leftovers.env()).engine(engine);

    let built = cross.build(TARGET).run().unwrap();
    let [program] = built.artifacts.as_slice() else {
        panic!("one artifact: {:?}", built.artifacts);
    };
    assert_eq!(program.kind, ArtifactKind::Executable);
    assert_eq!(program.path(), program_of(&project, me));
    assert_eq!(built.engine.kind.name(), engine);

    let tested = cross.test(TARGET).run().unwrap();
    let tests = tested.tests.unwrap();
    assert_eq!((tests.passed, tests.failed), (1, 0));

    cross.run(TARGET).run().unwrap();
    let said = project.recorder().output();
    assert!(said.contains("C says 64 bits on aarch64"), "{said}");
    leftovers.are_none();
}

/// A user of this machine, and the toolchain in their home that reads manifests and fetches.
struct PlainUser {
    id: u32,
    home: PathBuf,
    toolchain: PathBuf,
}

impl PlainUser {
    fn get() -> Self {
        let passwd = fs::read_to_string("/etc/passwd").unwrap();
        let fields: Vec<&str> = passwd
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .find(|fields| fields[0] == PLAIN_USER)
            .unwrap_or_else(|| {
                panic!("this suite needs a user: `useradd --create-home {PLAIN_USER}`")
            });
        let home = PathBuf::from(fields[5]);
        PlainUser {
            id: fields[2].parse().unwrap(),
            toolchain: toolchain_in(&home),
            home,
        }
    }

    /// Runs `command` as this user in `dir`, and returns the last line of what it printed.
    #[track_caller]
    fn run(&self, dir: &Path, command: &[&str]) -> String {
        let run = Invocation::new(tool::on_path("runuser"))
            .args(["-u", PLAIN_USER, "--"])
            .args(command.iter().copied())
            .cwd(dir);
        let said = process::output(&run, &self.variables(), &Cancel::new()).unwrap();
        assert!(
            said.exit.success(),
            "{command:?} as {PLAIN_USER}: {}\n{}{}",
            said.exit,
            said.stdout,
            said.stderr
        );
        said.stdout.lines().last().unwrap_or_default().to_owned()
    }

    /// Nothing of root's, and no engine's socket or configuration.
    fn variables(&self) -> Variables {
        let path = format!("{}/bin:/usr/bin:/bin", self.toolchain.display());
        let ours = Env::new()
            .set("HOME", &self.home)
            .set("USER", PLAIN_USER)
            .set("PATH", path);
        let proxies = cross_tests::real_env();
        let proxies = proxies
            .iter()
            .filter(|(name, _)| name.to_string_lossy().to_lowercase().ends_with("_proxy"));
        ours.iter()
            .chain(proxies)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}

/// The toolchain of the tests, for a user who may not look into root's home: linked where it is on
/// the same file system, else copied. It stays for the next time.
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

/// Gives everything below `dir` to the plain user and their group.
fn give(dir: &Path) {
    let owner = format!("{PLAIN_USER}:");
    let chown = Invocation::new("chown").args(["-R", &owner, dir.to_str().unwrap()]);
    tool::stdout(&chown);
}

#[test]
fn a_plain_user_without_any_daemon_does_the_main_job() {
    engines::need("sandbox");
    let user = PlainUser::get();
    let project = with_c_code();
    let leftovers = Leftovers::of(&project).of_user(user.id);
    let caller = project.outer().join("caller");
    fs::copy(env!("CARGO_BIN_EXE_caller"), &caller).unwrap();
    give(project.outer());

    let caller = caller.to_str().unwrap();
    let outcome = |verb: &str| {
        let last = user.run(project.path(), &[caller, verb, "auto", TARGET]);
        let said: serde_json::Value = serde_json::from_str(&last).unwrap();
        said["outcome"].clone()
    };
    let built = outcome("build");
    assert_eq!(built["engine"]["kind"], "sandbox");
    assert_eq!(built["engine"]["rootless"], true);
    let program = program_of(&project, user.id);
    assert_eq!(built["artifacts"][0]["path"], program.to_str().unwrap());
    let tested = outcome("test");
    assert_eq!(tested["tests"]["passed"], 1);
    assert_eq!(tested["tests"]["failed"], 0);
    assert!(outcome("run").is_object());

    leftovers.are_none();
    let cache = user.home.join(".cache/cross-core");
    let name = built["environment"]["name"].as_str().unwrap();
    assert!(cache.join("environments").join(name).exists());
    let foreign = Invocation::new("find")
        .arg(cache.to_str().unwrap())
        .args(["-not", "-user", PLAIN_USER]);
    assert_eq!(tool::stdout(&foreign), "", "files of others in the cache");
}
