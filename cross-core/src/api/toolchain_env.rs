//! The variables by which tools that compile for a target find its tools, for processes of the host.

use std::collections::{BTreeMap, btree_map};
use std::ops::Deref;
use std::path::Path;

use cross_engine::Cancel;
use serde::Serialize;

use crate::model::error::Result;
use crate::request::cross::Cross;

/// Variables for tools of the host that compile for a target, or that drive cargo themselves: a map of
/// names to values, in the order of the names. Made by [`Cross::toolchain_env`].
///
/// `<t>` is the triple in small letters and `<T>` in capitals, both with `_` for `-` and `.`.
///
/// | variable | value | what it is on the host |
/// |---|---|---|
/// | `CC_<t>`, `CXX_<t>`, `AR_<t>`, `RANLIB_<t>` | the compilers, the archiver | a script to start |
/// | `CARGO_TARGET_<T>_LINKER` | the linker, unless rustc brings its own for the target | a script to start |
/// | `CARGO_TARGET_<T>_RUNNER` | what starts programs of the target, where something does | a script to start |
/// | `PKG_CONFIG_<t>` | the environment's pkg-config | a script to start |
/// | `CMAKE_TOOLCHAIN_FILE_<t>` | CMake's description of the target, which names these scripts | a file to read |
/// | `BINDGEN_EXTRA_CLANG_ARGS_<t>` | where headers are, where the environment is a directory (the sandbox) | directories to read |
/// | an SDK's (`ANDROID_NDK_HOME` …) | the SDK, where one completes the environment | a directory to read |
/// | `PKG_CONFIG_LIBDIR_<t>` | where `.pc` files are | nothing: a path of the environment, for its pkg-config |
/// | `CFLAGS_<t>`, `CXXFLAGS_<t>` | the target's flags, where it needs some | no path |
/// | `PKG_CONFIG_ALLOW_CROSS` | `1` | no path |
///
/// Inside the environment, the same variables are set from the same facts, with the environment's own
/// programs for the scripts. With the engine `host` these are programs of the host, and there is no script.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
#[non_exhaustive]
pub struct ToolchainEnv(BTreeMap<String, String>);

impl Cross {
    /// The variables by which tools of the host find the tools of `target`'s environment, which is made
    /// where it is not there. The one-liner of [`Cross::host_tools`]: more directories than the
    /// workspace and what goes with it have to be named there.
    ///
    /// ```no_run
    /// # use std::process::Command;
    /// let target = "riscv64gc-unknown-linux-gnu";
    /// let env = cross_core::Cross::discover()?.toolchain_env(target)?;
    /// let mut nextest = Command::new("cargo");
    /// nextest.args(["nextest", "run", "--target", target]).envs(&env).status()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`HostToolsRequest::run`](crate::host_tools::HostToolsRequest::run).
    pub fn toolchain_env(&self, target: impl Into<String>) -> Result<ToolchainEnv> {
        let tools = self.host_tools(target).run_until(&Cancel::new())?;
        Ok(tools.env().clone())
    }
}

impl ToolchainEnv {
    pub(crate) fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    pub(crate) fn set_path(&mut self, name: impl Into<String>, path: &Path) {
        self.set(name, path.to_string_lossy());
    }
}

impl Deref for ToolchainEnv {
    type Target = BTreeMap<String, String>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl IntoIterator for ToolchainEnv {
    type Item = (String, String);
    type IntoIter = btree_map::IntoIter<String, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a ToolchainEnv {
    type Item = (&'a String, &'a String);
    type IntoIter = btree_map::Iter<'a, String, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
