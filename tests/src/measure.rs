//! What benchmarks have in common: ways of doing one thing that take turns, and what is said of their times.
//!
//! Ways are compared within one run, in alternation, so that what else the machine does falls on all of them.
//! Nothing here is ever asserted.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a benchmark may fail with.
pub type Error = Box<dyn std::error::Error>;

/// One way to do it, under the name that the table has for it.
pub struct Way<'a> {
    name: String,
    once: Box<dyn FnMut() -> Result<(), Error> + 'a>,
}

impl<'a> Way<'a> {
    /// A way called `name`.
    pub fn new(name: &str, once: impl FnMut() -> Result<(), Error> + 'a) -> Self {
        Way {
            name: name.to_owned(),
            once: Box::new(once),
        }
    }
}

impl std::fmt::Debug for Way<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Way").field(&self.name).finish()
    }
}

/// The times of one way, shortest first.
#[derive(Clone, Debug)]
pub struct Times {
    /// The way's name.
    pub name: String,
    sorted: Vec<Duration>,
}

impl Times {
    /// The times that a way called `name` took.
    pub fn of(name: &str, times: impl IntoIterator<Item = Duration>) -> Self {
        let mut sorted: Vec<_> = times.into_iter().collect();
        sorted.sort();
        Times {
            name: name.to_owned(),
            sorted,
        }
    }

    /// The median, in seconds.
    pub fn median(&self) -> f64 {
        self.at(2)
    }

    /// Half the distance between the quartiles as a part of the median: the noise from round to round.
    pub fn noise(&self) -> f64 {
        (self.at(3) - self.at(1)) / 2.0 / self.median()
    }

    /// The `n`-th quartile.
    fn at(&self, n: usize) -> f64 {
        let index = (self.sorted.len() * n / 4).min(self.sorted.len().saturating_sub(1));
        self.sorted
            .get(index)
            .map_or(f64::NAN, Duration::as_secs_f64)
    }
}

/// Does it in every way, in turns, `rounds` times, after `warming` rounds that do not count.
///
/// # Errors
///
/// The first failure of a way, with its name.
pub fn alternate(warming: usize, rounds: usize, ways: Vec<Way<'_>>) -> Result<Vec<Times>, Error> {
    let mut ways: Vec<(Way<'_>, Vec<Duration>)> =
        ways.into_iter().map(|way| (way, Vec::new())).collect();
    for round in 0..warming + rounds {
        for (way, times) in &mut ways {
            let start = now();
            (way.once)().map_err(|error| format!("{}: {error}", way.name))?;
            if round >= warming {
                times.push(start.elapsed());
            }
        }
    }
    let times = ways
        .into_iter()
        .map(|(way, times)| Times::of(&way.name, times));
    Ok(times.collect())
}

/// A line of a table in Markdown.
pub fn row<I>(cells: I) -> String
where
    I: IntoIterator,
    I::Item: std::fmt::Display,
{
    let cells: Vec<_> = cells.into_iter().map(|cell| cell.to_string()).collect();
    format!("| {} |", cells.join(" | "))
}

/// The head of a table in Markdown, with the line below it.
pub fn head(cells: &[&str]) -> String {
    format!("{}\n|{}", row(cells), "---|".repeat(cells.len()))
}

/// Milliseconds for a cell: the median and its noise.
pub fn milliseconds(times: &Times) -> String {
    let digits = usize::from(times.median() < 0.1);
    format!(
        "{:.digits$} ±{:.0} %",
        times.median() * 1000.0,
        times.noise() * 100.0
    )
}

/// Runs a command to its end, without its output; an error if it fails. Its standard input is held open
/// meanwhile: a container's is its lifeline.
///
/// # Errors
///
/// When it cannot be started or does not succeed.
pub fn finish(mut command: Command) -> Result<(), Error> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let lifeline = child.stdin.take();
    let status = child.wait()?;
    drop(lifeline);
    match status.success() {
        true => Ok(()),
        false => Err(format!("{command:?} ended with {status}").into()),
    }
}

/// A command: benchmarks are programs.
#[expect(clippy::disallowed_methods, reason = "a benchmark is a program")]
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}

/// The words that were given to the benchmark, without cargo's own.
pub fn words() -> Vec<String> {
    std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect()
}

/// The time.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
pub fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_the_noise_are_of_the_quartiles() {
        let times = Times::of("x", [90, 10, 20, 30, 10].map(Duration::from_millis));
        assert_eq!(milliseconds(&times), "20.0 ±50 %");
    }

    #[test]
    fn ways_take_turns_and_warming_does_not_count() {
        let order = std::cell::RefCell::new(String::new());
        let way = |name: &'static str| {
            let order = &order;
            Way::new(name, move || {
                order.borrow_mut().push_str(name);
                Ok(())
            })
        };
        let times = alternate(1, 2, vec![way("a"), way("b")]).unwrap();
        assert_eq!(*order.borrow(), "ababab");
        assert_eq!(times[0].sorted.len(), 2);
        let broken = Way::new("c", || Err("no".into()));
        assert_eq!(
            alternate(0, 1, vec![broken]).unwrap_err().to_string(),
            "c: no"
        );
    }
}
