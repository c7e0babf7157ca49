//! Support for benchmarks: variants that alternate within one run, and the table of their times.
//!
//! The variants alternate so that other load on the machine affects all of them alike. Times are
//! never asserted.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The error of a benchmark.
pub type Error = Box<dyn std::error::Error>;

/// One variant of a benchmark, with its name in the table.
pub struct Variant<'a> {
    name: String,
    once: Box<dyn FnMut() -> Result<(), Error> + 'a>,
}

impl<'a> Variant<'a> {
    /// Creates a variant called `name`.
    pub fn new(name: &str, once: impl FnMut() -> Result<(), Error> + 'a) -> Self {
        Variant {
            name: name.to_owned(),
            once: Box::new(once),
        }
    }
}

impl std::fmt::Debug for Variant<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Variant").field(&self.name).finish()
    }
}

/// The times of one variant, shortest first.
#[derive(Clone, Debug)]
pub struct Times {
    /// The name of the variant.
    pub name: String,
    sorted: Vec<Duration>,
}

impl Times {
    /// Creates the times of the variant `name`.
    pub fn of(name: &str, times: impl IntoIterator<Item = Duration>) -> Self {
        let mut sorted: Vec<_> = times.into_iter().collect();
        sorted.sort();
        Times {
            name: name.to_owned(),
            sorted,
        }
    }

    /// Returns the median in seconds.
    pub fn median(&self) -> f64 {
        self.at(2)
    }

    /// Returns the noise from round to round: half the distance between the quartiles, relative to
    /// the median.
    pub fn noise(&self) -> f64 {
        (self.at(3) - self.at(1)) / 2.0 / self.median()
    }

    /// Returns the `n`-th quartile in seconds.
    fn at(&self, n: usize) -> f64 {
        let index = (self.sorted.len() * n / 4).min(self.sorted.len().saturating_sub(1));
        self.sorted
            .get(index)
            .map_or(f64::NAN, Duration::as_secs_f64)
    }
}

/// Runs every variant in turn, `rounds` times, after `warming` rounds that do not count.
///
/// # Errors
///
/// Returns the first failure, with the name of the variant.
pub fn alternate(
    warming: usize,
    rounds: usize,
    variants: Vec<Variant<'_>>,
) -> Result<Vec<Times>, Error> {
    let mut variants: Vec<(Variant<'_>, Vec<Duration>)> = variants
        .into_iter()
        .map(|variant| (variant, Vec::new()))
        .collect();
    for round in 0..warming + rounds {
        for (variant, times) in &mut variants {
            let start = now();
            (variant.once)().map_err(|error| format!("{}: {error}", variant.name))?;
            if round >= warming {
                times.push(start.elapsed());
            }
        }
    }
    let times = variants
        .into_iter()
        .map(|(variant, times)| Times::of(&variant.name, times));
    Ok(times.collect())
}

/// Returns a row of a Markdown table.
pub fn row<I>(cells: I) -> String
where
    I: IntoIterator,
    I::Item: std::fmt::Display,
{
    let cells: Vec<_> = cells.into_iter().map(|cell| cell.to_string()).collect();
    format!("| {} |", cells.join(" | "))
}

/// Returns the head of a Markdown table, with its delimiter row.
pub fn head(cells: &[&str]) -> String {
    format!("{}\n|{}", row(cells), "---|".repeat(cells.len()))
}

/// Returns the median in milliseconds and the noise, for a table cell.
pub fn milliseconds(times: &Times) -> String {
    let digits = usize::from(times.median() < 0.1);
    format!(
        "{:.digits$} ±{:.0} %",
        times.median() * 1000.0,
        times.noise() * 100.0
    )
}

/// Runs a command to its end and discards its output. Its standard input stays open, because it is
/// the lifeline of a container.
///
/// # Errors
///
/// If the command cannot be started or fails.
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

/// Returns a command for `program`.
#[expect(clippy::disallowed_methods, reason = "a benchmark is a program")]
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}

/// Returns the arguments of the benchmark, without those from cargo.
pub fn words() -> Vec<String> {
    std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect()
}

/// Returns the time.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
pub fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_and_noise_come_from_the_quartiles() {
        let times = Times::of("x", [90, 10, 20, 30, 10].map(Duration::from_millis));
        assert_eq!(milliseconds(&times), "20.0 ±50 %");
    }

    #[test]
    fn variants_alternate_and_warming_does_not_count() {
        let order = std::cell::RefCell::new(String::new());
        let variant = |name: &'static str| {
            let order = &order;
            Variant::new(name, move || {
                order.borrow_mut().push_str(name);
                Ok(())
            })
        };
        let times = alternate(1, 2, vec![variant("a"), variant("b")]).unwrap();
        assert_eq!(*order.borrow(), "ababab");
        assert_eq!(times[0].sorted.len(), 2);
        let broken = Variant::new("c", || Err("no".into()));
        assert_eq!(
            alternate(0, 1, vec![broken]).unwrap_err().to_string(),
            "c: no"
        );
    }
}
