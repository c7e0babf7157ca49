//! Programs and tests that fail, emulators that crash, and requests that are stopped.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use cross_core::{Cancel, events::EventKind};
use cross_tests::Project;

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
    a_program_that_crashes => ProgramFailed
        ["`app`", "SIGABRT"] ["Request::gdb"]
        || runs("std::process::abort()");
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
            let cancel = Cancel::new().with_deadline(Duration::from_secs(8));
            failed(endless().cross.build(TARGET).run_until(&cancel))
        };
    a_test_that_exceeds_its_deadline => Deadline
        ["deadline exceeded in the step `run the tests`"] [] || {
            let tests = "fn main() {}\n#[test]\nfn endless() { loop { std::thread::park() } }\n";
            let case = Case::new(Project::new("app").file("src/main.rs", tests));
            case.cross.test(TARGET).arg("--skip").arg("endless").run().unwrap();
            let cancel = Cancel::new().with_deadline(Duration::from_secs(8));
            failed(case.cross.test(TARGET).run_until(&cancel))
        };
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
