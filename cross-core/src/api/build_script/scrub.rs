//! The environment of an inner build: the outer one without the variables about the outer package.

use std::ffi::OsStr;

use cross_config::Env;

use super::outer::OuterBuild;
use crate::cargo::outer::{GUARD, is_removed_in_build_script};

/// Returns the environment of the inner build. It is marked, so that a build script in the inner
/// build knows that it is nested.
pub(super) fn inner_env(outer: &OuterBuild) -> Env {
    let is_kept = |name: &OsStr| !is_removed_in_build_script(name);
    let mut env: Env = outer
        .env
        .iter()
        .filter(|(name, _)| is_kept(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if !toolchain_was_chosen(&outer.env) {
        env = env.remove("RUSTUP_TOOLCHAIN");
    }
    if let Some(jobs) = outer.jobs {
        env = env.set("CARGO_BUILD_JOBS", jobs.to_string());
    }
    env.set(GUARD, &outer.package)
}

/// Whether the user chose the toolchain. Rustup also sets the variable if it selected the outer
/// toolchain itself, which does not apply to the inner project.
fn toolchain_was_chosen(env: &Env) -> bool {
    env.get_str("RUSTUP_TOOLCHAIN_SOURCE")
        .is_none_or(|source| matches!(source, "cli" | "env"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::build_script::outer::tests::script;

    /// The variables that cargo 1.95 sets for a build script, under clippy, with a feature, after
    /// rustup's proxy.
    const SET_BY_CARGO: [&str; 38] = [
        "CARGO",
        "CARGO_CFG_FEATURE",
        "CARGO_CFG_TARGET_ARCH",
        "CARGO_CFG_UNIX",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_FEATURE_A",
        "CARGO_MAKEFLAGS",
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_LINKS",
        "CARGO_MANIFEST_PATH",
        "CARGO_PKG_NAME",
        "CARGO_PKG_VERSION",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_BIN_NAME",
        "CARGO_CRATE_NAME",
        "CARGO_RUSTC_CURRENT_DIR",
        "CARGO_TARGET_DIR",
        "CARGO_TARGET_TMPDIR",
        "CLIPPY_ARGS",
        "DEBUG",
        "DEP_Z_INCLUDE",
        "HOST",
        "LD_LIBRARY_PATH",
        "MAKEFLAGS",
        "MFLAGS",
        "NUM_JOBS",
        "OPT_LEVEL",
        "OUT_DIR",
        "PROFILE",
        "RUSTC",
        "RUSTC_LINKER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "RUSTDOC",
        "RUSTUP_TOOLCHAIN_SOURCE",
        "RUST_RECURSION_COUNT",
        "TARGET",
        "RUSTFLAGS",
    ];
    const SET_BY_USER: [&str; 18] = [
        "CARGO_HOME",
        "CARGO_HTTP_PROXY",
        "CARGO_NET_OFFLINE",
        "CARGO_PROFILE_RELEASE_LTO",
        "CARGO_REGISTRIES_INTERNAL_TOKEN",
        "CARGO_TARGET_THUMBV7EM_NONE_EABIHF_RUSTFLAGS",
        "CARGO_TERM_COLOR",
        "CROSS_CACHE_DIR",
        "CROSS_CONTAINER_ENGINE",
        "HOME",
        "PATH",
        "RUSTUP_HOME",
        "SOURCE_DATE_EPOCH",
        "SSH_AUTH_SOCK",
        "SSL_CERT_FILE",
        "XDG_CACHE_HOME",
        "https_proxy",
        "TARGETS",
    ];

    fn inner(names: &[&str]) -> Env {
        let set = |env: Env, name: &&str| env.set(*name, "1");
        inner_env(&OuterBuild::from_env(names.iter().fold(script(), set)).unwrap())
    }

    #[test]
    fn variables_of_the_outer_build_are_removed_and_the_users_are_kept() {
        let env = inner(&[&SET_BY_CARGO[..], &SET_BY_USER].concat());
        for name in SET_BY_CARGO {
            assert_eq!(env.get(name), None, "{name} is removed");
        }
        for name in SET_BY_USER {
            assert!(env.get(name).is_some(), "{name} is kept");
        }
    }

    #[cfg(unix)]
    #[test]
    fn variables_that_are_not_utf_8_are_kept() {
        use std::os::unix::ffi::OsStrExt as _;
        let name = OsStr::from_bytes(b"A\xff");
        let outer = OuterBuild::from_env(script().set(name, name)).unwrap();
        assert!(inner_env(&outer).iter().any(|(kept, _)| kept == name));
    }

    #[test]
    fn the_jobserver_is_replaced_by_a_number_of_jobs() {
        let pipes = "-j --jobserver-fds=6,7 --jobserver-auth=6,7";
        let env = script().set("CARGO_MAKEFLAGS", pipes).set("NUM_JOBS", "3");
        let env = inner_env(&OuterBuild::from_env(env).unwrap());
        assert_eq!(env.get_str("CARGO_BUILD_JOBS"), Some("3"));
        let mut values = env.iter().map(|(_, value)| value.to_string_lossy());
        assert!(!values.any(|value| value.contains("jobserver")));
    }

    #[test]
    fn a_toolchain_is_kept_only_if_the_user_chose_it() {
        let env = script().set("RUSTUP_TOOLCHAIN", "nightly");
        let kept = |env: Env| {
            let env = inner_env(&OuterBuild::from_env(env).unwrap());
            env.get("RUSTUP_TOOLCHAIN").is_some()
        };
        assert!(kept(env.clone()), "an older rustup names no source");
        for (source, stays) in [("cli", true), ("env", true), ("default", false)] {
            let env = env.clone().set("RUSTUP_TOOLCHAIN_SOURCE", source);
            assert_eq!(kept(env), stays, "{source}");
        }
    }
}
