//! What the fake engine is told and what it records: shared by it and by the suites.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file, in the root of a fake machine, that holds the rules.
pub const RULES: &str = "fake.json";
/// The file beside it to which every call is added, as a line of JSON.
pub const RECORD: &str = "calls.jsonl";

/// What a fake program does when it is called in a certain way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rule {
    /// The name it is called under.
    pub program: String,
    /// Words that stand among its arguments, in this order, if the rule is meant. `*word` is meant
    /// by any argument that contains `word`.
    pub args: Vec<String>,
    /// What it does.
    pub answer: Answer,
}

/// What a fake program does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// Prints and ends.
    Say {
        /// On standard output.
        stdout: String,
        /// On standard error.
        stderr: String,
        /// The exit code.
        code: u8,
    },
    /// Prints, then waits for the end of standard input and records it.
    Hang {
        /// On standard output, at once.
        stdout: String,
    },
    /// Says nothing for this many seconds, whatever becomes of standard input.
    Sleep(u64),
    /// Becomes this program, with the same arguments.
    Become(PathBuf),
    /// Runs, on the machine itself, what it was asked to run in a container or a sandbox.
    RunHere,
}

/// One call, as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The name it was called under.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// The names of its variables, never their values.
    pub env: Vec<String>,
    /// What its standard input is: `null`, `pipe` or `other`; `closed` where this is the record of
    /// a [`Hang`](Answer::Hang)'s end.
    pub stdin: String,
    /// Its process id.
    pub pid: u32,
}

impl Rule {
    /// When `program` is called with `args` among its arguments.
    pub fn new(program: &str, args: &[&str], answer: Answer) -> Self {
        Rule {
            program: program.to_owned(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            answer,
        }
    }

    /// Whether it is meant by this call.
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
    /// Success, with this on standard output.
    pub fn says(stdout: &str) -> Self {
        Answer::Say {
            stdout: stdout.to_owned(),
            stderr: String::new(),
            code: 0,
        }
    }

    /// Failure, with this on standard error.
    pub fn fails(code: u8, stderr: &str) -> Self {
        Answer::Say {
            stdout: String::new(),
            stderr: stderr.to_owned(),
            code,
        }
    }
}

impl Call {
    /// Program and arguments, as one line.
    pub fn line(&self) -> String {
        format!("{} {}", self.program, self.args.join(" "))
    }

    /// Whether `word` stands among its arguments.
    pub fn has(&self, word: &str) -> bool {
        self.args.iter().any(|arg| arg == word)
    }
}

/// The root of the fake machine that the program at `path` belongs to.
pub fn home_of(path: &Path) -> Option<&Path> {
    path.ancestors().find(|dir| dir.join(RULES).exists())
}
