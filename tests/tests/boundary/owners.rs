//! Attacks on the lifeline: a run ends with its owner, whatever the inside does to pipes and
//! processes.
//!
//! What is left after a failure ends by itself within a minute.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use cross_engine::process::clock;
use cross_tests::Leftovers;

use crate::attacker::Attack;
use crate::seat::{Seat, on_seats};

on_seats! {
    a_container_ends_with_its_owner_though_the_lifeline_is_held_open: sandbox_as_root docker podman;
    a_container_ends_with_its_owner_though_its_watcher_is_killed: sandbox_as_user docker podman;
    a_container_ends_with_its_owner_though_its_watcher_is_stopped: sandbox_as_root docker podman;
    a_container_ends_at_its_deadline_though_the_lifeline_is_held_open: sandbox_as_user docker podman;
    what_a_build_script_leaves_behind_does_not_outlive_the_build: sandbox_as_root docker podman;
}

/// Everything is gone so long after the end of the owner.
const GRACE: Duration = Duration::from_secs(12);

/// Opens every pipe of every other process for writing and reading, so that nobody ever reads its
/// end.
const HOLD_OPEN: &str = r##"
    for pid in processes() {
        for entry in fs::read_dir(format!("/proc/{}/fd", pid)).into_iter().flatten().flatten() {
            let kind = fs::metadata(entry.path());
            if kind.map_or(false, |kind| kind.file_type().is_fifo()) {
                if let Ok(pipe) = OpenOptions::new().read(true).write(true).open(entry.path()) {
                    std::mem::forget(pipe);
                }
            }
        }
    }
"##;

/// Sends a signal to every process that is neither this one nor what it hangs below.
const SIGNAL: &str = r##"
    let parent = |pid: i32| -> i32 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid)).unwrap_or_default();
        stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
    };
    let (mut above, mut pid) = (vec![], std::process::id() as i32);
    while pid > 0 {
        above.push(pid);
        pid = parent(pid);
    }
    for pid in processes() {
        if !above.contains(&pid) && pid != 1 {
            unsafe { kill(pid, SIGNAL) };
        }
    }
"##;

/// A build script that does `body`, says so, and goes on with others for a minute.
fn lasting(seat: Seat, body: &str) -> Attack {
    let lasts = r##"
    for group in 0..2 {
        unsafe {
            if fork() == 0 {
                if group == 1 { setsid(); }
                kill_not();
                std::thread::sleep(Duration::from_secs(60));
                _exit(0);
            }
        }
    }
    tell("begun", 1);
    kill_not();
    std::thread::sleep(Duration::from_secs(60));
"##;
    let ignores = "extern \"C\" { fn signal(number: i32, handler: usize) -> usize; }\n\
                   fn kill_not() { for number in [1, 2, 3, 13, 15] { unsafe { signal(number, 1) }; } }\n";
    Attack::on(seat).hostile(
        "build.rs",
        &format!("{ignores}\nfn main() {{\n{body}\n{lasts}\n}}\n"),
    )
}

fn begun(attack: &Attack) {
    let start = clock::now();
    while !attack.told().contains_key("begun") {
        assert!(start.elapsed() < Duration::from_secs(120), "it never began");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Kills the caller in the midst of `attack`; everything ends with it.
#[track_caller]
fn ends_with_its_owner(attack: &Attack) {
    let mut caller = attack.start("build");
    begun(attack);
    assert!(!processes_of(attack).is_empty(), "something runs");
    caller.kill();
    nothing_is_left(attack);
}

/// The processes of the project. (`Leftovers` looks for more, but its directory is this suite's
/// `tmp`.)
fn processes_of(attack: &Attack) -> Vec<String> {
    let outer = attack.project.outer().to_str().unwrap().as_bytes().to_vec();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.parse::<u32>().is_err() || name == std::process::id().to_string() {
            continue;
        }
        let speaks = ["environ", "cmdline"].iter().any(|file| {
            let text = fs::read(entry.path().join(file)).unwrap_or_default();
            text.windows(outer.len()).any(|part| part == outer)
        });
        if speaks {
            let words = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
            found.push(format!("{name}: {}", words.replace('\0', " ")));
        }
    }
    found
}

#[track_caller]
fn nothing_is_left(attack: &Attack) {
    let tmp = attack.beside("tmp");
    let aside: PathBuf = attack.beside("tmp-of-the-run");
    fs::rename(tmp, aside).unwrap();
    let leftovers = Leftovers::of(&attack.project).of_user(attack.uid());
    let start = clock::now();
    let mut left;
    loop {
        left = processes_of(attack);
        left.extend(leftovers.containers());
        if left.is_empty() || start.elapsed() > GRACE {
            break;
        }
        thread::sleep(Duration::from_millis(200));
    }
    for line in &left {
        // `<engine> container <name> <mounts>`: of this project alone.
        let words: Vec<&str> = line.split(' ').collect();
        if let [engine @ ("docker" | "podman"), "container", name, ..] = words[..] {
            attack.host(engine, &["rm", "--force", name]);
        }
    }
    assert!(left.is_empty(), "left after {GRACE:?}: {left:?}");
}

fn a_container_ends_with_its_owner_though_the_lifeline_is_held_open(seat: Seat) {
    ends_with_its_owner(&lasting(seat, HOLD_OPEN));
}

fn a_container_ends_with_its_owner_though_its_watcher_is_killed(seat: Seat) {
    ends_with_its_owner(&lasting(seat, &SIGNAL.replace("SIGNAL", "9")));
}

fn a_container_ends_with_its_owner_though_its_watcher_is_stopped(seat: Seat) {
    ends_with_its_owner(&lasting(seat, &SIGNAL.replace("SIGNAL", "19")));
}

fn a_container_ends_at_its_deadline_though_the_lifeline_is_held_open(seat: Seat) {
    let all = format!("{HOLD_OPEN}\n{}", SIGNAL.replace("SIGNAL", "9"));
    let attack = lasting(seat, &all).patience(45);
    let said = attack.run("build@8");
    said.told("begun");
    said.failed();
    assert!(
        said.took < Duration::from_secs(18) + GRACE,
        "{:?}",
        said.took
    );
    nothing_is_left(&attack);
}

fn what_a_build_script_leaves_behind_does_not_outlive_the_build(seat: Seat) {
    let attack = Attack::on(seat).build_script(
        r##"
    unsafe {
        if fork() == 0 {
            setsid();
            for stream in 0..3 {
                let _ = call(3, [stream, 0, 0, 0, 0, 0]);
            }
            std::thread::sleep(Duration::from_secs(60));
            _exit(0);
        }
    }
    tell("begun", 1);
"##,
    );
    attack.run("build").succeeded().told("begun");
    nothing_is_left(&attack);
}
