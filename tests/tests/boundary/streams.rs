//! Attacks by bytes on a stream: forged messages of cargo's and of test harnesses.
//!
//! A build script writes to the standard output of the cargo that started it, which the caller
//! reads.

use std::fs;

use crate::attacker::Attack;
use crate::seat::{Seat, on_seats};

on_seats! {
    a_forged_artifact_is_not_published: sandbox_as_root docker;
    a_forged_artifact_does_not_write_the_callers_authorized_keys: sandbox_as_user podman;
    a_forged_artifact_does_not_fetch_a_private_key: sandbox_as_root podman nested remote;
    a_forged_stream_does_not_make_a_failed_build_succeed: sandbox_as_user docker;
    a_fifo_as_artifact_does_not_outlive_the_deadline: sandbox_as_root docker;
    a_test_that_ends_its_harness_is_no_success: sandbox_as_user podman;
    a_failing_test_that_prints_a_good_result_is_no_success: sandbox_as_root podman;
}

/// Files outside of the target's directory, under names that the workspace cannot produce or that
/// belong to another file.
fn a_forged_artifact_is_not_published(seat: Seat) {
    let attack = Attack::on(seat).build_script(
        r##"
    let dir = debug_dir();
    fs::create_dir_all(dir.join("sub")).unwrap();
    for name in ["evil", "build.sh", "sub/app", ".hidden"] {
        fs::write(dir.join(name), "#!/bin/sh\n").unwrap();
        forge(name, "app", &dir.join(name));
        forge(&format!("{} as itself", name), name.rsplit('/').next().unwrap(), &dir.join(name));
    }
    let elsewhere = target_dir().join("release/app");
    fs::create_dir_all(elsewhere.parent().unwrap()).unwrap();
    fs::write(&elsewhere, "#!/bin/sh\n").unwrap();
    forge("elsewhere", "app", &elsewhere);
"##,
    );
    let said = attack.run("build");
    said.ended_in_time();
    said.told("elsewhere");
    for name in ["evil", "build.sh", "sub", ".hidden", "../../release"] {
        let path = attack.published().join(name);
        assert!(!path.exists(), "{}", path.display());
    }
    let program = attack.published().join("app");
    for path in said.artifacts() {
        assert_eq!(path, program.to_str().unwrap());
    }
    attack.decoys_are_safe();
}

/// By a path that leads up, and by links in it.
fn a_forged_artifact_does_not_write_the_callers_authorized_keys(seat: Seat) {
    let attack = Attack::on(seat).build_script(
        r##"
    // Beside the workspace, as seen from where artifacts appear, and from here by way of a link.
    let here = target_dir();
    fs::create_dir_all(here.join("1/2/3")).unwrap();
    fs::create_dir_all(here.join("home/.ssh")).unwrap();
    fs::write(here.join("home/.ssh/authorized_keys"), "ssh-ed25519 AAAA attacker\n").unwrap();
    tried("link", symlink(here.join("1/2/3"), here.join("x")));
    forge("up by a link", "app", &here.join("x/../../../home/.ssh/authorized_keys"));
    let beside = here.join("../../home/.ssh");
    if tried("beside", fs::create_dir_all(&beside)).is_some() {
        fs::write(beside.join("authorized_keys"), "ssh-ed25519 AAAA attacker\n").unwrap();
    }
    forge("up", "app", &here.join("../../home/.ssh/authorized_keys"));
    // A directory that is a link where artifacts appear, and none here.
    let there = here.join("../../x86_64-unknown-linux-gnu/debug");
    let ssh = workspace().parent().unwrap().join("home/.ssh");
    tried("publish through", fs::create_dir_all(&there).and_then(|()| symlink(ssh, there.join("keys"))));
    fs::create_dir_all(debug_dir().join("keys")).unwrap();
    fs::write(debug_dir().join("keys/authorized_keys"), "ssh-ed25519 AAAA attacker\n").unwrap();
    forge("through", "app", &debug_dir().join("keys/authorized_keys"));
"##,
    );
    let said = attack.run("build");
    said.ended_in_time();
    said.told("through");
    attack.decoys_are_safe();
    for path in said.artifacts() {
        assert!(path.ends_with("/debug/app"), "{path}");
    }
}

/// By links to it, and to directories on the way, in place of what cargo builds.
fn a_forged_artifact_does_not_fetch_a_private_key(seat: Seat) {
    let attack = Attack::on(seat).build_script(
        r##"
    let home = workspace().parent().unwrap().join("home");
    let dir = debug_dir();
    fs::create_dir_all(&dir).unwrap();
    symlink(home.join(".ssh/id_ed25519"), dir.join("stolen")).unwrap();
    forge("link", "app", &dir.join("stolen"));
    symlink(home.join(".ssh"), dir.join("ssh")).unwrap();
    forge("directory", "app", &dir.join("ssh/id_ed25519"));
    symlink(&home, target_dir().join("home")).unwrap();
    forge("credentials", "app", &target_dir().join("home/.cargo/credentials.toml"));
    symlink("/proc/self/environ", dir.join("environ")).unwrap();
    forge("variables", "app", &dir.join("environ"));
"##,
    );
    let said = attack.run("build");
    said.ended_in_time();
    said.told("variables");
    attack.decoys_are_safe();
    said.no_secret_was_said();
    for path in said.artifacts() {
        assert!(path.ends_with("/debug/app"), "{path}");
    }
}

fn a_forged_stream_does_not_make_a_failed_build_succeed(seat: Seat) {
    let attack = Attack::on(seat)
        .file("src/main.rs", "fn main() { this_is_no_program }\n")
        .build_script(
            r##"
    fs::create_dir_all(debug_dir()).unwrap();
    fs::write(debug_dir().join("app"), "#!/bin/sh\n").unwrap();
    forge("artifact", "app", &debug_dir().join("app"));
    let finished = "{\"reason\":\"build-finished\",\"success\":true}\n";
    tried("finished", cargos_stdout().and_then(|mut out| out.write_all(finished.as_bytes())));
"##,
        );
    let said = attack.run("build");
    said.told("finished");
    said.failed();
    assert!(!attack.published().join("app").exists());
}

/// What is read of a file that is none: its size, its symbols, its hash.
fn a_fifo_as_artifact_does_not_outlive_the_deadline(seat: Seat) {
    let attack = Attack::on(seat).patience(28).build_script(
        r##"
    fs::create_dir_all(debug_dir()).unwrap();
    let notes = target_dir().join(".rustc_info.json");
    tried("rustc", fs::remove_file(&notes).and_then(|()| fifo(&notes)));
    fifo(&debug_dir().join("waits")).unwrap();
    forge("a name of its own", "waits", &debug_dir().join("waits"));
    // Cargo puts the program there later: it is looked at before.
    fifo(&debug_dir().join("app")).unwrap();
    forge("the program", "app", &debug_dir().join("app"));
"##,
    );
    let said = attack.run("build@15");
    said.ended_in_time();
    said.told("rustc");
    said.told("the program");
    attack.decoys_are_safe();
    let waits = attack.published().join("waits");
    assert!(fs::symlink_metadata(waits).is_err(), "it was published");
}

/// Its status is good, and it said nothing of its tests.
fn a_test_that_ends_its_harness_is_no_success(seat: Seat) {
    let attack = Attack::on(seat).hostile(
        "src/main.rs",
        "fn main() {}\n#[test]\nfn a_ends() { tell(\"ended\", 1); std::process::exit(0) }\n\
         #[test]\nfn b_fails() { std::thread::sleep(Duration::from_millis(300)); panic!() }\n",
    );
    let said = attack.run("test");
    said.told("ended");
    said.failed();
}

fn a_failing_test_that_prints_a_good_result_is_no_success(seat: Seat) {
    let attack = Attack::on(seat).hostile(
        "src/main.rs",
        r##"
fn main() {}
#[test]
fn fails() {
    // Not by `println`, which the harness keeps for itself.
    let lie = "\ntest result: ok. 1000 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
    let out = OpenOptions::new().append(true).open("/proc/self/fd/1");
    tried("lie", out.and_then(|mut out| out.write_all(lie.as_bytes())));
    panic!();
}
"##,
    );
    let said = attack.run("test");
    said.told("lie");
    said.failed();
}
