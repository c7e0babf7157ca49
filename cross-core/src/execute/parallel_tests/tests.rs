use cross_engine::process::untrusted::Dir;

use super::*;

fn schedule(budget: u32, weights: &[u32], fail_fast: bool) -> Schedule {
    let path = |n: usize| PathBuf::from(format!("/t/{n}"));
    let weights = weights.iter().enumerate();
    Schedule {
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

fn all_ready(schedule: &mut Schedule) {
    for n in 0..schedule.weights.len() {
        schedule.ready(Path::new(&format!("/t/{n}")));
    }
}

fn end(status: u8) -> End {
    End::exited(status)
}

#[test]
fn equal_binaries_run_side_by_side_and_the_next_starts_when_one_ends() {
    let mut schedule = schedule(2, &[50, 50, 50], false);
    schedule.ready(Path::new("/t/0"));
    assert_eq!(
        schedule.start_next(),
        [],
        "the next binary may have another weight"
    );
    schedule.ready(Path::new("/t/1"));
    assert_eq!(schedule.start_next(), [(0, 1), (1, 1)]);
    schedule.ready(Path::new("/t/2"));
    assert_eq!(schedule.start_next(), []);
    schedule.ended(1, end(101));
    assert_eq!(schedule.start_next(), [(2, 1)]);
    schedule.ended(0, end(0));
    schedule.ended(2, end(0));
    assert_eq!(schedule.free, 2, "all threads are free again");
}

#[test]
fn a_large_binary_gets_most_of_the_budget() {
    let mut schedule = schedule(4, &[3, 400, 3], false);
    all_ready(&mut schedule);
    assert_eq!(
        schedule.start_next(),
        [(0, 1), (1, 3)],
        "three of its four threads are enough"
    );
    schedule.ended(0, end(0));
    assert_eq!(schedule.start_next(), [(2, 1)]);
}

#[test]
fn no_binary_starts_after_a_failure_with_fail_fast() {
    for (fail_fast, expected) in [(true, vec![]), (false, vec![(1, 2)])] {
        let mut schedule = schedule(2, &[1, 9], fail_fast);
        all_ready(&mut schedule);
        assert_eq!(schedule.start_next(), [(0, 2)]);
        schedule.ended(0, end(101));
        assert_eq!(schedule.start_next(), expected);
    }
}

#[test]
fn fewer_binaries_than_compiled_start_once_all_are_known() {
    let mut schedule = schedule(8, &[1, 1, 1], false);
    schedule.ready(Path::new("/t/0"));
    assert_eq!(schedule.start_next(), []);
    schedule.complete = true;
    assert_eq!(schedule.start_next(), [(0, 8)]);
}

#[test]
fn an_end_before_the_start_or_after_the_end_is_ignored() {
    let mut schedule = schedule(2, &[1, 9], false);
    all_ready(&mut schedule);
    schedule.ended(1, end(0));
    assert_eq!(schedule.start_next(), [(0, 2)]);
    schedule.ended(0, end(101));
    schedule.ended(0, end(0));
    assert!(matches!(schedule.binaries[0], Binary::Ended(end) if !end.success()));
    assert_eq!(schedule.start_next(), [(1, 2)]);
    assert_eq!(schedule.free, 0);
}

/// Returns the lines that have been written so far.
fn read(output: &mut BinaryOutput, complete: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let read = output.read(complete, &Cancel::new(), &mut |line| {
        lines.push(line.to_owned());
        Ok(())
    });
    read.unwrap();
    lines
}

#[test]
fn complete_lines_are_read_and_the_last_one_at_the_end() {
    use std::fs::File;
    use std::io::Write as _;

    let dir = tempfile::tempdir().unwrap();
    let mut file = File::create(dir.path().join("out")).unwrap();
    let opened = Dir::open(dir.path()).unwrap().file("out").unwrap();
    let mut lines = BinaryOutput::new(opened, "it".to_owned());
    assert!(read(&mut lines, false).is_empty());
    file.write_all(b"one\n\ntw").unwrap();
    assert_eq!(read(&mut lines, false), ["one", ""]);
    file.write_all(b"o\nthree\xff").unwrap();
    assert_eq!(read(&mut lines, false), ["two"]);
    assert_eq!(read(&mut lines, true), ["three\u{fffd}"]);
    assert!(read(&mut lines, true).is_empty());
}

#[test]
fn too_much_output_is_a_failure_that_names_the_binary() {
    let dir = tempfile::tempdir().unwrap();
    let file = std::fs::File::create(dir.path().join("out")).unwrap();
    file.set_len(1 << 20).unwrap();
    let opened = Dir::open(dir.path()).unwrap().file("out").unwrap();
    let mut output = BinaryOutput::new(opened, "/t/deps/it-1".to_owned());
    output.remaining = 100_000;
    let stop = output.read(true, &Cancel::new(), &mut |_| Ok(()));
    let Stop::Failed(error) = stop.unwrap_err() else {
        panic!("not an error");
    };
    assert_eq!(error.kind(), ErrorKind::TestFailed);
    assert!(
        error.to_string().contains("`/t/deps/it-1` prints more"),
        "{error}"
    );
}
