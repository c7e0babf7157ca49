//! What targets need of a machine, and no archive has: an SDK, and the program that starts tests.

use cross_targets::Runner;

use crate::facts::facts::Facts;
use crate::facts::wasm_bindgen;
use crate::host::sdk::UserSdk;
use crate::model::error::Result;
use crate::model::step::Warning;
use crate::request::cross::Cross;

/// The code of the warnings.
const NOT_EXPORTED: &str = "not-exported";

/// The warnings for what the other machine has to have by itself.
pub(super) fn warnings(cross: &Cross, facts: &Facts) -> Result<Vec<Warning>> {
    let target = facts.target.requested();
    let sdk = facts.env_spec.sdk.as_ref();
    let program = match facts.env_spec.runner(&facts.target) {
        Runner::WasmBindgen => wasm_bindgen::program(cross)?,
        _ => None,
    };
    let program = program.map(|program| Warning {
        code: NOT_EXPORTED.to_owned(),
        message: format!(
            "the archive does not have `{}`, which starts the tests of `{target}`",
            program.display()
        ),
        help: Some(format!(
            "install it on the other machine, too: `{}`",
            wasm_bindgen::install_command(&facts.workspace.root)
        )),
    });
    let sdk = sdk.map(|sdk| of_sdk(sdk, target));
    Ok(sdk.into_iter().chain(program).collect())
}

fn of_sdk(sdk: &UserSdk, target: &str) -> Warning {
    let path = sdk.path.display();
    let version = sdk.version.as_deref();
    let version = version.unwrap_or("which does not say its version");
    let name = sdk.variable.unwrap_or("the key `sdk`");
    Warning {
        code: NOT_EXPORTED.to_owned(),
        message: format!("the archive does not have the SDK of `{target}`: `{path}` ({version})"),
        help: Some(format!(
            "copy it to the other machine, and name it there by {name}, as here: without it, \
             another environment is used"
        )),
    }
}
