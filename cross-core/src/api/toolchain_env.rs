//! The variables by which tools of the host find a target's compilers and libraries.

use std::collections::{BTreeMap, btree_map};
use std::ops::Deref;
use std::path::Path;

use cross_engine::Cancel;
use serde::Serialize;

use crate::model::error::Result;
use crate::request::cross::Cross;

/// Variables for tools of the host that compile for a target or that drive cargo themselves: a map
/// from names to values, sorted by name. Made by [`Cross::toolchain_env`].
///
/// `<t>` is the triple in lower case and `<T>` the triple in upper case, both with `_` in place of
/// `-` and `.`.
///
/// | variable | value | what it is on the host |
/// |---|---|---|
/// | `CC_<t>`, `CXX_<t>`, `AR_<t>`, `RANLIB_<t>` | the compilers and archive tools | a script to run |
/// | `CARGO_TARGET_<T>_LINKER` | the linker, unless rustc ships its own for the target | a script to run |
/// | `CARGO_TARGET_<T>_RUNNER` | the runner of the target's programs, if there is one | a script to run |
/// | `PKG_CONFIG_<t>` | the environment's pkg-config | a script to run |
/// | `CMAKE_TOOLCHAIN_FILE_<t>` | CMake's toolchain file, which names these scripts | a file to read |
/// | `BINDGEN_EXTRA_CLANG_ARGS_<t>` | the include directories, if the environment is a directory (the sandbox) | directories to read |
/// | an SDK's (`ANDROID_NDK_HOME` …) | the SDK, if the environment has one | a directory to read |
/// | `PKG_CONFIG_LIBDIR_<t>` | the directories of `.pc` files | nothing: paths of the environment, for its pkg-config |
/// | `CFLAGS_<t>`, `CXXFLAGS_<t>` | the target's flags, if it needs any | no path |
/// | `PKG_CONFIG_ALLOW_CROSS` | `1` | no path |
///
/// Inside the environment the same variables are set from the same facts. There they name the
/// environment's own programs in place of scripts. With the engine `host` they name programs of the
/// host, and there are no scripts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
#[non_exhaustive]
pub struct ToolchainEnv(BTreeMap<String, String>);

impl Cross {
    /// Returns the variables by which tools of the host find the tools of `target`'s environment,
    /// and makes the environment if it does not exist. This is the short form of
    /// [`Cross::host_tools`], which can also mount directories outside of the workspace.
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
    /// The errors of [`HostToolsRequest::run`](crate::host_tools::HostToolsRequest::run).
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
