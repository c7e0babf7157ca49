//! §6: how programs of the target are run, and what the environment sets.

use cross_core::{
    ErrorKind,
    plan::{Action, Prepared},
};
use cross_engine::Access;
use cross_tests::check;

use crate::case::{HOST, PUBLISHED, case, each_with, for_t, says, t_with};
use crate::seen::Seen;

const RUNNER: &str = "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER";

/// The script that starts programs.
fn script(seen: &Seen) -> &str {
    let path = seen.value(RUNNER).unwrap();
    let script = seen.prepared().iter().find_map(|thing| match thing {
        Prepared::File { path: it, text, .. } if it.to_str() == Some(path) => Some(text.as_str()),
        _ => None,
    });
    script.unwrap_or_else(|| panic!("{path} is not written:\n{}", seen.all()))
}

#[test]
fn s6_1_a_program_that_cannot_run_natively_runs_in_its_emulator() {
    let seen = for_t().cargo(&["run"]);
    seen.ensure(
        script(&seen).contains("exec qemu-aarch64-static \"$@\""),
        script(&seen),
    );
    let path = seen.value(RUNNER).unwrap();
    seen.mounts(path, Access::Read);
}

#[test]
fn s6_1_a_program_that_can_run_natively_does() {
    for target in [HOST, "i686-unknown-linux-gnu"] {
        let seen = case("").build_for(target);
        let upper = target.to_uppercase().replace('-', "_");
        seen.lacks(&format!("CARGO_TARGET_{upper}_RUNNER"));
    }
}

#[test]
fn s6_1_the_runner_native_takes_the_emulator_away() {
    t_with("runner = \"native\"").build().lacks(RUNNER);
}

#[test]
fn s6_1_the_runner_qemu_user_is_the_emulator() {
    let seen = t_with("runner = \"qemu-user\"").build();
    seen.ensure(script(&seen).contains("qemu-aarch64-static"), script(&seen));
}

#[test]
fn s6_1_an_empty_runner_is_the_usual_one() {
    let seen = t_with("runner = \"\"").build();
    seen.ensure(script(&seen).contains("qemu-aarch64-static"), script(&seen));
}

#[test]
fn s6_1_differs_a_runner_that_is_no_mode_is_a_command() {
    t_with("runner = \"wine\"").build().has(RUNNER, "wine");
}

#[test]
fn s6_2_a_virtual_machine_is_a_recipe_of_its_own() {
    let seen = t_with("runner = \"qemu-system\"").build();
    check("parity/qemu-system-runner", script(&seen));
    let cold = t_with("runner = \"qemu-system\"").cold().build();
    let made = cold.blueprint();
    seen.ensure(
        made.name != for_t().cold().build().blueprint().name,
        "the usual environment has no kernel",
    );
    let commands = made.commands.iter();
    let machines = commands.filter(|it| it.contains("/cross-machine"));
    let machines: Vec<_> = machines.map(|it| format!("{it}\n")).collect();
    check("parity/qemu-system-commands", &machines.concat());
}

#[test]
fn s6_2_an_images_virtual_machine_is_its_own_affair() {
    let seen = t_with("image = \"mine\"\nrunner = \"qemu-system\"").build();
    seen.lacks(RUNNER).has("CROSS_RUNNER", "qemu-system");
}

#[test]
fn s6_2_differs_a_virtual_machine_needs_a_kernel_of_debians() {
    let target = "powerpc64-unknown-linux-gnu";
    let case = each_with(&[target], "runner = \"qemu-system\"");
    let error = case.refused(&["test", "--target", target], ErrorKind::Config);
    says(&error, "`qemu-system`", "qemu-user");
}

#[test]
fn s6_4_a_recipe_sets_the_targets_tools() {
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
fn s6_4_a_recipe_tells_bindgen_and_cmake_of_the_target() {
    let seen = for_t().build();
    for name in [
        "BINDGEN_EXTRA_CLANG_ARGS_aarch64_unknown_linux_gnu",
        "CMAKE_TOOLCHAIN_FILE_aarch64_unknown_linux_gnu",
    ] {
        seen.ensure(seen.value(name).is_some(), name);
    }
}

#[test]
fn s6_4_an_images_own_variables_hold() {
    let case = t_with("image = \"mine\"").image(&[
        ("PATH", "/opt/mine/bin:/usr/bin"),
        (RUNNER, "/linux-runner aarch64"),
        ("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "mine-gcc"),
    ]);
    let seen = case.build();
    for name in [RUNNER, "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER"] {
        // What is not said is the image's own.
        seen.lacks(name);
    }
    let path = seen.value("PATH").unwrap();
    seen.ensure(path.ends_with(":/opt/mine/bin:/usr/bin"), path);
}

#[test]
fn s6_4_a_users_runner_goes_before_the_images() {
    let case =
        t_with("image = \"mine\"\nrunner = \"mine\"").image(&[(RUNNER, "/linux-runner aarch64")]);
    case.build().has(RUNNER, "mine");
}

#[test]
fn s6_4_an_image_that_is_not_there_yet_keeps_its_variables_too() {
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
    seen.ensure(yielding.iter().any(|it| it == RUNNER), yielding);
    seen.ensure(yielding.iter().any(|it| it == "PATH"), yielding);
}

#[test]
fn s6_4_a_published_image_has_its_own_tools() {
    let seen = case("").build_for(PUBLISHED);
    seen.lacks("CARGO_TARGET_X86_64_UNKNOWN_ILLUMOS_LINKER");
    seen.lacks("CC_x86_64_unknown_illumos");
    seen.lacks("CARGO_TARGET_X86_64_UNKNOWN_ILLUMOS_RUNNER");
}

#[test]
fn s6_4_differs_tests_run_side_by_side() {
    for_t().cargo(&["test"]).lacks("RUST_TEST_THREADS");
    let case = for_t().set("RUST_TEST_THREADS", "1");
    case.cargo(&["test"]).has("RUST_TEST_THREADS", "1");
}
