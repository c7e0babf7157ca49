//! Every real engine, end to end: a crate with C code is built, tested under the emulator and run.
//! Its artifacts are at cargo's paths, for the right machine, and owned by the caller.
//!
//! On the sandbox, an unprivileged user does the same and makes the environment, without root and
//! without a daemon.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cross_core::config::MemoryLimit;
use cross_core::{ErrorKind, Request, binary::Binary, outcome::ArtifactKind, targets::Target};
use cross_engine::Invocation;
use cross_tests::{Leftovers, PlainUser, Project, engines, on_engines, tool};

const TARGET: &str = "aarch64-unknown-linux-gnu";

/// A program that prints the result of a C function.
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

/// Returns the program of `project`, after checking its machine and its owner.
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
    assert_eq!(program.path, program_of(&project, me));
    assert_eq!(built.engine.kind.name(), engine);

    let tested = cross.test(TARGET).run().unwrap();
    let tests = tested.tests.unwrap();
    assert_eq!((tests.passed, tests.failed), (1, 0));

    cross.run(TARGET).run().unwrap();
    let said = project.recorder().output();
    assert!(said.contains("C says 64 bits on aarch64"), "{said}");

    let captured = |request: Request| request.capture(true).run().unwrap().stdout.unwrap();
    let compiler = cross.exec(TARGET, ["printenv", "CC_aarch64_unknown_linux_gnu"]);
    assert_eq!(captured(compiler), "aarch64-linux-gnu-gcc\n");
    let program = cross.exec_on_target(TARGET, [program.path.to_str().unwrap()]);
    assert_eq!(captured(program), "C says 64 bits on aarch64\n");
    let error = cross
        .exec(TARGET, ["sh", "-c", "echo boom >&2; exit $0", "3"])
        .run()
        .unwrap_err();
    let expected = (ErrorKind::ProgramFailed, Some(3));
    assert_eq!((error.kind(), error.code()), expected);
    let named = format!("`sh`, run for {TARGET}, ended with exit status 3");
    assert_eq!((error.to_string(), error.program_output()), (named, "boom"));
    leftovers.are_none();
}

on_engines! { no_file_gets_a_set_user_id_bit }
on_engines! { @ a_memory_limit_ends_what_exceeds_it docker podman }

/// Otherwise root's build could leave a program with which any user of the machine becomes root.
fn no_file_gets_a_set_user_id_bit(engine: &str) {
    let script = r#"
        cd "$CARGO_TARGET_DIR" || exit 7
        touch plain && chmod 755 plain || exit 1
        for mode in 4755 2755 6755 u+s g+s; do
            if chmod $mode plain; then exit 2; fi
            if install -m $mode plain installed-$mode; then exit 3; fi
        done
        perl -e 'sysopen(my $new, "opened", 0101, 04755) and exit 1' || exit 4
        perl -e 'sysopen(my $new, "read", 0101, 0644) or exit 1' || exit 5
        if unshare --user true; then exit 6; fi
        echo done
    "#;
    let project = Project::new("app");
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine(engine);
    let run = cross.exec(TARGET, ["sh", "-c", script]).capture(true);
    assert_eq!(run.run().unwrap().stdout.unwrap(), "done\n");
    let names = ["-type", "f", "-perm", "/6000"];
    let found = Invocation::new("find")
        .arg(project.path().to_str().unwrap())
        .args(names);
    assert_eq!(tool::stdout(&found), "");
    let found = Invocation::new("find")
        .arg(project.path().to_str().unwrap())
        .args(["-name", "read"]);
    assert_eq!(
        tool::stdout(&found).lines().count(),
        1,
        "the directory is the project's"
    );
    leftovers.are_none();
}

/// The kernel kills the process that needs more, and the rest of the run goes on.
fn a_memory_limit_ends_what_exceeds_it(engine: &str) {
    let script = "perl -e '$kept = \"x\" x (400 << 20); print length $kept' || echo killed";
    let project = Project::new("app");
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine(engine);
    let printed = |cross: &cross_core::Cross| {
        let run = cross.exec(TARGET, ["sh", "-c", script]).capture(true).run();
        run.unwrap().stdout.unwrap()
    };
    assert_eq!(printed(&cross), "419430400\n");
    let limit = MemoryLimit::parse("128m").unwrap();
    assert_eq!(printed(&cross.memory(limit)), "killed\n");
    assert!(!Path::new("oom").exists(), "a file of {engine}'s is left");
    leftovers.are_none();
}

#[test]
fn the_sandbox_refuses_a_memory_limit() {
    engines::need("sandbox");
    let project = Project::new("app").cross_toml("[build]\nmemory = \"1g\"\n");
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine("sandbox");
    let error = cross.build(TARGET).plan().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::EngineUnusable, "{error}");
    assert!(error.to_string().contains("`memory`"), "{error}");
    assert!(error.help().unwrap().contains("docker or podman"));
}

/// glibc opens sockets on 32-bit x86 with a system call whose arguments no filter can read. So only
/// environments for 32-bit x86 have it, and there sockets work.
#[test]
fn a_program_for_32_bit_x86_has_sockets_in_its_own_environment_only() {
    engines::need("sandbox");
    let opens = "#include <errno.h>\n#include <stdio.h>\n#include <sys/socket.h>\n\
                 int main(void) {\n\
                 int fd = socket(AF_UNIX, SOCK_STREAM, 0);\n\
                 printf(\"%d\\n\", fd < 0 ? errno : 0);\n}\n";
    let project = Project::new("app").file("opens.c", opens);
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine("sandbox");
    let said = |target: &str, script: &str| {
        let run = cross.exec(target, ["sh", "-c", script]).capture(true);
        run.run().unwrap().stdout.unwrap()
    };
    let compile =
        "i686-linux-gnu-gcc -static -s opens.c -o /tmp/opens && /tmp/opens && base64 /tmp/opens";
    let output = said("i686-unknown-linux-gnu", compile);
    let (result, program) = output.split_once('\n').unwrap();
    assert_eq!(result, "0");
    let _project = project.file("opens.base64", program);
    let start = "base64 -d opens.base64 >/tmp/opens && chmod +x /tmp/opens && /tmp/opens";
    // EPERM
    assert_eq!(said(TARGET, start), "1\n");
    leftovers.are_none();
}

#[test]
fn an_unprivileged_user_builds_without_a_daemon() {
    engines::need("sandbox");
    let user = PlainUser::get();
    let env = user.env();
    let project = with_c_code();
    let leftovers = Leftovers::of(&project).of_user(user.id());
    let caller = user.owns(&project, Path::new(env!("CARGO_BIN_EXE_caller")));
    let outcome = |verb: &str| {
        let said = user.run(&env, project.path(), &[&caller, verb, "auto", TARGET]);
        assert!(said["outcome"].is_object(), "{said}");
        said["outcome"].clone()
    };
    let built = outcome("build");
    assert_eq!(built["engine"]["kind"], "sandbox");
    assert_eq!(built["engine"]["rootless"], true);
    let program = program_of(&project, user.id());
    assert_eq!(built["artifacts"][0]["path"], program.to_str().unwrap());
    let tested = outcome("test");
    assert_eq!(tested["tests"]["passed"], 1);
    assert_eq!(tested["tests"]["failed"], 0);
    outcome("run");

    leftovers.are_none();
    let cache = user.home().join(".cache/cross-core");
    let name = built["environment"]["name"].as_str().unwrap();
    assert!(cache.join("environments").join(name).exists());
    let foreign = Invocation::new("find").arg(cache.to_str().unwrap()).args([
        "-not",
        "-uid",
        &user.id().to_string(),
    ]);
    assert_eq!(tool::stdout(&foreign), "", "files of others in the cache");
}
