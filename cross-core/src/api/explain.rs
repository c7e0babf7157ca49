//! Explains a target to people.

use crate::facts::environment_name::build_architecture;
use crate::model::error::Result;
use crate::request::cross::Cross;
use crate::target::name::TargetName;

impl Cross {
    /// Says in one paragraph what `target` gets on this machine, and what it lacks: whether its
    /// tests or programs run and under which emulator, what compiles C and C++, where `std` comes
    /// from, and what has to be provided. It says what recipes do, and reads no configuration.
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
    /// specification, and on machines for which there are no recipes.
    pub fn explain(&self, target: &str) -> Result<String> {
        let target = TargetName::parse(target, self.dir())?.in_table()?;
        Ok(target.explain(build_architecture()?))
    }
}
