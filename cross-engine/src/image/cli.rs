//! The commands of a container CLI for images, and the answer to `image inspect`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::engines::engine::Engine;
use crate::process::error::{Error, ErrorKind, Result, utf8};
use crate::process::invocation::Invocation;

/// The label of this library's images. Its value is the environment's name.
pub(crate) const LABEL: &str = "org.cross-core.environment";

/// What an engine reports about an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ImageFacts {
    /// The hash of its configuration, with the prefix `sha256:`.
    pub id: String,
    /// The digest in its registry, with the prefix `sha256:`; `None` for an image that was built on
    /// this machine.
    pub digest: Option<String>,
    /// The variables it sets.
    pub env: BTreeMap<String, String>,
    /// Its operating system, as Go and OCI spell it (`linux`).
    pub os: String,
    /// Its architecture, as Go and OCI spell it (`amd64`, `arm64`).
    pub architecture: String,
    /// The variant of its architecture (`v7`), if it has one.
    pub variant: Option<String>,
    /// Its entrypoint.
    pub entrypoint: Vec<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

impl ImageFacts {
    /// Whether it is for `platform` (`os/architecture[/variant]`). Variants are compared if both
    /// have one.
    pub fn is_for(&self, platform: &str) -> bool {
        let mut parts = platform.split('/');
        let matches =
            |wanted: Option<&str>, actual: &str| wanted.is_none_or(|wanted| wanted == actual);
        matches(parts.next(), &self.os)
            && matches(parts.next(), &self.architecture)
            && self
                .variant
                .as_deref()
                .is_none_or(|variant| matches(parts.next(), variant))
    }
}

/// The fields of `image inspect` that docker and podman have in common.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    repo_digests: Option<Vec<String>>,
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
    config: Option<Config>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    env: Option<Vec<String>>,
    entrypoint: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
}

/// Inspects an image.
pub(crate) fn inspect(engine: &Engine, image: &str) -> Invocation {
    Invocation::new(&engine.program).args(["image", "inspect", image])
}

/// Parses the answer to [`inspect`] about the image `reference`.
pub(crate) fn facts(reference: &str, answer: &str) -> Result<ImageFacts> {
    let images: Vec<Inspected> = serde_json::from_str(answer).map_err(|error| {
        Error::new(
            ErrorKind::Environment,
            format!("cannot parse the engine's answer about image `{reference}`"),
        )
        .with_source(error)
    })?;
    let Some(image) = images.into_iter().next() else {
        return Err(Error::new(
            ErrorKind::Environment,
            format!("the engine's answer about image `{reference}` is empty"),
        ));
    };
    let config = image.config.unwrap_or_default();
    let pair = |text: String| match text.split_once('=') {
        Some((name, value)) => (name.to_owned(), value.to_owned()),
        None => (text, String::new()),
    };
    Ok(ImageFacts {
        id: match image.id.contains(':') {
            true => image.id,
            false => format!("sha256:{}", image.id),
        },
        digest: served_digest(reference, &image.repo_digests.unwrap_or_default()),
        env: config
            .env
            .unwrap_or_default()
            .into_iter()
            .map(pair)
            .collect(),
        os: image.os,
        architecture: image.architecture,
        variant: Some(image.variant).filter(|variant| !variant.is_empty()),
        entrypoint: config.entrypoint.unwrap_or_default(),
        labels: config.labels.unwrap_or_default(),
    })
}

/// The digest of the image in the repository of `reference`. Podman gives one to images that were
/// built here too, in the repository `localhost`, which is not a registry.
fn served_digest(reference: &str, digests: &[String]) -> Option<String> {
    let named = repository(reference);
    let served = digests
        .iter()
        .filter_map(|digest| digest.split_once('@'))
        .filter(|(repository, _)| !repository.starts_with("localhost/"));
    let mut served = served.map(|(name, digest)| (repository(name), digest));
    // An image may be in several repositories. A reference by its id is in all of them.
    let same = served.clone().find(|(repository, _)| *repository == named);
    same.or_else(|| served.next())
        .map(|(_, digest)| digest.to_owned())
}

/// The repository of a reference, without tag and digest, and with the prefix that docker omits.
fn repository(reference: &str) -> String {
    let name = reference.split('@').next().unwrap_or(reference);
    let name = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    let is_host = |part: &str| part.contains(['.', ':']) || part == "localhost";
    match name.split_once('/') {
        Some((first, _)) if is_host(first) => name.to_owned(),
        Some(_) => format!("docker.io/{name}"),
        None => format!("docker.io/library/{name}"),
    }
}

/// Pulls an image from its registry.
pub(crate) fn pull(engine: &Engine, reference: &str, platform: Option<&str>) -> Invocation {
    let mut pull = Invocation::new(&engine.program).arg("pull");
    if let Some(platform) = platform {
        pull = pull.args(["--platform", platform]);
    }
    pull.arg(reference)
}

/// Imports the tar archive of a root file system as an image.
pub(crate) fn import(engine: &Engine, tar: &Path, image: &str, name: &str) -> Result<Invocation> {
    Ok(Invocation::new(&engine.program)
        .args(["import", "--change", &format!("LABEL {LABEL}={name}")])
        .args([utf8(tar)?, image]))
}

/// Lists this library's images: one line each, with the name, the size as the engine displays it,
/// and the id.
pub(crate) fn list(engine: &Engine) -> Invocation {
    Invocation::new(&engine.program)
        .args(["image", "ls", "--filter", &format!("label={LABEL}")])
        .args([
            "--no-trunc",
            "--format",
            "{{.Repository}}:{{.Tag}}|{{.Size}}|{{.ID}}",
        ])
}

/// Removes an image.
pub(crate) fn remove(engine: &Engine, image: &str) -> Invocation {
    Invocation::new(&engine.program).args(["image", "rm", image])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer of docker 20.10 about a pulled image, without fields that nobody reads.
    const DOCKER: &str = r#"[{"Id": "sha256:b755", "RepoTags": ["127.0.0.1:5000/x/mini:1"],
        "RepoDigests": ["127.0.0.1:5000/other@sha256:1111", "127.0.0.1:5000/x/mini@sha256:2222"],
        "Architecture": "arm", "Variant": "v7", "Os": "linux",
        "Config": {"Env": ["PATH=/bin", "A=b=c", "EMPTY="], "Entrypoint": ["/e", "x"], "Labels": {"a": "b"}}}]"#;

    /// The answer of podman 4.3 about an imported image.
    const PODMAN: &str = r#"[{"Id": "44017eee", "Digest": "sha256:773d",
        "RepoDigests": ["localhost/crosstest/mini@sha256:773d"], "Architecture": "amd64", "Os": "linux",
        "Config": {"Labels": {"a": "b"}}, "Labels": {"a": "b"}, "User": ""}]"#;

    #[test]
    fn both_engines_answers_are_read() {
        let docker = facts("127.0.0.1:5000/x/mini:1", DOCKER).unwrap();
        assert_eq!(docker.digest.as_deref(), Some("sha256:2222"));
        assert_eq!(docker.env["A"], "b=c");
        assert_eq!(docker.variant.as_deref(), Some("v7"));
        assert_eq!(docker.entrypoint, ["/e", "x"]);
        assert!(docker.is_for("linux/arm/v7") && docker.is_for("linux/arm"));
        assert!(!docker.is_for("linux/arm/v6") && !docker.is_for("linux/arm64"));
        let podman = facts("localhost/crosstest/mini:1", PODMAN).unwrap();
        assert_eq!(podman.id, "sha256:44017eee");
        assert_eq!((podman.digest, podman.variant), (None, None));
        assert_eq!(podman.labels["a"], "b");
        assert_eq!(
            (podman.os, podman.architecture),
            ("linux".into(), "amd64".into())
        );
    }

    #[test]
    fn an_answer_that_is_none_is_an_error_that_names_the_image() {
        for answer in ["", "[]", "[{}]"] {
            let error = facts("x/y:1", answer).unwrap_err();
            assert!(error.to_string().contains("`x/y:1`"), "{error}");
        }
    }

    #[test]
    fn references_name_a_repository() {
        for (reference, expected) in [
            ("debian", "docker.io/library/debian"),
            ("me/app:1", "docker.io/me/app"),
            ("ghcr.io/a/b@sha256:00", "ghcr.io/a/b"),
            ("localhost:5000/a:1", "localhost:5000/a"),
            ("localhost/a", "localhost/a"),
        ] {
            assert_eq!(repository(reference), expected);
        }
    }
}
