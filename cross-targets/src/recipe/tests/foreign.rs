//! Recipes for other operating systems: with an SDK, and for WASI.

use super::*;
use crate::facts::sdk::Sdk;

fn with_sdk(triple: &str) -> Recipe {
    let target = Target::parse(triple).unwrap();
    target
        .recipe_with_sdk(DebianArch::Amd64, RustSource::External)
        .unwrap()
}

fn file<'a>(recipe: &'a Recipe, path: &str) -> &'a RecipeFile {
    let found = recipe.files.iter().find(|file| file.path == path);
    found.unwrap_or_else(|| panic!("{path} in {:?}", recipe.files))
}

#[test]
fn an_sdk_completes_a_recipe_exactly_where_none_serves() {
    for target in Target::all() {
        let facts = target.facts();
        assert_eq!(
            facts.sdk.is_some(),
            facts.support != SupportLevel::Recipe,
            "{target}"
        );
        for build in BUILDS {
            let ndk = matches!(facts.sdk, Some(Sdk::Ndk { .. }));
            let made = target.recipe_with_sdk(build, RustSource::External);
            let possible = facts.sdk.is_some() && (build == DebianArch::Amd64 || !ndk);
            assert_eq!(made.is_ok(), possible, "{target} on {build}");
        }
    }
}

#[test]
fn no_recipe_depends_on_where_the_sdk_is() {
    for target in Target::all().filter(|target| target.facts().sdk.is_some()) {
        let recipe = with_sdk(target.triple());
        let env = target.sdk_env("/where/it/is", Some(21));
        assert!(!recipe.canonical().contains("/where"), "{target}");
        assert!(
            env.values().any(|value| value == "/where/it/is"),
            "{target}"
        );
        // The scripts read the variables that locate the SDK.
        let named = if recipe.canonical().contains("ANDROID") {
            vec!["ANDROID_NDK_HOME", "CROSS_ANDROID_API"]
        } else {
            vec!["CROSS_SYSROOT"]
        };
        for name in named {
            assert!(env.contains_key(name), "{name} for {target}");
        }
    }
}

#[test]
fn android_is_built_by_the_ndks_own_programs() {
    let recipe = with_sdk("thumbv7neon-linux-androideabi");
    assert!(has(&recipe, "gcc") && !has(&recipe, "clang") && !has(&recipe, "qemu-user-static"));
    let clang = "/usr/local/bin/armv7a-linux-androideabi-clang";
    assert_eq!(recipe.env["CC_thumbv7neon_linux_androideabi"], clang);
    assert_eq!(
        recipe.env["CARGO_TARGET_THUMBV7NEON_LINUX_ANDROIDEABI_LINKER"],
        clang
    );
    let programs = "$ANDROID_NDK_HOME/toolchains/llvm/prebuilt/linux-x86_64/bin";
    for (name, program) in [
        (
            "clang",
            "armv7a-linux-androideabi${CROSS_ANDROID_API}-clang",
        ),
        (
            "clang++",
            "armv7a-linux-androideabi${CROSS_ANDROID_API}-clang++",
        ),
        ("ar", "llvm-ar"),
        ("ranlib", "llvm-ranlib"),
    ] {
        let script = file(
            &recipe,
            &format!("/usr/local/bin/armv7a-linux-androideabi-{name}"),
        );
        assert!(script.executable);
        assert_eq!(
            script.text,
            format!("#!/bin/sh\nexec \"{programs}/{program}\" \"$@\"\n")
        );
    }
    let cmake = file(&recipe, "/usr/local/share/cross/toolchain.cmake");
    assert!(cmake.text.contains("set(ANDROID_ABI armeabi-v7a)\n"));
    assert!(
        cmake
            .text
            .contains("set(ANDROID_PLATFORM android-$ENV{CROSS_ANDROID_API})\n")
    );
    assert!(
        cmake
            .text
            .ends_with("include(\"$ENV{ANDROID_NDK_HOME}/build/cmake/android.toolchain.cmake\")\n")
    );
}

#[test]
fn other_systems_are_built_by_debians_clang() {
    for (triple, clang, linker) in [
        ("sparcv9-sun-solaris", "sparcv9-sun-solaris", "bfd"),
        ("x86_64-pc-solaris", "x86_64-pc-solaris", "bfd"),
        ("x86_64-unknown-illumos", "x86_64-pc-solaris", "bfd"),
        (
            "x86_64-unknown-dragonfly",
            "x86_64-unknown-dragonfly",
            "lld",
        ),
    ] {
        let recipe = with_sdk(triple);
        assert!(has(&recipe, "clang") && has(&recipe, "lld") && has(&recipe, "llvm"));
        assert_eq!(recipe.foreign, [""; 0]);
        let script = &file(&recipe, "/usr/local/bin/cross-cc").text;
        let start = format!(
            "exec clang --target={clang} \"--sysroot=$CROSS_SYSROOT\" --start-no-unused-arguments -fuse-ld={linker}"
        );
        assert!(script.contains(&start), "{script}");
        let lower = triple.replace('-', "_");
        assert_eq!(recipe.env[&format!("AR_{lower}")], "llvm-ar");
        let solaris = recipe
            .files
            .iter()
            .any(|file| file.path == "/usr/gnu/bin/ld");
        assert_eq!(solaris, linker == "bfd", "{triple}");
    }
    let sparc = with_sdk("sparcv9-sun-solaris");
    let linker = &file(&sparc, "/usr/gnu/bin/ld").text;
    assert!(linker.contains("*_sol2) argument=elf64_sparc ;;"));
    assert!(linker.contains("--dynamic-linker=/lib/sparcv9/ld.so.1"));
}

#[test]
fn only_dragonflys_std_is_built() {
    for target in Target::all().filter(|target| target.facts().sdk.is_some()) {
        let built = with_sdk(target.triple()).std != StdSource::Prebuilt;
        assert_eq!(built, target.triple() == "x86_64-unknown-dragonfly");
    }
}

#[test]
fn wasi_has_a_clang_a_node_and_the_distributions_std() {
    let recipe = recipe("wasm32-wasip1", DebianArch::Amd64, RustSource::Packaged);
    assert_eq!(recipe.suite, "trixie");
    for package in ["clang", "wasi-libc", "nodejs", "libstd-rust-dev-wasm32"] {
        assert!(has(&recipe, package), "{package} in {:?}", recipe.packages);
    }
    assert!(!has(&recipe, "rust-src") && recipe.std == StdSource::Prebuilt);
    assert_eq!(
        recipe.env["CARGO_TARGET_WASM32_WASIP1_LINKER"],
        "/usr/local/bin/cross-wasm-ld"
    );
    assert_eq!(recipe.env["CC_wasm32_wasip1"], "/usr/local/bin/cross-cc");
    let script = |name| file(&recipe, name).text.lines().last().unwrap();
    assert_eq!(
        script("/usr/local/bin/cross-cc"),
        "exec clang --target=wasm32-wasi \"$@\""
    );
    assert_eq!(
        script("/usr/local/bin/cross-c++"),
        "exec clang++ --target=wasm32-wasi -fno-exceptions \"$@\""
    );
}
