use super::*;

fn path() -> Variables {
    Variables::from([("PATH".into(), "/usr/bin:/bin".into())])
}

fn sh(script: &str) -> Invocation {
    Invocation::new("sh").args(["-c", script])
}

#[cfg(unix)]
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

#[cfg(unix)]
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

#[cfg(unix)]
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

#[cfg(unix)]
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

#[cfg(unix)]
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

#[cfg(unix)]
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
    os::kill_group(session.parse().unwrap());
}

#[cfg(unix)]
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

#[cfg(unix)]
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
    assert!((limits::LINE..limits::LINE + 2000).contains(&lines[0].len()));
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

#[cfg(unix)]
#[test]
fn what_is_captured_may_be_one_long_line() {
    let script = "head -c 3000000 /dev/zero | tr '\\0' x";
    let got = output(&sh(script), &path(), &Cancel::new()).unwrap();
    assert_eq!(got.stdout.len(), 3_000_001);
}

/// The shell of Windows takes the place of `sh`.
#[cfg(windows)]
mod on_windows {
    use super::*;

    fn cmd(line: &str) -> Invocation {
        Invocation::new("cmd").args(["/C", line])
    }

    fn variables() -> Variables {
        let system = [
            ("PATH", r"C:\windows\system32"),
            ("SystemRoot", r"C:\windows"),
        ];
        system
            .map(|(name, value)| (name.into(), value.into()))
            .into()
    }

    #[test]
    fn output_and_status_are_true() {
        let run = cmd("echo out& echo err>&2& exit 3");
        let got = output(&run, &variables(), &Cancel::new()).unwrap();
        assert_eq!(got.exit.code, Some(3), "{got:?}");
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            (words(&got.stdout), words(&got.stderr)),
            ("out".into(), "err".into())
        );
    }

    #[test]
    fn variables_are_those_of_the_caller_and_the_command() {
        let mut caller = variables();
        caller.insert("CROSS_GIVEN".into(), "a b".into());
        let run = cmd("echo [%CROSS_GIVEN%] [%CROSS_SET%]").env("CROSS_SET", "c");
        let got = output(&run, &caller, &Cancel::new()).unwrap();
        assert_eq!(got.stdout.trim(), "[a b] [c]");
    }

    #[test]
    fn a_deadline_ends_what_would_not_end() {
        let start = clock::now();
        let cancel = Cancel::new().with_deadline(Duration::from_millis(500));
        let endless = cmd("for /L %i in (0,0,1) do @rem");
        let error = output(&endless, &variables(), &cancel).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Deadline);
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "it was waited for"
        );
    }

    #[test]
    fn the_sink_can_stop_the_run() {
        let endless = cmd("echo one& for /L %i in (0,0,1) do @rem");
        let mut stop = |_: Stream, _: &str| ControlFlow::Break(());
        let error = run(
            &endless,
            &variables(),
            &Cancel::new(),
            Stdin::Null,
            &mut stop,
        );
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Cancelled);
    }
}
