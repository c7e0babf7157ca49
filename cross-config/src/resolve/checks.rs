//! Checks combinations of values: values without effect, and contradictions.

use std::collections::HashSet;

use cross_targets::{Level, Libc, Target, TargetFacts};

use crate::diagnostics::diagnostic::{Diagnostic, DiagnosticCode};
use crate::diagnostics::origin::Origin;
use crate::keys::key::Key;
use crate::keys::key_values::KeyValues;

/// The merged values for one target.
pub(crate) struct TargetView {
    /// `None` for targets without values of their own.
    pub(crate) triple: Option<String>,
    pub(crate) values: KeyValues,
}

/// Keys that only have an effect under a condition.
struct DependentKeys {
    keys: &'static [&'static str],
    has_effect: fn(&TargetView) -> bool,
    /// The reason for the warning otherwise.
    reason: &'static str,
    help: &'static str,
}

const DEPENDENT_KEYS: &[DependentKeys] = &[
    DependentKeys {
        keys: &["zig.enable"],
        has_effect: |view| !has_zig(view) || may_use_zig(view),
        reason: "Zig does not build for the target",
        help: "remove it: the recipe has the target's own compiler, or none",
    },
    DependentKeys {
        keys: &["zig.version", "zig.image.name", "zig.image.toolchain"],
        has_effect: has_zig,
        reason: "zig is not enabled",
        help: "set `zig.enable`, or remove it",
    },
    DependentKeys {
        keys: &["zig.version"],
        // What is said of `zig` itself is enough.
        has_effect: |view| !has_other_libc(view) || has_zig(view) && !may_use_zig(view),
        reason: "the target does not use glibc",
        help: "write `zig = true`, without a version",
    },
    DependentKeys {
        keys: &["zig.image.toolchain"],
        has_effect: |view| view.values.zig_image.is_some(),
        reason: "no image is named",
        help: "set `zig.image.name`, or remove it",
    },
    DependentKeys {
        keys: &["dockerfile.context", "dockerfile.build-args"],
        has_effect: |view| view.values.dockerfile.is_some(),
        reason: "no Dockerfile is named",
        help: "set `dockerfile.file`, or remove it",
    },
    DependentKeys {
        keys: &["image.toolchain"],
        has_effect: |view| view.values.image.is_some(),
        reason: "no image is named",
        help: "set `image.name`, or remove it",
    },
    DependentKeys {
        keys: &["image.name"],
        // A Dockerfile's image gets the name.
        has_effect: |view| !has_zig(view) || view.values.dockerfile.is_some(),
        reason: "Zig is enabled, and its environment is used",
        help: "name an image that has `cargo-zigbuild` with `zig.image`, or write `zig = false` \
               for the target",
    },
    DependentKeys {
        keys: &["sdk"],
        has_effect: |view| image(view).is_none() && view.values.dockerfile.is_none(),
        reason: "an SDK completes a recipe, which images and Dockerfiles replace",
        help: "remove it, or the image",
    },
    DependentKeys {
        keys: &["deployment-target"],
        has_effect: |view| is_of_apple(view).unwrap_or(true),
        reason: "the target is not one of Apple's systems",
        help: "remove it",
    },
    DependentKeys {
        keys: &["packages", "suite"],
        // A Dockerfile can be based on the recipe, unless there is an image of Zig.
        has_effect: |view| {
            image(view).is_none()
                || view.values.dockerfile.is_some() && view.values.zig_image.is_none()
        },
        reason: "recipes do not apply to images",
        help: "install what is needed with `pre-build`, or remove it",
    },
];

fn has_zig(view: &TargetView) -> bool {
    let enable = view.values.zig_enable.as_ref();
    enable.is_some_and(|enable| enable.value)
}

/// The user's image of the environment: that of Zig if Zig is enabled.
fn image(view: &TargetView) -> Option<&Origin> {
    match has_zig(view) {
        true => view.values.zig_image.as_ref().map(|key| &key.origin),
        false => view.values.image.as_ref().map(|key| &key.origin),
    }
}

/// Whether the target is one of Apple's systems; `None` if it has no row.
fn is_of_apple(view: &TargetView) -> Option<bool> {
    Some(row(view)?.deployment_variable().is_some())
}

fn has_other_libc(view: &TargetView) -> bool {
    row(view).is_some_and(|facts| facts.libc != Libc::Glibc)
}

/// Whether Zig changes what builds for the target, if it is enabled: the compiler of the recipe, or
/// the image. What Zig lacks for glibc is an error of the recipe.
fn may_use_zig(view: &TargetView) -> bool {
    let names_image = view.values.zig_image.is_some() || view.values.image.is_some();
    let has_recipe = |facts: &TargetFacts| !matches!(facts.level(), Level::Sdk | Level::Image);
    let never = |facts: &TargetFacts| facts.zig.is_none() && facts.libc != Libc::Glibc;
    names_image || !row(view).is_some_and(|facts| never(facts) && has_recipe(facts))
}

/// The row of the view's target, if it has one.
fn row(view: &TargetView) -> Option<&'static TargetFacts> {
    let target = Target::parse(view.triple.as_deref()?).ok()?;
    Some(target.facts())
}

/// Returns all such problems. A value that has an effect for any target is not reported.
pub(crate) fn problems(views: &[TargetView]) -> Vec<Diagnostic> {
    let without_effect = DEPENDENT_KEYS
        .iter()
        .flat_map(|dependent| dependent.keys.iter().map(move |key| (dependent, *key)))
        .filter_map(|(dependent, key)| Some((dependent, Key::named(key)?)))
        .flat_map(|(dependent, key)| dependent.problems(key, views));
    without_effect.chain(contradictions(views)).collect()
}

impl DependentKeys {
    fn problems(&self, key: &Key, views: &[TargetView]) -> Vec<Diagnostic> {
        let origin = |view: &TargetView| (key.field)(&view.values).origin().cloned();
        let set = views.iter().filter_map(|view| Some((view, origin(view)?)));
        let (effective, ineffective): (Vec<_>, Vec<_>) =
            set.partition(|(view, _)| (self.has_effect)(view));
        let mut seen: HashSet<_> = effective.into_iter().map(|(_, origin)| origin).collect();
        let ineffective = ineffective.into_iter().map(|(_, origin)| origin);
        ineffective
            .filter(|origin| seen.insert(origin.clone()))
            .map(|origin| {
                let message = format!("`{}` has no effect: {}", key.name, self.reason);
                Diagnostic::warning(DiagnosticCode::NoEffect, message)
                    .help(self.help)
                    .located_by(&origin)
            })
            .collect()
    }
}

/// Reports targets with both an image and a Dockerfile. `cross` builds the Dockerfile and tags it
/// with the name of the image.
fn contradictions(views: &[TargetView]) -> Vec<Diagnostic> {
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for view in views {
        let (Some(image), Some(dockerfile)) = (&view.values.image, &view.values.dockerfile) else {
            continue;
        };
        let origins = (&image.origin, &dockerfile.origin);
        if !seen.insert(origins) {
            continue;
        }
        let message = format!(
            "`image` only names the result: the Dockerfile ({}) is built and tagged `{}`",
            dockerfile.origin, image.value.0
        );
        let warning = Diagnostic::warning(DiagnosticCode::ImageAndDockerfile, message)
            .help("remove one of the two, unless this is intended");
        found.push(warning.located_by(&image.origin));
    }
    found
}

#[cfg(test)]
mod tests;
