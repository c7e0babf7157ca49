//! The error of a text that names no target.

use std::fmt;

/// The text names no target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownTarget {
    input: String,
    problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    /// With the triples that are near.
    NoSuchTriple(Vec<&'static str>),
    /// What follows the triple is no glibc version.
    BadFloor(&'static str),
    /// The triple's libc isn't glibc, so it can't have a floor.
    NotGnu(&'static str),
}

impl UnknownTarget {
    pub(super) fn new(input: &str, problem: Problem) -> Self {
        Self {
            input: input.to_owned(),
            problem,
        }
    }

    /// The text as it was given.
    pub fn input(&self) -> &str {
        &self.input
    }

    /// The triples it probably means, nearest first; at most three, and none if none is near.
    pub fn suggestions(&self) -> &[&'static str] {
        match &self.problem {
            Problem::NoSuchTriple(near) => near,
            Problem::BadFloor(triple) | Problem::NotGnu(triple) => std::slice::from_ref(triple),
        }
    }

    /// What to do about it, in one sentence.
    pub fn help(&self) -> String {
        match &self.problem {
            Problem::NoSuchTriple(near) if near.is_empty() => {
                "name one of the known targets by its Rust triple, for instance `aarch64-unknown-linux-gnu`".to_owned()
            }
            Problem::NoSuchTriple(near) => format!("did you mean {}?", alternatives(near)),
            Problem::BadFloor(triple) => format!("write the oldest glibc to support as two numbers: `{triple}.2.17`"),
            Problem::NotGnu(triple) => format!("leave the floor away: `{triple}`"),
        }
    }
}

/// "`a`", "`a` or `b`", "`a`, `b` or `c`".
fn alternatives(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} or {last}", before.join(", ")),
        None => String::new(),
    }
}

impl fmt::Display for UnknownTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown target `{}`", self.input)?;
        match self.problem {
            Problem::NoSuchTriple(_) => Ok(()),
            Problem::BadFloor(_) => f.write_str(": its end is not a glibc version"),
            Problem::NotGnu(triple) => write!(
                f,
                ": {triple} doesn't use glibc, so it can't have a glibc version"
            ),
        }
    }
}

impl std::error::Error for UnknownTarget {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_read_as_a_sentence() {
        assert_eq!(alternatives(&["a"]), "`a`");
        assert_eq!(alternatives(&["a", "b"]), "`a` or `b`");
        assert_eq!(alternatives(&["a", "b", "c"]), "`a`, `b` or `c`");
    }
}
