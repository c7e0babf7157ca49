//! What a build, a test and a run do on a remote engine.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use cross_core::events::EventKind;
use cross_core::object_files::Strip;
use cross_core::{Cancel, ErrorKind};
use cross_tests::{Project, Recorder, tool};

use crate::{Case, TARGET, Traffic};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn only_what_changed_is_sent_and_only_what_was_built_comes_back() {
    let project = Project::new("app").with_member_and_path_dependency();
    let case = Case::new(project.file("member/src/deep/gone.rs", "// Nothing yet.\n"));
    let first = case.build();
    assert!(first.sent > 0 && first.fetched > 0 && first.compiled);
    let program = first.program();
    let meta = program.metadata().unwrap();
    assert_eq!(
        (meta.uid(), meta.mode() & 0o777),
        (case.project.path().metadata().unwrap().uid(), 0o755)
    );
    let header = fs::read(program).unwrap();
    assert_eq!(header[18], 183, "it is for aarch64");

    let again = case.build();
    assert_eq!((again.sent, again.fetched, again.compiled), (0, 0, false));
    strips_there(&case);

    let text = "mod deep { mod gone; }\npub fn member() -> u32 { 1 + 0 }\n";
    case.write("member/src/lib.rs", text);
    let edited = case.build();
    assert!(edited.compiled);
    assert!(
        edited.sent > 0 && edited.sent < 2 * text.len() as u64,
        "{}",
        edited.sent
    );

    fs::remove_file(case.project.path().join("member/src/deep/gone.rs")).unwrap();
    let error = case.cross().build(TARGET).run().unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::CargoFailed,
        "what is removed is gone there, too: {error}"
    );
}

/// What is stripped there comes back in the place of the program, and once.
fn strips_there(case: &Case) {
    let strip = || {
        let recorder = Recorder::default();
        let build = recorder.hear(case.cross()).build(TARGET);
        let outcome = build.strip(Strip::Split).run().unwrap();
        Traffic::of(&recorder, outcome)
    };
    let whole = case.build().program().metadata().unwrap().len();
    let stripped = strip();
    let program = stripped.program();
    let debug = program.with_extension("debug");
    assert!(program.metadata().unwrap().len() < whole);
    let has = |path: &Path, text: &[u8]| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(text.len()).any(|window| window == text)
    };
    assert!(has(program, b"app.debug\0") && !has(program, b".debug_info\0"));
    assert!(has(&debug, b".debug_info\0"));
    let again = strip();
    assert_eq!((again.sent, again.compiled), (0, false));
    // Below a directory with a space in its name, cargo writes dep-info anew with every build. It is
    // published without names that make cannot use, and so may be longer there.
    assert!(again.fetched < 1024, "{}", again.fetched);
}

#[test]
fn tests_have_results_and_programs_read_their_input() {
    let case = Case::new(Project::new("app").file(
        "src/main.rs",
        "use std::io::Read;\n\
         fn main() { let mut text = String::new(); std::io::stdin().read_to_string(&mut text).unwrap();\n\
         println!(\"read <{}> and <{}>\", text.trim(), std::env::var(\"SECRET\").unwrap_or_default()); }\n\
         #[test] fn good() {}\n#[test] fn bad() { panic!(\"on purpose\") }\n",
    ));
    let error = case.cross().test(TARGET).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TestFailed);
    let tests = error.tests().unwrap();
    assert_eq!((tests.passed, tests.failed), (1, 1));

    // The standard input of this process is that of the test harness, so that another one reads.
    let front_door = env!("CARGO_BIN_EXE_front-door");
    let run = cross_engine::Invocation::new("sh")
        .args([
            "-c",
            "echo some input | \"$1\" docker run --target \"$2\"",
            "sh",
            front_door,
            TARGET,
        ])
        .env("DOCKER_HOST", &case.address)
        .env("CROSS_BUILD_ENV_PASSTHROUGH", "SECRET")
        .env("SECRET", "kept from others")
        .cwd(case.project.path());
    let output = tool::output(&run);
    assert!(
        output
            .stdout
            .contains("read <some input> and <kept from others>"),
        "{output:?}"
    );
    assert_eq!(case.containers(), [""; 0]);
}

#[test]
fn a_cancelled_build_leaves_nothing_and_the_next_one_goes_on() {
    let slow = "fn main() { std::thread::sleep(std::time::Duration::from_secs(60)) }";
    let case = Case::new(Project::new("app").file("build.rs", slow));
    let cancel = Cancel::new();
    let recorder = Recorder::default();
    let cross = recorder.hear_and_cancel(
        case.cross(),
        &cancel,
        |kind| matches!(kind, EventKind::Output { line, .. } if line.contains("Compiling app")),
    );
    let error = cross.build(TARGET).run_until(&cancel).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(case.containers(), [""; 0]);
    case.write("build.rs", "fn main() {}");
    assert!(case.build().compiled);
}

#[test]
fn links_executable_bits_and_names_that_differ_in_case_arrive() {
    let project = Project::new("app")
        .file("data/name", "lower")
        .file("data/Name", "upper")
        .file("data/a b\n'c", "odd")
        .file("tool.sh", "#!/bin/sh\necho runs\n")
        .file(
            "build.rs",
            "use std::process::Command;\nfn main() {\n\
             assert_eq!(std::fs::read_to_string(\"data/name\").unwrap(), \"lower\");\n\
             assert_eq!(std::fs::read_to_string(\"data/Name\").unwrap(), \"upper\");\n\
             assert_eq!(std::fs::read_to_string(\"data/a b\\n'c\").unwrap(), \"odd\");\n\
             assert_eq!(std::fs::read_link(\"link\").unwrap().to_str(), Some(\"data/name\"));\n\
             assert!(Command::new(\"./tool.sh\").status().unwrap().success());\n}\n",
        );
    let tool = project.path().join("tool.sh");
    fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    symlink("data/name", project.path().join("link")).unwrap();
    let case = Case::new(project);
    assert!(case.build().compiled);
}

/// The list of what is wanted has a line for each file, and the archiver at the other end takes a
/// backslash for the beginning of another character.
#[test]
fn a_project_in_a_directory_with_any_name_is_built() {
    let outer = Project::new("app");
    let odd = Path::new("a\\nb\n'c \"d\", e").join("deep".repeat(50));
    let dir = outer.outer().join(odd);
    fs::create_dir_all(dir.parent().unwrap()).unwrap();
    fs::rename(outer.path(), &dir).unwrap();
    let case = Case::new(outer);
    let build = || case.cross_at(&dir).build(TARGET).run().unwrap();
    let program = build().executables().next().unwrap().path.clone();
    assert!(program.starts_with(&dir) && program.exists());
    fs::remove_file(&program).unwrap();
    assert!(build().executables().next().unwrap().path.exists());
    let plan = case.cross_at(&dir).build(TARGET).plan().unwrap();
    for tree in plan.remote.unwrap().transfer.trees {
        if ["sources", "target"].contains(&tree.kind.name()) {
            case.cross_at(&dir)
                .remove_volume("docker", &tree.volume)
                .unwrap();
        }
    }
    fs::rename(&dir, case.project.path()).unwrap();
}

#[test]
fn a_clock_that_is_an_hour_off_hides_no_change() {
    let case = Case::new(Project::new("app"));
    let main = case.project.path().join("src/main.rs");
    let set = |time: SystemTime| {
        let file = File::options().append(true).open(&main).unwrap();
        file.set_modified(time).unwrap();
    };
    let now = main.metadata().unwrap().modified().unwrap();
    set(now + HOUR);
    assert!(case.build().compiled);
    assert!(!case.build().compiled, "a file of the future is no change");
    // An edit whose time is before that of everything that was built.
    case.write("src/main.rs", "fn main() { println!(\"changed\"); }\n");
    set(now - HOUR);
    assert!(case.build().compiled);
    set(now);
    let touched = case.build();
    assert_eq!(
        (touched.sent, touched.compiled),
        (0, false),
        "only its time changed"
    );
}

#[test]
fn what_stays_there_and_what_is_sent_is_the_users_choice() {
    let case = Case::new(
        Project::new("app")
            .file(
                "cache/CACHEDIR.TAG",
                "Signature: 8a477f597d28d172789f06886806bc55",
            )
            .file("cache/big", &"x".repeat(100_000)),
    );
    let traffic = |env| {
        let recorder = Recorder::default();
        let outcome = recorder.hear(case.with(env)).build(TARGET).run().unwrap();
        Traffic::of(&recorder, outcome)
    };
    let skipped = traffic(case.env().set("CROSS_REMOTE_SKIP_BUILD_ARTIFACTS", "1"));
    assert_eq!(skipped.fetched, 0);
    assert!(skipped.sent < 100_000);
    assert!(
        !case
            .project
            .path()
            .join("target")
            .join(TARGET)
            .join("debug/app")
            .exists()
    );
    let cached = traffic(case.env().set("CROSS_REMOTE_COPY_CACHE", "1"));
    assert!(cached.sent >= 100_000 && cached.fetched > 0);
    // Cargo gives a program two names, and both are fetched.
    fs::remove_dir_all(case.project.path().join("target")).unwrap();
    let whole = traffic(case.env().set("CROSS_REMOTE_COPY_FULL_TARGET_DIR", "1"));
    assert!(whole.fetched > 0);
    let rustc_info = std::fs::read_dir(case.project.path().join("target/cross"))
        .unwrap()
        .flatten()
        .any(|dir| dir.path().join(".rustc_info.json").exists());
    assert!(rustc_info);
}

#[test]
fn what_a_request_finds_empty_is_empty_there() {
    let case = Case::new(Project::new("app"));
    let profiles = || {
        let tests = case.cross().test(TARGET).coverage(true);
        let outcome = tests.run().unwrap();
        outcome.raw_profiles.len()
    };
    let first = profiles();
    assert!(first > 0);
    assert_eq!(profiles(), first, "those of the first request are gone");
}

#[test]
fn debug_information_of_apple_comes_back() {
    // The directory as cargo keeps it, and the link to it that it shows.
    let script = "use std::{env, fs, os::unix::fs::symlink, path::PathBuf};\nfn main() {\n\
         let out = PathBuf::from(env::var(\"OUT_DIR\").unwrap());\n\
         let profile = out.ancestors().nth(3).unwrap();\n\
         let kept = profile.join(\"deps/app-0123456789abcdef.dSYM/Contents/Resources\");\n\
         fs::create_dir_all(&kept).unwrap();\n\
         fs::write(kept.join(\"DWARF\"), \"symbols\").unwrap();\n\
         let _ = symlink(\"deps/app-0123456789abcdef.dSYM\", profile.join(\"app.dSYM\"));\n\
         let _ = symlink(\"/etc\", profile.join(\"other.dSYM\"));\n}";
    let case = Case::new(Project::new("app").file("build.rs", script));
    let built = case.build();
    let shown = case
        .project
        .path()
        .join("target")
        .join(TARGET)
        .join("debug");
    let program = built.outcome.executables().next().unwrap();
    assert!(
        program.companions.contains(&shown.join("app.d")),
        "{program:?}"
    );
    let symbols = shown.join("app.dSYM/Contents/Resources/DWARF");
    assert_eq!(fs::read_to_string(symbols).unwrap(), "symbols");
    assert!(!shown.join("other.dSYM").exists());
}
