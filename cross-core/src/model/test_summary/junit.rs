//! Test results as JUnit's XML, which CI systems show.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use cross_engine::process::Exit;

use crate::model::signal::fault;
use crate::model::test_summary::{TestBinary, TestResult, TestStatus, TestSummary};

impl TestSummary {
    /// Returns the results as JUnit's XML: a suite for each test binary, in their order. `name` is
    /// the name of the whole, such as the target.
    ///
    /// A suite is called `app (unittests src/lib.rs)`, and so is the class of its tests, without the
    /// hash and the directory that are in [`TestBinary::name`]: a CI system follows a test by these
    /// names from run to run. The property `binary` has the whole name.
    ///
    /// A test that failed has its message, one that was ignored is skipped, and one that its binary
    /// did not finish is an error, which says how the binary ended. So is a binary that failed without
    /// saying which test did, or that was stopped: it has the binary's last lines. A binary that was
    /// not started is skipped, and one that says nothing of tests and ends with success is a test
    /// that passed. Tests of which a harness prints no names are only in the property `unnamed` of
    /// their suite.
    ///
    /// ```no_run
    /// # use cross_core::{Cross, Error};
    /// let cross = Cross::discover()?;
    /// let target = "aarch64-unknown-linux-gnu";
    /// let tested = cross.test(target).run();
    /// let tests = match &tested {
    ///     Ok(outcome) => outcome.tests.as_ref(),
    ///     Err(error) => error.tests(),
    /// };
    /// if let Some(tests) = tests {
    ///     std::fs::write("junit.xml", tests.junit(target))?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn junit(&self, name: &str) -> String {
        let mut suites: Vec<_> = self.binaries.iter().map(Suite::of).collect();
        let not_run = self.not_run.iter();
        let named = not_run.map(|file| self.not_run_names.get(file).unwrap_or(file));
        suites.extend(named.map(|name| Suite::not_started(name)));
        name_apart(&mut suites);
        let all = |count: fn(&Suite) -> usize| suites.iter().map(count).sum::<usize>();
        let times = self.binaries.iter().filter_map(|binary| binary.duration);
        let mut xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <testsuites name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"{}>\n",
            escaped(name),
            all(|suite| suite.cases.len()),
            all(|suite| suite.count(Kind::Failure)),
            all(|suite| suite.count(Kind::Error)),
            all(|suite| suite.count(Kind::Skipped)),
            time(times.reduce(Duration::saturating_add)),
        );
        suites.iter().for_each(|suite| suite.write(&mut xml));
        xml + "</testsuites>\n"
    }
}

/// The kind of a case's result.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Success,
    Failure,
    Error,
    Skipped,
}

/// The results of a test binary.
struct Suite {
    name: String,
    /// The whole name of the binary, unless it is the suite's.
    binary: Option<String>,
    duration: Option<Duration>,
    cases: Vec<Case>,
    /// How many tests have no name.
    unnamed: u64,
}

/// The result of a test.
struct Case {
    name: String,
    duration: Option<Duration>,
    kind: Kind,
    /// The message in one line, and all of it.
    message: (String, String),
}

impl Suite {
    fn of(binary: &TestBinary) -> Self {
        let cases = binary.tests.iter().map(|test| Case::of(test, binary));
        let mut cases: Vec<_> = cases.collect();
        let (name, whole) = lasting_name(&binary.name);
        cases.extend(Case::of_binary(&name, binary, &cases));
        // One is enough: a binary may have thousands of tests that did not finish.
        let error = cases.iter_mut().find(|case| case.kind == Kind::Error);
        if let (Some(error), Some(tail)) = (error, &binary.tail) {
            error.message.1.clone_from(tail);
        }
        let counted = binary.passed.saturating_add(binary.failed);
        let counted = counted.saturating_add(binary.ignored);
        let with_result = binary.tests.iter();
        let named = with_result.filter(|test| test.status != TestStatus::Unfinished);
        Suite {
            name,
            binary: whole,
            duration: binary.duration,
            unnamed: counted.saturating_sub(named.count() as u64),
            cases,
        }
    }

    fn not_started(name: &str) -> Self {
        let (name, whole) = lasting_name(name);
        Suite {
            binary: whole,
            duration: None,
            unnamed: 0,
            cases: vec![Case {
                name: name.clone(),
                duration: None,
                kind: Kind::Skipped,
                message: ("the binary was not started".to_owned(), String::new()),
            }],
            name,
        }
    }

    fn count(&self, kind: Kind) -> usize {
        self.cases.iter().filter(|case| case.kind == kind).count()
    }

    fn write(&self, xml: &mut String) {
        let name = escaped(&self.name);
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"{}>",
            self.cases.len(),
            self.count(Kind::Failure),
            self.count(Kind::Error),
            self.count(Kind::Skipped),
            time(self.duration),
        );
        let unnamed = (self.unnamed > 0).then(|| self.unnamed.to_string());
        let properties = [("binary", self.binary.clone()), ("unnamed", unnamed)];
        let properties: String = properties
            .into_iter()
            .filter_map(|(name, value)| {
                let value = escaped(&value?);
                Some(format!("<property name=\"{name}\" value=\"{value}\"/>"))
            })
            .collect();
        if !properties.is_empty() {
            let _ = writeln!(xml, "    <properties>{properties}</properties>");
        }
        self.cases.iter().for_each(|case| case.write(xml, &name));
        xml.push_str("  </testsuite>\n");
    }
}

/// Gives suites of one name numbers: cargo does not say of which package a binary is.
fn name_apart(suites: &mut [Suite]) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for suite in suites {
        let count = seen.entry(suite.name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            suite.name = format!("{} #{count}", suite.name);
        }
    }
}

/// The name of a binary that stays the same from build to build, and cargo's name of it, if that is
/// another one: of `tests/it.rs (target/debug/deps/it-0123456789abcdef)`, `it (tests/it.rs)`.
fn lasting_name(name: &str) -> (String, Option<String>) {
    let parts = name.strip_suffix(')').and_then(|it| it.rsplit_once(" ("));
    let Some((sources, path)) = parts else {
        let lasting = without_hash(name);
        return (
            lasting.to_owned(),
            (lasting != name).then(|| name.to_owned()),
        );
    };
    let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let lasting = format!("{} ({sources})", without_hash(file));
    (lasting, Some(name.to_owned()))
}

/// The name of a file without the hash of its build, and what is behind that.
fn without_hash(file: &str) -> &str {
    const DIGITS: usize = 16;
    let Some((name, hash)) = file.rsplit_once('-') else {
        return file;
    };
    let is_hash = hash.len() >= DIGITS
        && hash
            .bytes()
            .take(DIGITS)
            .all(|byte| byte.is_ascii_hexdigit())
        && matches!(hash.as_bytes().get(DIGITS), None | Some(b'.'));
    if is_hash { name } else { file }
}

impl Case {
    /// Whether it says that something failed.
    fn is_failed(&self) -> bool {
        matches!(self.kind, Kind::Failure | Kind::Error)
    }

    fn of(test: &TestResult, binary: &TestBinary) -> Self {
        let text = test.message.as_deref().unwrap_or_default();
        let (kind, first) = match (test.status, binary.exit) {
            (TestStatus::Passed, _) => (Kind::Success, Cow::Borrowed("")),
            (TestStatus::Ignored, _) => {
                let reason = test.message.as_deref();
                (Kind::Skipped, reason.unwrap_or("ignored").into())
            }
            (TestStatus::Failed, _) => (Kind::Failure, headline(text).into()),
            (TestStatus::Unfinished, Some(exit)) => {
                let how = format!("the binary ended before the test did: {}", end(exit));
                (Kind::Error, how.into())
            }
            (TestStatus::Unfinished, None) => (Kind::Error, "the test did not end".into()),
        };
        Case {
            name: test.name.clone(),
            duration: test.duration,
            kind,
            message: (first.into_owned(), text.to_owned()),
        }
    }

    /// What the binary `name` itself tells beside its tests, which are these `cases`.
    fn of_binary(name: &str, binary: &TestBinary, cases: &[Case]) -> Option<Self> {
        let has_error = cases.iter().any(|case| case.kind == Kind::Error);
        let is_told = cases.iter().any(Case::is_failed);
        let failed = binary.exit.filter(|exit| !exit.success() && !is_told);
        let (kind, message) = match (failed, binary.exit) {
            (Some(exit), _) => (Kind::Error, end(exit)),
            (None, exit) if binary.incomplete && !has_error => {
                let how = exit.map_or(String::new(), |exit| format!(": {}", end(exit)));
                (
                    Kind::Error,
                    format!("the binary did not finish its tests{how}"),
                )
            }
            (None, Some(exit)) if binary.is_silent && exit.success() => {
                (Kind::Success, String::new())
            }
            _ => return None,
        };
        Some(Case {
            name: name.to_owned(),
            duration: binary.duration,
            kind,
            message: (message, String::new()),
        })
    }

    fn write(&self, xml: &mut String, class: &str) {
        let name = escaped(&self.name);
        let time = time(self.duration);
        let _ = write!(
            xml,
            "    <testcase name=\"{name}\" classname=\"{class}\"{time}"
        );
        let (element, kind) = match self.kind {
            Kind::Success => return xml.push_str("/>\n"),
            Kind::Failure => ("failure", " type=\"test failure\""),
            Kind::Error => ("error", " type=\"test error\""),
            Kind::Skipped => ("skipped", ""),
        };
        let (first, text) = (escaped(&self.message.0), escaped(&self.message.1));
        let _ = match self.kind {
            Kind::Skipped => writeln!(xml, "><{element} message=\"{first}\"/></testcase>"),
            _ => writeln!(
                xml,
                "><{element} message=\"{first}\"{kind}>{text}</{element}></testcase>"
            ),
        };
    }
}

/// The line of a message that says what is wrong: the one after the location of a panic.
fn headline(text: &str) -> &str {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let panicked = |line: &str| line.contains(" panicked at ");
    let mut first = lines.clone();
    let after = lines.find(|line| panicked(line)).and(lines.next());
    after.or(first.next()).unwrap_or("the test failed")
}

/// How a binary ended: with the name of the signal, if that is a fault's.
fn end(exit: Exit) -> String {
    let signal = fault(exit.code, exit.signal);
    signal.map_or_else(|| exit.to_string(), str::to_owned)
}

fn time(duration: Option<Duration>) -> String {
    duration.map_or(String::new(), |time| {
        format!(" time=\"{:.3}\"", time.as_secs_f64())
    })
}

/// Text in XML. The characters that XML does not have are replaced.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\n' => xml.push_str("&#10;"),
            '\t' => xml.push_str("&#9;"),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => xml.push('\u{fffd}'),
            c => xml.push(c),
        }
    }
    xml
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
