//! Recipes with a virtual machine.

use super::*;

fn with_machine(triple: &str) -> Recipe {
    let target = Target::parse(triple).unwrap();
    target
        .recipe_with_machine(DebianArch::Amd64, RustSource::External)
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
        let made = target.recipe_with_machine(DebianArch::Arm64, RustSource::Packaged);
        assert_eq!(made.is_ok(), target.machine().is_some(), "{target}");
        for command in made.iter().flat_map(|recipe| &recipe.commands) {
            assert!(!command.contains("@"), "{command}");
        }
    }
}
