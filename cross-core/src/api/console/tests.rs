use std::fmt::Write as _;

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
    let console = Console::on(style, Box::new(out.clone()), Box::new(err.clone()));
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
fn what_cargo_says_twice_is_shown_once_for_a_target() {
    let (console, _, err) = console(Style::Lines);
    let diagnostic = CompilerDiagnostic {
        level: "warning".to_owned(),
        code: None,
        message: "unused".to_owned(),
        package: "app".to_owned(),
        place: None,
        rendered: "warning: unused\n".to_owned(),
    };
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
fn a_ci_system_is_known_by_its_variable() {
    let env = |name: &str| Env::new().set(name, "true");
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
