//! What hostile code can do on a remote engine: no more than on one that sees the files.

use std::fs;

use cross_tests::Project;

use crate::{Case, TARGET};

/// A build script that tries to change the sources, the volumes' states and another volume, and
/// that leaves links, pipes and a file of another name beside cargo's own.
const ATTACK: &str = r#"
use std::{env, fs, os::unix::fs::symlink, path::PathBuf, process::Command};

fn main() {
    fs::write("src/main.rs", "evil").unwrap_err();
    for state in fs::read_dir("/run/cross-volumes").unwrap() {
        fs::write(state.unwrap().path(), "state-evil").unwrap_err();
    }
    for device in ["/dev/sda", "/dev/vda", "/var/run/docker.sock"] {
        fs::File::open(device).unwrap_err();
    }
    let out = PathBuf::from(env::var("OUT_DIR").unwrap());
    let profile = out.ancestors().nth(3).unwrap();
    let target = profile.join("../../aarch64-unknown-linux-gnu/debug");
    fs::create_dir_all(&target).unwrap();
    symlink("/etc/passwd", target.join("libapp.so")).unwrap();
    symlink("/etc/passwd", target.join("libapp.rlib")).unwrap();
    fs::write(target.join("evil"), "evil").unwrap();
    fs::write(target.join("..evil\n"), "evil").unwrap();
    for pipe in ["app.pdb", "app.dwp"] {
        assert!(Command::new("mkfifo").arg(target.join(pipe)).status().unwrap().success());
    }
    symlink("/etc", profile.join("../../cargo-timings")).unwrap();
}
"#;

#[test]
fn what_a_build_leaves_on_the_engines_machine_is_a_claim() {
    let case = Case::new(Project::new("app").file("build.rs", ATTACK));
    let built = case.build();
    let target = case.project.path().join("target");
    let published = target.join(TARGET).join("debug");
    assert_eq!(built.program(), published.join("app"));
    let mut names = Vec::new();
    for entry in fs::read_dir(&published).unwrap() {
        let entry = entry.unwrap();
        assert!(entry.file_type().unwrap().is_file(), "{entry:?}");
        names.push(entry.file_name().into_string().unwrap());
        let text = fs::read(entry.path()).unwrap();
        assert!(!text.starts_with(b"root:"), "{entry:?}");
    }
    names.sort();
    assert!(
        names
            .iter()
            .all(|name| ["app", "app.d"].contains(&name.as_str())),
        "{names:?}"
    );
    assert!(!target.join("cargo-timings").exists());
    let again = case.build();
    assert_eq!((again.sent, again.compiled), (0, false));
}
