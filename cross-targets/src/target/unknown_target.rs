//! The error for a text that does not name a known target.

/// The text does not name a known target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown target `{input}`{problem}")]
pub struct UnknownTarget {
    input: String,
    problem: Problem,
}

/// What is wrong, as the end of the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    /// The triple is unknown. Holds similar triples.
    #[error("")]
    NoSuchTriple(Vec<&'static str>),
    /// The suffix of this triple is not a glibc version.
    #[error(": its suffix is not a glibc version")]
    InvalidGlibc(&'static str),
    /// This triple does not use glibc, so it cannot have a glibc version.
    #[error(": `{0}` doesn't use glibc, so it can't have a glibc version")]
    NotGlibc(&'static str),
}

impl UnknownTarget {
    pub(super) fn new(input: &str, problem: Problem) -> Self {
        Self {
            input: input.to_owned(),
            problem,
        }
    }

    /// The text that was parsed.
    pub fn input(&self) -> &str {
        &self.input
    }

    /// Similar triples, most similar first. At most three, possibly none.
    pub fn suggestions(&self) -> &[&'static str] {
        match &self.problem {
            Problem::NoSuchTriple(near) => near,
            Problem::InvalidGlibc(triple) | Problem::NotGlibc(triple) => {
                std::slice::from_ref(triple)
            }
        }
    }

    /// A one-sentence remedy.
    pub fn help(&self) -> String {
        match &self.problem {
            Problem::NoSuchTriple(near) if near.is_empty() => {
                "use a known Rust target triple, such as `aarch64-unknown-linux-gnu`".to_owned()
            }
            Problem::NoSuchTriple(near) => format!("did you mean {}?", alternatives(near)),
            Problem::InvalidGlibc(triple) => {
                format!("write the minimum glibc version as two numbers: `{triple}.2.17`")
            }
            Problem::NotGlibc(triple) => format!("remove the glibc version: `{triple}`"),
        }
    }
}

/// Quotes the names and joins them as alternatives: "`a`, `b` or `c`".
fn alternatives(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} or {last}", before.join(", ")),
        None => String::new(),
    }
}

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
