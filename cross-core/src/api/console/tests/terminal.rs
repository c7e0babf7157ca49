//! What a terminal shows, on which lines are drawn again.

use indicatif::{ProgressDrawTarget, TermLike};

use super::*;

/// A terminal of so many columns. Behind the last column, the cursor waits for what it wraps.
#[derive(Clone, Debug)]
struct Terminal {
    columns: usize,
    shown: Arc<Mutex<Shown>>,
}

#[derive(Debug)]
struct Shown {
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Terminal {
    fn new(columns: usize) -> Self {
        let shown = Arc::new(Mutex::new(Shown {
            lines: vec![Vec::new()],
            row: 0,
            column: 0,
        }));
        Terminal { columns, shown }
    }

    fn print(&self, text: &str) {
        let mut shown = self.shown.lock().unwrap();
        let Shown { lines, row, column } = &mut *shown;
        for c in text.chars() {
            if c == '\r' {
                *column = 0;
                continue;
            }
            if c == '\n' || *column == self.columns {
                (*row, *column) = (*row + 1, 0);
                lines.resize(lines.len().max(*row + 1), Vec::new());
            }
            if c != '\n' {
                let line = &mut lines[*row];
                line.resize(line.len().max(*column + 1), ' ');
                line[*column] = c;
                *column += 1;
            }
        }
    }

    fn text(&self) -> String {
        let shown = self.shown.lock().unwrap();
        let lines = shown
            .lines
            .iter()
            .map(|line| line.iter().collect::<String>());
        lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        u16::try_from(self.columns).unwrap()
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        let mut shown = self.shown.lock().unwrap();
        shown.row = shown.row.saturating_sub(n);
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        let mut shown = self.shown.lock().unwrap();
        shown.row = (shown.row + n).min(shown.lines.len() - 1);
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.print(&format!("{text}\n"));
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.print(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        let mut shown = self.shown.lock().unwrap();
        let row = shown.row;
        shown.lines[row].clear();
        shown.column = 0;
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.print(std::str::from_utf8(bytes).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A console on a terminal, which draws at once.
fn drawn(columns: usize) -> (Console, Terminal) {
    let terminal = Terminal::new(columns);
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 255);
    let [out, err] = [terminal.clone(), terminal.clone()].map(Box::new);
    let console = Console::on(Screen::drawn_on(target, Style::Terminal, out, err));
    (console, terminal)
}

/// Waits until `wanted` is drawn: a thread draws, and not at once.
fn wait_for(terminal: &Terminal, wanted: &str) {
    for _ in 0..500 {
        if terminal.text().contains(wanted) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("no {wanted:?} in {}", terminal.text());
}

#[test]
fn what_the_caller_prints_after_its_requests_stays() {
    let (console, mut terminal) = drawn(80);
    for target in ["a", "b", "c"] {
        show(&console, target, started("compile"));
        wait_for(&terminal, &format!("{target} compile"));
    }
    for target in ["a", "b", "c"] {
        show(&console, target, finished(None));
    }
    for path in ["/t/a", "/t/b", "/t/c"] {
        writeln!(terminal, "{path}").unwrap();
    }
    // Another request, and what is printed after it.
    show(&console, "a", started("run `app`"));
    show(&console, "a", output(Stream::Stdout, "hello"));
    wait_for(&terminal, "a run `app`");
    show(&console, "a", finished(Some("it failed")));
    writeln!(terminal, "last").unwrap();
    drop(console.without_table());
    assert_eq!(terminal.text(), "/t/a\n/t/b\n/t/c\nhello\nlast");
}

#[test]
fn what_has_no_end_of_its_own_leaves_no_line_either() {
    let (console, mut terminal) = drawn(80);
    let archive = |bytes| EventKind::ArchiveProgress { bytes, of: 2 };
    show(&console, "a", started("make the environment"));
    wait_for(&terminal, "make the environment");
    show(&console, "a", ended(1.0));
    writeln!(terminal, "prefetched").unwrap();
    show(&console, "", archive(1));
    wait_for(&terminal, "archived");
    show(&console, "", archive(2));
    writeln!(terminal, "imported").unwrap();
    assert_eq!(
        console.state().at("archive").verdict(),
        Some(Verdict::Passed)
    );
    drop(console.without_table());
    assert_eq!(terminal.text(), "prefetched\nimported");
}

#[test]
fn a_narrow_terminal_shows_the_names_and_wraps_no_line() {
    for (columns, wanted) in [
        (20, "aarch64-unkno"),
        (40, "aarch64-unknown-linux-gnu [██"),
        (
            80,
            "aarch64-unknown-linux-gnu [██████████░░░░░░░░░░] make the environment: 2",
        ),
    ] {
        let (console, terminal) = drawn(columns);
        show(&console, RECORDED, started("make the environment"));
        show(
            &console,
            RECORDED,
            EventKind::PackagesInstalled { done: 2, of: 4 },
        );
        wait_for(&terminal, wanted);
        let text = terminal.text();
        assert_eq!(text.lines().count(), 1, "{columns}: {text}");
    }
}

#[test]
fn names_are_padded_to_the_longest_one() {
    let (console, terminal) = drawn(60);
    console.expect(["a", "long-name"]);
    show(&console, "a", started("compile"));
    wait_for(&terminal, " a         compile ");
    wait_for(&terminal, " long-name");
}
