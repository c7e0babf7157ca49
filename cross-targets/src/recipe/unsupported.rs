//! The error for a target without a recipe.

use crate::target::Target;

/// The target is known but has no recipe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no recipe for {target}: {why}")]
pub struct UnsupportedTarget {
    target: Target,
    why: &'static str,
}

impl UnsupportedTarget {
    pub(super) fn new(target: Target, why: &'static str) -> Self {
        Self { target, why }
    }

    /// The requested target.
    pub fn target(&self) -> Target {
        self.target
    }

    /// The reason.
    pub fn why(&self) -> &'static str {
        self.why
    }

    /// A one-sentence remedy.
    pub fn help(&self) -> String {
        let target = self.target;
        match target.published_image() {
            _ if target.glibc().is_some() => format!(
                "build for `{}`, which uses the glibc of its environment",
                target.triple()
            ),
            Some(image) => format!(
                "the cross project publishes an image for the target: set `image = \"ghcr.io/cross-rs/{image}:main\"` \
                 for it, or configure a Dockerfile"
            ),
            None => "configure an image or a Dockerfile for the target".to_owned(),
        }
    }
}
