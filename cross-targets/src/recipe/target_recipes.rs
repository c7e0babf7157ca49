//! What a [`Target`] says of its recipes and host tools.

use super::host_tools::{HostEmulator, Toolset};
use super::unsupported::Unsupported;
use super::{Recipe, RustSource, compose, host_tools};
use crate::facts::debian_arch::DebianArch;
use crate::target::Target;

impl Target {
    /// How to make the environment that builds for the target on a machine of architecture `build`.
    ///
    /// # Errors
    /// [`Unsupported`] if no recipe is proven for the target.
    pub fn recipe(self, build: DebianArch, rust: RustSource) -> Result<Recipe, Unsupported> {
        compose::compose(self, build, rust)
    }

    /// The same, completed by a directory of the user's: for targets whose [`Facts::sdk`](crate::Facts::sdk) says which.
    /// The recipe's programs find it by the variables of [`Target::sdk_env`].
    ///
    /// # Errors
    /// [`Unsupported`] if no such directory completes a recipe for the target, on a machine of this
    /// architecture.
    pub fn recipe_with_sdk(
        self,
        build: DebianArch,
        rust: RustSource,
    ) -> Result<Recipe, Unsupported> {
        compose::compose_with_sdk(self, build, rust)
    }

    /// The same with a machine of the target's own in place of another emulator, in which programs are
    /// started by [`Runner::QemuSystem`](crate::Runner::QemuSystem).
    ///
    /// # Errors
    /// [`Unsupported`] if there is no [`Target::machine`], or no recipe at all.
    pub fn recipe_with_machine(
        self,
        build: DebianArch,
        rust: RustSource,
    ) -> Result<Recipe, Unsupported> {
        compose::compose_with_machine(self, build, rust)
    }

    /// The tools that build for the target on a machine of architecture `build` by themselves, without an
    /// environment, best first. Empty where none is known to.
    pub fn toolsets(self, build: DebianArch) -> Vec<Toolset> {
        host_tools::toolsets(self, build)
    }

    /// What starts programs of the target on such a machine. `None` where it starts them itself, or
    /// nothing does.
    pub fn host_emulator(self, build: DebianArch) -> Option<HostEmulator> {
        host_tools::emulator(self, build)
    }
}
