//! Applications whose build scripts build a program for another target and embed it. The build
//! scripts are those in docs/embedding.md, and cargo runs them in every way.
//!
//! The applications share the target directory of the suites, so that the library is compiled once
//! for all build scripts.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cross_engine::process::Output;
use cross_engine::{Cancel, Invocation, Variables};
use cross_tests::{Leftovers, Project, engines, tool};

const AARCH64: &str = "aarch64-unknown-linux-gnu";
const HOST: &str = "x86_64-unknown-linux-gnu";
/// The `e_machine` of ELF files for AArch64.
const EM_AARCH64: u16 = 183;
/// The `e_machine` of ELF files for x86-64.
const EM_X86_64: u16 = 62;
/// The time limit of a build, which only a deadlock reaches.
const LIMIT: Duration = Duration::from_secs(420);

/// The application, which prints what it embeds.
const APPLICATION: &str = r#"
static FIRMWARE: &[u8] = include_bytes!(env!("VARIABLE"));

fn told() -> String {
    if FIRMWARE.is_empty() {
        return "nothing".to_owned();
    }
    let machine = u16::from_le_bytes([FIRMWARE[18], FIRMWARE[19]]);
    let text = String::from_utf8_lossy(FIRMWARE);
    let (_, text) = text.split_once("[says:").expect("the firmware speaks");
    format!("machine {machine} says {}", text.split(']').next().unwrap())
}

fn main() {
    println!("{}", told());
}

#[test]
fn it_is_embedded() {
    assert!(told().starts_with("machine"), "{}", told());
}
"#;

/// The build script of the firmware, for the oldest cargo in a recipe.
const FIRMWARE_BUILD: &str = r#"fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:warning=said by the firmware's script");
    for name in ["NUM_JOBS", "CROSS_CORE_ACTIVE"] {
        println!("cargo:rustc-env=IT_{name}={}", std::env::var(name).unwrap_or_default());
    }
}
"#;

fn firmware(word: &str) -> String {
    format!(
        "static TEXT: &str = concat!(\"[says:{word} jobs=\", env!(\"IT_NUM_JOBS\"), \" within=\", \
         env!(\"IT_CROSS_CORE_ACTIVE\"), \"]\");\n\
         fn main() {{ println!(\"{{}}\", std::hint::black_box(TEXT)); }}\n"
    )
}

/// Returns the `nth` build script in docs/embedding.md, for `target`.
fn documented(nth: usize, target: &str) -> String {
    let text = fs::read_to_string(tool::repository().join("docs/embedding.md")).unwrap();
    let mut shown = text.split("```rust,no_run\n// build.rs\n").skip(1);
    let script = shown.nth(nth).unwrap().split("```").next().unwrap();
    assert!(script.contains("thumbv7em-none-eabihf"), "{script}");
    script.replace("thumbv7em-none-eabihf", target)
}

/// Returns the manifest of an application in a workspace of `members`.
fn manifest(name: &str, members: &str) -> String {
    let library = tool::repository().join("cross-core");
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
         [workspace]\nmembers = [{members}]\n\
         [build-dependencies]\ncross-core = {{ path = {library:?}, features = [\"build-script\"] }}\n"
    )
}

/// An application in a temporary directory, and the cargo that builds it.
struct Application {
    project: Project,
    leftovers: Leftovers,
    variables: Variables,
}

impl Application {
    fn new(name: &str, variable: &str, script: &str) -> Self {
        engines::need("sandbox");
        let lock = fs::read_to_string(tool::repository().join("Cargo.lock")).unwrap();
        let project = Project::new(name)
            .file("Cargo.lock", &lock)
            .file("build.rs", script)
            .file("src/main.rs", &APPLICATION.replace("VARIABLE", variable))
            .file("firmware/build.rs", FIRMWARE_BUILD)
            .file("firmware/src/main.rs", &firmware("one"));
        let leftovers = Leftovers::of(&project);
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let env = leftovers
            .env()
            .set("CARGO_TARGET_DIR", target)
            .set("CROSS_CONTAINER_ENGINE", "sandbox");
        let variables = env.iter();
        Application {
            variables: variables
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            project,
            leftovers,
        }
    }

    fn file(mut self, path: &str, text: &str) -> Self {
        self.project = self.project.file(path, text);
        self
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(self.path(path), text).unwrap();
    }

    fn path(&self, path: &str) -> PathBuf {
        self.project.path().join(path)
    }

    /// Runs cargo with additional variables.
    fn cargo_with(&self, words: &str, variables: &[(&str, &str)]) -> Output {
        let cargo = Invocation::new(tool::cargo())
            .args(words.split(' '))
            .cwd(self.project.path());
        let set = |command: Invocation, (name, value): &(&str, &str)| command.env(*name, *value);
        let cargo = variables.iter().fold(cargo, set);
        let cancel = Cancel::new().with_deadline(LIMIT);
        cross_engine::process::output(&cargo, &self.variables, &cancel)
            .unwrap_or_else(|error| panic!("`cargo {words}`: {error}"))
    }

    #[track_caller]
    fn succeeds_with(&self, words: &str, variables: &[(&str, &str)]) -> Output {
        let said = self.cargo_with(words, variables);
        assert!(
            said.exit.success(),
            "`cargo {words}`: {}\n{}",
            said.exit,
            said.stderr
        );
        said
    }

    /// Runs cargo with its log of fingerprints, and returns what happened.
    #[track_caller]
    fn ran(&self, words: &str) -> Ran {
        let said = self.succeeds_with(&format!("{words} --verbose"), &[]);
        let is_run =
            |line: &str| line.contains("Running `") && line.contains("/build-script-build`");
        Ran {
            script: said.stderr.lines().any(is_run),
            stdout: said.stdout,
            stderr: said.stderr,
        }
    }

    /// Checks whether the build script runs for `cargo <words>`, and the output.
    #[track_caller]
    fn runs(&self, words: &str, script: bool, stdout: &str) {
        let ran = self.ran(words);
        let got = (ran.script, ran.stdout.as_str());
        assert_eq!(got, (script, stdout), "`cargo {words}`: {}", ran.stderr);
    }

    #[track_caller]
    fn fails(&self, words: &str) -> String {
        let said = self.cargo_with(words, &[]);
        assert!(!said.exit.success(), "`cargo {words}`: {}", said.stderr);
        said.stderr
    }
}

/// The result of a cargo command.
struct Ran {
    /// Whether the build script ran.
    script: bool,
    stdout: String,
    stderr: String,
}

/// The output of the application for a firmware.
fn says(machine: u16, word: &str, jobs: u32, package: &str) -> String {
    format!("machine {machine} says {word} jobs={jobs} within={package}\n")
}

#[test]
fn a_firmware_in_a_workspace_of_its_own() {
    let app = Application::new("embedder", "FIRMWARE", &documented(1, AARCH64))
        .file("Cargo.toml", &(manifest("embedder", "") + "[lints.rust]\nwarnings = \"deny\"\n"))
        .file(
            "firmware/Cargo.toml",
            "[package]\nname = \"firmware\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
        )
        .file(
            "firmware/Cargo.lock",
            // Exactly as cargo writes it, so that cargo does not rewrite it during the build.
            "# This file is automatically @generated by Cargo.\n\
             # It is not intended for manual editing.\nversion = 3\n\n\
             [[package]]\nname = \"firmware\"\nversion = \"0.1.0\"\n",
        )
        .file("firmware/Cross.toml", "[build]\ntoolchain = \"image\"\n");
    let said = |word: &str| says(EM_AARCH64, word, 1, "embedder");

    // With one job, the build waits neither for a lock nor for a token of the jobserver.
    app.runs("run -j1", true, &said("one"));
    // Nothing changed, so the build script does not run.
    app.runs("run", false, &said("one"));
    // Check and build share the output of the build script.
    app.runs("check", false, "");

    app.write("firmware/src/main.rs", &firmware("two"));
    app.runs("check", true, "");
    app.runs("run --offline", false, &said("two"));
    app.write("firmware/src/main.rs", &firmware("three"));
    app.runs("run --offline --locked", true, &said("three"));

    flags_of_the_outer_cargo_apply(&app);
    a_skipped_build_is_reported(&app);
    nextest_runs_its_tests(&app);
    app.leftovers.are_none();
}

/// An outdated lock file is updated, except with `--locked`.
fn flags_of_the_outer_cargo_apply(app: &Application) {
    let lock = || fs::read_to_string(app.path("firmware/Cargo.lock")).unwrap();
    let manifest = fs::read_to_string(app.path("firmware/Cargo.toml")).unwrap();
    app.write("firmware/Cargo.toml", &manifest.replace("0.1.0", "0.2.0"));
    let before = lock();
    let said = app.fails("build --locked");
    assert!(said.contains("dependencies cannot be fetched"), "{said}");
    assert_eq!(lock(), before);
    app.runs("build", true, "");
    assert!(lock().contains("0.2.0"));
    // The build itself has written the lock file, which is no reason to build again.
    app.runs("build", false, "");
}

/// A skipped build has a warning, and ends when its reason is gone.
fn a_skipped_build_is_reported(app: &Application) {
    let skip = [("CROSS_SKIP_BUILD_SCRIPT", "1")];
    let said = app.succeeds_with("run --quiet", &skip);
    assert_eq!(said.stdout, "nothing\n");
    let docs = app.succeeds_with("run --quiet", &[("DOCS_RS", "1")]);
    assert_eq!(docs.stdout, "nothing\n");
    let ran = app.ran("run");
    assert!(
        ran.script && ran.stdout.starts_with("machine 183 says three"),
        "{}",
        ran.stderr
    );

    // Clippy only checks, so a firmware that does not compile is no failure.
    app.write("firmware/src/main.rs", "this is no Rust");
    app.succeeds_with("clippy", &[]);
    let said = app.fails("build");
    assert!(said.contains("cargo build failed"), "{said}");
    app.write("firmware/src/main.rs", &firmware("four"));
}

/// Cargo compiles the tests and runs them with nextest's variables. Nextest itself runs them, too,
/// if it is installed.
fn nextest_runs_its_tests(app: &Application) {
    let nextest = [
        ("NEXTEST", "1"),
        ("NEXTEST_EXECUTION_MODE", "process-per-test"),
        ("NEXTEST_PROFILE", "default"),
        ("NEXTEST_RUN_ID", "00000000-0000-0000-0000-000000000000"),
    ];
    app.succeeds_with(
        "test --no-run --message-format json-render-diagnostics",
        &nextest,
    );
    let said = app.succeeds_with("test", &nextest);
    assert!(said.stdout.contains("1 passed"), "{}", said.stdout);
    tool::on_path("cargo-nextest");
    let said = app.succeeds_with("nextest run", &[]);
    assert!(said.stderr.contains("1 passed"), "{}", said.stderr);
}

#[test]
fn a_firmware_in_the_applications_workspace() {
    let lines = "[package]\nname = \"firmware\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
    let app = Application::new("carrier", "BIN_FILE_FIRMWARE", &documented(0, HOST))
        .file("Cargo.toml", &manifest("carrier", "\"firmware\""))
        .file("Cross.toml", "[target.s390x-linux-gnu]\n")
        .file("firmware/Cargo.toml", lines);
    let said = |word: &str| says(EM_X86_64, word, 2, "carrier");
    app.runs("run -j2", true, &said("one"));
    app.runs("run", false, &said("one"));
    // The variable has a stand-in where nothing is built.
    app.write("firmware/src/main.rs", "this is no Rust");
    let skipped = app.succeeds_with("run --quiet", &[("CROSS_SKIP_BUILD_SCRIPT", "1")]);
    assert_eq!(skipped.stdout, "nothing\n");
    app.write("firmware/src/main.rs", &firmware("one"));
    // All members, including the firmware for the host. Cargo shows the warnings of the plan.
    let checked = app.succeeds_with("check --workspace --locked --offline", &[]);
    let warning = "warning: carrier@0.1.0: ";
    let warned = checked
        .stderr
        .lines()
        .find(|line| line.starts_with(warning));
    assert!(
        warned.unwrap().contains("s390x-linux-gnu"),
        "{}",
        checked.stderr
    );
    // And those of the inner build script.
    let said = "said by the firmware's script";
    let is_said = |line: &str| line.starts_with(warning) && line.ends_with(said);
    assert!(checked.stderr.lines().any(is_said), "{}", checked.stderr);

    // Without another package, the build script asks to build its own package.
    app.write(
        "Cargo.toml",
        &manifest("carrier", "").replace("[workspace]", "[workspace]\nexclude = [\"firmware\"]"),
    );
    let said = app.fails("build");
    assert!(said.contains("asks to build `carrier` itself"), "{said}");
    assert!(
        said.contains("help: put the embedded program in a package of its own"),
        "{said}"
    );
    app.leftovers.are_none();
}

/// A build script whose `main` returns the error.
const RETURNING: &str = r#"fn main() -> cross_core::Result<()> {
    let script = cross_core::build_script::BuildScript::discover()?.project("firmware");
    print!("{}", script.build("TARGET").rustc_env("FIRMWARE").run()?);
    Ok(())
}
"#;

/// Both ways of a build script to tell a failure: `report`, and an error that `main` returns.
#[test]
fn what_the_inner_compiler_says_is_shown_with_file_and_line() {
    for (name, script) in [
        ("reporting", documented(1, AARCH64)),
        ("returning", RETURNING.replace("TARGET", AARCH64)),
    ] {
        let app = Application::new(name, "FIRMWARE", &script)
            .file("Cargo.toml", &manifest(name, ""))
            .file(
                "firmware/Cargo.toml",
                "[package]\nname = \"firmware\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n",
            )
            .file("firmware/Cross.toml", "[build]\ntoolchain = \"image\"\n");
        app.write("firmware/src/main.rs", "fn main() {\n    let it = ;\n}\n");
        let said = app.fails("build");
        for words in ["expected expression", "src/main.rs:2:14"] {
            assert!(said.contains(words), "{name}: {words} in {said}");
        }
        app.write(
            "firmware/src/main.rs",
            "fn main() {\n    let unused = 1;\n    println!(\"[says:x]\");\n}\n",
        );
        let said = app.succeeds_with("build", &[]).stderr;
        for words in ["unused variable", "src/main.rs:2:9"] {
            assert!(said.contains(words), "{name}: {words} in {said}");
        }
    }
}
