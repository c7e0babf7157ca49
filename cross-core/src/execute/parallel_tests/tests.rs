use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};

use cross_engine::process::untrusted::Dir;
use cross_engine::{Invocation, Root, Variables, process};

use super::*;

fn board(budget: u32, weights: &[u32], fail_fast: bool) -> Board {
    let path = |n: usize| PathBuf::from(format!("/t/{n}"));
    let weights = weights.iter().enumerate();
    Board {
        budget,
        free: budget,
        weights: weights.map(|(n, weight)| (path(n), *weight)).collect(),
        binaries: Vec::new(),
        programs: Vec::new(),
        turns: 0,
        complete: false,
        fail_fast,
    }
}

fn all_ready(board: &mut Board) {
    for n in 0..board.weights.len() {
        board.ready(Path::new(&format!("/t/{n}")));
    }
}

fn end(status: u8) -> End {
    End::exited(status)
}

#[test]
fn equal_ones_begin_beside_each_other_and_follow_as_others_end() {
    let mut board = board(2, &[50, 50, 50], false);
    board.ready(Path::new("/t/0"));
    assert_eq!(board.begin(), [], "the next may be another's size");
    board.ready(Path::new("/t/1"));
    assert_eq!(board.begin(), [(0, 1), (1, 1)]);
    board.ready(Path::new("/t/2"));
    assert_eq!(board.begin(), []);
    board.ended(1, end(101));
    assert_eq!(board.begin(), [(2, 1)]);
    board.ended(0, end(0));
    board.ended(2, end(0));
    assert_eq!(board.free, 2, "all is given back");
}

#[test]
fn a_large_one_has_the_whole_budget_to_itself() {
    let mut board = board(4, &[3, 400, 3], false);
    all_ready(&mut board);
    assert_eq!(
        board.begin(),
        [(0, 1), (1, 3)],
        "three of its four are enough"
    );
    board.ended(0, end(0));
    assert_eq!(board.begin(), [(2, 1)]);
}

#[test]
fn nobody_begins_after_a_failure_that_ends_it() {
    for (fail_fast, expected) in [(true, vec![]), (false, vec![(1, 2)])] {
        let mut board = board(2, &[1, 9], fail_fast);
        all_ready(&mut board);
        assert_eq!(board.begin(), [(0, 2)]);
        board.ended(0, end(101));
        assert_eq!(board.begin(), expected);
    }
}

#[test]
fn fewer_than_were_compiled_are_complete_when_there_are_no_more() {
    let mut board = board(8, &[1, 1, 1], false);
    board.ready(Path::new("/t/0"));
    assert_eq!(board.begin(), []);
    board.complete = true;
    assert_eq!(board.begin(), [(0, 8)]);
}

#[test]
fn an_end_that_is_forged_before_the_binary_runs_or_told_twice_is_none() {
    let mut board = board(2, &[1, 9], false);
    all_ready(&mut board);
    board.ended(1, end(0));
    assert_eq!(board.begin(), [(0, 2)]);
    board.ended(0, end(101));
    board.ended(0, end(0));
    assert!(matches!(board.binaries[0], Binary::Ended(end) if !end.success()));
    assert_eq!(board.begin(), [(1, 2)]);
    assert_eq!(board.free, 0);
}

/// What is there now of `output`.
fn read(output: &mut Output, last: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let flow = output.read(last, &Cancel::new(), &mut |line| {
        lines.push(line.to_owned());
        ControlFlow::Continue(())
    });
    assert!(flow.unwrap().is_continue());
    lines
}

#[test]
fn lines_are_read_when_they_are_whole_and_the_last_one_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut file = File::create(dir.path().join("out")).unwrap();
    let opened = Dir::open(dir.path()).unwrap().file("out").unwrap();
    let mut lines = Output::of(opened, "it".to_owned());
    assert!(read(&mut lines, false).is_empty());
    file.write_all(b"one\n\ntw").unwrap();
    assert_eq!(read(&mut lines, false), ["one", ""]);
    file.write_all(b"o\nthree\xff").unwrap();
    assert_eq!(read(&mut lines, false), ["two"]);
    assert_eq!(read(&mut lines, true), ["three\u{fffd}"]);
    assert!(read(&mut lines, true).is_empty());
}

#[test]
fn output_without_end_is_a_failure_that_names_the_binary() {
    let dir = tempfile::tempdir().unwrap();
    let file = File::create(dir.path().join("out")).unwrap();
    file.set_len(1 << 20).unwrap();
    let opened = Dir::open(dir.path()).unwrap().file("out").unwrap();
    let mut output = Output::of(opened, "/t/deps/it-1".to_owned());
    output.left = 100_000;
    let error = output.read(true, &Cancel::new(), &mut |_| ControlFlow::Continue(()));
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TestFailed);
    assert!(
        error.to_string().contains("`/t/deps/it-1` prints more"),
        "{error}"
    );
}

/// A run of two binaries, and its directory as the inside has it.
fn run() -> (tempfile::TempDir, ParallelTests, PathBuf) {
    let cache = tempfile::tempdir().unwrap();
    let relay = Relay::new(&Host::new(Variables::new(), cache.path()), 2).unwrap();
    let dir = relay.directory().to_owned();
    for n in 0..2 {
        fs::write(dir.join(format!("{n}.program")), format!("/t/{n}\n")).unwrap();
        fs::write(dir.join(format!("{n}.out")), format!("out of {n}\n")).unwrap();
        fs::write(dir.join(format!("{n}.err")), "").unwrap();
    }
    let run = ParallelTests {
        spec: RunSpec::new(Root::Host, "/", Vec::<String>::new()),
        relay,
        runner: String::new(),
        board: Mutex::new(board(2, &[1, 1], false)),
        changed: Condvar::new(),
    };
    (cache, run, dir)
}

/// How a process ends.
fn exit(script: &str) -> Exit {
    let sh = Invocation::new("sh").args(["-c", script]);
    let path = [("PATH".into(), "/usr/bin:/bin".into())].into();
    process::output(&sh, &path, &Cancel::new()).unwrap().exit
}

/// What is heard of `run` when its cargo prints `lines` on standard error, and the inside tells `told`
/// and waits for so many answers.
fn heard(
    run: &ParallelTests,
    dir: &Path,
    (told, answers): (&str, usize),
    lines: &[&str],
    how: &str,
) -> (Exit, String) {
    let mut heard = String::new();
    let mut hear = |_: Stream, line: &str| {
        heard += &format!("{line}\n");
        ControlFlow::Continue(())
    };
    let exit = run.drive(&Cancel::new(), &mut hear, |_, sink| {
        let mut pipe = File::options().write(true).open(dir.join("told")).unwrap();
        pipe.write_all(told.as_bytes()).unwrap();
        // The first may begin.
        let go = BufReader::new(File::open(dir.join("0.go")).unwrap());
        assert_eq!(go.lines().take(1).count(), 1);
        for line in lines {
            assert!(sink(Stream::Stderr, line).is_continue());
        }
        let answer = BufReader::new(File::open(dir.join("answer")).unwrap());
        assert_eq!(answer.lines().take(answers).count(), answers);
        Ok(exit(how))
    });
    (exit.unwrap(), heard)
}

#[test]
fn each_has_its_turn_once_and_in_order_whatever_else_is_printed() {
    let (_cache, run, dir) = run();
    let told = "ready 0\nready 1\nended 0 0\nended 1 0\n";
    let turn = |n: usize| format!("cross-relay: the turn of {n}");
    let (exit, heard) = heard(
        &run,
        &dir,
        (told, 2),
        &[&turn(1), &turn(0), "between", &turn(0), &turn(1), "after"],
        "exit 0",
    );
    assert!(exit.success());
    let expected = format!(
        "{}\nout of 0\nbetween\n{}\nout of 1\nafter\n",
        turn(1),
        turn(0)
    );
    assert_eq!(heard, expected);
    assert!(run.contradiction().is_none());
}

#[test]
fn a_run_that_dies_in_the_middle_of_a_turn_is_waited_for_no_longer() {
    let (_cache, run, dir) = run();
    let turn = "cross-relay: the turn of 0";
    let (exit, heard) = heard(
        &run,
        &dir,
        ("ready 0\nready 1\n", 0),
        &[turn, "last"],
        "kill -9 $$",
    );
    assert_eq!(exit.signal, Some(9));
    assert_eq!(heard, "out of 0\nlast\n");
}

#[test]
fn a_binary_that_had_its_turn_and_failed_or_did_not_end_contradicts_success() {
    let turn = "cross-relay: the turn of 0";
    for (told, answers, how) in [
        (
            "ready 0\nready 1\nended 0 101\n",
            1,
            "ended with status 101",
        ),
        ("ready 0\nready 1\nended 5 0\n", 0, "did not end"),
    ] {
        let (_cache, run, dir) = run();
        let (exit, _) = heard(&run, &dir, (told, answers), &[turn], "exit 0");
        assert!(exit.success());
        let said = run.contradiction().unwrap().to_string();
        assert!(
            said.starts_with(&format!("the test binary `/t/0` {how}")),
            "{said}"
        );
    }
}

#[test]
fn who_wants_to_hear_no_more_ends_the_run() {
    let (_cache, run, _) = run();
    let mut hear = |_: Stream, _: &str| ControlFlow::Break(());
    let exit = run.drive(&Cancel::new(), &mut hear, |cancel, sink| {
        let _ = sink(Stream::Stdout, "line");
        // It prints nothing more, and would go on.
        while cancel.check().is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
        Err(Error::new(ErrorKind::Cancelled, "cancelled"))
    });
    assert_eq!(exit.unwrap_err().kind(), ErrorKind::Cancelled);
}
