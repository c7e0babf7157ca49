//! The refusal of a target that has no recipe.

use std::fmt;

use crate::target::Target;

/// The target is known and has no recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsupportedTarget {
    target: Target,
    why: &'static str,
}

impl UnsupportedTarget {
    pub(super) fn new(target: Target, why: &'static str) -> Self {
        Self { target, why }
    }

    /// The target that was asked for.
    pub fn target(&self) -> Target {
        self.target
    }

    /// What is missing.
    pub fn why(&self) -> &'static str {
        self.why
    }

    /// What to do about it, in one sentence.
    pub fn help(&self) -> String {
        let target = self.target;
        match target.published_image() {
            _ if target.glibc().is_some() => format!(
                "build for `{}`, which takes the glibc of its environment",
                target.triple()
            ),
            Some(image) => format!(
                "the cross project publishes an image for it: set `image = \"ghcr.io/cross-rs/{image}:main\"` \
                 for the target, or configure a Dockerfile"
            ),
            None => "configure an image or Dockerfile for it".to_owned(),
        }
    }
}

impl fmt::Display for UnsupportedTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no environment can be made for {}: {}",
            self.target, self.why
        )
    }
}

impl std::error::Error for UnsupportedTarget {}
