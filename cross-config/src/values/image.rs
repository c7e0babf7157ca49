//! An image as the configuration names it.

use serde::Serialize;

use crate::diagnostics::diagnostic::Diagnostic;
use crate::values::platform::Platform;
use crate::values::scalar::{Word, invalid};

/// An image of the user's, for one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Image {
    /// The name as it is written: a full name, or what makes one of the published image's name (see
    /// [`reference`](Self::reference)).
    pub name: String,
    /// The platforms the image runs on, as `toolchain` lists them; empty if it does not say.
    pub platforms: Vec<Platform>,
}

impl Image {
    /// The image `name`, which does not say what it runs on.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            platforms: Vec::new(),
        }
    }

    /// The full reference, given what the target's published image is called.
    ///
    /// A name that starts with `:` or `@` is a tag or digest of `repository`; one that starts with `-`
    /// is what follows `default_tag`; any other is a full name already.
    ///
    /// ```
    /// use cross_config::Image;
    ///
    /// let reference = |name| Image::new(name).reference("ghcr.io/cross-rs/T", "main");
    /// assert_eq!(reference(":edge"), "ghcr.io/cross-rs/T:edge");
    /// assert_eq!(reference("@sha256:1f"), "ghcr.io/cross-rs/T@sha256:1f");
    /// assert_eq!(reference("-centos"), "ghcr.io/cross-rs/T:main-centos");
    /// assert_eq!(reference("my/image:1"), "my/image:1");
    /// ```
    #[must_use]
    pub fn reference(&self, repository: &str, default_tag: &str) -> String {
        match self.name.as_bytes().first() {
            Some(b':' | b'@') => format!("{repository}{}", self.name),
            Some(b'-') => format!("{repository}:{default_tag}{}", self.name),
            _ => self.name.clone(),
        }
    }

    /// The platforms the image runs on; `linux/amd64` if it does not say.
    #[must_use]
    pub fn platforms_or_default(&self) -> Vec<Platform> {
        if self.platforms.is_empty() {
            vec![Platform::default()]
        } else {
            self.platforms.clone()
        }
    }
}

/// The name of an image. It becomes an argument, so its alphabet is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImageName(pub(crate) String);

impl Word for ImageName {
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
        if is_name(text) {
            Ok(Self(text.to_owned()))
        } else {
            let wanted = "an image such as `my/image:1`, or `:tag`, `@digest` or `-variant` of the target's \
                          published image";
            Err(invalid(key, text, wanted))
        }
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

fn is_name(text: &str) -> bool {
    let rest = text.strip_prefix([':', '@', '-']).unwrap_or(text);
    // Brackets are those of an IPv6 registry.
    let is_start = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '[';
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "._-/:@+[]".contains(c);
    rest.starts_with(is_start) && rest.chars().all(is_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_full_or_variants_and_never_options() {
        for good in [
            "alpine",
            "my/image:1",
            "localhost:5000/a/b@sha256:00ff",
            "[::1]:5000/a",
            ":edge",
            "@sha256:00",
            "-centos",
        ] {
            assert!(is_name(good), "{good}");
        }
        for bad in [
            "",
            " ",
            ":",
            "-",
            "--privileged",
            "a b",
            "a\nb",
            "$(x)",
            "@@",
        ] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn an_image_without_platforms_runs_on_linux_amd64() {
        let platforms = Image::new("x").platforms_or_default();
        assert_eq!(platforms, [Platform::default()]);
        assert_eq!(platforms[0].oci(), "linux/amd64");
        assert_eq!(platforms[0].triple, "x86_64-unknown-linux-gnu");
    }
}
