//! Programs of another architecture that start one another, under an emulator for single programs.

use std::path::Path;

use cross_core::Cancel;
use cross_engine::Variables;
use cross_engine::process::{self, Output};
use cross_tests::{Leftovers, PlainUser, Project, engines, on_engines, tool};

use super::TARGET;

on_engines! { @ a_test_starts_programs_of_its_target sandbox }
on_engines! { @ a_program_starts_itself_and_others sandbox }
on_engines! { @ a_command_starts_programs_of_any_machine sandbox }
on_engines! { @ a_registered_interpreter_gives_no_rights sandbox }
on_engines! { @ the_cargo_of_the_host_tests_what_starts_programs sandbox }
on_engines! { @ the_cargo_of_the_host_is_told_what_it_cannot_start docker podman }
on_engines! { @ a_users_own_runner_starts_programs_that_start_others sandbox }
on_engines! { @ what_cannot_start_another_program_is_told_the_ways docker podman }

/// Prints its name and arguments, or does what the first argument says.
const MAIN: &str = r#"
use std::os::unix::process::CommandExt as _;
use std::process::Command;
fn main() {
    let mut args = std::env::args();
    let name = args.next().unwrap();
    let mut rest: Vec<String> = args.collect();
    let this = std::env::current_exe().unwrap();
    match rest.first().map(String::as_str) {
        Some("again") => {
            let status = Command::new(this).args(&rest[1..]).status().unwrap();
            std::process::exit(status.code().unwrap());
        }
        Some("become") => panic!("{}", Command::new(this).args(&rest[1..]).exec()),
        Some("exit") => std::process::exit(rest.pop().unwrap().parse().unwrap()),
        _ => println!("{} {} {:?}", std::env::consts::ARCH, name.rsplit('/').next().unwrap(), rest),
    }
}
"#;

/// One test for each way in which a test starts a program of its target.
const TESTS: &str = r#"
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output};
const APP: &str = env!("CARGO_BIN_EXE_app");

#[track_caller]
fn says(mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{status} {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}
fn app() -> Command { Command::new(APP) }
fn shell(script: &str) -> Command {
    let mut sh = Command::new("sh");
    sh.args(["-c", script, APP]);
    sh
}

#[test] fn by_its_path() { let mut app = app(); app.arg("a b"); assert_eq!(says(app), "aarch64 app [\"a b\"]\n"); }
#[test] fn by_a_relative_path() {
    let dir = Path::new(APP).parent().unwrap();
    let mut app = Command::new("./app");
    app.current_dir(dir);
    assert_eq!(says(app), "aarch64 app []\n");
}
#[test] fn by_its_name() {
    let mut app = Command::new("app");
    app.env("PATH", Path::new(APP).parent().unwrap());
    assert_eq!(says(app), "aarch64 app []\n");
}
#[test] fn by_a_link() {
    let link = Path::new(env!("CARGO_TARGET_TMPDIR")).join("a link");
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(APP, &link).unwrap();
    assert_eq!(says(Command::new(link)), "aarch64 a link []\n");
}
#[test] fn under_another_name() { let mut app = app(); app.arg0("other"); assert_eq!(says(app), "aarch64 other []\n"); }
#[test] fn without_variables() { let mut app = app(); app.env_clear(); assert_eq!(says(app), "aarch64 app []\n"); }
#[test] fn by_a_shell_script() { assert_eq!(says(shell("\"$0\" | tr a-z A-Z")), "AARCH64 APP []\n"); }
#[test] fn that_starts_itself() { let mut app = app(); app.args(["again", "again", "x"]); assert_eq!(says(app), "aarch64 app [\"x\"]\n"); }
#[test] fn that_becomes_itself() { let mut app = app(); app.args(["become", "x"]); assert_eq!(says(app), "aarch64 app [\"x\"]\n"); }
#[test] fn itself() {
    let mut this = Command::new(std::env::current_exe().unwrap());
    this.args(["--list"]);
    assert!(says(this).contains("by_its_path: test"));
}
#[test] fn whose_status_is_its_own() {
    assert_eq!(app().args(["exit", "7"]).status().unwrap().code(), Some(7));
}
#[test] fn whose_end_by_a_signal_is_its_own() {
    use std::os::unix::process::ExitStatusExt as _;
    let mut child = app().args(["exit", "9"]).spawn().unwrap();
    child.wait().unwrap();
    assert_eq!(shell("kill -9 $$").status().unwrap().signal(), Some(9));
}
"#;

fn project() -> Project {
    Project::new("app").file("src/main.rs", MAIN)
}

fn a_test_starts_programs_of_its_target(engine: &'static str) {
    engines::need(engine);
    let project = project().file("tests/starts.rs", TESTS);
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine(engine);
    let tested = cross.test(TARGET).run();
    let tested =
        tested.unwrap_or_else(|error| panic!("{error:?}\n{}", project.recorder().output()));
    assert_eq!(
        tested.tests.unwrap().passed,
        TESTS.matches("#[test]").count() as u64
    );
    leftovers.are_none();
}

fn a_program_starts_itself_and_others(engine: &'static str) {
    engines::need(engine);
    let project = project();
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine(engine);
    let ran = cross.run(TARGET).args(["again", "x"]).capture(true).run();
    let ran = ran.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(ran.stdout.as_deref(), Some("aarch64 app [\"x\"]\n"));
    // A command of the environment starts it, too.
    let program = format!("target/{TARGET}/debug/app");
    let built = ran.artifacts[0].path.clone();
    assert!(built.ends_with(&program), "{}", built.display());
    let script = "set -e; \"$0\" from a shell; exec \"$0\" exit 3";
    let error = cross
        .exec(TARGET, ["sh", "-c", script, &built.to_string_lossy()])
        .run()
        .unwrap_err();
    assert_eq!(error.code(), Some(3), "{error:?}");
    leftovers.are_none();
}

/// What runs beside a registered interpreter has the rights, the limits and the view of any other
/// run. `uid_map` is left out: the outer namespace is root's.
fn a_registered_interpreter_gives_no_rights(engine: &'static str) {
    engines::need(engine);
    let project = project();
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine(engine);
    let script = "id; grep -E '^(Cap|Seccomp|NoNewPrivs|Uid|Gid|Groups)' /proc/self/status; \
        ulimit -a | grep -v pending; ls /proc/self/fd; ls /proc/sys/fs/binfmt_misc; \
        grep -c binfmt_misc /proc/self/mounts; grep -E '^[^ ]+ /proc ' /proc/self/mounts; \
        cat /proc/sys/fs/binfmt_misc/status 2>&1; echo 1 2>&1 >/proc/sys/kernel/core_pattern; \
        unshare -Ur true 2>&1; nsenter --user=/proc/1/ns/user true 2>&1; true";
    let [foreign, native] = [TARGET, "x86_64-unknown-linux-gnu"].map(|target| {
        let ran = cross.exec(target, ["sh", "-c", script]).capture(true).run();
        ran.unwrap_or_else(|error| panic!("{error:?}"))
            .stdout
            .unwrap()
    });
    assert!(foreign.contains("CapEff:\t0000000000000000"), "{foreign}");
    assert!(foreign.contains("Seccomp:\t2"), "{foreign}");
    assert_eq!(foreign, native);
    leftovers.are_none();
}

/// Of either byte order, and of either width.
fn a_command_starts_programs_of_any_machine(engine: &'static str) {
    engines::need(engine);
    let source =
        "#include <stdio.h>\nint main(int n, char **words) { puts(words[1]); return n; }\n";
    let project = project().file("hello.c", source);
    let leftovers = Leftovers::of(&project);
    for target in [
        "armv7-unknown-linux-gnueabihf",
        "powerpc64le-unknown-linux-gnu",
        "s390x-unknown-linux-gnu",
    ] {
        let cross = project.cross().env(leftovers.env()).engine(engine);
        let compiler = format!("$CC_{}", target.replace('-', "_"));
        let script = format!("{compiler} hello.c -o /tmp/hello && cd /tmp && ./hello world");
        let ran = cross
            .exec(target, ["sh", "-c", &script])
            .capture(true)
            .run();
        assert_eq!(ran.unwrap_err().code(), Some(2), "{target}");
        assert_eq!(project.recorder().output().lines().last(), Some("world"));
    }
    leftovers.are_none();
}

/// Neither docker nor podman may register an interpreter for one container, so the error says what
/// can be done.
fn what_cannot_start_another_program_is_told_the_ways(engine: &'static str) {
    engines::need(engine);
    let status = "#[test] fn starts() { let ran = std::process::Command::new(env!(\"CARGO_BIN_EXE_app\")).status(); assert!(ran.unwrap().success()); }\n";
    let output = "#[test] fn starts() { let ran = std::process::Command::new(std::env::current_exe().unwrap()).arg(\"--list\").output().unwrap(); assert_eq!(ran.status.code(), Some(0)); }\n";
    let script = "#[test] fn starts() { let ran = std::process::Command::new(\"sh\").args([\"-c\", \"exec \\\"$0\\\"\", env!(\"CARGO_BIN_EXE_app\")]).status(); println!(\"{ran:?}\"); assert!(ran.unwrap().success()); }\n";
    let exec = "use std::os::unix::process::CommandExt as _;\n#[test] fn starts() { panic!(\"{}\", std::process::Command::new(env!(\"CARGO_BIN_EXE_app\")).exec()); }\n";
    let quiet = "#[test] fn starts() { let ran = std::process::Command::new(env!(\"CARGO_BIN_EXE_app\")).output().unwrap(); assert!(ran.status.success()); }\n";
    for test in [status, output, script, exec, quiet] {
        let project = project().file("tests/starts.rs", test);
        let leftovers = Leftovers::of(&project);
        let cross = project.cross().env(leftovers.env()).engine(engine);
        let error = cross.test(TARGET).run().unwrap_err();
        let help = error.help().unwrap();
        for way in ["runner = \"qemu-system\"", "binfmt_misc", "sandbox"] {
            assert!(
                help.contains(way),
                "{test}: {help}\n{}",
                project.recorder().output()
            );
        }
        leftovers.are_none();
    }
}

/// A test that starts the program of its package.
const STARTS: &str = "#[test] fn starts() { \
    assert!(std::process::Command::new(env!(\"CARGO_BIN_EXE_app\")).status().unwrap().success()); }\n";

/// What the cargo of the host prints about the tests, by the tools of the environment.
fn tested_by_the_host(engine: &str, project: &Project, leftovers: &Leftovers) -> Output {
    let env = leftovers.env();
    let cross = project.cross().env(env.clone()).engine(engine);
    let mut cargo = cross_engine::Invocation::new(tool::cargo())
        .args(["test", "--offline", "--target", TARGET])
        .cwd(project.path());
    for (name, value) in cross.toolchain_env(TARGET).unwrap() {
        cargo = cargo.env(name, value);
    }
    let variables = env.iter();
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    process::output(&cargo, &variables.collect::<Variables>(), &Cancel::new()).unwrap()
}

fn the_cargo_of_the_host_tests_what_starts_programs(engine: &'static str) {
    engines::need(engine);
    let project = project().file("tests/starts.rs", STARTS);
    let leftovers = Leftovers::of(&project);
    let said = tested_by_the_host(engine, &project, &leftovers);
    assert!(said.exit.success(), "{}{}", said.stdout, said.stderr);
    assert!(
        said.stdout.contains("test starts ... ok"),
        "{}",
        said.stdout
    );
    // A program of the environment may start some, too.
    let cross = project.cross().env(leftovers.env()).engine(engine);
    let sh = cross.host_tools(TARGET).run().unwrap().tool("sh").unwrap();
    let app = project.path().join(format!("target/{TARGET}/debug/app"));
    let start = cross_engine::Invocation::new(sh)
        .args(["-c", "\"$0\" again", app.to_str().unwrap()])
        .cwd(project.path());
    assert_eq!(tool::stdout(&start), "aarch64 app []\n");
    leftovers.are_none();
}

fn the_cargo_of_the_host_is_told_what_it_cannot_start(engine: &'static str) {
    engines::need(engine);
    let project = project().file("tests/starts.rs", STARTS);
    let leftovers = Leftovers::of(&project);
    let said = tested_by_the_host(engine, &project, &leftovers);
    assert!(!said.exit.success(), "{}", said.stdout);
    for way in [
        "cross: if a test starts",
        "runner = \"qemu-system\"",
        "binfmt_misc",
        "sandbox",
    ] {
        assert!(said.stderr.contains(way), "{way}: {}", said.stderr);
    }
    leftovers.are_none();
}

/// The user's command starts the test as the kernel does, after a limit is set.
fn a_users_own_runner_starts_programs_that_start_others(engine: &'static str) {
    engines::need(engine);
    let toml = format!("[target.{TARGET}]\nrunner = \"sh limited.sh\"\n");
    let project = project()
        .file("tests/starts.rs", STARTS)
        .file("limited.sh", "ulimit -n 200\nexec \"$@\"\n")
        .cross_toml(&toml);
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine(engine);
    let tested = cross.test(TARGET).run();
    let tested = tested.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(tested.tests.unwrap().passed, 1);
    leftovers.are_none();
}

/// Without rights over the machine.
#[test]
fn a_plain_users_tests_start_programs_of_their_target() {
    engines::need("sandbox");
    let user = PlainUser::get();
    let project = project().file("tests/starts.rs", STARTS);
    let leftovers = Leftovers::of(&project).of_user(user.id());
    let caller = user.owns(&project, Path::new(env!("CARGO_BIN_EXE_caller")));
    let words = [&caller, "quiet-test", "sandbox", TARGET];
    let said = user.run(&user.env(), project.path(), &words);
    assert_eq!(said["outcome"]["tests"]["passed"], 1, "{said}");
    leftovers.are_none();
}
