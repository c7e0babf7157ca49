//! Explains a target to people.

use cross_config::Config;

use crate::facts::environment_name::build_architecture;
use crate::host::sdk;
use crate::model::error::{ErrorKind, Result};
use crate::request::cross::Cross;
use crate::target::name::TargetName;

impl Cross {
    /// Says in one paragraph what `target` gets on this machine, and what it lacks: whether its
    /// tests or programs run and under which emulator, what compiles C and C++, where `std` comes
    /// from, and what has to be provided. It says what recipes do. Of the configuration, and of the
    /// variables for it, it reads which SDK of yours is used.
    ///
    /// ```
    /// let cross = cross_core::Cross::at(".");
    /// let text = cross.explain("aarch64-apple-ios")?;
    /// assert!(text.contains("an SDK of Apple's"));
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownTarget`](crate::ErrorKind::UnknownTarget), with suggestions, for a
    /// target without a row of the table;
    /// [`ErrorKind::UnsupportedTarget`](crate::ErrorKind::UnsupportedTarget) for a target
    /// specification, and on machines for which there are no recipes;
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for an SDK that is none, and where the target can
    /// have one, for a configuration that cannot be read.
    pub fn explain(&self, target: &str) -> Result<String> {
        let target = TargetName::parse(target, self.dir())?.in_table()?;
        let text = target.explain(build_architecture()?);
        if target.facts().sdk.is_none() {
            return Ok(text);
        }
        let config = match self.config() {
            Err(error) if error.kind() == ErrorKind::Config => return Err(error),
            // What a target gets can be asked outside of a project.
            config => config.unwrap_or_else(|_| Config::merge([])),
        };
        let config = config.for_target(&target.to_string());
        let sdk = sdk::find(target, &config, self.environment(), self.dir())?;
        Ok(match sdk {
            Some(sdk) => format!("{text} Here the SDK is `{}`.", sdk.path.display()),
            None => text,
        })
    }
}
