//! What a build for one of Apple's systems misses: an SDK of Apple's, and what is in it.

use super::Remedy;

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
        let sdk = self.target().and_then(|target| target.facts().sdk);
        let how = sdk.and_then(|sdk| sdk.instructions()).unwrap_or_default();
        format!(
            "{what} for {0} is in an SDK of Apple's, which is never downloaded: {how}; then \
             `sdk = \"<directory>\"` under `[target.{0}]` of Cross.toml, or SDKROOT, names it",
            self.triple()
        )
    }
}
