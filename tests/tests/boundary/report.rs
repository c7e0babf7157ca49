//! The result of a run: what the caller printed, and what the attack told of itself.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::attacker::SECRET;

/// A longer line is cut: an attack may print without end.
const LONGEST: usize = 1 << 20;
/// No more than this is kept of the lines before the last one.
const KEPT: usize = 32 << 20;

/// What an attack told, by keys: more than one value where it was made more than once.
pub(crate) type Told = BTreeMap<String, Vec<String>>;

/// The lines of a stream that may be endless.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    kept: Vec<String>,
    size: usize,
    last: String,
    begun: Vec<u8>,
}

impl Lines {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        let mut parts = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            let room = LONGEST.saturating_sub(self.begun.len());
            self.begun.extend(&part[..part.len().min(room)]);
            if parts.peek().is_some() {
                self.end();
            }
        }
    }

    pub(crate) fn end(&mut self) {
        if self.begun.is_empty() {
            return;
        }
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.begun)).into_owned();
        if self.size < KEPT {
            self.size += line.len();
            self.kept.push(line.clone());
        }
        self.last = line;
    }
}

/// What came of one run.
#[derive(Debug)]
pub(crate) struct Said {
    /// Whether the caller says that it went well.
    pub(crate) success: bool,
    /// Why the test had to end the caller.
    pub(crate) was_killed: Option<String>,
    /// The most memory that the caller had.
    pub(crate) memory_kib: u64,
    pub(crate) took: Duration,
    pub(crate) out: Lines,
    pub(crate) err: Lines,
    pub(crate) told: Told,
}

impl Said {
    /// What the attack told as `key`, the last time.
    #[track_caller]
    pub(crate) fn told(&self, key: &str) -> &str {
        self.all_told(key).last().unwrap()
    }

    /// What it told as `key` whenever it was made.
    #[track_caller]
    pub(crate) fn all_told(&self, key: &str) -> &[String] {
        match self.told.get(key) {
            Some(told) => told,
            None => panic!("the attack never came to `{key}`: {}", self.shown()),
        }
    }

    /// That the attack was made, and refused.
    #[track_caller]
    pub(crate) fn refused(&self, key: &str) {
        self.all_refused(&[key]);
    }

    /// The same of several.
    #[track_caller]
    pub(crate) fn all_refused(&self, keys: &[impl AsRef<str>]) {
        self.all_are(keys, |told| told.starts_with("refused"));
    }

    /// The same, by who does not even ask the kernel: a filter of system calls.
    #[track_caller]
    pub(crate) fn all_filtered(&self, keys: &[impl AsRef<str>]) {
        let by_filter = ["(os error 1)", "(os error 38)", "signal 31"];
        self.all_are(keys, |told| {
            by_filter.iter().any(|refusal| told.contains(refusal))
        });
    }

    #[track_caller]
    fn all_are(&self, keys: &[impl AsRef<str>], is_right: impl Fn(&str) -> bool) {
        let mut wrong = Vec::new();
        for key in keys.iter().map(AsRef::as_ref) {
            let told = self.all_told(key).iter();
            wrong.extend(
                told.filter(|told| !is_right(told))
                    .map(|told| format!("{key}: {told}")),
            );
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    /// That it went as it may.
    #[track_caller]
    pub(crate) fn done(&self, key: &str) {
        self.all_are(&[key], |told| told == "done");
    }

    /// That the run went well.
    #[track_caller]
    pub(crate) fn succeeded(&self) -> &Self {
        assert!(
            self.success && self.was_killed.is_none(),
            "{}",
            self.shown()
        );
        self
    }

    /// That the caller ended by itself, and with a failure. Its message and remedy are returned.
    #[track_caller]
    pub(crate) fn failed(&self) -> String {
        self.ended_in_time();
        assert!(!self.success, "it succeeded: {}", self.shown());
        let last: Value = serde_json::from_str(&self.out.last).unwrap_or_default();
        let error = &last["error"];
        assert!(error.is_object(), "an error: {}", self.shown());
        let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
        format!("{}; {}", text("message"), text("help"))
    }

    /// That the caller was not kept from ending.
    #[track_caller]
    pub(crate) fn ended_in_time(&self) {
        if let Some(why) = &self.was_killed {
            panic!("the caller had to be killed: {why}; {}", self.shown());
        }
    }

    /// That the caller had no more memory than this.
    #[track_caller]
    pub(crate) fn had_at_most(&self, mebibytes: u64) {
        self.ended_in_time();
        let had = self.memory_kib / 1024;
        assert!(had <= mebibytes, "the caller had {had} MiB");
    }

    /// The last line of the caller, if it is what this was about.
    pub(crate) fn last(&self) -> Value {
        serde_json::from_str(&self.out.last).unwrap_or_default()
    }

    /// The names of the artifacts in the outcome; none where it failed.
    pub(crate) fn artifacts(&self) -> Vec<String> {
        let last = self.last();
        let artifacts = last["outcome"]["artifacts"].as_array();
        let names = artifacts
            .into_iter()
            .flatten()
            .map(|artifact| &artifact["path"]);
        names
            .map(|path| path.as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// That nothing that was said has the secret in it.
    #[track_caller]
    pub(crate) fn no_secret_was_said(&self) {
        for lines in [&self.out, &self.err] {
            let all = lines.kept.iter().chain([&lines.last]);
            for line in all {
                if let Some(at) = line.find(SECRET) {
                    let before: Vec<char> = line[..at].chars().rev().take(200).collect();
                    let before: String = before.into_iter().rev().collect();
                    panic!("the secret was said: …{before}{SECRET}…");
                }
            }
        }
    }

    /// All that was said on standard output.
    pub(crate) fn output(&self) -> String {
        self.out.kept.join("\n")
    }

    /// The end of what was said, for who looks for a reason.
    pub(crate) fn shown(&self) -> String {
        let end = |lines: &Lines| {
            let from = lines.kept.len().saturating_sub(12);
            let cut = |line: &String| line.chars().take(600).collect::<String>();
            lines.kept[from..]
                .iter()
                .map(cut)
                .collect::<Vec<_>>()
                .join("\n")
        };
        format!(
            "after {:?}:\n{}\n{}\ntold: {:?}",
            self.took,
            end(&self.out),
            end(&self.err),
            self.told
        )
    }
}
