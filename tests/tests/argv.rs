//! The argv of each engine for a run spec, and the way of its words through the shells.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cross_engine::process::clock;
use cross_engine::process::{self, Output};
use cross_engine::{
    Access, Cancel, Engine, EnvValue, ErrorKind, Host, Invocation, Mount, Network, Root,
    RootSource, RootfsLayout, RunSpec, Variables, arrange_mounts, read_rootfs_layout, select,
    supervised,
};
use cross_tests::{Fakes, Machine, check, tool, wait_until, without_kernel_files};

/// The engine of a fake machine, for user 1000 whoever runs the tests.
fn engine(fake: Fakes) -> Engine {
    let machine = Machine::new(env!("CARGO_BIN_EXE_fake-engine"), fake);
    let variables: Variables = machine
        .env()
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let host = Host::new(variables, machine.path("cache"));
    let preference = fake.name().into();
    let mut engine = select(&preference, RootSource::Recipe, &host, &Cancel::new())
        .unwrap()
        .engine;
    engine.program = PathBuf::from("/usr/bin").join(engine.kind.program());
    engine.user = (1000, 1001);
    engine.rootless = fake == Fakes::Sandbox;
    engine
}

fn root_of(fake: Fakes) -> Root {
    match fake {
        Fakes::Sandbox => Root::Directory {
            path: PathBuf::from("/cache/environments/e/root"),
            layout: RootfsLayout::default(),
        },
        _ => Root::Image("localhost/cross-core:e".to_owned()),
    }
}

/// A run with difficult paths, words and variables.
fn difficult(fake: Fakes) -> RunSpec {
    RunSpec::new(
        root_of(fake),
        "/home/ä ö/my, \"app\"",
        ["cargo", "a b", "'", "$X", ""],
    )
    .mounts([
        Mount::write("/home/ä ö/my, \"app\""),
        Mount::write("/home/ä ö/my, \"app\"/target"),
        Mount::read("/home/u/.cargo/registry"),
        Mount::scratch("/home/u/.cargo"),
        Mount::read("/etc/ssl/certs"),
        Mount::read("/cache/files/1/passwd").at("/etc/passwd"),
        Mount::read("/odd/=;:path").at("/odd/dst,src=/x"),
    ])
    .env([
        ("PLAIN".to_owned(), EnvValue::Plain("it's $HOME".to_owned())),
        ("TOKEN".to_owned(), EnvValue::Secret("s3cret".to_owned())),
        ("GONE".to_owned(), EnvValue::Unset),
        ("HOME".to_owned(), EnvValue::Plain("/tmp/home".to_owned())),
        (
            "DOCKER_AUTH".to_owned(),
            EnvValue::Secret("s3cret".to_owned()),
        ),
    ])
    .name("cross-x")
}

/// Formats an invocation with one word per line.
fn shown(run: &Invocation) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "base: {:?}, ending: {:?}", run.base, run.ending);
    for (name, value) in &run.env {
        let _ = writeln!(text, "{name}: {value:?}");
    }
    let _ = writeln!(text, "{}", run.program.display());
    for arg in &run.args {
        let _ = writeln!(text, "  {arg}");
    }
    text
}

#[test]
fn argv_of_each_engine() {
    for fake in Fakes::ENGINES {
        let run = engine(fake).invocation(&difficult(fake)).unwrap();
        check(
            &format!("argv/{}", fake.name()),
            &without_profile(&without_kernel_files(&shown(&run))),
        );
    }
}

/// `shown` without the place and the hash of the profile of system calls.
fn without_profile(shown: &str) -> String {
    let line = |line: &str| match line.contains("/cache/filters/") {
        true => "  seccomp=[MACHINE]/cache/filters/[HASH].json\n".to_owned(),
        false => format!("{line}\n"),
    };
    shown.lines().map(line).collect()
}

#[test]
fn argv_of_each_network() {
    for fake in Fakes::ENGINES {
        let engine = engine(fake);
        let args_with = |network| {
            let spec = RunSpec::new(root_of(fake), "/w", ["true"]).network(network);
            engine.invocation(&spec).unwrap().args.join(" ")
        };
        let networks = [Network::None, Network::Host, Network::Default].map(args_with);
        let expected = match fake {
            Fakes::Sandbox => ["--unshare-net", "", ""],
            _ => ["--network none", "--network host", ""],
        };
        for (args, expected) in networks.iter().zip(expected) {
            assert!(args.contains(expected), "{args}");
            let said = args.contains("--unshare-net") || args.contains("--network");
            assert_eq!(said, !expected.is_empty(), "{args}");
        }
    }
}

#[test]
fn a_rootful_container_runs_as_the_caller_and_a_rootless_one_as_its_root() {
    for fake in [Fakes::Docker, Fakes::Podman] {
        let mut engine = engine(fake);
        let user_of = |engine: &Engine| {
            let args = engine.invocation(&difficult(fake)).unwrap().args;
            let at = args.iter().position(|arg| arg == "--user")?;
            Some(args[at + 1].clone())
        };
        assert_eq!(user_of(&engine).as_deref(), Some("1000:1001"));
        engine.rootless = true;
        assert_eq!(user_of(&engine), None);
    }
}

#[test]
fn an_engine_refuses_the_root_of_another() {
    let sandbox = engine(Fakes::Sandbox);
    let error = sandbox.invocation(&difficult(Fakes::Docker)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Environment);
    assert!(error.help().is_some());
    let docker = engine(Fakes::Docker);
    let error = docker.invocation(&difficult(Fakes::Sandbox)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Environment);
}

#[test]
fn a_path_that_is_not_utf8_is_an_error_that_names_it() {
    use std::os::unix::ffi::OsStrExt as _;
    let odd = Path::new(std::ffi::OsStr::from_bytes(b"/w/\xff"));
    for fake in Fakes::ENGINES {
        let spec = RunSpec::new(root_of(fake), "/w", ["true"]).mounts([Mount::read(odd)]);
        let error = engine(fake).invocation(&spec).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Path, "{fake:?}");
        assert!(error.to_string().contains("/w/"), "{error}");
    }
}

/// Splits a line of comma-separated values into its fields, as `--mount` does.
fn csv_fields(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    assert!(!quoted, "an open quote in {line}");
    fields.push(field);
    fields
}

#[test]
fn every_path_can_be_mounted() {
    let paths: Vec<PathBuf> = nasty_words()
        .map(|word| PathBuf::from(format!("/w/{}", word.replace('/', "_"))))
        .collect();
    for fake in [Fakes::Docker, Fakes::Podman] {
        let engine = engine(fake);
        for path in &paths {
            let spec = RunSpec::new(root_of(fake), "/", ["true"]).mounts([Mount::read(path)]);
            let args = engine.invocation(&spec).unwrap().args;
            let at = args.iter().position(|arg| arg == "--mount").unwrap();
            let path = path.to_str().unwrap();
            assert_eq!(
                csv_fields(&args[at + 1]),
                [
                    "type=bind",
                    &format!("src={path}"),
                    &format!("dst={path}"),
                    "readonly"
                ]
            );
        }
    }
}

#[test]
fn outer_mounts_come_first() {
    let parts = ["/w", "/w/a", "/w/a/b", "/w/ab", "/h", "/h/a", "/h/a/c"];
    let mut dice = Dice(7);
    for _ in 0..500 {
        let mounts: Vec<Mount> = (0..6)
            .map(|_| {
                let path = *dice.pick(&parts);
                match dice.below(3) {
                    0 => Mount::read(path),
                    1 => Mount::write(path),
                    _ => Mount::scratch(path),
                }
            })
            .collect();
        let got = arrange_mounts(mounts.clone());
        for (n, mount) in got.iter().enumerate() {
            let hides = |later: &Mount| mount.target.starts_with(&later.target);
            assert!(!got[n + 1..].iter().any(hides), "{mounts:#?} as {got:#?}");
        }
        for asked in &mounts {
            let seen = got
                .iter()
                .rfind(|mount| asked.target.starts_with(&mount.target))
                .unwrap();
            // Two mounts at one place get the wider access.
            let asks = |access| {
                let mut here = mounts.iter().filter(|mount| mount.target == asked.target);
                here.any(|mount| mount.access == access)
            };
            let widest = [Access::Write, Access::Read, Access::Scratch];
            let widest = widest.into_iter().find(|access| asks(*access));
            assert_eq!(
                Some(seen.access),
                widest,
                "{asked:?} of {mounts:#?} as {got:#?}"
            );
        }
    }
}

#[test]
fn values_of_variables_are_not_on_the_command_line_of_a_container() {
    for fake in [Fakes::Docker, Fakes::Podman] {
        let run = engine(fake).invocation(&difficult(fake)).unwrap();
        let argv = run.args.join("\n");
        assert!(
            !argv.contains("s3cret") && !argv.contains("it's $HOME"),
            "{argv}"
        );
        assert!(argv.contains("--env\nPLAIN\n") && argv.contains("--env\nTOKEN\n"));
        assert!(!argv.contains("GONE"));
        let caller = Variables::from([("PATH".into(), "/bin".into())]);
        let all = run.variables(&caller);
        assert_eq!(all[std::ffi::OsStr::new("TOKEN")], "s3cret");
        assert_eq!(all[std::ffi::OsStr::new("PATH")], "/bin");
        // The client keeps its home, which has its configuration.
        assert!(!all.contains_key(std::ffi::OsStr::new("HOME")));
        assert!(argv.contains("--env\nHOME=/tmp/home\n"));
    }
}

#[test]
fn a_sandbox_starts_from_no_variable() {
    let run = engine(Fakes::Sandbox)
        .invocation(&difficult(Fakes::Sandbox))
        .unwrap();
    let caller = Variables::from([("SSH_AUTH_SOCK".into(), "/x".into())]);
    let all = run.variables(&caller);
    let names: Vec<_> = all.keys().map(|name| name.to_str().unwrap()).collect();
    assert_eq!(names, ["DOCKER_AUTH", "HOME", "PLAIN", "TOKEN"]);
}

#[test]
fn a_command_that_reads_standard_input_is_word_for_word_behind_the_sandboxs_options() {
    let words: Vec<String> = nasty_words().collect();
    let spec = RunSpec::new(root_of(Fakes::Sandbox), "/", words.clone()).stdin(true);
    let args = engine(Fakes::Sandbox).invocation(&spec).unwrap().args;
    let end = args.iter().position(|arg| arg == "--").unwrap();
    assert_eq!(args[end + 1..], words);
}

#[test]
fn a_layout_with_a_mount_point_inside_the_root_file_system_is_expanded() {
    let dir = tempfile::tempdir().unwrap();
    for made in ["usr/src", "usr/bin", "etc"] {
        std::fs::create_dir_all(dir.path().join(made)).unwrap();
    }
    let project = Path::new("/usr/src/app");
    let layout = read_rootfs_layout(dir.path(), &[project]).unwrap();
    let root = Root::Directory {
        path: PathBuf::from("/root-fs"),
        layout,
    };
    let spec = RunSpec::new(root, project, ["true"]).mounts([Mount::write(project)]);
    let run = engine(Fakes::Sandbox).invocation(&spec).unwrap();
    check(
        "argv/sandbox-project-below-usr-src",
        &without_kernel_files(&shown(&run)),
    );
}

/// A small generator of reproducible numbers.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        // Knuth's MMIX generator, whose high bits are the most random.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Hundreds of words that a shell, a CSV reader or an option parser can misread.
fn nasty_words() -> impl Iterator<Item = String> {
    let known = [
        "",
        " ",
        "-",
        "--",
        "-e",
        "-n",
        "--help",
        "*",
        "?",
        "[a-z]",
        "~",
        "~root",
        "$HOME",
        "${X}",
        "$(id)",
        "`id`",
        "$((1+1))",
        "a b",
        "a\tb",
        "a\nb",
        "\n",
        "a\n",
        "'",
        "''",
        "\"",
        "\\",
        "\\n",
        "\\0",
        "%s",
        "%d%n",
        "!",
        "!!",
        "#",
        "# x",
        "a;b",
        "a&b",
        "a|b",
        "a>b",
        "<a",
        "(",
        ")",
        "{",
        "{a,b}",
        "=",
        "a=b",
        ",",
        "a,b",
        "a\"b,c\"",
        "\r",
        "é",
        "日本語",
        "\u{202e}",
        "a\u{301}",
        "🦀",
        "\u{1}",
        "\u{7f}",
        "$@",
        "\"$@\"",
        "$0",
        "$$",
        "3>&1",
        "exec",
        "trap",
        "\\'",
    ];
    let pieces = [
        "a", " ", "'", "\"", "\\", "$", "`", "\n", "\t", "*", "!", "é", "&", ";", ",", "=",
    ];
    let mut dice = Dice(42);
    let random = (0..400).map(move |_| {
        let length = 1 + dice.below(8);
        (0..length).map(|_| *dice.pick(&pieces)).collect()
    });
    known.into_iter().map(str::to_owned).chain(random)
}

/// Returns the words that a command received. It printed each with a byte 1 after it.
fn received(said: &Output) -> Vec<String> {
    assert!(said.exit.success(), "{said:?}");
    let text = said.stdout.strip_suffix("\u{2}\n").unwrap();
    let mut words: Vec<_> = text.split("\u{1}").map(str::to_owned).collect();
    assert_eq!(words.pop().as_deref(), Some(""));
    words
}

/// Returns a command that prints its arguments for [`received`].
fn printer(words: &[String]) -> Vec<String> {
    let script = "for it do printf '%s\\001' \"$it\"; done; printf '\\002'";
    ["sh", "-c", script, "printer"]
        .into_iter()
        .map(str::to_owned)
        .chain(words.iter().cloned())
        .collect()
}

fn variables() -> Variables {
    Variables::from([("PATH".into(), "/usr/bin:/bin".into())])
}

/// Returns the first process of a container or a sandbox for this command.
fn first_process(fake: Fakes, command: &[&str]) -> Invocation {
    let spec = RunSpec::new(root_of(fake), "/", command.iter().copied());
    let run = engine(fake).invocation(&spec).unwrap();
    let last = match &spec.root {
        Root::Image(image) => image.as_str(),
        _ => "--",
    };
    let at = run.args.iter().position(|arg| arg == last).unwrap();
    let mut first = Invocation::new(&run.args[at + 1]).args(run.args[at + 2..].to_vec());
    first.ending = run.ending;
    first
}

/// Returns the command behind every lifeline, each started as an engine does.
fn behind_lifelines(command: &[&str]) -> Vec<Invocation> {
    let on_host = Invocation::new(command[0]).args(command[1..].iter().copied());
    let mut all = vec![supervised(on_host).unwrap()];
    for fake in Fakes::ENGINES {
        let first = first_process(fake, command);
        let namespace = tool::as_first_process();
        let mut run = Invocation::new(namespace[0])
            .args(namespace[1..].to_vec())
            .arg(first.program.to_str().unwrap())
            .args(first.args);
        run.ending = first.ending;
        all.push(run);
    }
    all
}

#[test]
fn the_lifeline_refuses_to_run_outside_of_a_process_namespace() {
    for fake in Fakes::ENGINES {
        let outside = first_process(fake, &["true"]);
        let said = process::output(&outside, &variables(), &Cancel::new()).unwrap();
        assert_eq!(said.exit.code, Some(125), "{said:?}");
    }
}

fn words_without_our_separators() -> Vec<String> {
    nasty_words()
        .filter(|word| !word.contains(['\u{1}', '\u{2}']))
        .collect()
}

#[test]
fn nasty_arguments_survive_the_lifeline_unchanged() {
    let words = words_without_our_separators();
    assert!(words.len() > 400);
    let command = printer(&words);
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    for run in behind_lifelines(&command) {
        let said = process::output(&run, &variables(), &Cancel::new()).unwrap();
        assert_eq!(received(&said), words);
        assert_eq!(said.stderr, "");
    }
}

#[test]
fn a_transcript_survives_a_shell() {
    let words = words_without_our_separators();
    let dir = tempfile::Builder::new()
        .prefix("it's $a `dir` ")
        .tempdir()
        .unwrap();
    let command = printer(&words);
    let line = Invocation::new(&command[0])
        .args(command[1..].to_vec())
        .cwd(dir.path())
        .env("A", "it's\n\"$A\"")
        .env_value("B", EnvValue::Unset)
        .to_string();
    let run = Invocation::new("sh").args(["-c", &line]);
    let said = process::output(&run, &variables(), &Cancel::new()).unwrap();
    assert_eq!(received(&said), words);
}

#[test]
fn the_exit_status_survives_the_lifelines() {
    for status in [0, 1, 7, 101, 125, 126, 127, 137, 143, 255] {
        for run in behind_lifelines(&["sh", "-c", &format!("exit {status}")]) {
            let said = process::output(&run, &variables(), &Cancel::new()).unwrap();
            assert_eq!(said.exit.code, Some(status), "{run}");
        }
    }
    for run in behind_lifelines(&["no-such-program"]) {
        let said = process::output(&run, &variables(), &Cancel::new()).unwrap();
        assert_eq!(said.exit.code, Some(127), "{run}");
        assert!(said.stderr.contains("no-such-program"), "{said:?} of {run}");
    }
}

#[test]
fn the_lifeline_is_not_the_commands_standard_input() {
    for run in behind_lifelines(&["cat"]) {
        let soon = Cancel::new().with_deadline(Duration::from_secs(20));
        let said = process::output(&run, &variables(), &soon).unwrap();
        assert!(said.exit.success(), "{run} reads an empty input");
    }
}

#[test]
fn everything_ends_when_the_lifeline_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    for (n, run) in (0..).zip(behind_lifelines(&[
        "sh",
        "-c",
        "echo begun; sleep 61 & sleep 61",
    ])) {
        let start = clock::now();
        let mark = dir.path().join(format!("{n}")).display().to_string();
        // The variable marks every process of this run.
        let run = run.env("MARK", &mark);
        let cancel = Cancel::new().with_deadline(Duration::from_millis(300));
        let error = process::output(&run, &variables(), &cancel).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Deadline);
        // Much less than the minute that it would last, on a machine that has more to do.
        assert!(start.elapsed() < Duration::from_secs(30), "{run}");
        // What was killed takes a moment to end.
        wait_until(Duration::from_secs(10), &format!("{run} ends"), || {
            alive_with(&mark).is_empty()
        });
    }
}

/// Returns the processes that have `mark` as the value of a variable.
fn alive_with(mark: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter(|process| {
            let environ = std::fs::read(process.path().join("environ"));
            environ.is_ok_and(|text| String::from_utf8_lossy(&text).contains(mark))
        })
        .map(|process| process.file_name().to_string_lossy().into_owned())
        .collect()
}
