//! The warnings about settings of cargo's configuration that do not hold in an environment.

use crate::cargo::carried::{KeptProgram, LeftOut, Why};
use crate::model::step::Warning;

/// The code of these warnings.
pub(crate) const CARGO_CONFIG: &str = "cargo-config";

/// The warning for a setting that is left out.
pub(crate) fn left_out(setting: &LeftOut) -> Warning {
    let LeftOut { key, file, why } = setting;
    let setting = format!("`{key}` of `{}`", file.display());
    let (is, help) = match why {
        Why::Compiler => (
            "is the host's, and is not used in the environment".to_owned(),
            "a toolchain is chosen by `toolchain` in Cross.toml; wrappers of rustc are not used",
        ),
        Why::BuildDir => (
            "is not used in the environment, which keeps what it compiles in the target directory"
                .to_owned(),
            "`build.target-dir` sets the target directory",
        ),
        Why::Linker => (
            "is the host's, and is not used in the environment, which has a linker of its own"
                .to_owned(),
            "to link with another one, use an image that has it, or pass it with \
             `CARGO_TARGET_<TRIPLE>_LINKER=…` in `env.passthrough`",
        ),
        Why::Runner => (
            "is the host's, and is not used in the environment".to_owned(),
            "`runner` in Cross.toml sets the runner of an environment",
        ),
        Why::Secret => (
            "is or may be a secret, and stays outside of the environment".to_owned(),
            "`env.passthrough` in Cross.toml passes a variable on; crates are fetched on the host",
        ),
        Why::Network => (
            "is used on the host only, where crates are fetched".to_owned(),
            "programs with a network have the proxies of the caller's variables",
        ),
        Why::HostTable => (
            "is not used in the environment".to_owned(),
            "the environment compiles build scripts with tools of its own",
        ),
        Why::Unknown => (
            "is not known here, and is not used in the environment".to_owned(),
            "correct its name; or report it, if cargo knows it",
        ),
        Why::Path(path) => (
            format!(
                "names `{}`, which is outside of the workspace and not seen in the environment",
                path.display()
            ),
            "move it into the workspace, or mount it with `env.volumes` in Cross.toml",
        ),
    };
    warning(format!("{setting} {is}"), help)
}

/// The warning for a program that a variable of the environment overrides.
pub(crate) fn overridden(program: &KeptProgram) -> Warning {
    let KeptProgram {
        key,
        file,
        variable,
    } = program;
    let message = format!(
        "`{key}` of `{}` is not used: the environment sets {variable}",
        file.display()
    );
    warning(
        message,
        "set the variable in `env.passthrough` to override both",
    )
}

fn warning(message: String, help: &str) -> Warning {
    Warning {
        code: CARGO_CONFIG.to_owned(),
        message,
        help: Some(help.to_owned()),
    }
}
