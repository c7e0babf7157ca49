//! The choice of the toolchain, and the components that rustup has to install.

use cross_core::ErrorKind;
use cross_engine::Access;
use cross_tests::Fakes;

use crate::case::{HOST, NIGHTLY, T, case, for_t, on, says, t_with, text};

const STABLE: &str = "stable-x86_64-unknown-linux-gnu";
/// A target for which no toolchain of the machine has a `std`.
const WITHOUT_STD: &str = "powerpc-unknown-linux-gnu";

#[test]
fn the_default_toolchain_comes_from_rustup() {
    for_t().cargo(&["build"]).toolchain(STABLE);
}

#[test]
fn a_toolchain_file_applies() {
    let file = "[toolchain]\nchannel = \"nightly\"\n";
    let case = for_t().nightly().file("rust-toolchain.toml", file);
    case.cargo(&["build"]).toolchain(NIGHTLY);
}

#[test]
fn rustups_variable_overrides_the_toolchain_file() {
    let file = "[toolchain]\nchannel = \"nightly\"\n";
    let case = for_t().nightly().file("rust-toolchain.toml", file);
    let seen = case.set("RUSTUP_TOOLCHAIN", "stable").cargo(&["build"]);
    seen.toolchain(STABLE);
}

#[test]
fn a_dated_channel_is_used() {
    let dated = "nightly-2025-01-01-x86_64-unknown-linux-gnu";
    let case = for_t().toolchain(dated, "1.85.0-nightly");
    case.cargo(&["+nightly-2025-01-01", "build"])
        .toolchain(dated);
}

#[test]
fn a_version_is_a_channel() {
    let case = for_t().toolchain("1.80.1-x86_64-unknown-linux-gnu", "1.80.1");
    let seen = case.cargo(&["+1.80.1", "build"]);
    seen.toolchain("1.80.1-x86_64-unknown-linux-gnu");
}

#[test]
fn the_toolchain_runs_on_the_platform_of_the_image() {
    let lines = "image = { name = \"mine\", toolchain = [\"linux/arm64\"] }";
    let case = t_with(lines).nightly().program("rustup");
    case.cargo(&["+nightly", "build", "--target", T])
        .toolchain("nightly-aarch64-unknown-linux-gnu");
}

#[test]
fn rustup_installs_a_missing_toolchain() {
    let lines = "image = { name = \"mine\", toolchain = [\"linux/arm64\"] }";
    let seen = t_with(lines).program("rustup").build();
    let commands = seen.host_commands();
    let add =
        "rustup toolchain add stable-aarch64-unknown-linux-gnu --profile minimal --force-non-host";
    seen.is(commands[0].as_str(), add);
}

#[test]
fn without_rustup_the_missing_component_is_named() {
    let error = for_t().refused(&["+beta", "build"], ErrorKind::Toolchain);
    says(&error, "toolchain `beta`", "rustup toolchain install beta");
}

#[test]
fn the_targets_std_is_installed() {
    let seen = for_t().program("rustup").build_for(WITHOUT_STD);
    let add = format!("rustup target add --toolchain {STABLE} {WITHOUT_STD}");
    seen.is(seen.host_commands(), [add]);
    seen.is(seen.purposes()[0], "install the target's std");
}

#[test]
fn build_std_installs_the_source_instead_of_std() {
    let case = case("")
        .toolchain(NIGHTLY, "1.97.0-nightly")
        .program("rustup");
    let case = case.set("CROSS_BUILD_STD", "1");
    let seen = case.cargo(&["+nightly", "build", "--target", WITHOUT_STD]);
    let add = format!("rustup component add rust-src --toolchain {NIGHTLY}");
    seen.is(seen.host_commands(), [add]);
}

#[test]
fn build_std_needs_a_nightly_toolchain() {
    let error = t_with("build-std = true").refused(&["build", "--target", T], ErrorKind::Toolchain);
    says(&error, "needs a nightly toolchain", "+nightly");
    says(&error, "Cross.toml:2:13", "");
}

#[test]
fn clippy_is_installed_for_clippy() {
    let case = for_t().program("rustup");
    let seen = case.cargo(&["clippy"]);
    let add = format!("rustup component add clippy --toolchain {STABLE}");
    seen.ensure(seen.host_commands().contains(&add), add);
}

#[test]
fn a_toolchain_that_has_everything_starts_no_rustup() {
    let case = for_t().program("rustup");
    let seen = case.cargo(&["build"]);
    seen.is(seen.host_commands(), [""; 0]);
    assert!(case.machine.calls_of("rustup").is_empty());
}

#[test]
fn rustup_is_not_asked_for_a_std_that_it_does_not_have() {
    let case = case("[target.made-up-by-me]\nimage = \"mine\"\n").program("rustup");
    let seen = case.build_for("made-up-by-me");
    seen.is(seen.host_commands(), [""; 0]);
}

#[test]
fn a_linked_toolchain_is_found_by_its_name() {
    let case = for_t()
        .set("CROSS_CUSTOM_TOOLCHAIN", "1")
        .toolchain("mine", "1.90.0-dev");
    case.cargo(&["+mine", "build"]).toolchain("mine");
}

#[test]
fn differs_a_directory_is_a_toolchain() {
    let case = for_t();
    let dir = case.machine.path("rustup/toolchains").join(STABLE);
    let case = case.set("CROSS_BUILD_TOOLCHAIN", text(&dir));
    let seen = case.cargo(&["build"]);
    seen.is(seen.plan().toolchain.sysroot(), Some(dir.as_path()));
    seen.mounts(&dir, Access::Read);
}

#[test]
fn a_plus_toolchain_overrides_the_configuration() {
    let case = for_t().nightly().set("CROSS_BUILD_TOOLCHAIN", "image");
    case.cargo(&["+nightly", "build"]).toolchain(NIGHTLY);
}

#[test]
fn rustup_is_not_mounted() {
    let seen = for_t().build();
    seen.lacks("RUSTUP_HOME").lacks("RUSTUP_TOOLCHAIN");
    seen.has("RUSTC", "rustc");
}

#[test]
fn dependencies_are_fetched_on_the_host_first() {
    let case = for_t().without("Cargo.lock");
    let seen = case.cargo(&["build"]);
    let commands = seen.host_commands();
    let fetch = format!("cargo fetch --target {T} --target {HOST}");
    seen.is(commands, [fetch]);
    seen.has("CARGO_NET_OFFLINE", "true");
    let at = |purpose: &str| seen.purposes().iter().position(|known| *known == purpose);
    seen.ensure(
        at("fetch dependencies") < at("cargo build"),
        "fetched before",
    );
}

#[test]
fn cargo_on_the_host_is_that_of_the_toolchain() {
    let case = for_t().nightly().without("Cargo.lock");
    let seen = case.cargo(&["+nightly", "build"]);
    let fetch = seen.plan().commands().next().unwrap().program.clone();
    seen.ensure(text(&fetch).contains(NIGHTLY), fetch);
}

#[test]
fn an_unknown_toolchain_is_not_a_channel() {
    let case = for_t().program("rustup");
    let error = case.refused(&["+mine", "build"], ErrorKind::Toolchain);
    says(&error, "`mine`", "toolchain");
}

#[test]
fn the_platform_decides_the_host_of_a_toolchain() {
    let case = for_t().nightly();
    case.cargo(&[&format!("+{NIGHTLY}"), "build"])
        .toolchain(NIGHTLY);
}

#[test]
fn without_rustup_the_environments_toolchain_is_suggested() {
    let case = on(Fakes::Docker)
        .set("RUSTUP_HOME", "/no/such/directory")
        .program("cargo");
    let error = case.refused(&["build", "--target", T], ErrorKind::Toolchain);
    says(&error, "rustup is not installed", "`toolchain = \"image\"`");
    let seen = case.set("CROSS_BUILD_TOOLCHAIN", "image").build();
    seen.is(seen.plan().toolchain.sysroot(), None);
}
