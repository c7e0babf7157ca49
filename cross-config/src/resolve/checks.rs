//! What is wrong with values only where they meet: those that have no effect, and those that contradict
//! each other.

use cross_targets::{Libc, Target};

use crate::diagnostics::diagnostic::{Code, Diagnostic};
use crate::diagnostics::origin::Origin;
use crate::keys::key::Key;
use crate::keys::key_values::Values;

/// What holds for one target.
pub(crate) struct View {
    /// `None` for a target that nothing is said about.
    pub(crate) triple: Option<String>,
    pub(crate) values: Values,
}

/// Keys that have an effect only where something else holds.
struct Dependent {
    keys: &'static [&'static str],
    has_effect: fn(&View) -> bool,
    /// Why not, and what to do.
    otherwise: &'static str,
    help: &'static str,
}

const DEPENDENTS: &[Dependent] = &[
    Dependent {
        keys: &["zig.version", "zig.image.name", "zig.image.toolchain"],
        has_effect: |view| view.values.zig_enable.as_ref().is_some_and(|it| it.value),
        otherwise: "zig is not enabled",
        help: "set `zig.enable`, or remove it",
    },
    Dependent {
        keys: &["zig.version"],
        has_effect: |view| !has_other_libc(view),
        otherwise: "the target does not use glibc",
        help: "write `zig = true`, without a version",
    },
    Dependent {
        keys: &["zig.image.toolchain"],
        has_effect: |view| view.values.zig_image.is_some(),
        otherwise: "no image is named",
        help: "set `zig.image.name`, or remove it",
    },
    Dependent {
        keys: &["dockerfile.context", "dockerfile.build-args"],
        has_effect: |view| view.values.dockerfile.is_some(),
        otherwise: "no Dockerfile is named",
        help: "set `dockerfile.file`, or remove it",
    },
    Dependent {
        keys: &["image.toolchain"],
        has_effect: |view| view.values.image.is_some(),
        otherwise: "no image is named",
        help: "set `image.name`, or remove it",
    },
    Dependent {
        keys: &["packages", "suite"],
        // A Dockerfile can be based on the recipe.
        has_effect: |view| view.values.image.is_none() || view.values.dockerfile.is_some(),
        otherwise: "an image is not made of a recipe",
        help: "install what is needed with `pre-build`, or remove it",
    },
];

fn has_other_libc(view: &View) -> bool {
    let target = view.triple.as_deref().map(Target::parse);
    target.is_some_and(|it| it.is_ok_and(|it| it.facts().libc != Libc::Glibc))
}

/// Every such problem. A value that has an effect for one target is no problem for others.
pub(crate) fn problems(views: &[View]) -> Vec<Diagnostic> {
    let without_effect = DEPENDENTS
        .iter()
        .flat_map(|dependent| dependent.keys.iter().map(move |key| (dependent, *key)))
        .filter_map(|(dependent, key)| Some((dependent, Key::named(key)?)))
        .flat_map(|(dependent, key)| dependent.problems(key, views));
    without_effect.chain(contradictions(views)).collect()
}

impl Dependent {
    fn problems(&self, key: &Key, views: &[View]) -> Vec<Diagnostic> {
        let origin = |view: &View| (key.field)(&view.values).origin().cloned();
        let (working, idle): (Vec<_>, Vec<_>) =
            views.iter().partition(|view| (self.has_effect)(view));
        let working: Vec<_> = working.into_iter().filter_map(origin).collect();
        let idle = idle.into_iter().filter_map(origin);
        unique(idle.filter(|it| !working.contains(it)))
            .iter()
            .map(|origin| {
                let message = format!("`{}` has no effect: {}", key.name, self.otherwise);
                Diagnostic::warning(Code::NoEffect, message)
                    .help(self.help)
                    .located_by(origin)
            })
            .collect()
    }
}

/// Both an image and a Dockerfile: upstream builds the one and names it as the other.
fn contradictions(views: &[View]) -> Vec<Diagnostic> {
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for view in views {
        let (Some(image), Some(dockerfile)) = (&view.values.image, &view.values.dockerfile) else {
            continue;
        };
        let origins = (&image.origin, &dockerfile.origin);
        if seen.contains(&origins) {
            continue;
        }
        seen.push(origins);
        let message = format!(
            "`image` is only a name here: the Dockerfile ({}) is built, and named `{}`",
            dockerfile.origin, image.value.0
        );
        let warning = Diagnostic::warning(Code::ImageAndDockerfile, message)
            .help("remove one of the two, unless that is meant");
        found.push(warning.located_by(&image.origin));
    }
    found
}

fn unique(origins: impl Iterator<Item = Origin>) -> Vec<Origin> {
    let mut seen = Vec::new();
    for origin in origins {
        if !seen.contains(&origin) {
            seen.push(origin);
        }
    }
    seen
}

#[cfg(test)]
mod tests;
