//! What a developer sets for cargo, the compiler and tests has its effect, or is named.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use cross_core::events::EventKind;
use cross_tests::{Project, on_engines, tool};

use super::TARGET;

on_engines! { @ variables_for_compiler_and_tests_reach_them sandbox docker }
on_engines! { a_test_finds_this_machine_by_its_name }
on_engines! { @ a_variable_that_names_a_program_of_the_host_is_named sandbox }
on_engines! { @ a_value_that_is_not_utf8_is_named sandbox }
on_engines! { @ a_variable_that_is_read_and_reaches_no_run_is_named sandbox }
on_engines! { @ a_variable_that_a_dependency_reads_is_named sandbox }
on_engines! { @ manifests_are_read_by_the_cargo_that_is_configured sandbox }
on_engines! { @ a_profile_that_is_not_written_is_told sandbox }
on_engines! { @ doctests_run_or_are_said_to_be_left_out sandbox }
on_engines! { @ clippy_that_an_environment_lacks_is_named_with_its_remedy sandbox }

const PASSED: [(&str, &str); 6] = [
    ("RUST_MIN_STACK", "16777216"),
    ("RUSTC_BOOTSTRAP", "0"),
    ("RUST_TEST_TIME_INTEGRATION", "1000,2000"),
    ("INSTA_UPDATE", "no"),
    ("PROPTEST_CASES", "7"),
    ("TZ", "UTC"),
];

/// Prints, while it is compiled and while it runs, the variables that it sees.
const SHOW: &str = "    for name in [\"RUST_MIN_STACK\", \"RUSTC_BOOTSTRAP\", \
     \"RUST_TEST_TIME_INTEGRATION\", \"INSTA_UPDATE\", \"PROPTEST_CASES\", \"TZ\"] {
        text += &format!(\"{name}={};\", std::env::var(name).unwrap_or_default());
    }
";

fn variables_for_compiler_and_tests_reach_them(engine: &'static str) {
    let main = format!(
        "fn main() {{\n    let mut text = String::new();\n{SHOW}    println!(\"{{}}\", env!(\"SEEN\"));\n    \
         println!(\"{{text}}\");\n}}\n"
    );
    let build = format!(
        "fn main() {{\n    let mut text = String::new();\n{SHOW}    \
         println!(\"cargo::rustc-env=SEEN={{text}}\");\n}}\n"
    );
    let project = Project::new("app")
        .file("src/main.rs", &main)
        .file("build.rs", &build);
    let set = |env: cross_core::Env, (name, value): &(&str, &str)| env.set(name, value);
    let env = PASSED.iter().fold(cross_tests::real_env(), set);
    let cross = project.cross().env(env).engine(engine);
    let ran = cross.run(TARGET).capture(true).run().unwrap();
    let all: String = PASSED
        .iter()
        .map(|(name, value)| format!("{name}={value};"))
        .collect();
    assert_eq!(ran.stdout.as_deref(), Some(&*format!("{all}\n{all}\n")));
}

/// Plain cargo gives all variables to what it compiles and runs: another version would be built,
/// and a test would skip what it is there for.
fn a_variable_that_is_read_and_reaches_no_run_is_named(engine: &'static str) {
    let mut project = Project::new("app")
        .file(
            "build.rs",
            "fn main() { println!(\"cargo::rerun-if-env-changed=OF_SCRIPT\"); }\n",
        )
        .file(
            "src/main.rs",
            "fn main() { println!(\"{:?} {:?}\", option_env!(\"OF_CRATE\"), option_env!(\"OF_CONFIG\")); }\n",
        )
        .file(
            "tests/it.rs",
            "#[test]\nfn it() { if std::env::var(\"OF_TEST\").is_ok() { panic!() } }\n",
        )
        .file(
            ".cargo/config.toml",
            "[env]\nOF_CONFIG = \"config\"\nFORCED = { value = \"config\", force = true }\n",
        );
    let names = [
        "OF_SCRIPT",
        "OF_CRATE",
        "OF_TEST",
        "OF_CONFIG",
        "FORCED",
        "UNREAD",
    ];
    let set = |env: cross_core::Env, name: &&str| env.set(name, "set");
    let env = names.iter().fold(cross_tests::real_env(), set);
    let told = |project: &Project| {
        let cross = project.cross().env(env.clone()).engine(engine);
        let plan = cross.test(TARGET).plan().unwrap();
        let warning = plan.warnings.into_iter().find(|it| it.code == "variable");
        warning.map(|it| (it.message, it.help.unwrap()))
    };
    let (message, help) = told(&project).unwrap();
    for read in [
        "OF_SCRIPT (`build.rs`)",
        "OF_CRATE (`src/main.rs`)",
        "OF_TEST (`tests/it.rs`)",
        "OF_CONFIG (`",
    ] {
        assert!(message.contains(read), "{message}");
    }
    assert!(!message.contains("FORCED") && !message.contains("UNREAD"));
    // What the help says is enough.
    let list = help.split('`').nth(1).unwrap().to_owned();
    project = project.cross_toml(&format!("[build.env]\n{list}\n"));
    assert_eq!(told(&project), None);
    let cross = project.cross().env(env.clone()).engine(engine);
    let ran = cross.run(TARGET).capture(true).run().unwrap();
    assert_eq!(ran.stdout.unwrap(), "Some(\"set\") Some(\"set\")\n");
}

/// The crates are those of a directory, as `cargo vendor` makes it.
fn a_variable_that_a_dependency_reads_is_named(engine: &'static str) {
    let script = "fn env_inner(name: &str) -> Option<String> { std::env::var(name).ok() }\nfn main() {\n    \
        println!(\"cargo::metadata=dir={:?}\", env_inner(\"ZED_DIR\"));\n    \
        println!(\"cargo::metadata=static={:?}\", env_inner(\"ZED_STATIC\"));\n}\n";
    let source = "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"vendor\"\n";
    let manifest = "[package]\nname = \"zed-sys\"\nversion = \"1.0.0\"\nedition = \"2021\"\nlinks = \"zed\"\n\
        build = \"build/main.rs\"\n";
    let app = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nzed-sys = \"1\"\n";
    let project = Project::new("app")
        .file("Cargo.toml", app)
        .without("Cargo.lock")
        .file(".cargo/config.toml", source)
        .file("vendor/zed-sys/Cargo.toml", manifest)
        .file("vendor/zed-sys/src/lib.rs", "")
        .file("vendor/zed-sys/build/main.rs", script)
        .file("vendor/zed-sys/.cargo-checksum.json", "{\"files\":{}}");
    let dir = project.outer().join("zed");
    std::fs::create_dir(&dir).unwrap();
    let env = cross_tests::real_env().set("ZED_STATIC", "1");
    let env = env.set("ZED_DIR", dir.to_str().unwrap());
    let build = |project: &Project| {
        project
            .cross()
            .env(env.clone())
            .engine(engine)
            .build(TARGET)
    };
    // The first build makes the lock file.
    build(&project).run().unwrap();
    let told = |project: &Project| {
        let plan = build(project).plan().unwrap();
        let mut warnings = plan.warnings.into_iter();
        let warning = warnings.find(|it| it.code == "variable")?;
        Some((warning.message, warning.help.unwrap()))
    };
    let (message, help) = told(&project).unwrap();
    for read in ["ZED_DIR", "ZED_STATIC"] {
        let read = format!("{read} (`zed-sys-1.0.0/build/main.rs`)");
        assert!(message.contains(&read), "{message}");
    }
    // What the help says is enough.
    let lists: Vec<_> = help.split('`').filter(|it| it.contains(" = [")).collect();
    let project = project.cross_toml(&format!("[build.env]\n{}\n", lists.join("\n")));
    assert_eq!(told(&project), None);
    build(&project).run().unwrap();
}

/// An unstable feature of cargo's in a manifest is for nightly's alone.
fn manifests_are_read_by_the_cargo_that_is_configured(engine: &'static str) {
    let manifest = "cargo-features = [\"profile-rustflags\"]\n[package]\nname = \"app\"\nversion = \"0.1.0\"\n\
        edition = \"2021\"\n[profile.dev]\nrustflags = []\n";
    let project = Project::new("app").file("Cargo.toml", manifest);
    // A toolchain whose cargo accepts such features.
    let toolchain = project.outer().join("unstable");
    let bin = toolchain.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    symlink(tool::rustc(), bin.join("rustc")).unwrap();
    let cargo = tool::cargo();
    let cargo = format!(
        "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec {} \"$@\"\n",
        cargo.display()
    );
    std::fs::write(bin.join("cargo"), cargo).unwrap();
    std::fs::set_permissions(bin.join("cargo"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let plan = |toolchain: &str| {
        let cross = project.cross().engine(engine).toolchain(toolchain);
        cross.build(TARGET).plan()
    };
    let error = plan("host").unwrap_err();
    assert!(error.to_string().contains("nightly"), "{error}");
    plan(toolchain.to_str().unwrap()).unwrap();
    // As well if a file says so.
    let key = format!("[build]\ntoolchain = \"{}\"\n", toolchain.display());
    let project = project.cross_toml(&key);
    let cross = cross_core::Cross::at(project.path()).env(cross_tests::real_env());
    cross.engine(engine).build(TARGET).plan().unwrap();
}

/// A program that is compiled for coverage succeeds without it.
fn a_profile_that_is_not_written_is_told(engine: &'static str) {
    let project = Project::new("app").file("profiles/README", "");
    let project = project.cross_toml("[build]\nwritable = [\"profiles\"]\n");
    let run = |profile: &std::path::Path| {
        let env = cross_tests::real_env().set("RUSTFLAGS", "-Cinstrument-coverage");
        let env = env.set("LLVM_PROFILE_FILE", profile);
        let cross = project.cross().env(env).engine(engine).toolchain("host");
        cross.run(TARGET).run().unwrap();
        let events = project.recorder().events();
        let is_told = |event: &cross_core::events::Event| match &event.kind {
            EventKind::Warning { code, help, .. } => {
                code == "denied-write" && help.as_ref().is_some_and(|it| it.contains("writable"))
            }
            _ => false,
        };
        events.iter().filter(|event| is_told(event)).count()
    };
    assert_eq!(run(&project.path().join("none/app.profraw")), 1);
    let profile = project.path().join("profiles/app.profraw");
    assert_eq!(run(&profile), 1, "no more than before");
    assert!(profile.metadata().unwrap().len() > 0);
}

/// A server and its client on the loopback interface, as many tests have them, without a network.
fn a_test_finds_this_machine_by_its_name(engine: &'static str) {
    let test = "#[test]\nfn meets() {\n    \
        let server = std::net::TcpListener::bind((\"localhost\", 0)).unwrap();\n    \
        let port = server.local_addr().unwrap().port();\n    \
        std::net::TcpStream::connect((\"localhost\", port)).unwrap();\n}\n";
    let project = Project::new("app").file("tests/it.rs", test);
    let tested = project.cross().engine(engine).test(TARGET).run().unwrap();
    assert_eq!(tested.tests.unwrap().passed, 2);
}

/// No engine can be told such a value, and cargo reads none.
fn a_value_that_is_not_utf8_is_named(engine: &'static str) {
    let value = std::ffi::OsStr::from_bytes(b"caf\xe9");
    let project = Project::new("app").cross_toml("[build.env]\npassthrough = [\"MINE\"]\n");
    let set = |env: cross_core::Env, name: &str| env.set(name, value);
    let env = ["MINE", "RUSTFLAGS", "RUST_LOG", "OTHER"]
        .into_iter()
        .fold(cross_tests::real_env(), set);
    let plan = project.cross().env(env).engine(engine).build(TARGET).plan();
    let plan = plan.unwrap();
    let told: Vec<_> = plan.warnings.iter().map(|it| it.message.as_str()).collect();
    let words = "is not used: its value is not UTF-8";
    for name in ["MINE", "RUSTFLAGS", "RUST_LOG"] {
        assert!(told.contains(&&*format!("{name} {words}")), "{told:?}");
    }
    assert_eq!(told.len(), 3, "what is not asked for is no loss: {told:?}");
}

fn a_variable_that_names_a_program_of_the_host_is_named(engine: &'static str) {
    let project = Project::new("app");
    let names = [
        "RUSTC_WRAPPER",
        "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
        "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER",
        "CC_aarch64_unknown_linux_gnu",
        "CFLAGS_aarch64-unknown-linux-gnu",
    ];
    let set = |env: cross_core::Env, name: &&str| env.set(*name, "/host/program");
    let env = names.iter().fold(cross_tests::real_env(), set);
    let request = project.cross().env(env).engine(engine).build(TARGET);
    let plan = request.plan().unwrap();
    for name in names {
        let start = format!("{name} is not used: ");
        let named = |warning: &cross_core::plan::Warning| warning.message.starts_with(&start);
        assert!(plan.warnings.iter().any(named), "{:?}", plan.warnings);
    }
    // It is true: the build neither starts nor misses the program.
    request.run().unwrap();
}

fn doctests_run_or_are_said_to_be_left_out(engine: &'static str) {
    let lib = "/// ```\n/// assert_eq!(app::two(), 2);\n/// ```\npub fn two() -> u32 {\n    2\n}\n";
    let project = Project::new("app").file("src/lib.rs", lib);
    let is_doctests = |warning: &cross_core::plan::Warning| warning.code == "doctests";
    let test = |toolchain: &str| {
        project
            .cross()
            .engine(engine)
            .toolchain(toolchain)
            .test(TARGET)
    };
    assert!(
        !test("host")
            .plan()
            .unwrap()
            .warnings
            .iter()
            .any(is_doctests)
    );
    let outcome = test("host").run().unwrap();
    // The doctest, and the test of the program.
    let tests = outcome.tests.unwrap();
    assert_eq!((tests.passed, tests.failed), (2, 0));

    let old = test("image");
    assert!(old.plan().unwrap().warnings.iter().any(is_doctests));
    assert_eq!(old.run().unwrap().tests.unwrap().passed, 1);
    let selected = test("image").cargo_args(["--lib"]);
    assert!(!selected.plan().unwrap().warnings.iter().any(is_doctests));
    let program = Project::new("program");
    let request = program
        .cross()
        .engine(engine)
        .toolchain("image")
        .test(TARGET);
    assert!(!request.plan().unwrap().warnings.iter().any(is_doctests));
}

fn clippy_that_an_environment_lacks_is_named_with_its_remedy(engine: &'static str) {
    let project = Project::new("app");
    let request = project
        .cross()
        .engine(engine)
        .toolchain("image")
        .clippy(TARGET);
    let error = request.run().unwrap_err();
    let help = error.help().unwrap_or_default();
    assert!(
        help.contains("rustup component add clippy"),
        "{error}: {help}"
    );
    assert!(help.contains("toolchain = \"host\""), "{error}: {help}");
}
