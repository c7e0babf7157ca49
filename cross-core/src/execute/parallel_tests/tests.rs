use cross_engine::process::untrusted::Dir;

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

fn end(status: u8) -> TestExit {
    TestExit::exited(status)
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
    use std::fs::File;
    use std::io::Write as _;

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
    let file = std::fs::File::create(dir.path().join("out")).unwrap();
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
