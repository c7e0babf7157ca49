//! What a build for one of Apple's systems misses: an SDK of Apple's, and what is in it.

use super::Remedy;
use crate::model::step::OTHER_SDK;

impl Remedy<'_> {
    /// Whether the target is one of Apple's systems.
    pub(super) fn is_of_apple(&self) -> bool {
        let facts = self.target().map(|target| target.facts());
        facts.is_some_and(|facts| facts.deployment_variable().is_some())
    }

    /// The remedy where `what` is missing, a part of an SDK of Apple's: the user's does not have it,
    /// or there is none.
    pub(super) fn apples(&self, what: &str) -> String {
        if let Some(sdk) = &self.plan.environment.sdk {
            return format!(
                "{what} is not in the SDK `{}`: use a newer or a complete one",
                sdk.display()
            );
        }
        let how = self.how_to_give_apples().unwrap_or_default();
        format!(
            "{what} for {} is in an SDK of Apple's; {how}",
            self.triple()
        )
    }

    /// How the user gives an SDK of Apple's for the target. `None` for targets of others.
    pub(super) fn how_to_give_apples(&self) -> Option<String> {
        let how = self.target()?.facts().sdk?.instructions()?;
        // The variable names a single SDK.
        let mut warnings = self.plan.warnings.iter();
        let names = match warnings.find(|warning| warning.code == OTHER_SDK) {
            Some(other) => format!(" of Cross.toml names it; {}", other.message),
            None => " of Cross.toml, or SDKROOT, names it".to_owned(),
        };
        Some(format!(
            "an SDK is never downloaded: {how}; then `sdk = \"<directory>\"` under `[target.{}]`{names}",
            self.triple()
        ))
    }
}
