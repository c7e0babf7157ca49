//! The host tools of a target, on every real engine: a tool that is started on the host runs in the
//! environment and leaves nothing.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use cross_core::{
    Cancel, Cross, ErrorKind,
    binary::Binary,
    engine::EnvironmentLocation,
    events::EventKind,
    host_tools::{HostTools, NativeCc},
    targets::Target,
};
use cross_engine::process::{self, Output, clock};
use cross_engine::{Invocation, Variables};
use cross_tests::{Leftovers, Project, engines, on_engines, tool};

const TARGET: &str = "aarch64-unknown-linux-gnu";
const HOST: &str = "x86_64-unknown-linux-gnu";

/// A program that prints its arguments and exits with their number.
const PROGRAM: &str = r#"#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int count, char **words) {
    char dir[4096], line[80] = "nothing";
    for (int n = 1; n < count; n++) printf("[%s]", words[n]);
    fgets(line, sizeof line, stdin);
    printf("\nin %s\nread %s\n", getcwd(dir, sizeof dir), line);
    printf("%s %s\n", getenv("CARGO_PKG_NAME") ? "named" : "", getenv("TOKEN") ? "told" : "");
    fprintf(stderr, "so it is\n");
    return count - 1;
}
"#;

/// A project in a directory with a difficult name, with its own cache that has the machine's
/// environments.
struct Case {
    project: Project,
    leftovers: Leftovers,
    engine: &'static str,
}

impl Case {
    fn new(engine: &'static str) -> Self {
        Case::of(engine, TARGET)
    }

    fn of(engine: &'static str, target: &str) -> Self {
        let project = Project::in_dir("app", "it's \"a\" $HOME, böse").file("src/app.c", PROGRAM);
        let case = Case {
            leftovers: Leftovers::of(&project),
            project,
            engine,
        };
        case.lend_environment(target);
        case
    }

    /// Links the machine's environment for `target` into the case's cache, where it can be removed.
    fn lend_environment(&self, target: &str) {
        let cross = self.project.cross().engine(self.engine);
        let plan = cross.exec(target, ["true"]).plan().unwrap();
        let plan = plan.only_environment();
        plan.execute(&Cancel::new()).unwrap();
        if let EnvironmentLocation::Directory(dir) = plan.environment.location {
            let here = self.leftovers.own_cache().join("environments");
            fs::create_dir_all(&here).unwrap();
            symlink(&dir, here.join(dir.file_name().unwrap())).unwrap();
        }
    }

    fn cross(&self) -> Cross {
        let cross = self.project.cross().env(self.leftovers.env());
        cross
            .engine(self.engine)
            .cache_dir(self.leftovers.own_cache())
    }

    fn path(&self, path: &str) -> String {
        self.project.path().join(path).to_str().unwrap().to_owned()
    }

    /// Runs `program` with `args` in the project's directory.
    fn runs(&self, program: &Path, args: &[&str]) -> Output {
        let program = program.to_str().unwrap();
        self.types("exec \"$@\"", &[&[program], args].concat())
    }

    fn types(&self, line: &str, args: &[&str]) -> Output {
        let run = Invocation::new("sh")
            .args(["-c", line, "sh"])
            .args(args.iter().copied())
            .env("CARGO_PKG_NAME", "app")
            .env("TOKEN", "s3cret")
            .cwd(self.project.path());
        process::output(&run, &self.variables(), &Cancel::new()).unwrap()
    }

    fn variables(&self) -> Variables {
        let env = self.leftovers.env();
        env.iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[track_caller]
    fn are_none(&self) {
        self.leftovers.are_none();
        let lifelines = self.leftovers.own_cache().join("lifelines");
        let left: Vec<_> = fs::read_dir(lifelines).into_iter().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[track_caller]
fn succeeded(said: &Output) -> &str {
    assert!(said.exit.success(), "{}\n{}", said.exit, said.stderr);
    &said.stdout
}

on_engines! {
    a_program_is_compiled_and_run_from_the_host
    c_compiled_by_cc_is_linked_and_run
    what_a_runner_starts_does_not_write_the_sources
    a_missing_environment_is_reported
    a_tool_ends_with_its_caller
    a_shell_runs_in_the_environment
}

/// Eight compilers run at once, then eight programs.
fn a_program_is_compiled_and_run_from_the_host(engine: &'static str) {
    let case = Case::new(engine);
    let tools = case.cross().host_tools(TARGET).run().unwrap();
    let (cc, runner) = (tools.cc().unwrap(), tools.runner().unwrap());
    fs::create_dir(case.path("out")).unwrap();
    thread::scope(|scope| {
        for n in 0..8 {
            let (case, out) = (&case, format!("out/app {n}"));
            scope.spawn(move || {
                succeeded(&case.runs(cc, &["-o", &out, "src/app.c"]));
                let program = PathBuf::from(case.path(&out));
                let target = Target::parse(TARGET).unwrap();
                assert!(Binary::read(&program).unwrap().is_for(target));
                let args = [out.as_str(), "a b", "$(x) 'y' \"z\"", "ü*"];
                let said = case.runs(runner, &args[..n % 4 + 1]);
                assert_eq!(said.exit.code, Some(i32::try_from(n % 4).unwrap()));
                assert_eq!(said.stderr, "so it is\n");
                let shown: String = args[1..=n % 4]
                    .iter()
                    .map(|arg| format!("[{arg}]"))
                    .collect();
                let dir = case.project.path().display();
                let expected = format!("{shown}\nin {dir}\nread nothing\nnamed \n");
                assert_eq!(said.stdout, expected);
            });
        }
    });
    let line = "echo typed | \"$1\" 'out/app 0'";
    let said = case.types(line, &[runner.to_str().unwrap()]);
    assert!(succeeded(&said).contains("read typed\n"), "{}", said.stdout);

    let line = "printf 'int answer = 42;' | \"$1\" -c -x c -o out/answer.o -";
    succeeded(&case.types(line, &[cc.to_str().unwrap()]));
    let nm = tools.tool("aarch64-linux-gnu-nm").unwrap();
    assert!(succeeded(&case.runs(&nm, &["out/answer.o"])).contains(" D answer"));
    // The environment's own of these names are for its own programs.
    let own = tools.tool("cc").unwrap();
    succeeded(&case.runs(&own, &["-c", "-o", "out/own.o", "src/app.c"]));
    let read = fs::read(case.path("out/own.o")).unwrap();
    assert_eq!(read[18], 183, "the machine is AArch64");
    let script = tools.tool("pkg-config").unwrap();
    let named = tools.env().get("PKG_CONFIG_aarch64_unknown_linux_gnu");
    assert_eq!(script.to_str(), named.map(String::as_str));

    let error = tools.tool("no-such-tool").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ToolMissing, "{error}");
    assert!(error.to_string().contains("no-such-tool"), "{error}");
    assert!(error.help().unwrap().contains("packages"));
    the_hosts_paths_are_kept_with_a_warning(&case);
    case.are_none();
}

/// `reproducible` cannot fix paths that processes of the host name.
fn the_hosts_paths_are_kept_with_a_warning(case: &Case) {
    fs::write(case.path("Cross.toml"), "[build]\nreproducible = true\n").unwrap();
    let said = Arc::new(Mutex::new(String::new()));
    let heard = Arc::clone(&said);
    let cross = case.cross().on_event(move |event| {
        if let EventKind::Warning { code, message, .. } = &event.kind {
            *heard.lock().unwrap() += &format!("{code}: {message}\n");
        }
    });
    let tools = cross.host_tools(TARGET).run().unwrap();
    let said = said.lock().unwrap();
    assert!(said.contains("reproducible: `reproducible` ("), "{said}");
    assert!(said.contains("no path for the host's processes"), "{said}");
    fs::create_dir_all(case.path("target")).unwrap();
    let (source, made) = (case.path("src/app.c"), case.path("target/app"));
    succeeded(&case.runs(tools.cc().unwrap(), &["-o", &made, &source]));
    assert!(Path::new(&made).exists());
}

/// The linker and the emulator of the environment are used. Compiler variables of the caller apply
/// to the host.
fn c_compiled_by_cc_is_linked_and_run(engine: &'static str) {
    let case = Case::new(engine);
    compiles_links_and_runs(&case, TARGET);
}

#[test]
fn c_compiled_by_cc_for_s390x_is_linked_and_run() {
    engines::need("sandbox");
    let target = "s390x-unknown-linux-gnu";
    let case = Case::of("sandbox", target);
    compiles_links_and_runs(&case, target);
}

fn what_a_runner_starts_does_not_write_the_sources(engine: &'static str) {
    let case = Case::new(engine);
    let writes =
        "#include <stdio.h>\nint main(void) { return fopen(\"src/evil.c\", \"w\") ? 0 : 3; }\n";
    fs::write(case.path("src/writes.c"), writes).unwrap();
    fs::create_dir_all(case.path(".git/hooks")).unwrap();
    let tools = case.cross().host_tools(TARGET).run().unwrap();
    let (cc, runner) = (tools.cc().unwrap(), tools.runner().unwrap());
    succeeded(&case.runs(cc, &["-o", "src/writes", "src/writes.c"]));
    assert_eq!(case.runs(runner, &["src/writes"]).exit.code, Some(3));
    assert!(!Path::new(&case.path("src/evil.c")).exists());

    let touch = tools.tool("touch").unwrap();
    succeeded(&case.runs(&touch, &["src/made.c"]));
    let said = case.runs(&touch, &[".git/hooks/post-checkout"]);
    assert!(!said.exit.success(), "{}", said.stdout);
    case.are_none();
}

fn compiles_links_and_runs(case: &Case, target: &str) {
    fs::create_dir(case.path("out")).unwrap();
    let library = "int twice(int n) { return 2 * n; }\n";
    fs::write(case.path("src/twice.c"), library).unwrap();
    let main = "int twice(int);\nint main(void) { return twice(21); }\n";
    fs::write(case.path("src/main.c"), main).unwrap();
    let lower = target.replace('-', "_");
    let cache = case.leftovers.own_cache();
    let said = case.types(
        "export CC=false CC_$3=false TARGET_CC=false AR=false AR_$3=false RANLIB_$3=false
        export CARGO_ENCODED_RUSTFLAGS=-Ccontrol-flow-guard CROSS_CACHE_DIR=$4
        exec \"$1\" compile $2 $5 src/twice.c twice",
        &[
            env!("CARGO_BIN_EXE_host-tools"),
            case.engine,
            &lower,
            cache.to_str().unwrap(),
            target,
        ],
    );
    assert_eq!(succeeded(&said), "", "no line is for cargo");
    assert!(Path::new(&case.path("out/libtwice.a")).exists());

    let tools = case.cross().host_tools(target).run().unwrap();
    let link = ["-o", "out/app", "src/main.c", "out/libtwice.a"];
    succeeded(&case.runs(tools.linker().unwrap(), &link));
    let said = case.runs(tools.runner().unwrap(), &["out/app"]);
    assert_eq!(said.exit.code, Some(42), "{}", said.stderr);
    case.are_none();
}

/// The script of a tool prints help if its environment was removed.
fn a_missing_environment_is_reported(engine: &'static str) {
    let case = Case::new(engine);
    let tools = match engine {
        "sandbox" => case.cross().host_tools(TARGET).run().unwrap(),
        _ => with_own_image(&case),
    };
    let nm = tools.tool("aarch64-linux-gnu-nm").unwrap();
    succeeded(&case.runs(&nm, &["--version"]));
    match tools.environment().location {
        EnvironmentLocation::Directory(dir) => fs::remove_file(dir).unwrap(),
        EnvironmentLocation::Image(image) => {
            let remove = Invocation::new(engine).args(["image", "rm", &image]);
            tool::stdout(&remove);
        }
        _ => panic!("an environment is a directory or an image"),
    }
    let said = case.runs(&nm, &["--version"]);
    assert_eq!(said.exit.code, Some(125), "{}", said.stderr);
    assert!(
        said.stderr.contains("is not there any more"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr
            .contains("help: run the program that wrote this script again"),
        "{}",
        said.stderr
    );
    case.are_none();
}

/// Returns the tools of an image under the case's name, which sets no compiler.
fn with_own_image(case: &Case) -> HostTools {
    let plan = case.cross().exec(TARGET, ["true"]).plan().unwrap();
    let EnvironmentLocation::Image(image) = plan.environment.location else {
        panic!("{} has images", case.engine);
    };
    let own = format!("localhost/cross-test:host-tools-{}", std::process::id());
    tool::stdout(&Invocation::new(case.engine).args(["tag", &image, &own]));
    let toml = format!("[target.{TARGET}]\nimage = \"{own}\"\n");
    fs::write(case.path("Cross.toml"), toml).unwrap();
    let tools = case.cross().host_tools(TARGET).run().unwrap();
    assert_eq!(tools.cc(), None);
    let error = tools.cc_build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ToolMissing);
    assert!(
        error
            .help()
            .unwrap()
            .contains("CC_aarch64_unknown_linux_gnu")
    );
    tools
}

fn a_tool_ends_with_its_caller(engine: &'static str) {
    let case = Case::new(engine);
    let tools = case.cross().host_tools(TARGET).run().unwrap();
    let sleep = tools.tool("sleep").unwrap();
    let mut caller = start_shell(&case, &sleep);
    let is_asleep = || {
        let processes = case.leftovers.processes();
        processes
            .iter()
            .any(|process| process.ends_with(": sleep 671 "))
    };
    let start = clock::now();
    while !is_asleep() {
        let is_early = start.elapsed() < Duration::from_secs(30);
        assert!(is_early, "{:#?}", case.leftovers.processes());
        thread::sleep(Duration::from_millis(50));
    }
    caller.kill().unwrap();
    caller.wait().unwrap();
    case.leftovers.are_none_within(Duration::from_secs(5));
    case.are_none();
}

/// Starts a shell that waits for the script.
fn start_shell(case: &Case, script: &Path) -> Child {
    let line = "\"$1\" 671; true";
    let sh = Invocation::new("sh").args(["-c", line, "sh", script.to_str().unwrap()]);
    let sh = sh.cwd(case.project.path());
    process::command(&sh, &case.variables()).spawn().unwrap()
}

fn a_shell_runs_in_the_environment(engine: &'static str) {
    let case = Case::new(engine);
    let shell = env!("CARGO_BIN_EXE_host-tools");
    let line = "echo 'echo $CC_aarch64_unknown_linux_gnu; pwd; exit 7' | \"$1\" shell $2 $3";
    let said = case.types(line, &[shell, engine, TARGET]);
    assert_eq!(said.exit.code, Some(7), "{}", said.stderr);
    let expected = format!("aarch64-linux-gnu-gcc\n{}\n", case.project.path().display());
    assert_eq!(said.stdout, expected);

    let inner = "\"$SHELL_OF\" shell $ENGINE $TARGET";
    // The input is typed when the prompt is there, and ends after the answer.
    let line = "export SHELL_OF=$1 ENGINE=$2 TARGET=$3
        shown() { n=0; until grep -q \"$1\" ../typescript || [ $((n += 1)) -gt 600 ]; do sleep .1; done; }
        : > ../typescript
        { shown \"($TARGET) \"; echo 'test -t 0 && test -t 1 && echo interactive; exit 9'
          shown 'interactive.$'; } |
        script --quiet --flush --return --command \"$4\" ../typescript";
    let said = case.types(line, &[shell, engine, TARGET, inner]);
    assert_eq!(said.exit.code, Some(9), "{}\n{}", said.stdout, said.stderr);
    let lines: Vec<_> = said.stdout.lines().map(str::trim).collect();
    assert!(
        lines
            .iter()
            .any(|line| line.ends_with("interactive") && !line.contains("echo")),
        "{lines:?}"
    );
    let prompt = format!("({TARGET}) ");
    assert!(said.stdout.contains(&prompt), "{}", said.stdout);
    case.are_none();
}

/// The cargo of the host uses the linker, compiler and runner of the environment.
#[test]
fn variables_configure_the_cargo_of_the_host() {
    engines::need("sandbox");
    let case = Case::of("sandbox", HOST);
    let files = [
        (
            "build.rs",
            "fn main() {
                let out = std::env::var(\"OUT_DIR\").unwrap();
                let object = format!(\"{out}/in_c.o\");
                let cc = std::env::var(\"CC_x86_64_unknown_linux_gnu\").unwrap();
                let done = std::process::Command::new(cc).args([\"-c\", \"-o\", &object, \"src/in_c.c\"]).status();
                assert!(done.unwrap().success());
                println!(\"cargo::rustc-link-arg={object}\");
            }\n",
        ),
        ("src/in_c.c", "int in_c(void) { return 42; }\n"),
        ("src/main.rs", "fn main() {}\n"),
        (
            "src/lib.rs",
            "/// ```
            /// assert!(std::path::Path::new(\"/run/cross-home\").is_dir());
            /// ```
            pub fn documented() {}

            #[cfg(test)]
            extern \"C\" { fn in_c() -> i32; }

            #[test]
            fn c_is_linked_and_all_runs_in_the_environment() {
                assert_eq!(unsafe { in_c() }, 42);
                assert!(std::path::Path::new(\"/run/cross-home\").is_dir());
                assert_eq!(std::env::var(\"CARGO_PKG_NAME\").unwrap(), \"app\");
            }\n",
        ),
    ];
    for (path, text) in files {
        fs::write(case.path(path), text).unwrap();
    }
    let env = case.cross().toolchain_env(HOST).unwrap();
    assert!(env.contains_key("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER"));
    let mut cargo = Invocation::new(tool::cargo())
        .args(["test", "--offline", "--target", HOST])
        .cwd(case.project.path());
    for (name, value) in env {
        cargo = cargo.env(name, value);
    }
    let said = process::output(&cargo, &case.variables(), &Cancel::new()).unwrap();
    let passed = succeeded(&said).matches("1 passed").count();
    assert_eq!(passed, 2, "a test and a doctest: {}", said.stdout);
    case.are_none();
}

/// The library knows whether the host can compile for a target itself.
#[test]
fn whether_the_host_can_compile_is_known() {
    let project = Project::new("app");
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().cache_dir(leftovers.own_cache());
    let found = cross.native_cc(HOST).unwrap();
    assert!(found.compiler().unwrap().is_absolute(), "{found:?}");
    let found = cross.native_cc("s390x-unknown-linux-gnu").unwrap();
    let program = "s390x-linux-gnu-gcc";
    match tool::found(program) {
        Some(_) => assert!(matches!(found, NativeCc::Works { .. }), "{found:?}"),
        None => assert_eq!(
            format!("{found:?}"),
            format!("Missing {{ program: {program:?} }}")
        ),
    }
    let error = cross.native_cc("no-such-target").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownTarget);
    leftovers.are_none();
}
