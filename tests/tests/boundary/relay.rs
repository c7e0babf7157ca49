//! Attacks on the test relay, the files by which test binaries are started side by side.
//!
//! Where the relay cannot be written, the attack fails early. The expectations are the same:
//! nothing of the user's is printed, deadlines hold, memory is bounded, and a lost binary is no
//! success.

use crate::attacker::Attack;
use crate::report::Said;
use crate::seat::{Seat, on_seats};

on_seats! {
    an_output_that_is_a_link_does_not_print_a_private_key: sandbox_as_root docker;
    an_output_that_is_a_fifo_does_not_outlive_the_deadline: sandbox_as_user podman;
    an_output_without_end_leaves_the_callers_memory_bounded: sandbox_as_root podman;
    a_test_binary_that_vanishes_makes_the_result_a_failure: sandbox_as_user docker;
    a_test_binary_cannot_report_success_for_another: sandbox_as_root docker;
    a_program_name_that_is_a_fifo_does_not_outlive_the_deadline: sandbox_as_user podman;
}

/// A crate with three test binaries: that of the library attacks, one waits for it, and the last
/// one fails.
fn attack(seat: Seat, body: &str) -> Attack {
    Attack::on(seat)
        .hostile(
            "src/lib.rs",
            &format!(
                "#[test]\nfn attacks() {{\n    attack();\n    tell(\"attacked\", 1);\n}}\n\
                 fn attack() {{\nlet relay = match relay() {{ Some(relay) => relay, None => return }};\n\
                 tell(\"relay\", relay.display());\n{body}\n}}\n"
            ),
        )
        .hostile(
            "tests/a.rs",
            "#[test]\nfn waits() {\n    for _ in 0..100 {\n        \
             if fs::read_to_string(target_dir().join(\"told\")).map_or(false, |told| told.contains(\"attacked\")) { break }\n        \
             std::thread::sleep(Duration::from_millis(50));\n    }\n}\n",
        )
        .file("tests/b.rs", "#[test]\nfn fails() {\n    panic!(\"as it should\");\n}\n")
        .patience(34)
}

/// Replaces the outputs of all binaries by what `make` makes at `path`.
fn replacing_outputs(make: &str) -> String {
    format!(
        r##"
    for n in 0..3 {{
        for ending in ["out", "err"] {{
            let path = relay.join(format!("{{}}.{{}}", n, ending));
            let _ = fs::remove_file(&path);
            tried(&format!("replace {{}}.{{}}", n, ending), {{ let path = &path; {make} }});
        }}
    }}
"##
    )
}

/// Runs the tests, none of which may pass for the whole.
#[track_caller]
fn fails(attack: &Attack, verb: &str) -> Said {
    let said = attack.run(verb);
    said.told("attacked");
    said.failed();
    said.no_secret_was_said();
    attack.decoys_are_safe();
    said
}

fn an_output_that_is_a_link_does_not_print_a_private_key(seat: Seat) {
    let key = "symlink(workspace().parent().unwrap().join(\"home/.ssh/id_ed25519\"), path)";
    fails(&attack(seat, &replacing_outputs(key)), "test@30");
}

fn an_output_that_is_a_fifo_does_not_outlive_the_deadline(seat: Seat) {
    fails(&attack(seat, &replacing_outputs("fifo(path)")), "test@20");
}

fn an_output_without_end_leaves_the_callers_memory_bounded(seat: Seat) {
    let endless = "symlink(\"/dev/zero\", path)";
    let said = fails(&attack(seat, &replacing_outputs(endless)), "test@20");
    said.had_at_most(256);
}

/// The first one puts programs that say nothing, and that all is well, where the others were.
fn a_test_binary_that_vanishes_makes_the_result_a_failure(seat: Seat) {
    let attack = Attack::on(seat)
        .file("Cross.toml", "[build]\nserial-tests = true\n")
        .hostile(
            "src/lib.rs",
            r##"
#[test]
fn attacks() {
    for entry in fs::read_dir(debug_dir().join("deps")).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.extension().is_none() && (name.starts_with("a-") || name.starts_with("b-")) {
            let silent = path.with_extension("silent");
            fs::write(&silent, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&silent, fs::Permissions::from_mode(0o755)).unwrap();
            tried("vanish", fs::rename(&silent, &path));
        }
    }
    tell("attacked", 1);
}
"##,
        )
        .file("tests/a.rs", "#[test]\nfn passes() {}\n")
        .file(
            "tests/b.rs",
            "#[test]\nfn fails() {\n    panic!(\"as it should\");\n}\n",
        );
    fails(&attack, "test@60");
}

fn a_test_binary_cannot_report_success_for_another(seat: Seat) {
    let lie = r##"
    tried("tell", open_to_write(relay.join("told")).and_then(|mut told| told.write_all(b"ended 0 0\nended 1 0\nended 2 0\n")));
    tried("answer", open_to_write(relay.join("answer")).and_then(|mut answer| answer.write_all(b"0\n0\n0\n0\n")));
"##;
    fails(&attack(seat, lie), "test@60");
}

fn a_program_name_that_is_a_fifo_does_not_outlive_the_deadline(seat: Seat) {
    let names = r##"
    for n in 0..4 {
        for ending in ["program", "go", "remark"] {
            let path = relay.join(format!("{}.{}", n, ending));
            let _ = fs::remove_file(&path);
            tried(&format!("replace {}.{}", n, ending), fifo(&path));
        }
    }
    let told = open_to_write(relay.join("told"));
    // The run may end with the first name that is read.
    tell("attacked", 1);
    tried("tell", told.and_then(|mut told| told.write_all(b"ready 3\nready 1\nready 2\n")));
"##;
    fails(&attack(seat, names), "test@20");
}
