use std::fs::File;
use std::io::Write as _;

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
        listed: None,
        fail_fast,
    }
}

fn all_ready(schedule: &mut Schedule) {
    for n in 0..schedule.weights.len() {
        schedule.ready(Path::new(&format!("/t/{n}")));
    }
}

fn end(status: u8) -> TestExit {
    TestExit::exited(status)
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
    assert!(matches!(schedule.binaries[0], Binary::Ended { exit, .. } if !exit.success()));
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
    let file = File::create(dir.path().join("out")).unwrap();
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
/// Through a relay, which is a directory of named pipes.
#[cfg(unix)]
mod relayed {
    use std::fs;
    use std::io::{BufRead as _, BufReader};

    use cross_engine::{Invocation, Root, Variables, process};

    use super::*;

    /// A run of two binaries, and the directory of its relay.
    fn run() -> (tempfile::TempDir, RelayedTests, PathBuf) {
        let cache = tempfile::tempdir().unwrap();
        let host = Host::new(Variables::new(), cache.path());
        let programs = ["/t/0", "/t/1"].map(Path::new);
        let relay = TestRelay::new(&host, &programs, RelayMode::SideBySide).unwrap();
        let dir = relay.directory().to_owned();
        for n in 0..2 {
            fs::write(dir.join(format!("{n}.program")), format!("/t/{n}\n")).unwrap();
            fs::write(dir.join(format!("{n}.out")), format!("out of {n}\n")).unwrap();
            fs::write(dir.join(format!("{n}.err")), "").unwrap();
        }
        let run = RelayedTests {
            spec: RunSpec::new(Root::Host, "/", Vec::<String>::new()),
            relay,
            runner: String::new(),
            schedule: Mutex::new(schedule(2, &[1, 1], false)),
            changed: Condvar::new(),
        };
        (cache, run, dir)
    }

    /// Keeps all lines, or stops at the first.
    #[derive(Default)]
    struct Heard {
        lines: String,
        stops: bool,
        /// Whether lines are dropped.
        is_deaf: bool,
    }

    impl Listener for Heard {
        fn cargo(&mut self, _: Stream, line: &str) -> ControlFlow<()> {
            if !self.is_deaf {
                self.lines += &format!("{line}\n");
            }
            match self.stops {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }

        fn start(&mut self, _: &Path, _: Option<&[String]>) {}

        fn interrupted(
            &mut self,
            _: &Path,
            _: Option<&[String]>,
            lines: &[String],
            _: Option<(Exit, Duration)>,
        ) {
            self.lines += &lines.concat();
        }

        fn lack_runner(&mut self, _: &str) {}

        fn output(&mut self, stream: Stream, line: &str) -> ControlFlow<()> {
            self.cargo(stream, line)
        }

        fn end(&mut self, _: Exit, _: Duration) -> bool {
            false
        }

        fn list(&mut self, _: &str) {}

        fn finish(&mut self) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }
    }

    /// Runs a shell script, and returns its exit.
    fn exit(script: &str) -> Exit {
        let sh = Invocation::new("sh").args(["-c", script]);
        let path = [("PATH".into(), "/usr/bin:/bin".into())].into();
        process::output(&sh, &path, &Cancel::new()).unwrap().exit
    }

    /// Drives `run` with a cargo that prints `lines` on standard error, and a relay that sends
    /// `messages` and waits for so many answers. Returns the exit and the delivered lines.
    fn drive(
        run: &RelayedTests,
        dir: &Path,
        (messages, answers): (&str, usize),
        lines: &[&str],
        script: &str,
    ) -> (Exit, String) {
        let mut heard = Heard::default();
        let exit = run.drive(&Cancel::new(), &mut heard, |_, sink| {
            let mut pipe = File::options().write(true).open(dir.join("told")).unwrap();
            pipe.write_all(messages.as_bytes()).unwrap();
            // The first binary may start.
            let go = BufReader::new(File::open(dir.join("0.go")).unwrap());
            assert_eq!(go.lines().take(1).count(), 1);
            for line in lines {
                assert!(sink(Stream::Stderr, line).is_continue());
            }
            let answer = BufReader::new(File::open(dir.join("answer")).unwrap());
            assert_eq!(answer.lines().take(answers).count(), answers);
            Ok(exit(script))
        });
        (exit.unwrap(), heard.lines)
    }

    #[test]
    fn each_binary_has_one_turn_in_order_whatever_else_is_printed() {
        let (_cache, run, dir) = run();
        let messages = "ready 0\nready 1\nended 0 0\nended 1 0\n";
        let turn = |n: usize| format!("cross-relay: the turn of {n}");
        let (exit, delivered) = drive(
            &run,
            &dir,
            (messages, 2),
            &[&turn(1), &turn(0), "between", &turn(0), &turn(1), "after"],
            "exit 0",
        );
        assert!(exit.success());
        let expected = format!(
            "{}\nout of 0\nbetween\n{}\nout of 1\nafter\n",
            turn(1),
            turn(0)
        );
        assert_eq!(delivered, expected);
        assert!(run.contradiction().is_none());
    }

    /// A test that prints without end must not fill the disk, whoever's turn it is.
    #[test]
    fn a_binary_that_prints_without_end_is_stopped_before_its_turn_too() {
        for name in ["0.out", "0.err", "1.out", "1.err"] {
            let (_cache, run, dir) = run();
            let file = File::create(dir.join(name)).unwrap();
            // A hole, which takes no space.
            file.set_len(limits::TEST_OUTPUT + 1).unwrap();
            let mut heard = Heard {
                is_deaf: true,
                ..Heard::default()
            };
            let error = run
                .drive(&Cancel::new(), &mut heard, |cancel, sink| {
                    let mut pipe = File::options().write(true).open(dir.join("told")).unwrap();
                    pipe.write_all(b"ready 0\nready 1\n").unwrap();
                    assert!(sink(Stream::Stderr, "cross-relay: the turn of 0").is_continue());
                    while cancel.check().is_ok() {
                        std::thread::sleep(POLL);
                    }
                    Ok(exit("exit 1"))
                })
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TestFailed, "{name}: {error}");
            assert!(error.to_string().contains("prints more than"), "{error}");
            assert!(
                error.to_string().contains(&format!("/t/{}", &name[..1])),
                "{error}"
            );
        }
    }

    #[test]
    fn a_stopped_run_delivers_what_waits_for_its_turn() {
        let (_cache, run, dir) = run();
        fs::write(dir.join("1.out"), "whole\nbegun").unwrap();
        let mut heard = Heard::default();
        let stop = Cancel::new();
        let exit = run.drive(&stop, &mut heard, |cancel, sink| {
            let mut pipe = File::options().write(true).open(dir.join("told")).unwrap();
            pipe.write_all(b"ready 0\nready 1\n").unwrap();
            let go = BufReader::new(File::open(dir.join("1.go")).unwrap());
            assert_eq!(go.lines().take(1).count(), 1);
            assert!(sink(Stream::Stderr, "cross-relay: the turn of 0").is_continue());
            stop.cancel();
            assert!(cancel.check().is_err());
            Ok(exit("exit 1"))
        });
        assert!(!exit.unwrap().success());
        assert!(heard.lines.ends_with("wholebegun"), "{}", heard.lines);
    }

    #[test]
    fn a_run_that_dies_during_a_turn_ends_the_delivery() {
        let (_cache, run, dir) = run();
        let turn = "cross-relay: the turn of 0";
        let (exit, delivered) = drive(
            &run,
            &dir,
            ("ready 0\nready 1\n", 0),
            &[turn, "last"],
            "kill -9 $$",
        );
        assert_eq!(exit.signal, Some(9));
        assert_eq!(delivered, "out of 0\nlast\n");
    }

    #[test]
    fn a_binary_that_had_its_turn_and_failed_or_did_not_end_contradicts_success() {
        let turn = "cross-relay: the turn of 0";
        for (messages, answers, problem) in [
            (
                "ready 0\nready 1\nended 0 101\n",
                1,
                "ended with status 101",
            ),
            ("ready 0\nready 1\nended 5 0\n", 0, "did not end"),
        ] {
            let (_cache, run, dir) = run();
            let (exit, _) = drive(&run, &dir, (messages, answers), &[turn], "exit 0");
            assert!(exit.success());
            let message = run.contradiction().unwrap().to_string();
            assert!(
                message.starts_with(&format!("the test binary `/t/0` {problem}")),
                "{message}"
            );
        }
    }

    #[test]
    fn a_listener_that_breaks_ends_the_run() {
        let (_cache, run, _) = run();
        let mut heard = Heard {
            stops: true,
            ..Heard::default()
        };
        let exit = run.drive(&Cancel::new(), &mut heard, |cancel, sink| {
            let _ = sink(Stream::Stdout, "line");
            // Cargo prints nothing more, and keeps running.
            while cancel.check().is_ok() {
                thread::sleep(Duration::from_millis(5));
            }
            Err(Error::new(ErrorKind::Cancelled, "cancelled"))
        });
        assert_eq!(exit.unwrap_err().kind(), ErrorKind::Cancelled);
    }
}
