//! Programs and tests that fail, emulators that crash, and requests that are stopped.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use cross_core::{Cancel, events::EventKind};
use cross_tests::{Project, until_deadline};

use super::{Case, TARGET, failed, rows};

const HOST: &str = "x86_64-unknown-linux-gnu";

rows! {
    a_test_that_fails => TestFailed
        ["1 of 2 tests failed: bad"] ["--nocapture"] || {
            let tests = "fn main() {}\n#[test]\nfn good() {}\n#[test]\nfn bad() { panic!() }\n";
            let case = Case::new(Project::new("app").file("src/main.rs", tests));
            failed(case.cross.test(TARGET).run())
        };
    a_program_that_fails => ProgramFailed
        ["`app`", "exit status 3"] ["its output"]
        || runs("std::process::exit(3)");
    a_program_that_needs_more_memory_than_it_may => ProgramFailed
        ["`app`", "exit status 137"] ["200 MiB", "raise `memory`"]
        || failed(hungry("fn main() { eat() }\n").cross.run(TARGET).run());
    a_test_that_needs_more_memory_than_it_may => TestFailed
        ["SIGKILL"] ["200 MiB", "raise `memory`"] || {
            let error = failed(hungry("fn main() {}\n#[test]\nfn eats() { eat() }\n").cross.test(TARGET).run());
            let help = error.help().unwrap();
            assert!(!help.contains("cannot execute"), "no word about foreign programs: {help}");
            error
        };
    a_program_that_crashes => ProgramFailed
        ["`app`", "SIGABRT"] ["Request::gdb"]
        || runs("std::process::abort()");
    a_command_that_is_not_in_the_environment => ProgramFailed
        ["exit status 127"] ["`frobnicator`", "<package>:native"]
        || failed(Case::new(Project::new("app")).cross.exec(TARGET, ["frobnicator"]).run());
    a_test_that_starts_a_program_that_is_missing => TestFailed
        ["1 of 1 tests failed"] ["packages = [\"git:native\"]"] || {
            let tests = "fn main() {}\n#[test]\nfn asks() { assert!(std::process::Command::new(\"sh\").args([\"-c\", \"git --version\"]).status().unwrap().success()); }\n";
            failed(Case::new(Project::new("app").file("src/main.rs", tests)).cross.test(TARGET).run())
        };
    a_test_of_a_service_of_this_machine => TestFailed
        ["1 of 1 tests failed"] ["loopback of its own", "network = \"host\""] || {
            let service = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let port = service.local_addr().unwrap().port();
            let tests = format!("fn main() {{}}\n#[test]\nfn asks() {{ std::net::TcpStream::connect((\"127.0.0.1\", {port})).unwrap(); }}\n");
            failed(Case::new(Project::new("app").file("src/main.rs", &tests)).cross.test(TARGET).run())
        };
    a_command_that_strips_a_file_where_it_stays => ProgramFailed
        ["exit status 1"] ["`Cross::strip` and `Cross::objcopy`", "`writable`"] || {
            let case = Case::new(Project::new("app"));
            fs::copy("/bin/true", case.project.path().join("program")).unwrap();
            failed(case.cross.exec(HOST, ["strip", "program"]).run())
        };
    an_emulator_that_crashes => EmulatorCrashed
        [TARGET, "accel/tcg/cpu-exec.c:962"] ["`suite`"] || {
            let script = "#!/bin/sh\n\
                echo 'ERROR:../../accel/tcg/cpu-exec.c:962:cpu_exec: assertion failed: (cpu == current_cpu)' >&2\n\
                kill -ABRT $$\n";
            let project = Project::new("app").file("fails.sh", script);
            let runner = project.path().join("fails.sh");
            let toml = format!("[target.{TARGET}]\nrunner = \"sh {}\"\n", runner.display());
            failed(Case::new(project.cross_toml(&toml)).cross.run(TARGET).run())
        };
    a_debugger_for_a_program_without_an_emulator => Debugger
        ["no gdbserver"] ["packages = [\"gdbserver\"]"]
        || failed(Case::new(Project::new("app")).cross.run(HOST).gdb(1234).run());
    a_program_that_needs_a_newer_glibc => GlibcFloor
        ["needs glibc 2.36, but 2.17 was requested"] ["build script"] || {
            let code = "extern \"C\" { fn arc4random() -> u32; }\n\
                fn main() { println!(\"{}\", unsafe { arc4random() }); }\n";
            let script = "fn main() { for it in [\"libc.so.6\", \"ld-linux-x86-64.so.2\"] {\n\
                println!(\"cargo:rustc-link-arg=/usr/lib/x86_64-linux-gnu/{it}\"); } }\n";
            let project = Project::new("app").file("src/main.rs", code).file("build.rs", script);
            failed(Case::new(project).cross.build(format!("{HOST}.2.17")).run())
        };
    a_program_that_is_a_link => Untrusted
        ["a symbolic link"] ["build script"] || {
            let linker = "#!/bin/sh\nwhile [ $# -gt 0 ]; do\n\
                [ \"$1\" = -o ] && ln -sf /etc/hostname \"$2\"\nshift\ndone\n";
            let case = Case::new(Project::new("app").file("link.sh", linker));
            let linker = case.project.path().join("link.sh");
            fs::set_permissions(&linker, fs::Permissions::from_mode(0o755)).unwrap();
            case.env(|env| env.set("RUSTFLAGS", format!("-Clinker={}", linker.display()))).error()
        };
    a_build_that_is_cancelled => Cancelled
        ["cancelled in the step `compile`"] [] || {
            let case = endless();
            let cancel = Cancel::new();
            let handle = cancel.clone();
            let cross = case.cross.clone().on_event(move |event| {
                if matches!(&event.kind, EventKind::Compiled { .. } | EventKind::Output { .. }) {
                    handle.cancel();
                }
            });
            failed(cross.build(TARGET).run_until(&cancel))
        };
    a_build_that_exceeds_its_deadline => Deadline
        ["deadline exceeded in the step `compile`"] [] || {
            let case = endless();
            let build = case.cross.build(TARGET);
            until_deadline(|cancel| build.run_until(cancel), |error| {
                error.to_string().contains("in the step `compile`")
            })
        };
    a_test_that_exceeds_its_deadline => Deadline
        ["deadline exceeded in the step `run the tests`"] ["these test binaries were running: "] || {
            let tests = "fn main() {}\n#[test]\nfn endless() { loop { std::thread::park() } }\n";
            let case = Case::new(Project::new("app").file("src/main.rs", tests));
            case.cross.test(TARGET).arg("--skip").arg("endless").run().unwrap();
            let test = case.cross.test(TARGET);
            until_deadline(|cancel| test.run_until(cancel), |error| {
                error.help().unwrap_or_default().contains("were running")
            })
        };
}

/// A project on docker with a limit of memory, whose code has a function that exceeds it.
fn hungry(code: &str) -> Case {
    let eat = "#[allow(dead_code)]\nfn eat() {\n    let mut eaten = Vec::new();\n    \
        loop { eaten.push(vec![1u8; 1 << 24]) }\n}\n";
    let project = Project::new("app").file("src/main.rs", &format!("{eat}{code}"));
    Case::on("docker", project.cross_toml("[build]\nmemory = \"200m\"\n"))
}

/// The error of a program with this body.
fn runs(body: &str) -> cross_core::Error {
    let program = format!("fn main() {{ {body} }}\n");
    let case = Case::new(Project::new("app").file("src/main.rs", &program));
    failed(case.cross.run(TARGET).run())
}

/// A project whose build script never ends.
fn endless() -> Case {
    Case::build_script("loop { std::thread::park() }")
}
