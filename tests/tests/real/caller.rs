//! What a developer sets for cargo, the compiler and tests has its effect, or is named.

use cross_tests::{Project, on_engines};

use super::TARGET;

on_engines! { @ variables_for_compiler_and_tests_reach_them sandbox docker }
on_engines! { @ a_variable_that_names_a_program_of_the_host_is_named sandbox }
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

fn a_variable_that_names_a_program_of_the_host_is_named(engine: &'static str) {
    let project = Project::new("app");
    let names = [
        "RUSTC_WRAPPER",
        "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
        "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER",
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
