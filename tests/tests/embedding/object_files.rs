//! Programs stripped, converted and read by the target's own tools.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Stdio;

use cross_core::events::{Event, EventKind};
use cross_core::needs::Needs;
use cross_core::object_files::Strip;
use cross_core::targets::GlibcVersion;
use cross_core::{Cancel, Cross, ErrorKind, Outcome};
use cross_engine::Invocation;
use cross_tests::{Leftovers, Project, engines, tool};

use crate::{AARCH64, NATIVE, machine};

#[test]
fn a_program_is_stripped_and_its_debug_information_kept() {
    let project = Project::new("app");
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine("sandbox");
    let built = cross.build(AARCH64).run().unwrap();
    let program = built.executables().next().unwrap();
    let (stripped, debug) = (
        project.outer().join("out/app"),
        project.outer().join("app.debug"),
    );
    let strip = cross.strip(AARCH64, &program.path);
    let done = strip.output(&stripped).debug_file(&debug).run().unwrap();
    assert_eq!(
        (&done.program, done.debug_file.as_ref()),
        (&stripped, Some(&debug))
    );
    assert_eq!(
        fs::read(&program.path).unwrap(),
        fs::read(&program.inside).unwrap()
    );
    let sections = |path: &Path| {
        // Files outside of what a run sees are converted all the same.
        let text = project.path().join("target").join(AARCH64).join("copy");
        fs::copy(path, &text).unwrap();
        let read = cross.exec(AARCH64, ["readelf", "--wide", "--sections"]);
        printed(read.arg(&text).capture(true).run().unwrap())
    };
    let (whole, small) = (sections(&program.path), sections(&stripped));
    assert!(whole.contains(" .debug_info "), "{whole}");
    assert!(whole.contains(" .symtab "), "{whole}");
    assert!(
        !small.contains(" .debug_info ") && !small.contains(" .symtab "),
        "{small}"
    );
    assert!(small.contains(" .gnu_debuglink "), "{small}");
    assert!(sections(&debug).contains(" .debug_info "));

    // In place, and what it prints under the emulator.
    cross.strip(AARCH64, &program.path).run().unwrap();
    assert!(size(&program.path) < size(&program.inside));
    let run = cross.exec_on_target(AARCH64, [&program.path]).capture(true);
    assert_eq!(printed(run.run().unwrap()), "hello from aarch64\n");

    let raw = project.outer().join("app.bin");
    cross
        .objcopy(AARCH64, ["-O", "binary"], &stripped, &raw)
        .run()
        .unwrap();
    assert!(size(&raw) > 0 && !fs::read(&raw).unwrap().starts_with(b"\x7fELF"));
    let error = cross
        .strip(AARCH64, project.path().join("Cargo.toml"))
        .run()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ProgramFailed);
    assert!(error.to_string().contains("objcopy` for "), "{error}");
    assert_ne!(error.program_output(), "", "the tool's own words");
    leftovers.are_none();
}

/// Zig brings no such tools. Rust brings one, which does not find its own library.
#[test]
fn programs_that_zig_links_are_stripped_too() {
    let (machine, project) = (machine(), Project::new("app"));
    let of_distribution = machine.cross(&project).toolchain("image");
    let build = of_distribution.build("x86_64-unknown-linux-musl");
    let plan = build.strip(Strip::Symbols).plan().unwrap();
    let mut words = plan.commands().flat_map(|command| &command.args);
    assert!(words.any(|word| word == "objcopy"), "{plan}");
    let target = "x86_64-unknown-linux-musl";
    let project = Project::new("app");
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine("sandbox");
    let cross = cross.toolchain("host");
    let build = |strip| cross.build(target).strip(strip).run().unwrap();
    let built = build(Strip::Split);
    let program = built.executables().next().unwrap();
    let debug = program.path.with_extension("debug");
    assert!(program.companions.contains(&debug), "{program:?}");
    let sections = |path: &Path| {
        let read = cross.exec(target, ["readelf", "--wide", "--sections"]);
        printed(read.arg(path).capture(true).run().unwrap())
    };
    let small = sections(&program.path);
    assert!(!small.contains(" .symtab "), "{target}: {small}");
    assert!(small.contains(" .gnu_debuglink "), "{target}: {small}");
    assert!(sections(&debug).contains(" .debug_info "), "{target}");

    // What is beside the program is of that one.
    let built = build(Strip::Debug);
    let program = built.executables().next().unwrap();
    assert!(!debug.exists(), "{target}");
    cross.strip(target, &program.path).run().unwrap();
    assert!(!sections(&program.path).contains(" .symtab "), "{target}");
    let raw = project.outer().join("app.bin");
    let options = ["--only-section=.text", "-O", "binary"];
    let convert = cross.objcopy(target, options, &program.inside, &raw);
    convert.run().unwrap();
    assert!(size(&raw) > 0, "{target}");

    let version = cross.exec(target, ["objcopy", "--version"]).capture(true);
    let version = printed(version.run().unwrap());
    assert!(version.contains("objcopy"), "{version}");
    let tools = cross.host_tools(target).run().unwrap();
    let tool = Invocation::new(tools.tool("objcopy").unwrap());
    assert_eq!(tool::output(&tool.arg("--version")).stdout, version);
    leftovers.are_none();
}

/// Rust's own libraries for Windows have members that no tool of binutils reads.
#[test]
fn static_libraries_for_windows_are_published_stripped() {
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
        [lib]\ncrate-type = [\"staticlib\"]\n";
    let lib = "#[no_mangle]\npub extern \"C\" fn say() { println!(\"hello\") }\n";
    let target = "x86_64-pc-windows-gnu";
    let project = Project::new("app")
        .file("Cargo.toml", manifest)
        .file("src/lib.rs", lib);
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine("sandbox");
    let cross = cross.toolchain("host");
    let built = cross.build(target).strip(Strip::Symbols).run().unwrap();
    let is_static = |path: &Path| path.extension().is_some_and(|end| end == "a");
    let mut artifacts = built.artifacts.iter();
    let library = artifacts.find(|it| is_static(&it.path)).unwrap();
    let small = size(&library.path);
    assert!(small < size(&library.inside));
    let copy = project.outer().join("copy.a");
    let strip = cross.strip(target, &library.inside).output(&copy);
    strip.run().unwrap();
    assert_eq!(size(&copy), small);
    leftovers.are_none();
}

/// In the sandbox, where a foreign program's tools are, and the library's, too.
#[test]
fn a_build_publishes_its_programs_stripped_with_debug_information_beside_them() {
    let project = Project::new("app");
    let leftovers = Leftovers::of(&project);
    let cross = project.cross().env(leftovers.env()).engine("sandbox");
    let build = || cross.build(AARCH64).checksums(true);
    let built = build().strip(Strip::Split).run().unwrap();
    let program = built.executables().next().unwrap();
    let debug = program.path.with_extension("debug");
    assert!(program.companions.contains(&debug), "{program:?}");
    let events = project.recorder().events();
    let warned = |event: &Event| matches!(event.kind, EventKind::Warning { .. });
    assert!(!events.iter().any(warned), "{events:?}");
    assert!(size(&program.path) < size(&program.inside));
    assert_eq!(program.sha256.as_deref(), Some(&*sha256(&program.path)));
    let sections = |path: &Path| {
        let read = cross.exec(AARCH64, ["readelf", "--wide", "--sections"]);
        printed(read.arg(path).capture(true).run().unwrap())
    };
    let small = sections(&program.path);
    assert!(!small.contains(" .symtab "), "{small}");
    assert!(small.contains(" .gnu_debuglink "), "{small}");
    assert!(sections(&debug).contains(" .debug_info "));
    let run = cross.exec_on_target(AARCH64, [&program.path]).capture(true);
    assert_eq!(printed(run.run().unwrap()), "hello from aarch64\n");

    // The same by the commands of a plan; and whole again, when nobody asks.
    let plan = build().strip(Strip::Debug).plan().unwrap();
    plan.prepare(&Cancel::new()).unwrap();
    for mut command in plan.to_commands().unwrap() {
        let done = command.stdout(Stdio::null()).status().unwrap();
        assert!(done.success());
    }
    assert!(
        plan.publish(&Cancel::new())
            .unwrap()
            .contains(&program.path)
    );
    let small = sections(&program.path);
    assert!(small.contains(" .symtab ") && !small.contains(" .debug_info "));
    let whole = build().run().unwrap();
    let whole = whole.executables().next().unwrap();
    assert_eq!(size(&whole.path), size(&whole.inside));

    // Cargo makes nothing new, and nothing is stripped again; a new program is.
    let copy = plan.target_dir.join("stripped/split");
    let copy = copy.join(AARCH64).join("debug/app");
    let identity = || copy.metadata().unwrap().ino();
    let first = identity();
    build().strip(Strip::Split).run().unwrap();
    assert_eq!(identity(), first);
    assert!(sections(&program.path).contains(" .gnu_debuglink "));
    let main = "fn main() { println!(\"another program\"); }\n";
    fs::write(project.path().join("src/main.rs"), main).unwrap();
    build().strip(Strip::Split).run().unwrap();
    assert_ne!(identity(), first);
    let run = cross.exec_on_target(AARCH64, [&program.path]).capture(true);
    assert_eq!(printed(run.run().unwrap()), "another program\n");
    leftovers.are_none();
}

/// Nothing ran, so that no word about an environment belongs there.
#[test]
fn a_file_that_cannot_be_stripped_is_the_callers_own() {
    let (machine, project) = (machine(), Project::new("app"));
    let cross = machine.cross(&project);
    for (path, words) in [("nope", "nope"), ("src", "src`: it is a directory")] {
        let strip = cross.strip(AARCH64, path).run().unwrap_err();
        let convert = cross.objcopy(AARCH64, ["-S"], path, "x").run().unwrap_err();
        let read = Needs::read(project.path().join(path)).unwrap_err();
        for error in [strip, convert, read] {
            let message = error.to_string();
            assert!(message.contains(words), "{message}");
            let help = error.help().unwrap();
            assert!(help.contains("object file by its path"), "{help}");
            assert!(!help.contains("CROSS_CACHE_DIR"), "{help}");
        }
    }
    assert!(machine.calls().is_empty(), "{:?}", machine.calls());
}

/// In containers, whose engines start the tools in their own way.
#[test]
fn containers_strip_what_they_build() {
    for engine in ["docker", "podman"] {
        engines::need(engine);
        let project = Project::new("app");
        let leftovers = Leftovers::of(&project);
        let cross = project.cross().env(leftovers.env()).engine(engine);
        let built = cross.build(AARCH64).strip(Strip::Split).run().unwrap();
        let program = built.executables().next().unwrap();
        let debug = program.path.with_extension("debug");
        assert!(program.companions.contains(&debug), "{program:?}");
        let readelf = "readelf --wide --sections \"$1\"; echo; readelf --string-dump=.gnu_debuglink \"$1\"; \
            echo; readelf --wide --sections \"$2\"";
        let read = cross.exec(AARCH64, ["sh", "-euc", readelf, "sh"]);
        let read = read.arg(&program.path).arg(&debug).capture(true);
        let said = printed(read.run().unwrap());
        let (small, kept) = said.split_once("String dump").unwrap();
        assert!(!small.contains(" .debug_info "), "{engine}: {said}");
        assert!(!small.contains(" .symtab "), "{engine}: {said}");
        assert!(kept.contains("app.debug\n"), "{engine}: {said}");
        assert!(kept.contains(" .debug_info "), "{engine}: {said}");
        leftovers.are_none();
    }
}

fn sha256(path: &Path) -> String {
    let sum = Invocation::new("sha256sum").arg(path.to_str().unwrap());
    tool::output(&sum)
        .stdout
        .split(' ')
        .next()
        .unwrap()
        .to_owned()
}

fn printed(outcome: Outcome) -> String {
    outcome.stdout.unwrap()
}

fn size(path: &Path) -> u64 {
    path.metadata().unwrap().len()
}

/// The artifacts of a target directory outside of the workspace.
#[test]
fn an_artifact_elsewhere_is_seen_and_says_what_it_needs() {
    let project = Project::new("app");
    let leftovers = Leftovers::of(&project);
    let elsewhere = project.outer().join("elsewhere");
    let env = leftovers.env().set("CARGO_TARGET_DIR", &elsewhere);
    let cross = project.cross().env(env).engine("sandbox");
    let built = cross.build(AARCH64).run().unwrap();
    let program = built.executables().next().unwrap();
    assert!(program.path.starts_with(&elsewhere));
    let read = cross.exec(AARCH64, ["objdump", "--file-headers"]);
    let said = printed(read.arg(&program.path).capture(true).run().unwrap());
    assert!(said.contains("architecture: aarch64"), "{said}");

    let needs = program.needs().unwrap();
    assert!(
        needs.libraries.contains(&"libc.so.6".to_owned()),
        "{needs:?}"
    );
    assert_eq!(
        needs.interpreter.as_deref(),
        Some("/lib/ld-linux-aarch64.so.1")
    );
    assert!(needs.glibc >= Some(GlibcVersion::new(2, 17)), "{needs:?}");
    assert_eq!(needs.glibc, program.glibc);
    assert!(!needs.is_static());
    leftovers.are_none();
}

/// The environment's own would not know the format of the files.
#[test]
fn a_tool_that_the_environment_lacks_for_the_target_is_refused() {
    let (machine, project) = (machine(), Project::new("app"));
    for target in [
        "aarch64-unknown-linux-musl",
        "aarch64-unknown-linux-gnu.2.17",
        "aarch64-apple-darwin",
        "x86_64-pc-windows-gnullvm",
    ] {
        for program in ["strip", "nm", "objdump"] {
            let planned = machine.cross(&project).exec(target, [program]).plan();
            let error = planned
                .err()
                .unwrap_or_else(|| panic!("{target} {program}"));
            assert_eq!(error.kind(), ErrorKind::ToolMissing, "{error:?}");
            let help = error.help().unwrap();
            assert!(help.contains("packages = [\"llvm:native\"]"), "{help}");
        }
    }
    let project = Project::new("app").file(
        "Cross.toml",
        "[target.aarch64-unknown-linux-musl]\npackages = [\"llvm:native\"]\n",
    );
    let cross = machine.cross(&project);
    let plan = cross.exec("aarch64-unknown-linux-musl", ["strip"]).plan();
    assert_eq!(
        plan.unwrap().steps.last().unwrap().purpose,
        "run `llvm-strip`"
    );
}

/// The environment's own is started, since it may be meant.
#[test]
fn a_tool_of_a_build_that_is_not_the_targets_is_a_warning() {
    let (machine, project) = (machine(), Project::new("app"));
    let cross = machine.cross(&project);
    let warned = |target: &str, program: &str| {
        let plan = cross.exec(target, [program]).plan().unwrap();
        let mut warnings = plan.warnings.into_iter();
        let warning = warnings.find(|it| it.code == "native-tool");
        warning.map(|it| it.help.unwrap())
    };
    let musl = "aarch64-unknown-linux-musl";
    let help = warned(musl, "ld").unwrap();
    assert!(help.contains("/usr/local/bin/cross-"), "{help}");
    let help = warned(musl, "dwp").unwrap();
    assert!(help.contains("llvm:native"), "{help}");
    let help = warned(AARCH64, "pkg-config").unwrap();
    assert!(
        help.contains("PKG_CONFIG_LIBDIR_aarch64_unknown_linux_gnu"),
        "{help}"
    );
    for (target, program) in [
        (musl, "cc"),
        (musl, "/usr/bin/ld"),
        (AARCH64, "ld"),
        (NATIVE, "ld"),
        (NATIVE, "pkg-config"),
    ] {
        assert_eq!(warned(target, program), None, "{target} {program}");
    }
}

/// The tool is that of the target, and the environment's own has a path.
#[test]
fn a_tool_for_object_files_is_the_targets() {
    let (machine, project) = (machine(), Project::new("app"));
    let cross = machine.cross(&project);
    let first = |cross: &Cross, target: &str, program: &str| {
        let plan = cross.exec(target, [program]).plan().unwrap();
        plan.steps.last().unwrap().purpose.clone()
    };
    assert_eq!(
        first(&cross, AARCH64, "strip"),
        "run `aarch64-linux-gnu-strip`"
    );
    assert_eq!(
        first(&cross, AARCH64, "/usr/bin/strip"),
        "run `/usr/bin/strip`"
    );
    assert_eq!(
        first(&cross, "x86_64-unknown-linux-gnu", "strip"),
        "run `strip`"
    );
    assert_eq!(
        first(&cross, "aarch64-unknown-linux-musl", "ar"),
        "run `/usr/local/bin/cross-ar`"
    );
    for (target, program, own) in [
        (AARCH64, "gcc", "aarch64-linux-gnu-gcc"),
        (AARCH64, "c++", "aarch64-linux-gnu-g++"),
        (AARCH64, "ld", "aarch64-linux-gnu-ld"),
        (AARCH64, "/usr/bin/cc", "/usr/bin/cc"),
        (NATIVE, "cc", "cc"),
    ] {
        assert_eq!(first(&cross, target, program), format!("run `{own}`"));
    }
    // Every program reads these, and those of the machine itself.
    for (target, program) in [
        ("aarch64-apple-darwin", "strings"),
        ("riscv64gc-unknown-linux-musl", "readelf"),
        ("x86_64-unknown-linux-musl", "strip"),
    ] {
        assert_eq!(first(&cross, target, program), format!("run `{program}`"));
    }
    let error = cross
        .strip("aarch64-apple-darwin", project.path().join("Cargo.toml"))
        .run()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnsupportedTarget, "{error:?}");
    assert!(error.help().unwrap().contains("strip = true"));
}
