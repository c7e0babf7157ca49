use super::*;

fn path() -> Variables {
    Variables::from([("PATH".into(), "/usr/bin:/bin".into())])
}

fn sh(script: &str) -> Invocation {
    Invocation::new("sh").args(["-c", script])
}

#[test]
fn output_and_status_are_true() {
    let got = output(
        &sh("echo out; echo err >&2; printf partial; exit 3"),
        &path(),
        &Cancel::new(),
    )
    .unwrap();
    assert_eq!(got.exit.code, Some(3));
    assert_eq!(got.stdout, "out\npartial\n");
    assert_eq!(got.stderr, "err\n");
}

#[test]
fn a_signal_is_not_an_exit_code() {
    let got = output(&sh("kill -9 $$"), &path(), &Cancel::new()).unwrap();
    assert_eq!((got.exit.code, got.exit.signal), (None, Some(9)));
}

#[test]
fn a_missing_program_and_a_missing_directory_differ() {
    let missing = output(&Invocation::new("no-such-tool"), &path(), &Cancel::new());
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::ToolMissing);
    let nowhere = output(&sh("true").cwd("/no/such/dir"), &path(), &Cancel::new());
    assert!(
        nowhere
            .unwrap_err()
            .to_string()
            .contains("`/no/such/dir` does not exist")
    );
}

#[test]
fn a_deadline_ends_the_whole_group() {
    let start = clock::now();
    let cancel = Cancel::new().with_deadline(Duration::from_millis(200));
    let error = output(&sh("sleep 77 & sleep 77"), &path(), &cancel).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "the group was waited for"
    );
}

#[test]
fn a_lifeline_is_closed_on_cancel_and_open_before() {
    let cancel = Cancel::new().with_deadline(Duration::from_millis(300));
    let mut lines = Vec::new();
    let error = run(
        &sh("echo begin; cat; echo closed").lifeline(),
        &path(),
        &cancel,
        Stdin::Null,
        &mut |_, line| {
            lines.push(line.to_owned());
            ControlFlow::Continue(())
        },
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    assert_eq!(lines, ["begin"]);
}

#[test]
fn what_removes_files_for_long_is_left_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let done = dir.path().join("done");
    let script = format!("cat; sleep 6; : > {}", done.display());
    let start = clock::now();
    let cancel = Cancel::new().with_deadline(Duration::from_millis(100));
    output(&sh(&script).lifeline().tidying(), &path(), &cancel).unwrap_err();
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "nobody waits for it"
    );
    while !done.exists() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "it was not killed"
        );
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_is_detached_has_a_session_of_its_own_and_lives_on() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("daemon.log");
    // Its own stat says its pid (first field) and its session (sixth).
    let daemon = sh("echo started; cat /proc/self/stat; exec sleep 30");
    start_detached(&daemon, &path(), &log).unwrap();
    let patience = clock::now() + Duration::from_secs(10);
    let said = loop {
        let said = std::fs::read_to_string(&log).unwrap();
        if said.lines().count() == 2 {
            break said;
        }
        assert!(clock::now() < patience, "the daemon said `{said}`");
        thread::sleep(Duration::from_millis(10));
    };
    assert!(said.starts_with("started\n"), "{said}");
    let session = said.lines().nth(1).unwrap().split(' ').nth(5).unwrap();
    let ours = std::fs::read_to_string("/proc/self/stat").unwrap();
    assert_ne!(ours.split(' ').nth(5), Some(session));
    // The session's leader is the daemon; it is ended by its pid, like any daemon.
    let leader = Pid::from_raw(session.parse().unwrap()).unwrap();
    rustix::process::kill_process(leader, Signal::KILL).unwrap();
}

#[test]
fn the_sink_can_stop_the_run() {
    let error = run(
        &sh("echo one; sleep 77"),
        &path(),
        &Cancel::new(),
        Stdin::Null,
        &mut |_, _| ControlFlow::Break(()),
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

#[test]
fn a_line_that_does_not_end_is_cut_and_a_deadline_holds_beside_it() {
    let mut lines = Vec::new();
    let script = "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo next";
    let mut keep = |_: Stream, line: &str| {
        lines.push(line.to_owned());
        ControlFlow::Continue(())
    };
    run(&sh(script), &path(), &Cancel::new(), Stdin::Null, &mut keep).unwrap();
    assert_eq!(lines.len(), 2);
    assert!((limits::LINE..limits::LINE + 100).contains(&lines[0].len()));
    assert_eq!(lines[1], "next");

    let start = clock::now();
    let cancel = Cancel::new().with_deadline(Duration::from_millis(300));
    let endless = sh("exec cat /dev/zero");
    let error = run(&endless, &path(), &cancel, Stdin::Null, &mut |_, _| {
        panic!("no line has ended")
    });
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Deadline);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn what_is_captured_may_be_one_long_line() {
    let script = "head -c 3000000 /dev/zero | tr '\\0' x";
    let got = output(&sh(script), &path(), &Cancel::new()).unwrap();
    assert_eq!(got.stdout.len(), 3_000_001);
}
