//! Test results as JUnit's XML, which CI systems show.

use std::fmt::Write as _;
use std::time::Duration;

use crate::model::test_summary::{TestBinary, TestResult, TestStatus, TestSummary};

impl TestSummary {
    /// Returns the results as JUnit's XML: a suite for each test binary, in their order. `name` is
    /// the name of the whole, such as the target.
    ///
    /// A test that failed has its message, one that was ignored is skipped, and one that its binary
    /// did not finish is an error. So is a binary that failed without saying which test did. A
    /// binary that was not started is skipped. Tests of which a harness prints no names are only in
    /// the property `unnamed` of their suite.
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
        suites.extend(self.not_run.iter().map(|file| Suite::not_started(file)));
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
        let mut cases: Vec<_> = binary.tests.iter().map(Case::of).collect();
        let is_told = cases.iter().any(|case| case.kind != Kind::Success);
        let failed = binary.exit.filter(|exit| !exit.success());
        if let Some(exit) = failed.filter(|_| !is_told) {
            cases.push(Case {
                name: binary.name.clone(),
                duration: None,
                kind: Kind::Error,
                message: (exit.to_string(), String::new()),
            });
        }
        let counted = binary.passed.saturating_add(binary.failed);
        let counted = counted.saturating_add(binary.ignored);
        let with_result = binary.tests.iter();
        let named = with_result.filter(|test| test.status != TestStatus::Unfinished);
        Suite {
            name: binary.name.clone(),
            duration: binary.duration,
            unnamed: counted.saturating_sub(named.count() as u64),
            cases,
        }
    }

    fn not_started(file: &str) -> Self {
        Suite {
            name: file.to_owned(),
            duration: None,
            unnamed: 0,
            cases: vec![Case {
                name: file.to_owned(),
                duration: None,
                kind: Kind::Skipped,
                message: ("the binary was not started".to_owned(), String::new()),
            }],
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
        if self.unnamed > 0 {
            let _ = writeln!(
                xml,
                "    <properties><property name=\"unnamed\" value=\"{}\"/></properties>",
                self.unnamed
            );
        }
        self.cases.iter().for_each(|case| case.write(xml, &name));
        xml.push_str("  </testsuite>\n");
    }
}

impl Case {
    fn of(test: &TestResult) -> Self {
        let text = test.message.as_deref().unwrap_or_default();
        let (kind, first) = match test.status {
            TestStatus::Passed => (Kind::Success, ""),
            TestStatus::Ignored => (Kind::Skipped, "ignored"),
            TestStatus::Failed => (Kind::Failure, headline(text)),
            TestStatus::Unfinished => (Kind::Error, "the binary ended before the test did"),
        };
        Case {
            name: test.name.clone(),
            duration: test.duration,
            kind,
            message: (first.to_owned(), text.to_owned()),
        }
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
mod tests {
    use cross_engine::process::{Exit, output};
    use cross_engine::{Cancel, Invocation};
    use roxmltree::{Document, Node};

    use super::*;

    fn test(name: &str, status: TestStatus, message: Option<&str>) -> TestResult {
        TestResult {
            duration: Some(Duration::from_millis(1500)),
            ..TestResult::new(name, status).with_message(message)
        }
    }

    fn exit_status_3() -> Exit {
        let run = Invocation::new("sh").args(["-c", "exit 3"]);
        let variables = [("PATH".into(), "/usr/bin:/bin".into())];
        output(&run, &variables.into(), &Cancel::new())
            .unwrap()
            .exit
    }

    fn summary() -> TestSummary {
        let mut summary = TestSummary::default();
        let panic = "thread 'b' panicked at src/lib.rs:1:5:\na < b & \"c\" ]]>\u{1}\n";
        summary.add(TestBinary {
            name: "unittests src/lib.rs (target/debug/deps/app-1)".to_owned(),
            passed: 3,
            failed: 1,
            ignored: 1,
            tests: vec![
                test("a", TestStatus::Passed, None),
                test("it::<b>", TestStatus::Failed, Some(panic)),
                test("c", TestStatus::Ignored, None),
                test("d", TestStatus::Unfinished, None),
            ],
            duration: Some(Duration::from_secs(2)),
            ..TestBinary::default()
        });
        summary.add(TestBinary {
            name: "tests/own.rs".to_owned(),
            exit: Some(exit_status_3()),
            ..TestBinary::default()
        });
        summary.not_run = vec!["late-1".to_owned()];
        summary
    }

    /// The elements that JUnit's schema has below each other, with the attributes that it requires.
    fn check(node: Node<'_, '_>) {
        let (children, required): (&[&str], &[&str]) = match node.tag_name().name() {
            "testsuites" => (&["testsuite"], &["tests", "failures", "errors"]),
            "testsuite" => (
                &["properties", "testcase"],
                &["name", "tests", "failures", "errors", "skipped"],
            ),
            "testcase" => (&["failure", "error", "skipped"], &["name", "classname"]),
            "failure" | "error" => (&[], &["message", "type"]),
            "skipped" => (&[], &["message"]),
            "properties" => (&["property"], &[]),
            "property" => (&[], &["name", "value"]),
            other => panic!("{other}"),
        };
        for name in required {
            assert!(node.has_attribute(*name), "{name} of {node:?}");
        }
        for child in node.children().filter(Node::is_element) {
            assert!(children.contains(&child.tag_name().name()), "{child:?}");
            check(child);
        }
        for (attribute, element) in [
            ("tests", "testcase"),
            ("failures", "failure"),
            ("errors", "error"),
        ] {
            if let Some(said) = node.attribute(attribute) {
                let all = node.descendants().filter(|it| it.has_tag_name(element));
                assert_eq!(said, all.count().to_string(), "{attribute} of {node:?}");
            }
        }
    }

    #[test]
    fn every_result_is_in_the_report() {
        let xml = summary().junit("aarch64 & more");
        let document = Document::parse(&xml).unwrap_or_else(|error| panic!("{error}: {xml}"));
        check(document.root_element());
        let root = document.root_element();
        assert_eq!(root.attribute("name"), Some("aarch64 & more"));
        let counts = ["tests", "failures", "errors", "skipped", "time"];
        let counts = counts.map(|name| root.attribute(name).unwrap());
        assert_eq!(counts, ["6", "1", "2", "2", "2.000"]);
        let find = |name: &str| {
            let mut all = document.descendants();
            all.find(|node| node.attribute("name") == Some(name) && node.has_tag_name("testcase"))
                .unwrap_or_else(|| panic!("{name} in {xml}"))
        };
        let failed = find("it::<b>");
        assert_eq!(failed.attribute("time"), Some("1.500"));
        let failure = failed.first_element_child().unwrap();
        assert_eq!(
            failure.attribute("message"),
            Some("a < b & \"c\" ]]>\\u{1}")
        );
        assert!(failure.text().unwrap().contains("src/lib.rs:1:5"));
        let own = find("tests/own.rs").first_element_child().unwrap();
        assert_eq!(own.attribute("message"), Some("exit status 3"));
        assert!(
            find("late-1")
                .first_element_child()
                .unwrap()
                .has_tag_name("skipped")
        );
        assert!(
            xml.contains("<property name=\"unnamed\" value=\"2\"/>"),
            "{xml}"
        );
    }

    #[test]
    fn no_text_ends_the_document_or_an_attribute() {
        for text in ["\u{0}\u{b}\u{ffff}", "]]>", "\"><x a=\"", "&#0;", "a\r\nb"] {
            let mut summary = TestSummary::default();
            summary.add(TestBinary {
                name: text.to_owned(),
                failed: 1,
                tests: vec![test(text, TestStatus::Failed, Some(text))],
                ..TestBinary::default()
            });
            let xml = summary.junit(text);
            let document = Document::parse(&xml).unwrap_or_else(|error| panic!("{error}: {xml}"));
            check(document.root_element());
        }
    }
}
