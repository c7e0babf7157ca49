//! Images that the configuration names.

use serde::Serialize;

use crate::diagnostics::diagnostic::Diagnostic;
use crate::values::platform::Platform;
use crate::values::scalar::{Scalar, invalid};

/// The image for a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Image {
    /// The name as written: a full name, or a suffix of the published image's name (see
    /// [`reference`](Self::reference)).
    pub name: String,
    /// The platforms of the image, from `toolchain`. Empty if not specified.
    pub platforms: Vec<Platform>,
}

impl Image {
    /// Creates an image without platforms.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            platforms: Vec::new(),
        }
    }

    /// Returns the full reference. `repository` and `default_tag` are those of the target's
    /// published image.
    ///
    /// A name that starts with `:` or `@` is a tag or digest of `repository`. A name that starts
    /// with `-` is appended to `default_tag`. Any other name is a full name.
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

    /// The platforms of the image; `linux/amd64` if not specified.
    #[must_use]
    pub fn platforms_or_default(&self) -> Vec<Platform> {
        if self.platforms.is_empty() {
            vec![Platform::default()]
        } else {
            self.platforms.clone()
        }
    }
}

/// The name of an image. Only safe characters are allowed, because it becomes an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImageName(pub(crate) String);

impl Scalar for ImageName {
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
        if is_name(text) {
            Ok(Self(text.to_owned()))
        } else {
            let expected = "an image such as `my/image:1`, or `:tag`, `@digest` or `-variant` of the target's \
                          published image";
            Err(invalid(key, text, expected))
        }
    }

    fn describe(&self) -> String {
        self.0.clone()
    }
}

fn is_name(text: &str) -> bool {
    let rest = text.strip_prefix([':', '@', '-']).unwrap_or(text);
    // Brackets are used for IPv6 registries.
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
