mod terminal;

use std::fmt::Write as _;
use std::io::Write;

use crate::api::console::groups::Notation;
use crate::model::outcome::CompilerDiagnostic;

use super::*;

/// What is written to one stream.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn console(style: Style) -> (Console, Written, Written) {
    let (out, err) = (Written::default(), Written::default());
    let console = Console::on(Screen::new(
        style,
        Box::new(out.clone()),
        Box::new(err.clone()),
    ));
    (console, out, err)
}

fn show(console: &Console, target: &str, kind: EventKind) {
    console.state().show(target, &kind);
}

fn started(purpose: &str) -> EventKind {
    EventKind::StepStarted {
        step: 1,
        steps: 1,
        purpose: purpose.to_owned(),
    }
}

fn output(stream: Stream, line: &str) -> EventKind {
    let line = line.to_owned();
    EventKind::Output { stream, line }
}

fn finished(error: Option<&str>) -> EventKind {
    EventKind::Finished {
        seconds: 0.1,
        error: error.map(str::to_owned),
    }
}

fn unused() -> CompilerDiagnostic {
    CompilerDiagnostic {
        level: "warning".to_owned(),
        code: None,
        message: "unused".to_owned(),
        package: "app".to_owned(),
        place: None,
        rendered: "warning: unused\n".to_owned(),
    }
}

/// Replaces the seconds, which differ from run to run.
fn timeless(text: &str) -> String {
    let mut shown = String::new();
    for line in text.lines() {
        let line = match line.rsplit_once(" in ") {
            Some((before, rest)) if rest.ends_with(" s") => format!("{before} in N s"),
            _ => line.to_owned(),
        };
        let _ = writeln!(shown, "{line}");
    }
    shown
}

#[test]
fn a_stream_has_a_line_for_each_step_and_the_output_between() {
    let (console, out, err) = console(Style::Lines);
    show(&console, "a", started("compile"));
    show(&console, "a", output(Stream::Stderr, "   Compiling app"));
    show(&console, "a", started("run `app`"));
    show(&console, "a", output(Stream::Stdout, "hello"));
    show(&console, "a", finished(None));
    console.close();
    assert_eq!(out.text(), "hello\n");
    assert_eq!(
        timeless(&err.text()),
        "a: compile\n   Compiling app\na: run `app`\n"
    );
}

#[test]
fn output_that_is_kept_is_shown_if_its_target_fails() {
    let (console, out, err) = console(Style::Lines);
    let console = console.keep_output();
    for (target, error) in [("a", None), ("b", Some("a test failed"))] {
        show(&console, target, started("run the tests"));
        show(
            &console,
            target,
            output(Stream::Stdout, &format!("output of {target}")),
        );
        show(&console, target, finished(error));
    }
    console.close();
    assert_eq!(out.text(), "");
    let err = timeless(&err.text());
    assert!(!err.contains("output of a"), "{err}");
    assert!(err.contains("b: failed in N s\noutput of b\n"), "{err}");
    let table = "target  result  tests  seconds\na       ok      -      ";
    assert!(err.contains(table), "{err}");
    assert!(err.contains("\nb       failed  -      "), "{err}");
}

#[test]
fn output_that_is_kept_is_shown_if_steps_follow_the_one_that_fails() {
    let (console, _, err) = console(Style::Lines);
    let console = console.keep_output();
    show(&console, "a", started("cargo build"));
    show(&console, "a", output(Stream::Stderr, "error: no"));
    show(&console, "a", ended(0.1));
    show(&console, "a", started("publish the artifacts"));
    show(&console, "a", ended(0.0));
    let error = "cargo build failed with exit status 101";
    show(&console, "a", finished(Some(error)));
    assert_eq!(
        timeless(&err.text()),
        "a: cargo build\na: publish the artifacts\na: failed in N s\nerror: no\n"
    );
}

#[test]
fn a_caller_with_a_table_of_its_own_gets_no_other() {
    let (console, _, err) = console(Style::Lines);
    let console = console.without_table();
    for target in ["a", "b"] {
        show(&console, target, started("compile"));
        show(&console, target, finished(None));
    }
    console.close();
    assert!(!err.text().contains("seconds"), "{}", err.text());
}

#[test]
fn an_archive_is_a_row_of_the_table_beside_its_targets() {
    for (targets, has_table) in [(&["a"][..], false), (&["a", "b"], true)] {
        let (console, _, err) = console(Style::Lines);
        for target in targets {
            show(&console, target, finished(None));
        }
        let archive = EventKind::ArchiveProgress { bytes: 2, of: 2 };
        show(&console, "", archive);
        console.close();
        let err = err.text();
        assert_eq!(err.contains("\narchive  ok"), has_table, "{err}");
        assert!(!err.contains("not finished"), "{err}");
    }
}

fn warning(message: &str) -> EventKind {
    EventKind::Warning {
        code: "git".to_owned(),
        message: message.to_owned(),
        help: None,
    }
}

#[test]
fn what_belongs_to_no_target_is_shown_once_and_has_no_row() {
    let (console, _, err) = console(Style::Lines);
    show(&console, "", warning("an alias is hidden"));
    show(&console, "", warning("an alias is hidden"));
    show(&console, "a", started("cargo build"));
    show(&console, "a", finished(None));
    console.close();
    assert_eq!(err.text(), "warning: an alias is hidden\na: cargo build\n");
}

#[test]
fn a_cargo_of_the_host_that_fails_shows_its_kept_output() {
    for (error, expected) in [(None, ""), (Some("it failed"), "error: no\n")] {
        let (console, _, err) = console(Style::Lines);
        let console = console.keep_output();
        show(&console, "", output(Stream::Stderr, "error: no"));
        show(&console, "", finished(error));
        console.close();
        assert_eq!(err.text(), expected);
    }
}

#[test]
fn a_target_that_only_had_a_warning_is_in_no_table() {
    let (console, _, err) = console(Style::Lines);
    console.expect(["b"]);
    show(&console, "c", warning("no git"));
    for target in ["a", "d"] {
        show(&console, target, finished(None));
    }
    console.close();
    let err = err.text();
    assert!(err.contains("\nb       not finished  "), "{err}");
    assert!(err.contains("\nd       ok "), "{err}");
    assert!(!err.contains("\nc "), "{err}");
}

#[test]
fn what_cargo_says_twice_is_shown_once_for_a_target() {
    let (console, _, err) = console(Style::Lines);
    let diagnostic = unused();
    for target in ["a", "a", "b"] {
        show(&console, target, EventKind::Diagnostic(diagnostic.clone()));
    }
    assert_eq!(err.text(), "warning: unused\nwarning: unused\n");
}

#[test]
fn an_error_is_shown_if_the_caller_tells_it() {
    let (console, _, err) = console(Style::Lines);
    show(&console, "a", started("compile"));
    show(&console, "a", finished(Some("it does not compile")));
    console.finish("a", Err(&"it does not compile"));
    show(&console, "b", started("compile"));
    show(&console, "b", finished(None));
    console.finish("b", Ok(()));
    assert_eq!(
        timeless(&err.text()),
        "a: compile\na: failed in N s\nerror: a: it does not compile\n\
         b: compile\nb: ok in N s\n"
    );
}

#[test]
fn the_packages_of_an_environment_are_a_bar() {
    let (console, _, err) = console(Style::Lines);
    let line = |text: &str| EventKind::EnvironmentProgress {
        message: text.to_owned(),
    };
    show(&console, "a", started("make the environment"));
    show(
        &console,
        "a",
        EventKind::PackagesInstalled { done: 3, of: 60 },
    );
    show(
        &console,
        "a",
        line("Selecting previously unselected package make."),
    );
    assert_eq!(console.state().at("a").share(), Some((3, 60)));
    console.state().beat(Duration::ZERO);
    show(
        &console,
        "a",
        EventKind::PackagesInstalled { done: 60, of: 60 },
    );
    show(&console, "a", line("measuring"));
    assert_eq!(console.state().at("a").share(), None);
    let beat = "a: make the environment\na: make the environment: 3 of 60 packages (0 s)\n";
    assert_eq!(err.text(), beat);
}

#[test]
fn a_step_that_is_silent_is_said_to_go_on() {
    let (console, _, err) = console(Style::Lines);
    show(&console, "a", started("compile"));
    console.state().beat(Duration::ZERO);
    let ended = EventKind::StepFinished {
        step: 1,
        purpose: "compile".to_owned(),
        seconds: 0.1,
    };
    show(&console, "a", ended);
    console.state().beat(Duration::ZERO);
    show(&console, "a", finished(None));
    console.state().beat(Duration::ZERO);
    assert_eq!(err.text(), "a: compile\na: compile (0 s)\n");
}

#[test]
fn packages_are_counted_that_cargo_compiled() {
    let (console, _, err) = console(Style::Lines);
    show(&console, "a", started("compile"));
    for (package, fresh) in [("libc", true), ("cc", false), ("cc", false), ("app", false)] {
        let package = package.to_owned();
        show(&console, "a", EventKind::Compiled { package, fresh });
        console.state().beat(Duration::ZERO);
    }
    let expected = [
        "",
        ": 1 package, cc",
        ": 1 package, cc",
        ": 2 packages, app",
    ];
    let lines = expected.map(|text| format!("a: compile{text} (0 s)\n"));
    assert_eq!(err.text(), format!("a: compile\n{}", lines.concat()));
}

#[test]
fn a_ci_system_is_known_by_its_variable() {
    let env = |name: &str| Env::new().set(name, "true").set("TERM", "xterm");
    let found = [
        (env("GITHUB_ACTIONS"), true, Style::Groups(Notation::GitHub)),
        (env("GITLAB_CI"), false, Style::Groups(Notation::GitLab)),
        (env("CI"), true, Style::Terminal),
        (env("CI"), false, Style::Lines),
    ];
    for (env, is_terminal, style) in found {
        assert_eq!(Style::detect(&env, is_terminal), style);
    }
}

#[test]
fn a_terminal_that_cannot_redraw_gets_lines() {
    let named = |name: &str| Style::detect(&Env::new().set("TERM", name), true);
    assert_eq!(named("dumb"), Style::Lines);
    assert_eq!(named("xterm-256color"), Style::Terminal);
    #[cfg(unix)]
    assert_eq!(Style::detect(&Env::new(), true), Style::Lines);
}

#[test]
fn in_groups_too_a_program_prints_on_standard_output() {
    for notation in [Notation::GitHub, Notation::GitLab] {
        let (console, out, err) = console(Style::Groups(notation));
        show(&console, "a", started("run `app`"));
        show(&console, "a", output(Stream::Stderr, "a note"));
        show(&console, "a", output(Stream::Stdout, "data"));
        show(&console, "a", finished(None));
        console.close();
        assert_eq!(out.text(), "data\n");
        assert!(err.text().contains("a note\n"), "{}", err.text());
        assert!(!err.text().contains("data"), "{}", err.text());
    }
}

#[test]
fn the_next_request_says_again_what_is_wrong() {
    let (console, _, err) = console(Style::Lines);
    let diagnostic = EventKind::Diagnostic(unused());
    for _ in 0..2 {
        show(&console, "a", diagnostic.clone());
        show(&console, "a", finished(Some("no")));
    }
    let shown = timeless(&err.text());
    let round = "warning: unused\na: failed in N s\n";
    assert_eq!(shown, format!("{round}{round}"));
}

#[test]
fn in_groups_output_is_shown_even_if_it_was_to_be_kept() {
    let (console, out, err) = console(Style::Groups(Notation::GitLab));
    let console = console.keep_output();
    show(&console, "a", started("compile"));
    show(&console, "a", output(Stream::Stderr, "   Compiling app"));
    show(&console, "a", finished(None));
    assert_eq!(out.text(), "");
    let err = err.text();
    assert!(
        err.contains("\r\u{1b}[0Ka: compile\n   Compiling app\n\u{1b}[0Ksection_end:"),
        "{err:?}"
    );
}

#[test]
fn a_hostile_program_moves_no_cursor_of_a_terminal() {
    let (console, out, _) = console(Style::Terminal);
    show(&console, "a", started("run `app`"));
    let line = "\u{1b}[31mred\u{1b}[2J\u{1b}]52;c;eA==\u{7}";
    show(&console, "a", output(Stream::Stdout, line));
    console.close();
    assert_eq!(
        out.text(),
        "\u{1b}[31mred\\u{1b}[2J\\u{1b}]52;c;eA==\\u{7}\u{1b}[0m\n"
    );
}

#[test]
fn a_terminal_asks_for_colors_unless_the_user_decided() {
    let value = |env: &Env| env.get_str("CARGO_TERM_COLOR").map(str::to_owned);
    assert_eq!(value(&colored(&Env::new())).as_deref(), Some("always"));
    assert_eq!(value(&colored(&Env::new().set("NO_COLOR", "1"))), None);
    let never = Env::new().set("CARGO_TERM_COLOR", "never");
    assert_eq!(value(&colored(&never)).as_deref(), Some("never"));
}

/// A block of docs/embedding.md.
fn recording(name: &str) -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/embedding.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mark = format!("<!-- recording: {name} -->\n```text\n");
    let (_, block) = page.split_once(&mark).unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

/// Replaces every number of seconds at the end of a line.
fn without_seconds(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let (rest, end) = match line.strip_suffix(" s)") {
            Some(rest) => (rest, " s)"),
            None => match line.strip_suffix(" s").or_else(|| line.strip_suffix('s')) {
                Some(rest) => (rest, " s"),
                None => return format!("{line}\n"),
            },
        };
        let words = rest.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        match words.len() == rest.len() {
            true => format!("{line}\n"),
            false => format!("{words}…{end}\n"),
        }
    });
    lines.collect()
}

/// Ends the step that goes on.
fn ended(seconds: f64) -> EventKind {
    EventKind::StepFinished {
        step: 1,
        purpose: String::new(),
        seconds,
    }
}

const RECORDED: &str = "aarch64-unknown-linux-gnu";

/// Shows what begins every request.
fn chosen(console: &Console) {
    let chosen = EventKind::EngineChosen {
        engine: "sandbox 0.8.0".to_owned(),
        reason: "sandbox is the first choice and answers".to_owned(),
    };
    show(console, RECORDED, chosen);
}

/// Begins to compile.
fn compiles(console: &Console) {
    show(console, RECORDED, started("prepare directories and files"));
    show(console, RECORDED, ended(0.0));
    show(console, RECORDED, started("compile"));
    let compiling = "   Compiling app v0.1.0 (/home/me/app)";
    show(console, RECORDED, output(Stream::Stderr, compiling));
}

#[test]
fn the_guide_shows_what_is_seen_of_a_first_build() {
    let (console, _, err) = console(Style::Lines);
    chosen(&console);
    show(&console, RECORDED, started("install the target's std"));
    let loading = "info: downloading component rust-std";
    show(&console, RECORDED, output(Stream::Stderr, loading));
    show(&console, RECORDED, ended(4.0));
    show(&console, RECORDED, started("make the environment"));
    let message = "reading the package lists".to_owned();
    show(
        &console,
        RECORDED,
        EventKind::EnvironmentProgress { message },
    );
    console.state().beat(Duration::ZERO);
    show(
        &console,
        RECORDED,
        EventKind::PackagesInstalled { done: 21, of: 84 },
    );
    console.state().beat(Duration::ZERO);
    show(&console, RECORDED, ended(30.0));
    compiles(&console);
    let done = "    Finished `dev` profile [unoptimized + debuginfo] target(s) in 0.41s";
    show(&console, RECORDED, output(Stream::Stderr, done));
    show(&console, RECORDED, ended(0.5));
    show(&console, RECORDED, started("publish the artifacts"));
    show(&console, RECORDED, ended(0.0));
    show(&console, RECORDED, finished(None));
    console.close();
    assert_eq!(without_seconds(&err.text()), recording("the first build"));
}

#[test]
fn the_guide_shows_what_is_seen_of_a_build_that_fails() {
    let (console, _, err) = console(Style::Lines);
    chosen(&console);
    compiles(&console);
    let rendered = "error[E0425]: cannot find value `nam` in this scope\n --> src/main.rs:3:22\n  |\n\
                    3 |     println!(\"hello {nam}\");\n  |                      \
                    ^^^ help: a local variable with a similar name exists: `name`\n\n";
    let diagnostic = CompilerDiagnostic {
        level: "error".to_owned(),
        rendered: rendered.to_owned(),
        ..unused()
    };
    show(&console, RECORDED, EventKind::Diagnostic(diagnostic));
    let last = "error: could not compile `app` (bin \"app\") due to 1 previous error";
    show(&console, RECORDED, output(Stream::Stderr, last));
    let error = "cargo build failed with exit status 101: error[E0425]: cannot find value `nam` in this \
                 scope (src/main.rs:3:22)";
    show(&console, RECORDED, finished(Some(error)));
    console.finish(RECORDED, Err(&error));
    console.close();
    assert_eq!(
        without_seconds(&err.text()),
        recording("a build that fails")
    );
}
