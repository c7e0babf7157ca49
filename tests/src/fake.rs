//! The rules and the records of the fake engine, which the program and the suites share.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file with the rules, in the root of a fake machine.
pub const RULES: &str = "fake.json";
/// The file beside it with the calls, one line of JSON each.
pub const RECORD: &str = "calls.jsonl";

/// What a fake program does for certain arguments.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rule {
    /// The name that the program is called by.
    pub program: String,
    /// Words that the arguments must contain in this order. `*word` matches any argument that
    /// contains `word`.
    pub args: Vec<String>,
    /// What the program does.
    pub answer: Answer,
}

/// What a fake program does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// Prints and exits.
    Say {
        /// On standard output.
        stdout: String,
        /// On standard error.
        stderr: String,
        /// The exit code.
        code: u8,
    },
    /// Prints, then waits for the end of standard input and records that.
    Hang {
        /// On standard output, immediately.
        stdout: String,
    },
    /// Prints nothing for this many seconds, even if standard input ends.
    Sleep(u64),
    /// Executes this program with the same arguments.
    Become(PathBuf),
    /// Runs the command for the container or sandbox on the machine itself.
    RunHere,
}

/// The record of one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The name that the program was called by.
    pub program: String,
    /// The arguments.
    pub args: Vec<String>,
    /// The names of the variables, never their values.
    pub env: Vec<String>,
    /// The standard input: `null`, `pipe` or `other`; or `closed` in the record of the end of a
    /// [`Hang`](Answer::Hang).
    pub stdin: String,
    /// The process id.
    pub pid: u32,
}

impl Rule {
    /// Returns the rule for calls of `program` with `args` among its arguments.
    pub fn new(program: &str, args: &[&str], answer: Answer) -> Self {
        Rule {
            program: program.to_owned(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            answer,
        }
    }

    /// Whether the rule matches this call.
    pub fn is_for(&self, program: &str, args: &[String]) -> bool {
        let mut rest = args.iter();
        let is = |word: &str, arg: &str| match word.strip_prefix('*') {
            Some(part) => arg.contains(part),
            None => arg == word,
        };
        program == self.program && self.args.iter().all(|word| rest.any(|arg| is(word, arg)))
    }
}

impl Answer {
    /// Succeeds with this standard output.
    pub fn says(stdout: &str) -> Self {
        Answer::Say {
            stdout: stdout.to_owned(),
            stderr: String::new(),
            code: 0,
        }
    }

    /// Fails with this exit code and standard error.
    pub fn fails(code: u8, stderr: &str) -> Self {
        Answer::Say {
            stdout: String::new(),
            stderr: stderr.to_owned(),
            code,
        }
    }
}

impl Call {
    /// Returns the program and its arguments as one line.
    pub fn line(&self) -> String {
        format!("{} {}", self.program, self.args.join(" "))
    }

    /// Whether `word` is one of the arguments.
    pub fn has(&self, word: &str) -> bool {
        self.args.iter().any(|arg| arg == word)
    }
}

/// Finds the root of the fake machine that has the program at `path`.
pub fn home_of(path: &Path) -> Option<&Path> {
    path.ancestors().find(|dir| dir.join(RULES).exists())
}
