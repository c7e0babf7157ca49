//! The user's Dockerfile, and the image that it is based on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use cross_config::Sourced;

use super::{BUILT, SpecContext};
use crate::facts::environment_name::NamedRecipe;
use crate::facts::published_image::{reference, zig_reference};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::hash::short_hash;

/// The build argument for a Dockerfile's base image.
pub(super) const CROSS_BASE_IMAGE: &str = "CROSS_BASE_IMAGE";

/// The user's Dockerfile, with its context and build arguments.
#[derive(Clone, Debug)]
pub(crate) struct Dockerfile {
    pub(super) file: PathBuf,
    pub(super) text: String,
    /// The text with the digests of the base images, if a lock names them.
    pub(super) pinned: Option<String>,
    /// The build context, if the Dockerfile copies files from it.
    pub(super) context: Option<PathBuf>,
    pub(super) arguments: BTreeMap<String, String>,
    /// The image's tag, if the user configured an `image` too.
    pub(super) tag: Option<String>,
    /// The recipe whose image is the value of `CROSS_BASE_IMAGE`, if the Dockerfile uses that
    /// argument.
    pub(crate) recipe: Option<NamedRecipe>,
    /// The image that is the value of `CROSS_BASE_IMAGE`, if that is no recipe: the user's image of
    /// Zig, or a published image.
    pub(super) image: Option<String>,
}

impl Dockerfile {
    pub(super) fn read(context: &SpecContext<'_>) -> Result<Self> {
        let Some(Sourced {
            value: key, origin, ..
        }) = context.config.dockerfile.as_ref()
        else {
            return Err(Error::new(ErrorKind::Config, "there is no Dockerfile"));
        };
        let text = text_of(&key.file).map_err(|error| {
            Error::io("read the Dockerfile", &key.file, error)
                .with_help(format!("correct `dockerfile` ({origin})"))
        })?;
        let wants_base =
            text.contains(CROSS_BASE_IMAGE) && !key.build_args.contains_key(CROSS_BASE_IMAGE);
        // Without a recipe, the base is the published image, if there is one. With Zig, the user's
        // image of Zig is preferred over both.
        let zig_image = context.zig().and_then(|zig| zig.image.as_ref());
        let recipe = (wants_base && zig_image.is_none())
            .then(|| context.base_recipe().ok())
            .flatten();
        let image = zig_image.map(zig_reference).or_else(|| context.published());
        let image = image.filter(|_| wants_base && recipe.is_none());
        let build_context = copies(&text).then(|| {
            key.context
                .clone()
                .unwrap_or_else(|| context.workspace_root.to_owned())
        });
        if let Some(dir) = build_context.as_ref().filter(|dir| !dir.is_dir()) {
            let message = format!(
                "the Dockerfile's context `{}` is not a directory",
                dir.display()
            );
            let help = format!("correct `dockerfile.context` ({origin})");
            return Err(Error::new(ErrorKind::Config, message).with_help(help));
        }
        Ok(Dockerfile {
            file: key.file.clone(),
            text,
            pinned: None,
            context: build_context,
            arguments: key.build_args.clone(),
            tag: context
                .config
                .image
                .as_ref()
                .map(|image| reference(&image.value, context.target.triple())),
            recipe,
            image,
        })
    }

    /// The image's name: the user's tag, or a hash of the content.
    pub(super) fn tag(&self, triple: &str) -> String {
        match &self.tag {
            Some(tag) => tag.clone(),
            None => format!("{BUILT}:{triple}-dockerfile-{}", self.hash()),
        }
    }

    /// A hash of the Dockerfile, its arguments and its base.
    pub(super) fn hash(&self) -> String {
        let recipe = self.recipe.as_ref();
        let base = recipe.map(|named| named.blueprint.name.as_str());
        let content = format!(
            "{}\n{:?}\n{:?}\n{base:?}\n{:?}",
            self.pinned.as_ref().unwrap_or(&self.text),
            self.context,
            self.arguments,
            self.image
        );
        short_hash(&content, 12)
    }
}

/// The text of the Dockerfile at `path`. Lines that end with CRLF, as in a checkout for Windows, end
/// with LF: a carriage return in a here-document is a part of the command, and the image of one
/// checkout is that of another.
fn text_of(path: &Path) -> io::Result<String> {
    let text = fs::read_to_string(path)?;
    Ok(text.replace("\r\n", "\n"))
}

/// Whether a Dockerfile reads files of its context. A false positive is harmless: the engine's own
/// cache then decides whether to build.
fn copies(dockerfile: &str) -> bool {
    dockerfile.lines().any(|line| {
        let upper = line.trim_start().to_ascii_uppercase();
        let copies = ["COPY ", "ADD ", "ONBUILD "]
            .iter()
            .any(|word| upper.starts_with(word));
        (copies && !upper.contains("--FROM=")) || upper.contains("--MOUNT=")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dockerfile_of_a_checkout_for_windows_is_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("Dockerfile");
        fs::write(&path, "FROM a\r\nRUN <<END\r\necho one\r\nEND\r\n").unwrap();
        assert_eq!(
            text_of(&path).unwrap(),
            "FROM a\nRUN <<END\necho one\nEND\n"
        );
    }

    #[test]
    fn a_dockerfile_that_copies_only_from_stages_has_no_context() {
        for text in [
            "FROM a\nRUN true",
            "FROM a\nCOPY --from=b /x /y",
            "FROM a\n# COPY . .",
        ] {
            assert!(!copies(text), "{text}");
        }
        for text in [
            "FROM a\nCOPY . /src",
            "from a\n  add x y",
            "FROM a\nRUN --mount=type=bind,target=/x true",
        ] {
            assert!(copies(text), "{text}");
        }
    }
}
