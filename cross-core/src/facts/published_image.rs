//! The images that the `cross` project publishes, and what `cross` passes to their Dockerfiles.

use cross_config::Image;
use cross_targets::Target;

use crate::target::name::TargetName;

/// The registry of the `cross` project's images, and the tag that exists for all of them.
const PUBLISHED: &str = "ghcr.io/cross-rs";
const PUBLISHED_TAG: &str = "main";
/// The full name of the user's image. A name that begins with a tag, a digest or a hyphen is a
/// variant of the published image.
pub(super) fn reference(image: &Image, triple: &str) -> String {
    image.reference(&format!("{PUBLISHED}/{triple}"), PUBLISHED_TAG)
}

/// The full name of the image with `cargo-zigbuild`. `image` is the user's variant.
pub(super) fn zig_reference(image: &Image) -> String {
    image.reference(&format!("{PUBLISHED}/zig"), PUBLISHED_TAG)
}

/// The targets that have an image published by the `cross` project, but no row in the table.
const ALSO_PUBLISHED: [&str; 2] = ["aarch64-unknown-freebsd", "aarch64_be-unknown-linux-gnu"];

/// The image that the `cross` project publishes for the target.
pub(super) fn published(target: &TargetName) -> Option<String> {
    let name = match target.known() {
        Some(known) => known.published_image(),
        None => ALSO_PUBLISHED
            .into_iter()
            .find(|triple| *triple == target.triple()),
    };
    Some(format!("{PUBLISHED}/{}:{PUBLISHED_TAG}", name?))
}

/// The image with `cargo-zigbuild` that the `cross` project publishes, which is for every target
/// that rustc knows.
pub(super) fn published_zig(target: &TargetName) -> Option<String> {
    let is_known = target.known().is_some() || cross_targets::is_rustc_target(target.triple());
    is_known.then(|| format!("{PUBLISHED}/zig:{PUBLISHED_TAG}"))
}

/// The remedy for a published image, whose content changes over time. `key` names an image instead.
pub(super) fn instead_of_published(
    reference: &str,
    key: &str,
    triple: &str,
    digest: Option<&str>,
) -> String {
    let repository = reference.strip_suffix(&format!(":{PUBLISHED_TAG}"));
    let (digest, hint) = match digest {
        Some(digest) => (digest, ""),
        None => ("sha256:…", " (the outcome has the digest)"),
    };
    let mut help = format!(
        "its content changes over time: `{key} = \"{}@{digest}\"` for the target pins it{hint}",
        repository.unwrap_or(reference)
    );
    let target = Target::parse(triple).ok();
    if let Some(sdk) = target.and_then(|target| target.facts().sdk) {
        let variable = sdk.variables().first();
        let or = variable.map_or(String::new(), |name| format!(" or {name}"));
        help += &format!("; `sdk`{or} names {} to use instead", sdk.describe());
    }
    help
}

/// The target without a row in the table for which `cross` sets `CROSS_DEB_ARCH`, and its value.
const ALSO_WITH_DEB_ARCH: (&str, &str) = ("aarch64-unknown-freebsd", "freebsd-arm64");

/// The value of `CROSS_DEB_ARCH`, which `cross` passes to Dockerfiles and `pre-build` commands.
pub(super) fn deb_arch(target: &TargetName) -> Option<&'static str> {
    match target.known() {
        Some(known) => known.deb_arch_argument(),
        None => {
            let (triple, arch) = ALSO_WITH_DEB_ARCH;
            (triple == target.triple()).then_some(arch)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_target_without_a_row_has_the_architecture_that_cross_passes() {
        let arch = |triple| deb_arch(&TargetName::parse(triple, Path::new("/")).unwrap());
        assert_eq!(arch("aarch64-unknown-linux-gnu"), Some("arm64"));
        assert_eq!(arch("i686-unknown-linux-musl"), Some("musl-linux-i386"));
        assert_eq!(arch("x86_64-apple-darwin"), Some("darwin-amd64"));
        assert_eq!(arch("aarch64-unknown-freebsd"), Some("freebsd-arm64"));
        assert_eq!(arch("aarch64-apple-darwin"), None);
    }
}
