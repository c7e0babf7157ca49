//! Paths in the flags of compilers: what they read is seen, and what they write arrives or is
//! named.

use std::fs;
use std::path::Path;

use cross_core::{Cross, Error, ErrorKind};
use cross_tests::{Project, on_engines, real_env};

use super::TARGET;

on_engines! { @ what_a_flag_of_the_compiler_reads_is_seen sandbox docker }
on_engines! { @ what_takes_the_place_of_a_build_script_is_seen sandbox docker }
on_engines! { @ what_a_flag_after_the_separator_writes_arrives sandbox docker }
on_engines! { @ what_a_flag_writes_and_no_run_keeps_is_named sandbox }
on_engines! { @ a_private_place_in_a_flag_stays_outside sandbox }
on_engines! { @ a_directory_for_artifacts_that_is_configured_gets_the_program sandbox docker }
on_engines! { @ a_build_directory_of_the_command_line_loses_nothing sandbox docker }

const MAIN: &str = "unsafe extern \"C\" { fn version() -> i32; }\n\
                    fn main() { println!(\"{}\", unsafe { version() }); }\n";

fn on(project: &Project, engine: &str) -> Cross {
    project.cross().engine(engine)
}

#[track_caller]
fn types(cross: &Cross, words: &[&str]) -> Result<i32, Error> {
    let words: Vec<_> = words.iter().map(std::ffi::OsString::from).collect();
    cross.cargo(words).run().map(|outcome| outcome.code)
}

/// A program whose symbol `version` is defined by a script of the linker outside of the workspace.
fn linked(project: Project) -> Project {
    project
        .file("src/main.rs", MAIN)
        .file("../link/defined.ld", "version = main;\n")
}

fn what_a_flag_of_the_compiler_reads_is_seen(engine: &'static str) {
    let project = linked(Project::new("app"));
    let script = project
        .outer()
        .join("link/defined.ld")
        .display()
        .to_string();
    let flag = format!("-Clink-arg={script}");
    let with = |name: &str, value: &str| {
        project
            .cross()
            .env(real_env().set(name, value))
            .engine(engine)
    };
    let built = |cross: &Cross, typed: bool| {
        let made = match typed {
            true => cross.build(TARGET).run().map(|_| 0),
            false => types(cross, &["build", "--target", TARGET]),
        };
        assert_eq!(made.unwrap_or_else(|error| panic!("{error:?}")), 0);
        fs::remove_dir_all(project.path().join("target").join(TARGET)).unwrap();
    };
    let relative = "-C link-arg=-Wl,../link/defined.ld";
    built(&with("RUSTFLAGS", &flag), true);
    built(&with("RUSTFLAGS", relative), false);
    built(&with("CARGO_ENCODED_RUSTFLAGS", &flag), false);
    built(
        &with("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS", &flag),
        true,
    );
    let setting = format!("build.rustflags = [\"{flag}\"]");
    let words = ["build", "--target", TARGET, "--config", &setting];
    assert_eq!(types(&on(&project, engine), &words).unwrap(), 0);
    let typed = on(&project, engine)
        .build(TARGET)
        .rustflags([flag.as_str()]);
    typed.run().unwrap_or_else(|error| panic!("{error:?}"));
    let words = [
        "rustc",
        "--target",
        TARGET,
        "--",
        "-C",
        "link-arg=../link/defined.ld",
    ];
    assert_eq!(types(&on(&project, engine), &words).unwrap(), 0);
    let config = format!("[target.'cfg(unix)']\nrustflags = [\"{flag}\"]\n");
    let project = project.file("../.cargo/config.toml", &config);
    let built = on(&project, engine).build(TARGET).run();
    built.unwrap_or_else(|error| panic!("{error:?}"));
}

/// A table with the name of what is linked, in cargo's configuration, names a directory of
/// libraries.
fn what_takes_the_place_of_a_build_script_is_seen(engine: &'static str) {
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
                    links = \"defined\"\nbuild = \"build.rs\"\n";
    let project = Project::new("app");
    let absolute = project.outer().join("link").display().to_string();
    let mut project = project
        .file("Cargo.toml", manifest)
        .file("build.rs", "fn main() { panic!(\"it is replaced\") }\n")
        .file("src/main.rs", MAIN)
        // A script of the linker, in the place of a library.
        .file("../link/libdefined.so", "version = main;\n");
    for (file, search) in [
        (".cargo/config.toml", "../link"),
        ("../.cargo/config.toml", &absolute),
    ] {
        let table = format!(
            "[target.{TARGET}.defined]\nrustc-link-lib = [\"defined\"]\n\
             rustc-link-search = [\"native={search}\"]\n"
        );
        project = project.file(file, &table);
        let built = on(&project, engine).build(TARGET).run();
        built.unwrap_or_else(|error| panic!("{file}: {error:?}"));
        let words = ["build", "--release", "--target", TARGET];
        assert_eq!(types(&on(&project, engine), &words).unwrap(), 0, "{file}");
        project = project.without(file);
        fs::remove_dir_all(project.path().join("target")).unwrap();
    }
}

fn what_a_flag_after_the_separator_writes_arrives(engine: &'static str) {
    let project = Project::new("app");
    let cross = on(&project, engine);
    let (up, own) = (
        project.outer().join("out/x.s"),
        project.path().join("x.mir"),
    );
    let words = [
        "rustc",
        "--target",
        TARGET,
        "--",
        "--emit=asm=../out/x.s,mir=x.mir,link",
    ];
    // The second time cargo finds it fresh.
    for _ in 0..2 {
        assert_eq!(types(&cross, &words).unwrap(), 0);
        assert!(fs::read_to_string(&up).unwrap().contains("main"));
        assert!(
            own.is_file()
                && project
                    .path()
                    .join("target")
                    .join(TARGET)
                    .join("debug/app")
                    .is_file()
        );
        fs::remove_file(&up).unwrap();
    }
    let typed = cross
        .rustc(TARGET)
        .args(["--print=link-args=../out/args"])
        .run();
    typed.unwrap_or_else(|error| panic!("{error:?}"));
    assert_ne!(
        project.outer().join("out/args").metadata().unwrap().len(),
        0
    );
    let words = ["rustc", "--target", TARGET, "--", "-o", "../program"];
    let error = types(&cross, &words).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CargoFailed);
    assert!(error.to_string().contains("`-o ../program`"), "{error}");
    assert!(error.help().is_some());
}

fn what_a_flag_writes_and_no_run_keeps_is_named(engine: &'static str) {
    let project = Project::new("app");
    for (flags, named) in [
        ("-C link-arg=-Wl,-Map=/tmp/app.map", "/tmp/app.map"),
        ("--emit asm=../app.s,link", "app.s"),
        ("-Cprofile-generate=/tmp/profiles", "/tmp/profiles"),
    ] {
        let cross = project
            .cross()
            .env(real_env().set("RUSTFLAGS", flags))
            .engine(engine);
        let plan = cross.build(TARGET).plan().unwrap();
        let warning = plan.warnings.iter().find(|it| it.code == "flag-output");
        let warning = warning.unwrap_or_else(|| panic!("{flags}: {:?}", plan.warnings));
        assert!(
            warning.message.contains(named) && warning.help.is_some(),
            "{warning:?}"
        );
    }
    let project = project
        .file("out/made", "")
        .cross_toml("[build]\nwritable = [\"out\"]\n");
    let out = project.path().join("out");
    for (flags, dir, is_lost) in [
        ("-Cinstrument-coverage", Path::new("/tmp"), true),
        ("-C instrument_coverage", Path::new("/tmp"), true),
        ("-Cinstrument-coverage", &*out, false),
        ("-Cinstrument-coverage", Path::new("out"), false),
        ("-Copt-level=1", Path::new("/tmp"), false),
    ] {
        let env = real_env().set("RUSTFLAGS", flags);
        let env = env.set("LLVM_PROFILE_FILE", dir.join("%m-%p.profraw"));
        let plan = project.cross().env(env).engine(engine).test(TARGET).plan();
        let warnings = plan.unwrap().warnings;
        let mut lost = warnings.iter().filter(|it| it.code == "flag-output");
        let told = lost.any(|it| it.message.contains("LLVM_PROFILE_FILE"));
        assert_eq!(told, is_lost, "{flags} {dir:?}: {warnings:?}");
    }
    let kept = "--emit=asm=out/app.s,link";
    let cross = project
        .cross()
        .env(real_env().set("RUSTFLAGS", kept))
        .engine(engine);
    cross
        .build(TARGET)
        .run()
        .unwrap_or_else(|error| panic!("{error:?}"));
    assert!(project.path().join("out/app.s").is_file());
}

/// A repository's configuration names what it likes.
fn a_private_place_in_a_flag_stays_outside(engine: &'static str) {
    let text =
        "[build]\nrustflags = [\"-L\", \"../home/.ssh\", \"-L\", \"..\", \"-L\", \"/usr/lib\"]\n";
    let project = Project::new("app")
        .file(".cargo/config.toml", text)
        .file("../home/.ssh/id", "");
    let cache = project.outer().join("cache");
    let home = project.outer().join("home");
    let env = real_env().set("HOME", &home).set("CROSS_CACHE_DIR", &cache);
    let cross = project
        .cross()
        .env(env)
        .cargo_home_dir(home.join("cargo"))
        .engine(engine);
    let plan = cross.build(TARGET).plan().unwrap();
    let warnings = plan.warnings.iter().filter(|it| it.code == "private-path");
    assert_eq!(warnings.count(), 1, "{:?}", plan.warnings);
    let text = plan.to_string();
    let mut commands = text.lines().filter(|line| !line.starts_with('#'));
    assert!(!commands.any(|line| line.contains(".ssh")), "{plan}");
}

/// Nightly has the setting, so `RUSTC_BOOTSTRAP` stands in for it.
fn a_directory_for_artifacts_that_is_configured_gets_the_program(engine: &'static str) {
    let config = "[unstable]\nunstable-options = true\n[build]\nartifact-dir = \"../dist\"\n";
    let project = Project::new("app").file(".cargo/config.toml", config);
    let env = real_env().set("RUSTC_BOOTSTRAP", "1");
    let cross = project.cross().env(env.clone()).engine(engine);
    let is_in = |dir: &Path| {
        let bytes =
            fs::read(dir.join("app")).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
        assert!(bytes.starts_with(b"\x7fELF"));
    };
    cross
        .build(TARGET)
        .run()
        .unwrap_or_else(|error| panic!("{error:?}"));
    is_in(&project.outer().join("dist"));
    let build = ["build", "--target", TARGET];
    let setting = [&build[..], &["--config", "build.artifact-dir = \"set\""]].concat();
    assert_eq!(types(&cross, &setting).unwrap(), 0);
    is_in(&project.path().join("set"));
    let cross = cross.env(env.set("CARGO_BUILD_ARTIFACT_DIR", "../variable"));
    assert_eq!(types(&cross, &build).unwrap(), 0);
    is_in(&project.outer().join("variable"));
    // No other command has one.
    fs::remove_dir_all(project.outer().join("variable")).unwrap();
    assert_eq!(types(&cross, &["run", "--target", TARGET]).unwrap(), 0);
    assert!(!project.outer().join("variable").exists());
}

fn a_build_directory_of_the_command_line_loses_nothing(engine: &'static str) {
    let project = Project::new("app").file("../ci.toml", "build.build-dir = \"../file\"\n");
    // Older cargos do not know the setting.
    let cross = on(&project, engine).toolchain("stable");
    for config in ["build.build-dir = \"../made\"", "../ci.toml"] {
        let words = ["build", "--target", TARGET, "--config", config];
        let plan = cross.cargo(words).plan().unwrap();
        let named = plan
            .decision
            .warnings
            .iter()
            .any(|it| it.contains("build.build-dir"));
        assert!(named, "{:?}", plan.decision.warnings);
        assert_eq!(types(&cross, &words).unwrap(), 0);
        let program = project.path().join("target").join(TARGET).join("debug/app");
        assert!(program.is_file(), "{config}");
        fs::remove_file(program).unwrap();
        assert!(!project.outer().join("made").exists());
    }
}
