//! Recipes with a virtual machine, or with another runner that is named.

use super::*;

fn with_machine(triple: &str) -> Recipe {
    let target = Target::parse(triple).unwrap();
    let machine = target.named_runner("qemu-system").unwrap();
    target
        .recipe_with_runner(DebianArch::Amd64, RustSource::External, machine)
        .unwrap()
}

#[test]
fn a_machine_takes_the_usual_emulators_place() {
    let (usual, machine) = (aarch64(), with_machine("aarch64-unknown-linux-gnu"));
    assert!(has(&usual, "qemu-user-static") && !has(&machine, "qemu-user-static"));
    assert!(!machine.env.contains_key("QEMU_LD_PREFIX"));
    assert_eq!(machine.foreign, ["arm64"]);
    assert!(has(&machine, "libc6:arm64"));
    let installs = |recipe: &Recipe, words: &str| {
        recipe
            .commands
            .iter()
            .any(|command| command.contains(words))
    };
    assert!(installs(&machine, "linux-image-arm64:arm64"));
    assert!(!installs(&usual, "linux-image"));
    let init = program(&machine, "/usr/local/lib/cross-machine/init");
    assert!(init.starts_with("#!/bin/busybox sh\n"));
}

#[test]
fn the_kernels_architecture_is_enabled_whatever_the_libraries_are() {
    for (triple, foreign) in [
        ("aarch64-unknown-linux-musl", &["arm64"][..]),
        ("arm-unknown-linux-gnueabi", &["armel", "armhf"]),
        ("i686-unknown-linux-gnu", &["i386"]),
        ("x86_64-unknown-linux-gnu", &[]),
    ] {
        assert_eq!(with_machine(triple).foreign, foreign, "{triple}");
    }
}

#[test]
fn every_machine_has_its_recipe_and_nothing_is_left_to_fill_in() {
    for target in Target::all() {
        let machine = target.named_runner("qemu-system");
        assert_eq!(machine.is_some(), target.machine().is_some(), "{target}");
        let made = machine.map(|machine| {
            let rust = RustSource::Packaged;
            target.recipe_with_runner(DebianArch::Arm64, rust, machine)
        });
        for command in made.iter().flatten().flat_map(|recipe| &recipe.commands) {
            assert!(!command.contains("@"), "{command}");
        }
    }
}

#[test]
fn wasmtime_is_pinned_and_takes_the_place_of_node() {
    let target = Target::parse("wasm32-wasip1").unwrap();
    let wasmtime = target.named_runner("wasmtime").unwrap();
    let made = target.recipe_with_runner(DebianArch::Amd64, RustSource::External, wasmtime);
    let made = made.unwrap();
    assert!(has(&made, "python3") && !has(&made, "nodejs"));
    let pinned = file(&made, "/opt/wasmtime/requirements.txt");
    assert_eq!(pinned.matches("--hash=sha256:").count(), 2, "{pinned}");
    for triple in [
        "wasm32-wasip1-threads",
        "wasm32-unknown-unknown",
        "s390x-unknown-linux-gnu",
    ] {
        let other = Target::parse(triple).unwrap();
        assert_eq!(other.named_runner("wasmtime"), None, "{triple}");
    }
}

#[test]
fn wasm_bindgens_runner_needs_node() {
    let target = Target::parse("wasm32-unknown-unknown").unwrap();
    let runner = target.named_runner("wasm-bindgen").unwrap();
    let made = target.recipe_with_runner(DebianArch::Amd64, RustSource::External, runner);
    assert!(has(&made.unwrap(), "nodejs"));
    let plain = target.recipe(DebianArch::Amd64, RustSource::External);
    assert!(!has(&plain.unwrap(), "nodejs"));
    let other = Target::parse("wasm32-wasip1").unwrap();
    assert_eq!(other.named_runner("wasm-bindgen"), None);
}

#[test]
fn uefis_firmware_comes_with_what_it_starts() {
    for (triple, firmware) in [
        ("aarch64-unknown-uefi", "QEMU_EFI.fd"),
        ("i686-unknown-uefi", "OVMF32_CODE_4M.fd"),
        ("x86_64-unknown-uefi", "OVMF_CODE_4M.fd"),
    ] {
        let target = Target::parse(triple).unwrap();
        let recipe = target
            .recipe(DebianArch::Amd64, RustSource::External)
            .unwrap();
        let installed = recipe.commands.join("\n");
        assert!(
            installed.contains(firmware) && !installed.contains('@'),
            "{installed}"
        );
        let start = file(&recipe, "/usr/local/lib/cross-firmware/start.c");
        assert!(start.contains("efi_main"));
    }
}

fn file<'a>(recipe: &'a Recipe, path: &str) -> &'a str {
    let found = recipe.files.iter().find(|file| file.path == path);
    &found.unwrap_or_else(|| panic!("{path}")).text
}
