use super::*;
use crate::process;
use crate::process::cancel::Cancel;
use crate::process::invocation::{Invocation, Variables};
use crate::spec::run_spec::relay_words;

/// A replacement for cargo: it starts the programs through the runner, one after the other, stops
/// at a failure unless an option says otherwise, and then starts another program.
const FAKE_CARGO: &str = r#"#!/bin/sh
echo "cargo $*" >&2
unset status
for program in one two three; do
    echo "Running $program" >&2
    # A variable that a shell could not even name.
    env 'CARGO_BIN_EXE_my-app=/t/my app' $CARGO_TARGET_T_RUNNER "$DIR/$program" a 'b  c' && continue
    status=$?
    echo "didn't exit successfully: \`$CARGO_TARGET_T_RUNNER $DIR/$program a\` ($status)" >&2
    [ "$1" = --no-fail-fast ] || exit 101
done
$CARGO_TARGET_T_RUNNER "$DIR/doc"
exit ${status:+101}
"#;

/// Runs the fake cargo through `relay`, without an environment.
fn run(
    relay: &TestRelay,
    dir: &Path,
    words: &[&str],
    sink: &mut process::Sink<'_>,
) -> process::Exit {
    let cargo = dir.join("cargo");
    let run = Invocation::new("sh")
        .args(&relay_words(relay.directory(), "CARGO_TARGET_T_RUNNER")[1..])
        .arg(cargo.to_str().unwrap())
        .args(words.iter().copied());
    let variables = [
        ("PATH", "/usr/bin:/bin"),
        ("DIR", dir.to_str().unwrap()),
        ("CARGO_TARGET_T_RUNNER", "env RUN=1 "),
        ("runner", "the user's own"),
    ];
    let variables: Variables = variables.map(|(k, v)| (k.into(), v.into())).into();
    let stdin = process::Stdin::Null;
    process::run(&run, &variables, &Cancel::new(), stdin, sink).unwrap()
}

/// Creates programs from their scripts, and the fake cargo that starts them.
fn programs(programs: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, does) in programs.iter().chain([&("cargo", FAKE_CARGO)]) {
        let path = dir.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{does}\n")).unwrap();
        set_mode(&path, 0o755).unwrap();
    }
    dir
}

/// Runs all binaries at once, each with its number plus ten as the number of threads. Returns the
/// exit and the output.
fn relayed(count: usize, dir: &Path, words: &[&str]) -> (process::Exit, String) {
    driven(count, dir, words, true)
}

/// Runs the binaries at once or one after the other. Asks each for its tests when it has ended.
fn driven(count: usize, dir: &Path, words: &[&str], parallel: bool) -> (process::Exit, String) {
    let cache = tempfile::tempdir().unwrap();
    let host = Host::new(Variables::new(), cache.path());
    let paths = ["one", "two", "three"].map(|name| dir.join(name));
    let paths: Vec<_> = paths[..count].iter().map(PathBuf::as_path).collect();
    let mode = match parallel {
        true => RelayMode::SideBySide,
        false => RelayMode::OneByOne,
    };
    let relay = TestRelay::new(&host, &paths, mode).unwrap();
    let listed = std::sync::atomic::AtomicUsize::new(0);
    let ends = Mutex::new(vec![None; count]);
    let mut heard = String::new();
    let exit = std::thread::scope(|scope| {
        scope.spawn(|| {
            loop {
                match relay.receive() {
                    RelayMessage::Ready(n) => relay.start(n, 10 + n as u32).unwrap(),
                    RelayMessage::Started(n) => assert!(!parallel, "{n}"),
                    RelayMessage::Ended(n, end) => lock(&ends)[n] = Some(end),
                    RelayMessage::Listed(n) => listed.store(n + 1, Ordering::SeqCst),
                    RelayMessage::All => {}
                    RelayMessage::Over => return,
                }
            }
        });
        let exit = run(&relay, dir, words, &mut |stream, line| {
            let Some(("", n)) = TestRelay::parse_turn(line) else {
                let line = relay.restore_line(line, "env RUN=1 ");
                heard += &format!("{line}\n");
                return std::ops::ControlFlow::Continue(());
            };
            assert_eq!(stream, Stream::Stderr);
            let end = loop {
                match lock(&ends)[n] {
                    Some(end) => break end,
                    None => std::thread::yield_now(),
                }
            };
            for stream in [Stream::Stdout, Stream::Stderr] {
                let file = relay.output(n, stream).unwrap();
                heard += &file.text(limits::TEST_OUTPUT).unwrap();
            }
            if words.contains(&"list") {
                relay.list().unwrap();
                while listed.load(Ordering::SeqCst) != n + 1 {
                    std::thread::yield_now();
                }
                let names = relay.listed(n).unwrap().text(limits::RECORD).unwrap();
                heard += &format!("listed: {names}");
            }
            relay.finish_turn(end).unwrap();
            std::ops::ControlFlow::Continue(())
        });
        relay.close();
        exit
    });
    assert_eq!(fs::read_dir(cache.path().join(RELAYS)).unwrap().count(), 1);
    drop(relay);
    assert_eq!(fs::read_dir(cache.path().join(RELAYS)).unwrap().count(), 0);
    let here = dir.to_str().unwrap();
    (exit, heard.replace(here, "/t"))
}

const SAYS: &str = r#"echo "${0##*/} $* $RUST_TEST_THREADS $RUN""#;

#[test]
fn programs_get_what_cargo_gives_them_and_their_threads() {
    let seen = "tr '\\0' '\\n' </proc/$$/environ | grep -E '^(CARGO_|runner|RU|cross_)' | sort; pwd; \
                grep SigIgn /proc/self/status | grep -o .$";
    let dir = programs(&[("one", seen), ("two", SAYS), ("three", SAYS), ("doc", SAYS)]);
    let (exit, heard) = relayed(3, dir.path(), &["x", "--", "--no-fail-fast"]);
    assert!(exit.success(), "{heard}");
    let here = std::path::absolute(".").unwrap();
    // Signals that were ignored before are still ignored, except those that shells ignore for
    // background jobs (INT and QUIT).
    let ignored = ignored_by_this_process() & !0b110;
    let expected = format!(
        "cargo x -- --no-fail-fast\nRunning one\n\
         CARGO_BIN_EXE_my-app=/t/my app\nCARGO_TARGET_T_RUNNER=env RUN=1 \nRUN=1\nRUST_TEST_THREADS=10\n\
         runner=the user's own\n{}\n{ignored:x}\n\
         Running two\ntwo a b  c 11 1\nRunning three\nthree a b  c 12 1\ndoc   1\n",
        here.display()
    );
    assert_eq!(heard, expected);
}

/// The signals 1 to 4 (HUP, INT, QUIT, ILL) as bits.
fn ignored_by_this_process() -> u32 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("SigIgn"));
    let digit = line.and_then(|line| line.chars().last());
    digit.and_then(|digit| digit.to_digit(16)).unwrap()
}

#[test]
fn cargo_sees_each_end_as_it_was_and_stops_where_it_would() {
    let ends = [
        ("one", "echo 1; exit 0"),
        ("two", "echo 2; kill -SEGV $$"),
        ("three", "echo 3; exit 139"),
        ("doc", "echo doc"),
    ];
    let dir = programs(&ends);
    for parallel in [true, false] {
        let (exit, heard) = driven(3, dir.path(), &["--no-fail-fast"], parallel);
        assert_eq!(exit.code, Some(101));
        for part in [
            "Running one\n1\nRunning two\n2\n",
            "didn't exit successfully: `env RUN=1 /t/two a` (139)\nRunning three\n3\n",
            "didn't exit successfully: `env RUN=1 /t/three a` (139)\n",
            "doc\n",
        ] {
            assert!(heard.contains(part), "{part} in {heard}");
        }
        let (exit, heard) = driven(3, dir.path(), &["x"], parallel);
        assert_eq!(exit.code, Some(101));
        assert!(
            !heard.contains("Running three") && !heard.contains("doc"),
            "{heard}"
        );
    }
}

#[test]
fn binaries_that_run_one_after_the_other_keep_their_threads() {
    let dir = programs(&[("one", SAYS), ("two", SAYS), ("three", SAYS), ("doc", SAYS)]);
    let (exit, heard) = driven(2, dir.path(), &["x"], false);
    assert!(exit.success(), "{heard}");
    let expected = "cargo x\nRunning one\none a b  c  1\nRunning two\ntwo a b  c  1\n\
                    Running three\nthree a b  c  1\ndoc   1\n";
    assert_eq!(heard, expected);
}

#[test]
fn a_binary_that_has_ended_can_be_asked_for_its_tests() {
    let dir = programs(&[("one", SAYS), ("two", SAYS), ("three", SAYS), ("doc", SAYS)]);
    for (parallel, threads) in [(false, ["", "", ""]), (true, ["10", "11", "12"])] {
        let (exit, heard) = driven(3, dir.path(), &["list"], parallel);
        assert!(exit.success(), "{heard}");
        for (program, threads) in ["one", "two", "three"].into_iter().zip(threads) {
            let expected =
                format!("{program} a b  c {threads} 1\nlisted: {program} a b  c --list  1\n");
            assert!(heard.contains(&expected), "{heard}");
        }
    }
}

#[test]
fn what_the_first_pass_did_not_show_runs_as_by_cargo() {
    let dir = programs(&[("one", SAYS), ("two", SAYS), ("three", SAYS), ("doc", SAYS)]);
    let (exit, heard) = relayed(2, dir.path(), &["x"]);
    assert!(exit.success(), "{heard}");
    assert!(heard.contains("two a b  c 11 1\n"), "{heard}");
    assert!(heard.contains("three a b  c  1\n"), "{heard}");
    assert_eq!(heard.matches("one a").count(), 1, "{heard}");
}

#[test]
fn a_turn_is_heard_also_after_a_line_without_its_end() {
    assert_eq!(
        TestRelay::parse_turn(&format!("{TURN_PREFIX}12")),
        Some(("", 12))
    );
    assert_eq!(
        TestRelay::parse_turn(&format!("dots...{TURN_PREFIX}0")),
        Some(("dots...", 0))
    );
    assert_eq!(
        TestRelay::parse_turn(&format!("{TURN_PREFIX}the user's")),
        None
    );
    assert_eq!(TestRelay::parse_turn("test turn ... ok"), None);
}

/// Creates a relay for two binaries, and returns it with its directory, to which a hostile run can
/// write.
fn hostile() -> (tempfile::TempDir, TestRelay, PathBuf) {
    let cache = tempfile::tempdir().unwrap();
    fs::write(cache.path().join("id_ed25519"), "the private key").unwrap();
    let host = Host::new(Variables::new(), cache.path());
    let programs = ["/t/0", "/t/1"].map(Path::new);
    let relay = TestRelay::new(&host, &programs, RelayMode::SideBySide).unwrap();
    let dir = relay.directory().to_owned();
    (cache, relay, dir)
}

fn is_untrusted<T: std::fmt::Debug>(result: Result<T>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Untrusted, "{error}");
}

#[test]
fn output_that_is_a_link_a_fifo_or_a_device_is_not_read() {
    let (cache, relay, dir) = hostile();
    let out = dir.join("0.out");
    let key = cache.path().join("id_ed25519");
    for target in [
        key.as_path(),
        Path::new("/dev/zero"),
        Path::new("/proc/self/environ"),
    ] {
        std::os::unix::fs::symlink(target, &out).unwrap();
        is_untrusted(relay.output(0, Stream::Stdout));
        fs::remove_file(&out).unwrap();
    }
    create_fifo(&out).unwrap();
    is_untrusted(relay.output(0, Stream::Stdout));
    std::os::unix::fs::symlink(&key, dir.join("0.program")).unwrap();
    is_untrusted(relay.program(0));
    // Replacing the directory has no effect.
    fs::write(dir.join("1.out"), "ours").unwrap();
    fs::rename(&dir, dir.with_file_name("moved")).unwrap();
    std::os::unix::fs::symlink(cache.path(), &dir).unwrap();
    let ours = relay.output(1, Stream::Stdout).unwrap();
    assert_eq!(ours.text(limits::RECORD).unwrap(), "ours");
}

#[test]
fn messages_to_a_binary_are_written_only_to_fifos_and_never_wait() {
    let (cache, relay, dir) = hostile();
    let key = cache.path().join("id_ed25519");
    for name in ["0.go", "answer", "told"] {
        fs::remove_file(dir.join(name)).unwrap();
        std::os::unix::fs::symlink(&key, dir.join(name)).unwrap();
    }
    is_untrusted(relay.start(0, 1));
    relay.finish_turn(TestExit::exited(0)).unwrap();
    relay.close();
    assert_eq!(relay.receive(), RelayMessage::Over);
    assert_eq!(fs::read_to_string(&key).unwrap(), "the private key");
    // A FIFO that the run filled.
    let mut full = File::options()
        .read(true)
        .write(true)
        .open(dir.join("1.go"))
        .unwrap();
    rustix::io::ioctl_fionbio(&full, true).unwrap();
    while full.write(&[b'x'; 4096]).is_ok() {}
    while full.write(b"x").is_ok() {}
    let error = relay.start(1, 1).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Io, "{error}");
}

#[test]
fn unexpected_messages_are_dropped() {
    let (_cache, relay, dir) = hostile();
    let mut told = File::options().write(true).open(dir.join("told")).unwrap();
    told.write_all(b"over\nready 2\nended 99999999999 0\nready -1\n")
        .unwrap();
    told.write_all(&[b'x'; 10_000]).unwrap();
    told.write_all(b"\nready 1\n").unwrap();
    assert_eq!(relay.receive(), RelayMessage::Ready(1));
    // A run that floods the FIFO does not prevent the end.
    let flood = std::thread::spawn(move || while told.write_all(b"ready 0\n").is_ok() {});
    assert_eq!(relay.receive(), RelayMessage::Ready(0));
    relay.close();
    assert_eq!(relay.receive(), RelayMessage::Over);
    drop(relay);
    flood.join().unwrap();
}

/// A replacement for cargo that starts programs by both of its runners.
const TWO_RUNNERS: &str = r#"#!/bin/sh
$CARGO_TARGET_H_RUNNER "$DIR/one"
$CARGO_TARGET_T_RUNNER "$DIR/two"
[ "$1" != wrong ] || $CARGO_TARGET_T_RUNNER "$DIR/none"
"#;

/// What the programs of the fake cargo with two runners print through `relay`.
fn by_two_runners(relay: &TestRelay, dir: &Path, word: &str) -> String {
    let cargo = dir.join("cargo");
    fs::write(&cargo, TWO_RUNNERS).unwrap();
    set_mode(&cargo, 0o755).unwrap();
    let variables = "CARGO_TARGET_T_RUNNER,CARGO_TARGET_H_RUNNER";
    let run = Invocation::new("sh")
        .args(&relay_words(relay.directory(), variables)[1..])
        .args([cargo.to_str().unwrap(), word]);
    let runner = match word {
        "missing" => "no-such-program -E",
        _ => "env RUN=1",
    };
    let variables = [
        ("PATH", "/usr/bin:/bin"),
        ("DIR", dir.to_str().unwrap()),
        ("CARGO_TARGET_T_RUNNER", runner),
    ];
    let variables: Variables = variables.map(|(k, v)| (k.into(), v.into())).into();
    let mut heard = String::new();
    let mut sink = |stream, line: &str| {
        // The lines of another stream may come in between.
        if stream == Stream::Stdout {
            heard += &format!("{}\n", relay.restore_line(line, runner));
        }
        std::ops::ControlFlow::Continue(())
    };
    let stdin = process::Stdin::Null;
    process::run(&run, &variables, &Cancel::new(), stdin, &mut sink).unwrap();
    heard
}

#[test]
fn programs_that_are_watched_keep_their_streams_and_are_known() {
    let cache = tempfile::tempdir().unwrap();
    let host = Host::new(Variables::new(), cache.path());
    let says = "echo ${0##*/} $RUN \"$CARGO_TARGET_T_RUNNER\" ${CARGO_TARGET_H_RUNNER-none}";
    let dir = programs(&[("one", says), ("two", says)]);
    let watched = || TestRelay::new(&host, &[], RelayMode::Watched).unwrap();
    let relay = watched();
    assert_eq!(relay.started().unwrap(), None, "no run has used it");
    let heard = by_two_runners(&relay, dir.path(), "");
    assert_eq!(heard, "one env RUN=1 none\ntwo 1 env RUN=1 none\n");
    let both = ["one", "two"].map(|name| dir.path().join(name));
    assert_eq!(relay.started().unwrap().unwrap(), both);
    assert!(!relay.lacks_runner(1).unwrap());
    let relay = watched();
    by_two_runners(&relay, dir.path(), "missing");
    let lacks = [0, 1].map(|n| relay.lacks_runner(n).unwrap());
    assert_eq!(lacks, [false, true]);
}
