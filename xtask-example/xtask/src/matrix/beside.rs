//! Proves that what Microsoft's linker leaves beside a DLL and a program arrives with them: import
//! libraries and debug information.

use cross_core::targets::Target;
use cross_core::{Cancel, Cross};

use crate::failure::Failure;

/// The crate that is built, relative to that of the other targets.
pub(crate) const CRATE: &str = "../sdk/windows";

/// Each file that is built, with what lies beside it.
const FILES: [(&str, &[&str]); 2] = [
    ("beside-program.exe", &["beside_program.pdb"]),
    ("beside.dll", &["beside.dll.lib", "beside.pdb"]),
];

/// Builds the crate, which has C, and looks for the files.
pub(crate) fn prove(cross: &Cross, target: Target, cancel: &Cancel) -> Result<(), Failure> {
    let request = cross.build(target.to_string()).locked(true);
    let done = request.run_until(cancel)?;
    for (file, beside) in FILES {
        let mut artifacts = done.artifacts.iter();
        let artifact = artifacts
            .find(|artifact| artifact.path.ends_with(file))
            .ok_or_else(|| Failure::new(format!("`{file}` was not built")))?;
        for name in beside {
            let path = artifact.path.with_file_name(name);
            if !artifact.companions.contains(&path) || !path.is_file() {
                let companions = &artifact.companions;
                return Err(Failure::new(format!(
                    "`{name}` is not beside `{file}`, which has {companions:?}"
                )));
            }
        }
    }
    Ok(())
}
