//! The features of this crate that an engine needs, and the error where one is off.

use crate::model::error::{Error, ErrorKind, Result};

/// A feature without which an engine cannot be used. The configuration, a variable or the machine asks
/// for it. A call of an operation does not compile without its feature, and needs none of this.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Feature {
    name: &'static str,
    is_on: bool,
}

/// The engine `host`.
pub(crate) const HOST_ENGINE: Feature = Feature {
    name: "host-engine",
    is_on: cfg!(feature = "host-engine"),
};

/// Engines on another machine.
pub(crate) const REMOTE: Feature = Feature {
    name: "remote",
    is_on: cfg!(feature = "remote"),
};

impl Feature {
    /// Checks that the feature is on. `why` says what asks for it, as a sentence without its end.
    pub(crate) fn require(self, why: &str) -> Result<()> {
        if self.is_on {
            return Ok(());
        }
        let name = self.name;
        let message =
            format!("{why}, and this program was built without the feature `{name}` of cross-core");
        Err(Error::new(ErrorKind::EngineUnusable, message).with_help(format!(
            "build the program with `features = [\"{name}\"]` in its dependency on cross-core, or \
             with `full`, which is all operations"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_that_is_off_is_an_error_that_names_it() {
        let off = Feature {
            is_on: false,
            ..REMOTE
        };
        let error = off.require("`CROSS_ENGINE` names it").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EngineUnusable);
        let (message, help) = (
            error.to_string(),
            error.help().unwrap_or_default().to_owned(),
        );
        assert!(
            message.contains("`remote`") && message.starts_with("`CROSS_ENGINE` names it, "),
            "{message}"
        );
        assert!(help.contains("features = [\"remote\"]"), "{help}");
        let on = Feature { is_on: true, ..off };
        assert!(on.require("`CROSS_ENGINE` names it").is_ok());
    }
}
