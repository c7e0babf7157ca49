//! The error for a target without a recipe.

use std::borrow::Cow;

use crate::target::Target;

/// The target is known but has no recipe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no recipe for {target}: {why}")]
pub struct UnsupportedTarget {
    target: Target,
    why: Cow<'static, str>,
}

impl UnsupportedTarget {
    pub(super) fn new(target: Target, why: impl Into<Cow<'static, str>>) -> Self {
        let why = why.into();
        Self { target, why }
    }

    /// The requested target.
    pub fn target(&self) -> Target {
        self.target
    }

    /// The reason.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// A one-sentence remedy.
    pub fn help(&self) -> String {
        let target = self.target;
        if let Some(refused) = target.refused_glibc() {
            return refused.help(target);
        }
        match target.published_image() {
            Some(image) => format!(
                "{}set `image = \"ghcr.io/cross-rs/{image}:main\"` for it, which the cross project \
                 publishes, or configure a Dockerfile",
                self.with_sdk()
            ),
            None => "configure an image or a Dockerfile for the target".to_owned(),
        }
    }

    /// What completes the recipe, as the beginning of a sentence.
    fn with_sdk(&self) -> String {
        let Some(sdk) = self.target.facts().sdk else {
            return String::new();
        };
        let or = sdk.variables().first();
        let or = or.map_or(String::new(), |name| format!(" or {name}"));
        format!("name {} with `sdk`{or}, or ", sdk.describe())
    }
}

#[cfg(test)]
mod tests {
    use crate::{DebianArch, Level, RustSource, Target};

    /// The error says what the table and `explain` say, with both ways out.
    #[test]
    fn the_reason_is_that_of_the_row() {
        let mut refused = 0;
        for target in Target::all().filter(|it| it.facts().level() == Level::Sdk) {
            let recipe = target.recipe(DebianArch::Amd64, RustSource::External);
            let error = recipe.unwrap_err();
            let why = target.facts().lacks().unwrap();
            assert_eq!(error.to_string(), format!("no recipe for {target}: {why}"));
            let explained = target.explain(DebianArch::Amd64);
            assert!(explained.contains(why), "{explained}");
            let help = error.help();
            let image = target.published_image().unwrap();
            assert!(
                help.contains("with `sdk`") && help.contains(image),
                "{help}"
            );
            refused += 1;
        }
        assert_eq!(refused, 10);
    }

    /// A glibc that nothing links for is refused with what `explain` says.
    #[test]
    fn a_glibc_that_zig_lacks_is_explained_as_it_is_refused() {
        for target in [
            "aarch64-unknown-linux-gnu.2.99",
            "riscv64gc-unknown-linux-gnu.2.17",
            "sparc64-unknown-linux-gnu.2.28",
        ] {
            let target = Target::parse(target).unwrap();
            let recipe = target.recipe(DebianArch::Amd64, RustSource::External);
            let error = recipe.unwrap_err();
            let explained = target.explain(DebianArch::Amd64);
            let (why, help) = (error.why(), error.help());
            assert_eq!(
                explained,
                format!("There is no recipe for {target}: {why}. Instead, {help}.")
            );
        }
    }

    /// So does what a program that nothing starts prints.
    #[test]
    fn what_is_not_run_has_one_reason() {
        for target in Target::all() {
            let explained = target.explain(DebianArch::Amd64);
            if explained.contains("are built, and not run: ") {
                let refusal = target.not_run();
                let why = refusal.strip_prefix(&format!("{target}: ")).unwrap();
                assert!(explained.contains(why), "{explained}");
            }
        }
    }
}
