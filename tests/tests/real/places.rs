//! Target directories and paths on the command line, wherever they lead.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cross_core::{Cross, Error};
use cross_tests::{Project, on_engines, real_env};

use super::TARGET;

on_engines! { a_target_directory_outside_the_workspace_gets_the_program }
on_engines! { a_target_directory_that_is_a_link_gets_the_program }
on_engines! { @ the_variable_for_the_target_directory_may_be_written_in_any_way sandbox docker }
on_engines! { @ a_project_that_is_reached_through_a_link_is_built sandbox docker }
on_engines! { a_directory_for_artifacts_gets_the_program }
on_engines! { @ a_configuration_file_and_a_manifest_are_found_outside sandbox docker }
on_engines! { @ an_archive_of_tests_is_where_its_flag_says sandbox docker }
on_engines! { @ a_path_that_no_run_can_write_is_refused_with_the_remedy sandbox docker }
on_engines! { @ a_target_directory_of_the_command_lines_configuration_is_used sandbox docker }

/// The program below a target directory.
fn program(target_dir: &Path) -> PathBuf {
    target_dir.join(TARGET).join("debug/app")
}

fn on(project: &Project, engine: &str) -> Cross {
    project.cross().engine(engine)
}

/// Builds with a request, and checks that the program is in `target_dir`.
#[track_caller]
fn builds_into(cross: &Cross, target_dir: &Path) {
    let outcome = cross.build(TARGET).run();
    let outcome = outcome.unwrap_or_else(|error| panic!("{error:?}"));
    assert_is_a_program(&program(target_dir));
    let published = outcome.artifacts[0].path.canonicalize().unwrap();
    assert_eq!(published, program(target_dir).canonicalize().unwrap());
}

/// Builds with a cargo command line, and checks that the program is in `target_dir`.
#[track_caller]
fn front_door_builds_into(cross: &Cross, words: &[&str], target_dir: &Path) {
    let outcome = front_door(cross, words).unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(outcome, 0);
    assert_is_a_program(&program(target_dir));
}

fn front_door(cross: &Cross, words: &[&str]) -> Result<i32, Error> {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    cross.cargo(words).run().map(|outcome| outcome.code)
}

#[track_caller]
fn assert_is_a_program(path: &Path) {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(bytes.starts_with(b"\x7fELF"));
}

const BUILD: [&str; 3] = ["build", "--target", TARGET];

fn a_target_directory_outside_the_workspace_gets_the_program(engine: &'static str) {
    let project =
        Project::new("app").file(".cargo/config.toml", "[build]\ntarget-dir = \"../x\"\n");
    let cross = on(&project, engine);
    let dir = project.outer().join("x");
    builds_into(&cross, &dir);
    fs::remove_file(program(&dir)).unwrap();
    front_door_builds_into(&cross, &BUILD, &dir);

    let dir = project.outer().join("y");
    let words = [&BUILD[..], &["--target-dir", "./../app/../y"]].concat();
    front_door_builds_into(&cross, &words, &dir);
    let typed = cross.build(TARGET).target_dir("../z").run().unwrap();
    assert_is_a_program(&typed.artifacts[0].path);
    assert_is_a_program(&program(&project.outer().join("z")));
    assert!(!project.path().join("target").exists());
}

fn a_target_directory_that_is_a_link_gets_the_program(engine: &'static str) {
    // The second link leads to a directory that is still to be made.
    for is_there in [true, false] {
        let project = Project::new("app");
        let disk = project.outer().join("disk/of/targets");
        fs::create_dir_all(if is_there { &disk } else { project.outer() }).unwrap();
        symlink("../via", project.path().join("target")).unwrap();
        symlink(&disk, project.outer().join("via")).unwrap();
        let cross = on(&project, engine);
        builds_into(&cross, &project.path().join("target"));
        assert_is_a_program(&program(&disk));
        fs::remove_file(program(&disk)).unwrap();
        front_door_builds_into(&cross, &BUILD, &disk);
        let ran = cross.test(TARGET).run();
        assert_eq!(ran.unwrap().tests.unwrap().passed, 1);
    }
}

fn the_variable_for_the_target_directory_may_be_written_in_any_way(engine: &'static str) {
    let project = Project::new("app");
    let outer = project.outer().to_owned();
    fs::create_dir(outer.join("real")).unwrap();
    symlink("real", outer.join("link")).unwrap();
    let absolute = outer.join("abs").display().to_string();
    for (written, meant) in [
        (absolute.as_str(), outer.join("abs")),
        ("../relative/./x", outer.join("relative/x")),
        ("out", project.path().join("out")),
        ("../link/t", outer.join("real/t")),
        ("../link/../app/up", project.path().join("up")),
    ] {
        let env = real_env();
        let cross = project
            .cross()
            .env(env.set("CARGO_TARGET_DIR", written))
            .engine(engine);
        builds_into(&cross, &meant);
        fs::remove_file(program(&meant)).unwrap();
        front_door_builds_into(&cross, &BUILD, &meant);
    }
}

fn a_project_that_is_reached_through_a_link_is_built(engine: &'static str) {
    let project = Project::new("app").with_member_and_path_dependency();
    let link = project.outer().join("link");
    symlink(project.path(), &link).unwrap();
    let cross = Cross::at(&link)
        .env(real_env())
        .toolchain("image")
        .engine(engine);
    builds_into(&cross, &project.path().join("target"));
    let manifest = link.join("Cargo.toml").display().to_string();
    let elsewhere = Project::new("other");
    let from_there = on(&elsewhere, engine);
    let words = [&BUILD[..], &["--manifest-path", &manifest]].concat();
    fs::remove_file(program(&project.path().join("target"))).unwrap();
    front_door_builds_into(&from_there, &words, &project.path().join("target"));
    let ran = cross.manifest_path(manifest).test(TARGET).run();
    assert_eq!(ran.unwrap().tests.unwrap().passed, 1);
}

/// Nightly has the flag, so `RUSTC_BOOTSTRAP` stands in for it.
fn a_directory_for_artifacts_gets_the_program(engine: &'static str) {
    let project =
        Project::new("app").cross_toml("[build.env]\npassthrough = [\"RUSTC_BOOTSTRAP=1\"]\n");
    let cross = on(&project, engine);
    for (written, meant) in [
        ("dist", project.path().join("dist")),
        ("../dist/x", project.outer().join("dist/x")),
    ] {
        let flag = ["-Zunstable-options", artifact_flag(), written];
        let words = [&BUILD[..], &flag].concat();
        assert_eq!(front_door(&cross, &words).unwrap(), 0);
        assert_is_a_program(&meant.join("app"));
    }
}

/// The flag as the Rust of the environments has it.
fn artifact_flag() -> &'static str {
    "--artifact-dir"
}

fn a_configuration_file_and_a_manifest_are_found_outside(engine: &'static str) {
    let flags = "[build]\nrustflags = [\"--cfg\", \"outside\"]\n";
    let main = "#[cfg(not(outside))]\ncompile_error!(\"not configured\");\nfn main() {}\n";
    let project = Project::new("app")
        .file("src/main.rs", main)
        .file("../ci/real.toml", flags);
    symlink("real.toml", project.outer().join("ci/linked.toml")).unwrap();
    let elsewhere = Project::new("other");
    let cross = on(&project, engine);
    let dir = project.path().join("target");
    for file in [
        "../ci/real.toml",
        "../ci/linked.toml",
        "../app/../ci/real.toml",
    ] {
        let words = [&BUILD[..], &["--config", file]].concat();
        front_door_builds_into(&cross, &words, &dir);
        fs::remove_file(program(&dir)).unwrap();
    }
    // The file is next to the directory of the command, which no run of the project sees.
    let elsewhere = elsewhere.file("ci.toml", flags);
    let manifest = project.path().join("../app/Cargo.toml");
    let manifest = manifest.display().to_string();
    let words = [
        &BUILD[..],
        &["--config", "ci.toml", "--manifest-path", &manifest],
    ]
    .concat();
    front_door_builds_into(&on(&elsewhere, engine), &words, &dir);
}

fn a_target_directory_of_the_command_lines_configuration_is_used(engine: &'static str) {
    let project = Project::new("app");
    let cross = on(&project, engine);
    let absolute = project.outer().join("absolute");
    let absolute_setting = format!("build.target-dir = \"{}\"", absolute.display());
    for (setting, meant) in [
        (absolute_setting.as_str(), absolute.clone()),
        ("build.target-dir = \"../set\"", project.outer().join("set")),
    ] {
        let words = [&BUILD[..], &["--config", setting]].concat();
        front_door_builds_into(&cross, &words, &meant);
    }
    let typed = cross
        .build(TARGET)
        .config("build.target-dir = \"../typed\"");
    let built = typed.run().unwrap_or_else(|error| panic!("{error:?}"));
    assert_is_a_program(&built.artifacts[0].path);
    assert_is_a_program(&program(&project.outer().join("typed")));
}

fn an_archive_of_tests_is_where_its_flag_says(engine: &'static str) {
    let project = Project::new("app");
    let cross = on(&project, engine);
    let words = ["nextest", "archive", "--target", TARGET, "--archive-file"];
    let file = project.outer().join("out/tests.tar.zst");
    let words = [&words[..], &["../out/tests.tar.zst"]].concat();
    assert_eq!(front_door(&cross, &words).unwrap(), 0);
    assert_ne!(file.metadata().unwrap().len(), 0);
    let typed = project.path().join("tests.tar.zst");
    cross
        .nextest(TARGET)
        .archive("tests.tar.zst")
        .run()
        .unwrap();
    assert_ne!(typed.metadata().unwrap().len(), 0);
}

fn a_path_that_no_run_can_write_is_refused_with_the_remedy(engine: &'static str) {
    let project = Project::new("app");
    let cross = on(&project, engine);
    let lock = [&BUILD[..], &["--lockfile-path", "../lock/Cargo.lock"]].concat();
    let extract = ["nextest", "run", "--target", TARGET, "--extract-to", "../x"];
    for words in [&lock[..], &extract] {
        let error = front_door(&cross, words).unwrap_err();
        let named = project
            .outer()
            .join(words.last().unwrap().trim_start_matches("../"));
        let text = error.to_string();
        assert!(text.contains(named.to_str().unwrap()), "{text}");
        assert!(error.help().is_some());
    }
}
