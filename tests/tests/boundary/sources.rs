//! Attacks on the sources, which are read only: what is written beside them would run on the host
//! at the next plan, commit or build.

use std::fs;

use crate::attacker::{Attack, SECRET};
use crate::seat::{Seat, on_seats};

on_seats! {
    a_build_script_cannot_write_beside_its_sources: sandbox_as_root docker;
    a_build_script_that_must_write_beside_its_sources_is_told_how: sandbox_as_user podman;
    a_build_script_cannot_run_anything_at_the_next_plan: sandbox_as_root podman;
    a_test_cannot_write_beside_its_sources: sandbox_as_user docker;
    what_was_published_is_not_written_from_inside: sandbox_as_root docker;
    writable_directories_are_writable: sandbox_as_user podman;
    a_writable_directory_is_no_way_out: sandbox_as_root podman remote;
    a_home_directory_as_workspace_is_refused: sandbox_as_user docker;
    what_contains_the_home_is_refused_as_workspace: sandbox_as_root docker;
    a_cargo_home_in_the_workspace_shows_no_credentials: sandbox_as_root sandbox_as_user docker;
    git_cargo_and_the_root_are_never_writable: sandbox_as_user docker;
    a_lock_file_is_settled_before: sandbox_as_user podman;
}

/// Files that somebody on the host reads, obeys or starts, and ways to change them.
const WRITES: &str = r##"
    let w = workspace();
    for name in [
        ".cargo/config.toml", ".cargo/config", ".git/hooks/post-checkout", ".git/config", "rust-toolchain.toml",
        ".envrc", ".vscode/tasks.json", "Makefile", "evil.rs", "src/generated.rs", "target/evil", "member/build.rs",
    ] {
        let path = w.join(name);
        let _ = fs::create_dir_all(path.parent().unwrap());
        tried(name, OpenOptions::new().write(true).create(true).open(&path));
    }
    for name in ["Cargo.toml", "Cargo.lock", "Cross.toml", "build.rs", "src/main.rs"] {
        tried(name, OpenOptions::new().append(true).open(w.join(name)));
        tried(&format!("remove {}", name), fs::remove_file(w.join(name)).and_then(|()| fs::write(w.join(name), "")));
        tried(&format!("mode {}", name), fs::set_permissions(w.join(name), fs::Permissions::from_mode(0o777)));
    }
    tried("rename", fs::rename(w.join("src"), w.join("sources")));
    tried("link", symlink("/etc", w.join("etc")));
    tried("hard link", fs::hard_link(w.join("Cargo.toml"), w.join("Cargo2.toml")));
    // What is around the workspace is memory, in which this may go well.
    let _ = fs::write(w.parent().unwrap().join("beside"), "");
    tried("by the target directory", fs::write(target_dir().join("../../../evil.rs"), ""));
    tried("by /proc", fs::write(format!("/proc/self/cwd/{}", "evil2.rs"), ""));
    let root = OpenOptions::new().write(true).open(format!("/proc/1/root/{}/Cargo.toml", w.display()));
    tried("by another process", root);
    let times = call(280, [-100, format!("{}/Cargo.toml\0", w.display()).as_ptr() as i64, 0, 0, 0, 0]);
    tried("times", times);
    tell("tried", 1);
"##;

fn with_sources(seat: Seat) -> Attack {
    let attack = Attack::on(seat)
        .file("Cross.toml", "[build]\n")
        .file("member/README", "");
    attack.git(attack.project.path(), &["init", "--quiet"]);
    attack
}

/// Asserts that the writes were tried and refused, and that the workspace has nothing new but
/// `target`.
#[track_caller]
fn nothing_was_written(attack: &Attack, verb: &str) {
    attack.settle();
    let before = sources(attack);
    let said = attack.run(verb);
    said.told("tried");
    let wrong: Vec<_> = said
        .told
        .iter()
        .filter(|(_, told)| told.iter().any(|told| told == "done"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(sources(attack), before);
    assert!(!attack.path("target/evil").exists());
    assert!(attack.beside("beside").symlink_metadata().is_err());
}

/// Every file of the workspace but those of the target directory, with its content.
fn sources(attack: &Attack) -> Vec<(std::path::PathBuf, Option<Vec<u8>>)> {
    let target = attack.path("target");
    let files = attack.files().into_iter();
    let sources = files.filter(|path| !path.starts_with(&target));
    let mut sources: Vec<_> = sources
        .map(|path| (path.clone(), fs::read(path).ok()))
        .collect();
    sources.sort();
    sources
}

fn a_build_script_cannot_write_beside_its_sources(seat: Seat) {
    nothing_was_written(&with_sources(seat).build_script(WRITES), "build");
}

fn a_test_cannot_write_beside_its_sources(seat: Seat) {
    nothing_was_written(&with_sources(seat).program_and_test(WRITES), "test");
}

/// The error names the path, and the key that allows it.
fn a_build_script_that_must_write_beside_its_sources_is_told_how(seat: Seat) {
    let attack = Attack::on(seat)
        .file("schema/generated/README", "")
        .build_script(
            "    let path = workspace().join(\"schema/generated/types.rs\");\n    \
             tell(\"tried\", 1);\n    if let Err(error) = fs::write(&path, \"\") {\n        \
             panic!(\"cannot write {}: {}\", path.display(), error);\n    }",
        );
    let said = attack.run("build");
    said.told("tried");
    let error = said.failed();
    assert!(error.contains("schema/generated"), "the path: {error}");
    assert!(error.contains("writable"), "the key: {error}");
}

/// `cargo metadata` obeys a wrapper, and git its hooks.
fn a_build_script_cannot_run_anything_at_the_next_plan(seat: Seat) {
    let attack = with_sources(seat).build_script(
        r##"
    let w = workspace();
    let evil = target_dir().join("evil");
    let marker = w.parent().unwrap().join("tmp/it-ran");
    fs::write(&evil, format!("#!/bin/sh\n: >{}\nexec \"$@\"\n", marker.display())).unwrap();
    fs::set_permissions(&evil, fs::Permissions::from_mode(0o755)).unwrap();
    let config = format!("[build]\nrustc = {0:?}\nrustc-wrapper = {0:?}\n[target.x86_64-unknown-linux-gnu]\nrunner = {0:?}\n", evil);
    for dir in [&w, w.parent().unwrap(), &target_dir(), &w.join("src")] {
        let _ = fs::create_dir_all(dir.join(".cargo"));
        tried(&format!("config in {}", dir.display()), fs::write(dir.join(".cargo/config.toml"), &config));
    }
    for hook in ["post-checkout", "pre-commit", "post-index-change"] {
        let path = w.join(".git/hooks").join(hook);
        let hooked = fs::copy(&evil, &path);
        tried(hook, hooked);
    }
    tried("monitor", fs::write(w.join(".git/config"), format!("[core]\nfsmonitor = {:?}\n", evil)));
    tried("settings", fs::write(w.join("Cross.toml"), format!("[build]\nengine = {:?}\n", evil)));
    tell("tried", 1);
"##,
    );
    attack.run("build").told("tried");
    attack.run("plan").ended_in_time();
    attack.git(attack.project.path(), &["status", "--short"]);
    attack.git(
        attack.project.path(),
        &["commit", "--quiet", "--allow-empty", "--message=x"],
    );
    assert!(!attack.beside("tmp/it-ran").exists(), "it ran on the host");
}

/// What the user starts stays as it was published, while something else compiles.
fn what_was_published_is_not_written_from_inside(seat: Seat) {
    let attack = Attack::on(seat).build_script(
        r##"
    let there = target_dir().join("../../x86_64-unknown-linux-gnu/debug");
    let _ = fs::create_dir_all(&there);
    tried("beside", fs::write(there.join("evil"), ""));
    tried("tag", fs::write(target_dir().join("../../CACHEDIR.TAG"), ""));
    tried("another", fs::create_dir(target_dir().join("../another-key")));
    tell("tried", 1);
"##,
    );
    let said = attack.run("build");
    said.succeeded();
    for key in ["beside", "tag", "another"] {
        said.refused(key);
    }
    assert!(!attack.published().join("evil").exists());
}

fn writable_directories_are_writable(seat: Seat) {
    let attack = Attack::on(seat)
        .file("schema/generated/README", "")
        .file("schema/README", "")
        .file("assets/README", "")
        .file(
            "Cross.toml",
            "[build]\nwritable = [\"schema/generated\"]\n\
             [target.x86_64-unknown-linux-gnu]\nwritable = [\"assets\"]\n",
        )
        .build_script(
            r##"
    let w = workspace();
    tried("generated", fs::write(w.join("schema/generated/types.rs"), "// made\n"));
    tried("assets", fs::write(w.join("assets/new"), ""));
    tried("schema", fs::write(w.join("schema/new"), ""));
    tried("source", fs::write(w.join("src/new.rs"), ""));
    tried("rename", fs::rename(w.join("schema/generated"), w.join("schema/other")));
"##,
        );
    let said = attack.run("build");
    said.succeeded();
    for key in ["generated", "assets"] {
        said.done(key);
    }
    for key in ["schema", "source", "rename"] {
        said.refused(key);
    }
    let made = attack.path("schema/generated/types.rs");
    assert_eq!(fs::read_to_string(made).unwrap(), "// made\n");
}

/// Not by a link in it, and not by what it is made into between two builds.
fn a_writable_directory_is_no_way_out(seat: Seat) {
    let attack = Attack::on(seat)
        .file("generated/inner/README", "")
        .file("Cross.toml", "[build]\nwritable = [\"generated/inner\"]\n")
        .build_script(
            r##"
    let w = workspace();
    let inner = w.join("generated/inner");
    tried("made", fs::write(inner.join("made"), ""));
    tried("link", symlink(w.parent().unwrap().join("home/.ssh"), inner.join("ssh")));
    tried("through", fs::write(inner.join("ssh/authorized_keys"), "attacker"));
    tried("replace", fs::remove_dir_all(&inner).and_then(|()| symlink("../../home", &inner)));
    fs::write(target_dir().join("again"), format!("{:?}", Instant::now())).unwrap();
    println!("cargo:rerun-if-changed={}", target_dir().join("again").display());
"##,
        );
    let said = attack.run("build");
    said.done("made");
    said.refused("through");
    said.refused("replace");
    attack.run("build").ended_in_time();
    attack.decoys_are_safe();
}

/// That planning is refused, for a reason that names these words and is not that a key is unknown.
#[track_caller]
fn is_refused(attack: &Attack, words: &[&str]) {
    let error = attack.run("plan").failed();
    for word in words {
        assert!(error.contains(word), "`{word}` in: {error}");
    }
    assert!(!error.contains("unknown key"), "{error}");
}

fn git_cargo_and_the_root_are_never_writable(seat: Seat) {
    for path in [
        ".git",
        ".git/hooks",
        ".cargo",
        ".",
        "",
        "..",
        "../home",
        "/etc",
        "src/..",
        "member/.cargo",
        "to-git",
        "to-home",
    ] {
        let attack = with_sources(seat)
            .file(".cargo/config.toml", "")
            .file("member/.cargo/config.toml", "")
            .file("Cross.toml", &format!("[build]\nwritable = [{path:?}]\n"));
        let link = |to: &str, name: &str| {
            std::os::unix::fs::symlink(to, attack.path(name)).unwrap();
        };
        link(".git", "to-git");
        link("../home", "to-home");
        is_refused(&attack, &["writable"]);
    }
}

fn a_home_directory_as_workspace_is_refused(seat: Seat) {
    let attack = Attack::on(seat);
    let home = attack.project.path().to_str().unwrap().to_owned();
    is_refused(&attack.set("HOME", &home), &["home"]);
}

fn what_contains_the_home_is_refused_as_workspace(seat: Seat) {
    let attack = Attack::on(seat).file("users/me/.ssh/id_ed25519", "");
    let home = attack.path("users/me").to_str().unwrap().to_owned();
    is_refused(&attack.set("HOME", &home), &["home"]);
}

fn a_cargo_home_in_the_workspace_shows_no_credentials(seat: Seat) {
    let credentials = format!("[registry]\ntoken = \"{SECRET}\"\n");
    let attack = Attack::on(seat)
        .file("cargo-home/credentials.toml", &credentials)
        .build_script(
            r##"
    let home = workspace().join("cargo-home");
    tried("read", fs::read_to_string(home.join("credentials.toml")));
    tried("write", fs::write(home.join("config.toml"), "[build]\nrustc-wrapper = 'evil'\n"));
    tried("replace", fs::rename(&home, workspace().join("other")));
"##,
        );
    let home = attack.path("cargo-home").to_str().unwrap().to_owned();
    let attack = attack.set("CARGO_HOME", &home);
    let said = attack.run("build");
    said.succeeded().all_refused(&["read", "replace"]);
    said.no_secret_was_said();
    // What is written in its place is the run's own, and goes with it.
    said.told("write");
    assert!(!attack.path("cargo-home/config.toml").exists());
    let left = fs::read_to_string(attack.path("cargo-home/credentials.toml")).unwrap();
    assert_eq!(left, credentials);
}

/// A project without one gets it by the host's cargo: the inside could not write it.
fn a_lock_file_is_settled_before(seat: Seat) {
    let attack = Attack::on(seat).build_script(
        "    tried(\"lock\", OpenOptions::new().append(true).open(workspace().join(\"Cargo.lock\")));",
    );
    fs::remove_file(attack.path("Cargo.lock")).unwrap();
    let said = attack.run("build");
    said.succeeded().refused("lock");
    assert!(attack.path("Cargo.lock").is_file());
}
