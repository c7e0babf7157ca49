//! Attacks on the caller's memory: whatever is read from inside has a limit.

use std::time::Duration;

use crate::attacker::Attack;
use crate::seat::{Seat, on_seats};

on_seats! {
    a_line_that_does_not_end_leaves_the_callers_memory_bounded: sandbox_as_root docker;
    a_tests_line_that_does_not_end_leaves_the_callers_memory_bounded: sandbox_as_user podman;
    artifacts_without_number_leave_the_callers_memory_bounded: sandbox_as_root podman;
    diagnostics_without_number_leave_the_callers_memory_bounded: sandbox_as_user docker;
    failed_tests_without_number_leave_the_callers_memory_bounded: sandbox_as_root docker;
    captured_output_without_end_leaves_the_callers_memory_bounded: sandbox_as_user podman;
    output_without_end_does_not_outlive_the_deadline: sandbox_as_root podman;
}

/// What a caller may have: its own few, what it collects, and what is on its way.
const MEBIBYTES: u64 = 128;

fn a_line_that_does_not_end_leaves_the_callers_memory_bounded(seat: Seat) {
    let attack = Attack::on(seat).build_script(
        r##"
    let mut out = cargos_stdout().unwrap();
    let much = vec![b'x'; 1 << 20];
    for _ in 0..192 {
        out.write_all(&much).unwrap();
    }
    out.write_all(b"\n").unwrap();
    tell("said", 1);
"##,
    );
    let said = attack.run("build");
    said.had_at_most(MEBIBYTES);
}

/// In two binaries, whose output goes other ways than cargo's.
fn a_tests_line_that_does_not_end_leaves_the_callers_memory_bounded(seat: Seat) {
    let endless = r##"
#[test]
fn talks() {
    let mut out = OpenOptions::new().append(true).open("/proc/self/fd/1").unwrap();
    let much = vec![b'x'; 1 << 20];
    for _ in 0..192 {
        out.write_all(&much).unwrap();
    }
}
"##;
    let attack = Attack::on(seat)
        .hostile("tests/a.rs", endless)
        .file("tests/b.rs", "#[test]\nfn quiet() {}\n");
    attack.run("test").had_at_most(MEBIBYTES);
}

/// Of few bytes each, and of many.
fn artifacts_without_number_leave_the_callers_memory_bounded(seat: Seat) {
    let attack = Attack::on(seat).build_script(
        r##"
    let mut out = io::BufWriter::with_capacity(1 << 20, cargos_stdout().unwrap());
    for n in 0..12_000 {
        let name = format!("{}-{}", n, "x".repeat(4_000));
        out.write_all(artifact(&name, &debug_dir().join(&name)).as_bytes()).unwrap();
    }
    for n in 0..30_000 {
        out.write_all(artifact("app", &debug_dir().join(n.to_string())).as_bytes()).unwrap();
    }
    out.flush().unwrap();
    tell("said", 1);
"##,
    );
    let said = attack.run("quiet-build");
    said.had_at_most(MEBIBYTES);
    assert!(said.artifacts().len() <= 1);
}

fn diagnostics_without_number_leave_the_callers_memory_bounded(seat: Seat) {
    let attack = Attack::on(seat).build_script(
        r##"
    let mut out = io::BufWriter::with_capacity(1 << 20, cargos_stdout().unwrap());
    let text = "x".repeat(200_000);
    for _ in 0..900 {
        let message = format!(
            "{{\"reason\":\"compiler-message\",\"package_id\":\"app 0.1.0 (path+file://{})\",\"target\":{{\"kind\":[\"bin\"],\"name\":\"app\"}},\
             \"message\":{{\"message\":\"m\",\"code\":null,\"level\":\"warning\",\"spans\":[],\"children\":[],\"rendered\":\"{}\"}}}}\n",
            workspace().display(), text
        );
        out.write_all(message.as_bytes()).unwrap();
    }
    out.flush().unwrap();
    tell("said", 1);
"##,
    );
    attack.run("quiet-build").had_at_most(MEBIBYTES);
}

fn failed_tests_without_number_leave_the_callers_memory_bounded(seat: Seat) {
    let attack = Attack::on(seat).hostile(
        "src/main.rs",
        r##"
fn main() {}
#[test]
fn talks() {
    let out = OpenOptions::new().append(true).open("/proc/self/fd/1").unwrap();
    let mut out = io::BufWriter::with_capacity(1 << 20, out);
    let name = "x".repeat(8_000);
    for n in 0..20_000 {
        writeln!(out, "test {}{} ... FAILED", name, n).unwrap();
    }
    out.flush().unwrap();
    tell("said", 1);
    panic!();
}
"##,
    );
    let said = attack.run("quiet-test");
    said.told("said");
    said.had_at_most(MEBIBYTES);
    said.failed();
}

fn captured_output_without_end_leaves_the_callers_memory_bounded(seat: Seat) {
    let attack = Attack::on(seat).hostile(
        "src/main.rs",
        r##"
fn main() {
    let mut out = io::BufWriter::with_capacity(1 << 20, io::stdout());
    let line = "x".repeat(100_000);
    for _ in 0..1920 {
        let _ = writeln!(out, "{}", line);
    }
}
"##,
    );
    attack.run("quiet-capture-run").had_at_most(MEBIBYTES);
}

fn output_without_end_does_not_outlive_the_deadline(seat: Seat) {
    let attack = Attack::on(seat).patience(40).hostile(
        "src/main.rs",
        r##"
fn main() {
    let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout());
    let line = "x".repeat(1000);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        let _ = writeln!(out, "{}", line);
    }
}
"##,
    );
    let said = attack.run("run@6");
    said.failed();
    said.had_at_most(MEBIBYTES);
    assert!(said.took < Duration::from_secs(20), "{:?}", said.took);
}
