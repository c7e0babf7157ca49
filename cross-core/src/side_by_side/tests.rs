use super::*;

fn board(budget: u32, weights: &[u32], fail_fast: bool) -> Board {
    let path = |n: usize| PathBuf::from(format!("/t/{n}"));
    let weights = weights.iter().enumerate();
    Board {
        budget,
        free: budget,
        weights: weights.map(|(n, weight)| (path(n), *weight)).collect(),
        binaries: Vec::new(),
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
fn lines_are_read_when_they_are_whole_and_the_last_one_at_the_end() {
    use std::io::Write as _;

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    let mut file = File::create(&path).unwrap();
    let mut lines = Lines::of(File::open(&path).unwrap());
    assert!(lines.read(false).unwrap().is_empty());
    file.write_all(b"one\n\ntw").unwrap();
    assert_eq!(lines.read(false).unwrap(), ["one", ""]);
    file.write_all(b"o\nthree\xff").unwrap();
    assert_eq!(lines.read(false).unwrap(), ["two"]);
    assert_eq!(lines.read(true).unwrap(), ["three\u{fffd}"]);
    assert!(lines.read(true).unwrap().is_empty());
}
