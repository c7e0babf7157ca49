//! Programs of the target: how they run, and the variables of the environment.

use cross_core::{
    ErrorKind,
    plan::{Action, Prepared},
};
use cross_engine::Access;
use cross_tests::check;

use crate::case::{HOST, PUBLISHED, case, each_with, for_t, says, t_with};
use crate::seen::Seen;

const RUNNER: &str = "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER";

/// Returns the script that starts programs.
fn script(seen: &Seen) -> &str {
    let path = seen.value(RUNNER).unwrap();
    let script = seen.prepared().iter().find_map(|thing| match thing {
        Prepared::File { path: it, text, .. } if it.to_str() == Some(path) => Some(text.as_str()),
        _ => None,
    });
    script.unwrap_or_else(|| panic!("{path} is not written:\n{}", seen.all()))
}

#[test]
fn a_program_that_cannot_run_natively_runs_in_its_emulator() {
    let seen = for_t().cargo(&["run"]);
    seen.ensure(
        script(&seen).contains("/usr/bin/env}$cross_kept qemu-aarch64-static \"$@\""),
        script(&seen),
    );
    let path = seen.value(RUNNER).unwrap();
    seen.mounts(path, Access::Read);
}

#[test]
fn a_program_that_can_run_natively_does() {
    for target in [HOST, "i686-unknown-linux-gnu"] {
        let seen = case("").build_for(target);
        let upper = target.to_uppercase().replace('-', "_");
        seen.lacks(&format!("CARGO_TARGET_{upper}_RUNNER"));
    }
}

#[test]
fn the_runner_native_disables_the_emulator() {
    t_with("runner = \"native\"").build().lacks(RUNNER);
}

#[test]
fn the_runner_qemu_user_is_the_emulator() {
    let seen = t_with("runner = \"qemu-user\"").build();
    seen.ensure(script(&seen).contains("qemu-aarch64-static"), script(&seen));
}

#[test]
fn an_empty_runner_is_the_default() {
    let seen = t_with("runner = \"\"").build();
    seen.ensure(script(&seen).contains("qemu-aarch64-static"), script(&seen));
}

#[test]
fn differs_another_runner_value_is_a_command() {
    t_with("runner = \"wine\"").build().has(RUNNER, "wine");
}

#[test]
fn a_virtual_machine_has_its_own_recipe() {
    let seen = t_with("runner = \"qemu-system\"").build();
    check("parity/qemu-system-runner", script(&seen));
    let cold = t_with("runner = \"qemu-system\"").cold().build();
    let made = cold.blueprint();
    seen.ensure(
        made.name != for_t().cold().build().blueprint().name,
        "the usual environment has no kernel",
    );
    let commands = made.commands.iter();
    let machines = commands.filter(|command| command.contains("/cross-machine"));
    let machines: Vec<_> = machines.map(|command| format!("{command}\n")).collect();
    check("parity/qemu-system-commands", &machines.concat());
}

#[test]
fn the_virtual_machine_of_an_image_is_left_to_the_image() {
    let seen = t_with("image = \"mine\"\nrunner = \"qemu-system\"").build();
    seen.lacks(RUNNER).has("CROSS_RUNNER", "qemu-system");
}

#[test]
fn differs_a_virtual_machine_needs_a_debian_kernel() {
    let target = "powerpc64-unknown-linux-gnu";
    let case = each_with(&[target], "runner = \"qemu-system\"");
    let error = case.refused(&["test", "--target", target], ErrorKind::Config);
    says(&error, "`qemu-system`", "qemu-user");
}

#[test]
fn differs_qemus_user_mode_is_for_programs_of_linux() {
    for target in ["wasm32-wasip1", "x86_64-pc-windows-gnu"] {
        let case = each_with(&[target], "runner = \"qemu-user\"");
        let error = case.refused(&["test", "--target", target], ErrorKind::Config);
        says(&error, "`qemu-user`", "remove the key");
    }
}

#[test]
fn a_recipe_sets_the_targets_tools() {
    let seen = for_t().build();
    let compiler = "aarch64-linux-gnu-gcc";
    seen.has("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", compiler);
    seen.has("CC_aarch64_unknown_linux_gnu", compiler);
    seen.has("CXX_aarch64_unknown_linux_gnu", "aarch64-linux-gnu-g++");
    seen.has("AR_aarch64_unknown_linux_gnu", "aarch64-linux-gnu-ar");
    seen.has("PKG_CONFIG_ALLOW_CROSS", "1");
    seen.ensure(
        seen.value("QEMU_LD_PREFIX").is_some(),
        "where the emulator looks for libraries",
    );
}

#[test]
fn a_recipe_configures_bindgen_and_cmake_for_the_target() {
    let seen = for_t().build();
    for name in [
        "BINDGEN_EXTRA_CLANG_ARGS_aarch64_unknown_linux_gnu",
        "CMAKE_TOOLCHAIN_FILE_aarch64_unknown_linux_gnu",
    ] {
        seen.ensure(seen.value(name).is_some(), name);
    }
}

#[test]
fn the_variables_of_an_image_are_kept() {
    let case = t_with("image = \"mine\"").image(&[
        ("PATH", "/opt/mine/bin:/usr/bin"),
        (RUNNER, "/linux-runner aarch64"),
        ("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "mine-gcc"),
    ]);
    let seen = case.build();
    for name in [RUNNER, "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER"] {
        // The image keeps its other variables.
        seen.lacks(name);
    }
    let path = seen.value("PATH").unwrap();
    seen.ensure(path.ends_with(":/opt/mine/bin:/usr/bin"), path);
}

#[test]
fn a_configured_runner_overrides_that_of_the_image() {
    let case =
        t_with("image = \"mine\"\nrunner = \"mine\"").image(&[(RUNNER, "/linux-runner aarch64")]);
    case.build().has(RUNNER, "mine");
}

#[test]
fn the_variables_of_a_missing_image_are_kept() {
    let seen = t_with("image = \"mine\"").cold().build();
    let yielding = seen
        .plan()
        .steps
        .iter()
        .find_map(|step| match &step.action {
            Action::Run { yielding, .. } => Some(yielding),
            _ => None,
        });
    let yielding = yielding.unwrap();
    seen.ensure(yielding.iter().any(|name| name == RUNNER), yielding);
    seen.ensure(yielding.iter().any(|name| name == "PATH"), yielding);
}

#[test]
fn a_published_image_has_its_own_tools() {
    let seen = case("").build_for(PUBLISHED);
    seen.lacks("CARGO_TARGET_X86_64_UNKNOWN_ILLUMOS_LINKER");
    seen.lacks("CC_x86_64_unknown_illumos");
    seen.lacks("CARGO_TARGET_X86_64_UNKNOWN_ILLUMOS_RUNNER");
}

#[test]
fn differs_tests_run_in_parallel() {
    for_t().cargo(&["test"]).lacks("RUST_TEST_THREADS");
    let case = for_t().set("RUST_TEST_THREADS", "1");
    case.cargo(&["test"]).has("RUST_TEST_THREADS", "1");
}
