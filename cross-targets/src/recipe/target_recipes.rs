//! The methods of [`Target`] that return recipes and host tools.

use super::host_tools::{HostEmulator, Toolset};
use super::unsupported::UnsupportedTarget;
use super::{Recipe, RustSource, compose, host_tools};
use crate::facts::debian_arch::DebianArch;
use crate::target::Target;
use crate::target::runner::Runner;

impl Target {
    /// The recipe of the environment that builds for the target on a machine of architecture
    /// `build`.
    ///
    /// # Errors
    /// Returns [`UnsupportedTarget`] if no recipe is proven for the target.
    pub fn recipe(self, build: DebianArch, rust: RustSource) -> Result<Recipe, UnsupportedTarget> {
        compose::compose(self, build, rust)
    }

    /// A recipe that uses an SDK provided by the user, for targets with
    /// [`TargetFacts::sdk`](crate::TargetFacts::sdk). Its programs find the SDK through the
    /// variables of [`Target::sdk_env`].
    ///
    /// # Errors
    /// Returns [`UnsupportedTarget`] if the target takes no SDK, or if its SDK does not run on the
    /// build machine.
    pub fn recipe_with_sdk(
        self,
        build: DebianArch,
        rust: RustSource,
    ) -> Result<Recipe, UnsupportedTarget> {
        compose::compose_with_sdk(self, build, rust)
    }

    /// A recipe whose programs are started by `runner`, one of [`Target::named_runner`], instead of
    /// the target's default.
    ///
    /// # Errors
    /// Returns [`UnsupportedTarget`] if there is no recipe.
    pub fn recipe_with_runner(
        self,
        build: DebianArch,
        rust: RustSource,
        runner: Runner,
    ) -> Result<Recipe, UnsupportedTarget> {
        compose::compose_with_runner(self, build, rust, runner)
    }

    /// The host tools that build for the target without an environment, best first. Empty if none
    /// are known.
    pub fn toolsets(self, build: DebianArch) -> Vec<Toolset> {
        host_tools::toolsets(self, build)
    }

    /// The host emulator for programs of the target. `None` if they run natively, or cannot run at
    /// all.
    pub fn host_emulator(self, build: DebianArch) -> Option<HostEmulator> {
        host_tools::emulator(self, build)
    }
}
