//! The host engine: the search for tools on a fake machine, and a build with C on the real one.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use cross_core::{
    Cancel, Cross, ErrorKind,
    engine::{EngineKind, EnvironmentLocation},
    host_tools::MissingTool,
    object_files::Strip,
    plan::{EnvironmentKind, Step},
};
use cross_engine::Invocation;
use cross_engine::process;
use cross_tests::{Answer, Fakes, Leftovers, Machine, NATIVE, Project, check, tool, wait_until};

/// The time limit for what happens soon.
const MINUTE: Duration = Duration::from_secs(60);

const AARCH64: &str = "aarch64-unknown-linux-gnu";
const MUSL: &str = "x86_64-unknown-linux-musl";

/// A compiler that makes programs which pass the probe. Its directory is that of `$0`.
const COMPILER: &str = r#"#!/bin/sh
case $* in *--version*) echo "fake gcc 1.2.3"; exit ;; *-print-file-name*) echo crt1.o; exit ;; esac
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\nexit 42\n' >"$2"
chmod +x "$2"
"#;

/// An emulator that runs these programs.
const EMULATOR: &str = "#!/bin/sh
case $1 in --version) echo 'fake qemu 7.2' ;; *) exec \"$@\" ;; esac
";

/// A machine without an engine, with these tools.
fn machine(tools: &[(&str, &str)]) -> Machine {
    let machine = Machine::new(env!("CARGO_BIN_EXE_fake-engine"), Fakes::Nothing);
    symlink(tool::on_path("chmod"), machine.path("bin/chmod")).unwrap();
    tools.iter().fold(machine, |machine, (name, script)| {
        with_tool(machine, name, script)
    })
}

/// Installs `script` as the tool `name`.
fn with_tool(machine: Machine, name: &str, script: &str) -> Machine {
    let real = machine.path("real").join(name);
    fs::create_dir_all(real.parent().unwrap()).unwrap();
    fs::write(&real, script).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&real, executable).unwrap();
    machine.program(name).rule(name, &[], Answer::Become(real))
}

/// Every tool that aarch64 needs.
const WHOLE: [(&str, &str); 4] = [
    ("cc", COMPILER),
    ("aarch64-linux-gnu-gcc", COMPILER),
    ("aarch64-linux-gnu-ar", EMULATOR),
    ("qemu-aarch64", EMULATOR),
];

fn cross(machine: &Machine, project: &Project) -> Cross {
    machine.cross(project).engine("host")
}

/// Returns the calls so far, except those of cargo and rustc.
fn tools_called(machine: &Machine) -> Vec<String> {
    let calls = machine.calls().into_iter();
    let tools = calls.filter(|call| !["cargo", "rustc"].contains(&call.program.as_str()));
    tools.map(|call| call.line()).collect()
}

#[test]
fn every_missing_tool_is_in_one_error() {
    let (machine, project) = (machine(&[]), Project::new("app"));
    let std = machine.path(&format!(
        "rustup/toolchains/stable-x86_64-unknown-linux-gnu/lib/rustlib/{AARCH64}"
    ));
    fs::remove_dir_all(std).unwrap();
    let error = cross(&machine, &project).test(AARCH64).plan().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ToolMissing);
    let purposes: Vec<_> = error
        .missing_tools()
        .iter()
        .map(|tool| &tool.purpose)
        .collect();
    assert_eq!(
        purposes,
        [
            &format!("C compiler and linker for {AARCH64}"),
            &format!("C compiler and linker for {NATIVE}"),
            &format!("emulator for {AARCH64}"),
            &format!("standard library for {AARCH64} in the toolchain"),
        ]
    );
    let text = error.to_string();
    for tried in [
        "aarch64-linux-gnu-gcc",
        "zig",
        "`cc`",
        "qemu-aarch64-static",
        "rustup",
    ] {
        assert!(text.contains(tried), "{tried} in {text}");
    }
    let help = error.help().unwrap();
    for remedy in [
        "gcc-aarch64-linux-gnu",
        "qemu-user",
        "python3 -m pip install ziglang",
        "rustup target add --toolchain stable-x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu",
    ] {
        assert!(help.contains(remedy), "{remedy} in {help}");
    }
}

#[test]
fn a_build_needs_no_emulator() {
    let (machine, project) = (machine(&WHOLE[..3]), Project::new("app"));
    cross(&machine, &project).build(AARCH64).plan().unwrap();
    let error = cross(&machine, &project).test(AARCH64).plan().unwrap_err();
    let [
        MissingTool {
            looked_for,
            packages,
            ..
        },
    ] = error.missing_tools()
    else {
        panic!("{error}");
    };
    assert_eq!(looked_for[..], ["qemu-aarch64-static", "qemu-aarch64"]);
    assert_eq!(packages[0], "qemu-user");
}

#[test]
fn the_host_engine_must_be_named() {
    let (machine, project) = (machine(&WHOLE), Project::new("app"));
    for engine in ["auto", "sandbox", "docker"] {
        let error = machine.cross(&project).engine(engine).build(AARCH64).plan();
        let kind = error.unwrap_err().kind();
        assert!(
            matches!(kind, ErrorKind::NoEngine | ErrorKind::EngineUnusable),
            "{kind:?}"
        );
    }
    assert_eq!(tools_called(&machine), [""; 0]);
    let by_variable = machine.set("CROSS_CONTAINER_ENGINE", "host");
    let plan = by_variable.cross(&project).build(AARCH64).plan().unwrap();
    assert_eq!(plan.engine.kind, EngineKind::Host);
    assert!(
        plan.engine_reason.contains("CROSS_CONTAINER_ENGINE"),
        "{}",
        plan.engine_reason
    );
}

#[test]
fn a_broken_tool_is_reported_with_its_message() {
    let broken = "#!/bin/sh\necho 'gcc: fatal error: cannot execute cc1' >&2\nexit 1\n";
    let crashes = "#!/bin/sh\nkill -SEGV $$\n";
    let tools = [
        ("cc", COMPILER),
        ("aarch64-linux-gnu-gcc", broken),
        ("qemu-aarch64", crashes),
    ];
    let (machine, project) = (machine(&tools), Project::new("app"));
    let error = cross(&machine, &project).test(AARCH64).plan().unwrap_err();
    let [compiler, emulator] = error.missing_tools() else {
        panic!("{error}");
    };
    let gcc = machine.path("bin/aarch64-linux-gnu-gcc");
    let said = "gcc: fatal error: cannot execute cc1 (exit status 1)".to_owned();
    assert_eq!(compiler.broken, [(gcc.clone(), said.clone())]);
    let (path, word) = &emulator.broken[0];
    assert_eq!(*path, machine.path("bin/qemu-aarch64"));
    assert_eq!(word, "signal 11 without any output");
    let told = format!("`{}` does not work: {said}", gcc.display());
    assert!(error.to_string().contains(&told), "{error}");
    // A repaired tool is found immediately, because failures are not cached.
    let machine = with_tool(machine, "aarch64-linux-gnu-gcc", COMPILER);
    let machine = with_tool(machine, "qemu-aarch64", EMULATOR);
    cross(&machine, &project).test(AARCH64).plan().unwrap();
}

#[test]
fn a_broken_compiler_is_skipped_with_a_warning() {
    let broken = "#!/bin/sh\necho 'ld: cannot find crt1.o: error' >&2\nexit 1\n";
    let tools = [
        ("cc", COMPILER),
        ("aarch64-linux-gnu-gcc", broken),
        ("zig", COMPILER),
    ];
    let (machine, project) = (machine(&tools), Project::new("app"));
    let plan = cross(&machine, &project).build(AARCH64).plan().unwrap();
    let warning = plan
        .warnings
        .iter()
        .find(|warning| warning.code == "broken-host-tool")
        .unwrap();
    assert!(
        warning.message.contains("ld: cannot find crt1.o: error"),
        "{}",
        warning.message
    );
    assert_eq!(plan.environment.tools[0].path, machine.path("bin/zig"));
    let called = tools_called(&machine).join("\n");
    assert!(
        called.contains("zig cc -target aarch64-linux-gnu"),
        "{called}"
    );
}

#[test]
fn a_repeated_plan_runs_no_tool_until_one_changes() {
    let (machine, project) = (machine(&WHOLE), Project::new("app"));
    // A stamp is not trusted within the granularity of the file system's clock.
    let compiler = machine.path("bin/aarch64-linux-gnu-gcc");
    wait_until(MINUTE, "the tools are settled", || {
        let changed = compiler.symlink_metadata().unwrap().modified().unwrap();
        changed
            .elapsed()
            .is_ok_and(|age| age >= Duration::from_millis(20))
    });
    let plan = || cross(&machine, &project).test(AARCH64).plan().unwrap();
    let first = plan();
    assert!(
        tools_called(&machine).len() >= 5,
        "{:?}",
        tools_called(&machine)
    );
    machine.forget();
    let second = plan();
    assert_eq!(tools_called(&machine), [""; 0]);
    assert_eq!(first.environment, second.environment);
    // Another file under the same name is another compiler, with other artifacts.
    let fake = fs::read_link(machine.path("bin/aarch64-linux-gnu-gcc")).unwrap();
    let copy = machine.path("bin/copy");
    fs::copy(fake, &copy).unwrap();
    fs::rename(copy, machine.path("bin/aarch64-linux-gnu-gcc")).unwrap();
    let newer = COMPILER.replace("1.2.3", "1.2.4");
    fs::write(machine.path("real/aarch64-linux-gnu-gcc"), newer).unwrap();
    let third = plan();
    assert!(!tools_called(&machine).is_empty());
    assert_eq!(
        third.environment.tools[0].version.as_deref(),
        Some("fake gcc 1.2.4")
    );
    assert_ne!(
        third.target_dir, first.target_dir,
        "their artifacts are not mixed"
    );
}

#[test]
fn the_plan_has_the_plain_commands() {
    let (machine, project) = (machine(&WHOLE), Project::new("app"));
    let request = cross(&machine, &project).test(AARCH64).jobs(2);
    let plan = request.plan().unwrap();
    assert!(plan.mounts().is_empty());
    assert_eq!(plan.environment.kind, EnvironmentKind::Host);
    assert_eq!(plan.environment.location, EnvironmentLocation::Host);
    let json = serde_json::to_value(&plan).unwrap();
    let schema = serde_json::from_str(&cross_core::plan::json_schema()).unwrap();
    assert_eq!(cross_tests::schema::mismatch(&schema, &json), None);
    // The machine decides where the libraries of the target are.
    let mut text = plan.to_string();
    for dir in ["/usr/aarch64-linux-gnu", "/"] {
        text = text.replace(&format!("QEMU_LD_PREFIX={dir} "), "");
    }
    text = text.replace(&plan.engine.version, "[SYSTEM]");
    for name in [&plan.environment.name, &key_of(&plan.target_dir)] {
        text = text.replace(name.rsplit('-').next().unwrap(), "[KEY]");
    }
    check("plans/host", &machine.redactor(&project).apply(&text));
}

fn key_of(dir: &Path) -> String {
    dir.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn the_users_cargo_configuration_applies() {
    let config = format!("[target.{AARCH64}]\nlinker = \"tools/my-gcc\"\nrunner = \"my-runner\"\n");
    let project = Project::new("app").file(".cargo/config.toml", &config);
    let machine = machine(&[("cc", COMPILER), ("aarch64-linux-gnu-gcc", COMPILER)]);
    let error = cross(&machine, &project).test(AARCH64).plan().unwrap_err();
    assert!(
        error.to_string().contains("config.toml"),
        "who names what is not there: {error}"
    );
    fs::create_dir(project.path().join("tools")).unwrap();
    let my_gcc = write_script(
        &machine,
        "my-gcc",
        COMPILER.trim_start_matches("#!/bin/sh\n"),
    );
    fs::copy(my_gcc, project.path().join("tools/my-gcc")).unwrap();
    let plan = cross(&machine, &project).test(AARCH64).plan().unwrap();
    assert_eq!(
        plan.environment.tools[0].path,
        project.path().join("tools/my-gcc")
    );
    let env = plan.env();
    for name in ["LINKER", "RUNNER"] {
        let name = format!("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_{name}");
        assert!(
            !env.contains_key(name.as_str()),
            "{name} would go before the file"
        );
    }
}

#[test]
fn a_musl_program_is_linked_by_rusts_linker_as_a_fallback() {
    let (machine, project) = (machine(&[("cc", COMPILER)]), Project::new("app"));
    let bin = format!("rustup/toolchains/stable-{NATIVE}/lib/rustlib/{NATIVE}/bin");
    let lld = machine.path(&bin).join("rust-lld");
    fs::create_dir_all(lld.parent().unwrap()).unwrap();
    fs::copy(write_script(&machine, "lld", "echo 'LLD 20.1'"), &lld).unwrap();
    let error = cross(&machine, &project).build(MUSL).plan().unwrap_err();
    let [std] = error.missing_tools() else {
        panic!("{error}");
    };
    assert_eq!(std.looked_for, ["rustup"], "who would install std");
    assert!(std.command.as_ref().unwrap().ends_with(MUSL));
    let machine = machine.component(
        &format!("stable-{NATIVE}"),
        &format!("lib/rustlib/{MUSL}/lib"),
    );
    let plan = cross(&machine, &project).build(MUSL).plan().unwrap();
    assert_eq!(plan.environment.tools[0].path, lld);
    assert_eq!(
        plan.environment.tools[0].version.as_deref(),
        Some("LLD 20.1")
    );
    assert!(
        plan.warnings
            .iter()
            .any(|warning| warning.code == "no-c-compiler")
    );
}

/// Zig has no such tools, and Rust's own does not find its library.
#[test]
fn programs_that_zig_links_are_stripped_by_llvms_tool() {
    let tools = [("cc", COMPILER), ("zig", COMPILER)];
    let (machine, project) = (machine(&tools), Project::new("app"));
    let toolchain = machine.path(&format!("rustup/toolchains/stable-{NATIVE}"));
    let own = toolchain.join(format!("lib/rustlib/{NATIVE}/bin/rust-objcopy"));
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    fs::write(&own, "").unwrap();
    let words = |machine: &Machine| {
        let build = cross(machine, &project).build(AARCH64);
        let plan = build.strip(Strip::Symbols).plan().unwrap();
        let is_strip = |step: &&Step| step.purpose == "strip the programs";
        let strip = plan.steps.iter().find(is_strip).unwrap();
        let words = &strip.command.as_ref().unwrap().args;
        let at = words.iter().position(|it| it == "strip").unwrap();
        [words[at + 1].clone(), words[at + 2].clone()]
    };
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    assert_eq!(words(&machine), [text(&own), text(&toolchain.join("lib"))]);
    let machine = with_tool(machine, "llvm-objcopy", EMULATOR);
    assert_eq!(words(&machine), ["llvm-objcopy", ""]);
}

#[test]
fn a_target_that_rustc_links_itself_needs_no_tools() {
    let (machine, project) = (machine(&[("cc", COMPILER)]), Project::new("app"));
    let target = "riscv32e-unknown-none-elf";
    let error = cross(&machine, &project).build(target).plan().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ToolMissing, "{error}");
    assert_eq!(error.missing_tools().len(), 1, "std alone: {error}");
    let machine = machine.component(
        &format!("stable-{NATIVE}"),
        &format!("lib/rustlib/{target}/lib"),
    );
    let plan = cross(&machine, &project).build(target).plan().unwrap();
    assert_eq!(plan.environment.tools.len(), 1, "for build scripts");
    let unknown = cross(&machine, &project).build("m88k-unknown-openbsd");
    assert_eq!(unknown.plan().unwrap_err().kind(), ErrorKind::UnknownTarget);
}

fn write_script(machine: &Machine, name: &str, body: &str) -> std::path::PathBuf {
    let path = machine.path(name);
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&path, executable).unwrap();
    path
}

/// A machine with the real compiler and linker, whose calls are recorded.
fn real_machine() -> Machine {
    let machine = machine(&[]);
    for name in ["as", "ld"] {
        symlink(tool::on_path(name), machine.path("bin").join(name)).unwrap();
    }
    ["cc", "ar"].into_iter().fold(machine, |machine, name| {
        let real = Answer::Become(tool::on_path(name));
        machine.program(name).rule(name, &[], real)
    })
}

/// A project whose build script compiles C with the machine's compiler, and a test of the result.
fn project_with_c() -> Project {
    let build = r#"use std::process::Command;
fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    let run = |name: &str, args: &[&str]| {
        assert!(Command::new(name).args(args).current_dir(&out).status().unwrap().success());
    };
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/add.c");
    run("cc", &["-c", source, "-o", "add.o"]);
    run("ar", &["crs", "libadd.a", "add.o"]);
    println!("cargo::rustc-link-search={out}\ncargo::rustc-link-lib=add");
    println!("cargo::rerun-if-changed=src/add.c");
}
"#;
    let main = "unsafe extern \"C\" { fn add(a: i32, b: i32) -> i32; }\n\
                fn main() { println!(\"{}\", unsafe { add(40, 2) }); }\n\
                #[test] fn adds() { assert_eq!(unsafe { add(2, 2) }, 4); }\n";
    Project::new("app")
        .file("build.rs", build)
        .file("src/add.c", "int add(int a, int b) { return a + b; }\n")
        .file("src/main.rs", main)
}

#[test]
fn a_crate_with_c_is_built_and_a_second_build_starts_only_cargo() {
    let (machine, project) = (real_machine(), project_with_c());
    let cross = cross(&machine, &project);
    let built = cross.build(NATIVE).run().unwrap();
    let usual = project.path().join("target").join(NATIVE).join("debug/app");
    assert_eq!(built.executables().next().unwrap().path, usual);
    assert_eq!(built.environment.location, EnvironmentLocation::Host);
    assert_eq!(built.environment.tools[0].path, machine.path("bin/cc"));
    assert!(built.environment.tools[0].version.is_some());
    let tests = cross.test(NATIVE).run().unwrap().tests.unwrap();
    assert_eq!((tests.passed, tests.failed), (1, 0));
    let ran = cross.run(NATIVE).capture(true).run().unwrap();
    assert_eq!(ran.stdout.as_deref(), Some("42\n"));
    machine.forget();
    cross.build(NATIVE).run().unwrap();
    let calls: Vec<_> = machine.calls().iter().map(|call| call.line()).collect();
    let [only] = &calls[..] else {
        panic!("{calls:#?}");
    };
    assert!(only.starts_with("cargo build --target"), "{only}");
}

#[test]
fn other_verbs_and_the_front_door_use_the_same_tools() {
    let (machine, project) = (real_machine(), project_with_c());
    let cross = cross(&machine, &project);
    cross.check(NATIVE).run().unwrap();
    let said = cross
        .exec(NATIVE, ["sh", "-c", "echo $CARGO_TARGET_DIR"])
        .capture(true)
        .run();
    let dir = cross.build(NATIVE).plan().unwrap().target_dir;
    assert_eq!(said.unwrap().stdout, Some(format!("{}\n", dir.display())));
    let done = cross.cargo(["test", "--target", NATIVE]).run().unwrap();
    assert_eq!(done.code, 0);
    let env = cross.toolchain_env(NATIVE).unwrap();
    let cc = machine.path("bin/cc");
    for name in [
        "CC_x86_64_unknown_linux_gnu",
        "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER",
    ] {
        assert_eq!(env.get(name).map(Path::new), Some(cc.as_path()), "{name}");
    }
    let tools = cross.host_tools(NATIVE).run().unwrap();
    assert_eq!(tools.tool("ar").unwrap(), machine.path("bin/ar"));
    assert_eq!(
        tools.tool("no-such").unwrap_err().kind(),
        ErrorKind::ToolMissing
    );
}

/// Uses the variables of this machine, as a user does.
#[test]
fn this_machine_builds_for_itself_and_leaves_nothing() {
    let project = project_with_c();
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env());
    let cross = cross.engine("host").toolchain("host");
    let tests = cross.test(NATIVE).run().unwrap().tests.unwrap();
    assert_eq!((tests.passed, tests.failed), (1, 0));
    leftovers.are_none();
}

/// A build script whose processes end only when they are killed, one of them in its own session.
const ENDLESS: &str = r#"fn main() {
    let script = "trap '' TERM INT HUP; setsid sh -c \"trap '' TERM INT HUP; sleep 600\" & : > begun; sleep 600; sleep 600";
    std::process::Command::new("sh").args(["-c", script])
        .current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
}
"#;

fn endless() -> (Project, Leftovers) {
    let project = Project::new("app").file("build.rs", ENDLESS);
    let leftovers = Leftovers::of(&project);
    (project, leftovers)
}

fn wait_for_begin(project: &Project) {
    let begun = project.path().join("begun");
    wait_until(MINUTE, "the build script begins", || begun.exists());
}

#[test]
fn a_cancelled_build_leaves_no_process() {
    let (project, leftovers) = endless();
    let cross = project.cross().env(leftovers.env());
    let request = cross.engine("host").toolchain("host").build(NATIVE);
    let cancel = Cancel::new();
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            wait_for_begin(&project);
            cancel.cancel();
        });
        request.run_until(&cancel)
    });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    leftovers.are_none_within(Duration::from_secs(2));
}

#[test]
fn a_killed_caller_leaves_no_process() {
    let (project, leftovers) = endless();
    let caller = Invocation::new(env!("CARGO_BIN_EXE_caller")).args(["build", "host", NATIVE]);
    let env = leftovers.env();
    let variables = env.iter().map(|(k, v)| (k.to_owned(), v.to_owned()));
    let mut caller = process::command(&caller, &variables.collect())
        .current_dir(project.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_for_begin(&project);
    caller.kill().unwrap();
    caller.wait().unwrap();
    leftovers.are_none_within(Duration::from_secs(10));
}
