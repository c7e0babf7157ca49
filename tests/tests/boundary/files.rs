//! Attacks by files that the inside leaves behind. They are read through one door, and published as
//! copies of regular files.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use crate::attacker::Attack;
use crate::seat::{Seat, on_seats};

on_seats! {
    what_is_published_is_a_copy: sandbox_as_root docker;
    what_is_published_has_no_power: sandbox_as_user podman remote;
    a_program_that_became_a_link_is_not_published: sandbox_as_root podman nested remote;
    the_front_door_publishes_only_what_the_workspace_can_produce: sandbox_as_user docker nested remote;
    a_source_list_that_names_devices_is_not_followed: sandbox_as_root docker;
    what_cargo_notes_of_rustc_is_not_followed: sandbox_as_user podman;
}

/// A process that stays behind, or the next build, cannot change what the user starts.
fn what_is_published_is_a_copy(seat: Seat) {
    let attack = Attack::on(seat).build_script("    tell(\"built\", 1);");
    attack.run("build").succeeded();
    let published = attack.published().join("app");
    let built = attack
        .target_dir()
        .join("x86_64-unknown-linux-gnu/debug/app");
    let (ours, theirs) = (published.metadata().unwrap(), built.metadata().unwrap());
    assert_ne!(ours.ino(), theirs.ino(), "the inside can still write it");
    let before = fs::read(&published).unwrap();
    let mut inside = OpenOptions::new().append(true).open(&built).unwrap();
    inside.write_all(b"more").unwrap();
    assert_eq!(fs::read(&published).unwrap(), before);
}

/// The linker of a hostile crate makes its program run as who built it.
fn what_is_published_has_no_power(seat: Seat) {
    let attack = late(
        seat,
        "    let mode = fs::metadata(&program).unwrap().permissions().mode();\n    \
         tried(\"setuid\", fs::set_permissions(&program, fs::Permissions::from_mode(mode | 0o6022)));",
    );
    let said = attack.run("build");
    said.told("setuid");
    if let Ok(meta) = attack.published().join("app").symlink_metadata() {
        assert_eq!(meta.permissions().mode() & 0o6022, 0);
    }
}

/// After cargo has told of it, and before it is looked at.
fn a_program_that_became_a_link_is_not_published(seat: Seat) {
    let attack = late(
        seat,
        "    fs::remove_file(&program).unwrap();\n    \
         let key = workspace().parent().unwrap().join(\"home/.ssh/id_ed25519\");\n    \
         tried(\"link\", symlink(key, &program));",
    );
    let said = attack.run("build");
    said.ended_in_time();
    said.told("link");
    attack.decoys_are_safe();
    said.no_secret_was_said();
}

/// A workspace in which the build script of a second package waits for the program `app`, and does
/// `body` to it.
fn late(seat: Seat, body: &str) -> Attack {
    Attack::on(seat)
        .file(
            "Cargo.toml",
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
             [workspace]\nmembers = [\"late\"]\ndefault-members = [\".\", \"late\"]\n",
        )
        .file(
            "Cargo.lock",
            "version = 3\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n\n\
             [[package]]\nname = \"late\"\nversion = \"0.1.0\"\n",
        )
        .file(
            "late/Cargo.toml",
            "[package]\nname = \"late\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
        )
        .file("late/src/lib.rs", "")
        .hostile(
            "late/build.rs",
            &format!(
                "fn main() {{\n    let program = debug_dir().join(\"app\");\n    let start = Instant::now();\n    \
                 while !program.exists() && start.elapsed() < Duration::from_secs(20) {{\n        \
                 std::thread::sleep(Duration::from_millis(5));\n    }}\n    \
                 std::thread::sleep(Duration::from_millis(300));\n{body}\n}}\n"
            ),
        )
}

/// It looks at directories, not at messages.
fn the_front_door_publishes_only_what_the_workspace_can_produce(seat: Seat) {
    let attack = Attack::on(seat).build_script(
        r##"
    let home = workspace().parent().unwrap().join("home");
    let dir = debug_dir();
    fs::create_dir_all(dir.join("examples")).unwrap();
    fs::write(dir.join("evil"), "#!/bin/sh\n").unwrap();
    fs::write(dir.join("examples/evil"), "#!/bin/sh\n").unwrap();
    fs::write(dir.join("Makefile"), "all:\n\techo hello\n").unwrap();
    symlink(home.join(".ssh/id_ed25519"), dir.join("libapp.so")).unwrap();
    let doc = dir.parent().unwrap().join("doc");
    fs::create_dir_all(doc.join("app")).unwrap();
    symlink(home.join(".ssh"), doc.join("ssh")).unwrap();
    tell("made", 1);
"##,
    );
    let target = format!("--target={}", crate::attacker::TARGET);
    let said = attack.front_door(&["build", &target]);
    said.ended_in_time();
    said.told("made");
    attack.decoys_are_safe();
    for name in [
        "evil",
        "examples/evil",
        "Makefile",
        "libapp.so",
        "../doc/ssh",
    ] {
        let path = attack.published().join(name);
        assert!(path.symlink_metadata().is_err(), "{}", path.display());
    }
    assert!(attack.published().join("app").is_file(), "{}", said.shown());
}

/// How many tests a binary has is read in its sources, of which the inside says what they are.
fn a_source_list_that_names_devices_is_not_followed(seat: Seat) {
    let forge = r##"
    let deps = debug_dir().join("deps");
    fs::create_dir_all(&deps).unwrap();
    let endless = target_dir().join("endless.rs");
    tried("endless", symlink("/dev/zero", &endless));
    let waits = target_dir().join("waits.rs");
    tried("waits", fifo(&waits));
    // As soon as rustc has written such a list, and until all is compiled.
    unsafe {
        if fork() == 0 {
            setsid();
            // Cargo waits for whoever holds the streams of a build script.
            for stream in 0..3 {
                let _ = call(3, [stream, 0, 0, 0, 0, 0]);
            }
            for _ in 0..4000 {
                for entry in fs::read_dir(&deps).unwrap().flatten() {
                    let path = entry.path();
                    if path.extension().map_or(false, |ending| ending == "d") {
                        let text = format!("{}: {} {}\n", path.with_extension("").display(), endless.display(), waits.display());
                        if fs::read_to_string(&path).map_or(false, |now| now != text) {
                            let _ = fs::write(&path, text);
                        }
                    }
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            _exit(0);
        }
    }
"##;
    let attack = Attack::on(seat)
        .build_script(forge)
        .file("src/lib.rs", "#[test]\nfn one() {}\n")
        .file("tests/a.rs", "#[test]\nfn two() {}\n")
        .file("tests/b.rs", "#[test]\nfn three() {}\n")
        .patience(34);
    let said = attack.run("test@20");
    said.told("waits");
    said.had_at_most(256);
}

/// The compiler's version is read in a file of the target directory.
fn what_cargo_notes_of_rustc_is_not_followed(seat: Seat) {
    let attack = Attack::on(seat).patience(34).build_script(
        r##"
    let note = target_dir().join(".rustc_info.json");
    let _ = fs::remove_file(&note);
    tried("note", symlink("/dev/zero", &note));
"##,
    );
    let said = attack.run("build@20");
    said.told("note");
    said.had_at_most(256);
}
