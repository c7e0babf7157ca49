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
fn an_sdk_completes_a_recipe_where_none_links_programs_and_for_apples_systems() {
    for target in Target::all() {
        let facts = target.facts();
        let is_apples = facts.deployment_variable().is_some();
        assert_eq!(
            matches!(facts.sdk, Some(Sdk::Apple { .. })),
            is_apples,
            "{target}"
        );
        if matches!(facts.support, SupportLevel::NotYet { .. }) {
            assert!(facts.sdk.is_some(), "{target}");
        }
        if matches!(facts.support, SupportLevel::Recipe) && facts.os == "windows" {
            assert!(facts.sdk.is_none(), "{target}");
        }
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
        let named: &[&str] = match target.facts().sdk {
            Some(Sdk::Ndk { .. }) => &["ANDROID_NDK_HOME", "CROSS_ANDROID_API"],
            Some(Sdk::Windows { .. }) => &["CROSS_WINDOWS_SDK"],
            Some(Sdk::Apple { .. }) => &["SDKROOT"],
            _ => &["CROSS_SYSROOT"],
        };
        for name in named {
            assert!(env.contains_key(*name), "{name} for {target}");
            assert!(recipe.canonical().contains(name), "{name} for {target}");
        }
    }
}

#[test]
fn microsofts_sdk_is_used_by_debians_clang_and_lld_and_programs_run_under_wine() {
    let recipe = with_sdk("x86_64-pc-windows-msvc");
    assert!(has(&recipe, "clang") && has(&recipe, "wine64"));
    let linker = &recipe.env["CARGO_TARGET_X86_64_PC_WINDOWS_MSVC_LINKER"];
    let linker = &file(&recipe, linker).text;
    for libraries in ["crt/lib/x86_64", "sdk/lib/um/x86_64", "sdk/lib/ucrt/x64"] {
        let option = format!("\"/libpath:$CROSS_WINDOWS_SDK/{libraries}\"");
        assert!(linker.contains(&option), "{linker}");
    }
    let compiler = &file(&recipe, &recipe.env["CC_x86_64_pc_windows_msvc"]).text;
    assert!(
        compiler.contains("--driver-mode=cl --target=x86_64-pc-windows-msvc"),
        "{compiler}"
    );
    assert!(
        compiler.contains("/imsvc \"$CROSS_WINDOWS_SDK/sdk/include/ucrt\""),
        "{compiler}"
    );
    let without = external("x86_64-pc-windows-msvc");
    assert!(!has(&without, "clang") && !has(&without, "wine64"));
    assert!(!has(&with_sdk("aarch64-pc-windows-msvc"), "wine64"));
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

fn external(triple: &str) -> Recipe {
    recipe(triple, DebianArch::Amd64, RustSource::External)
}

#[test]
fn macos_is_built_by_zig_with_its_own_interfaces_of_the_system() {
    let recipe = external("aarch64-apple-darwin");
    let script = &file(&recipe, "/usr/local/bin/cross-cc").text;
    // rustc and cc-rs say the oldest macOS in an argument, Zig in the name of the target.
    assert!(script.contains("-mmacosx-version-min=*)\n        minimum=${argument#*=}\n"));
    assert!(
        script.ends_with(
            "zig cc -target aarch64-macos${minimum:+.$minimum} -fno-sanitize=undefined \"$@\"\n"
        ),
        "{script}"
    );
    // What Zig does not know, and what it knows without being told.
    for dropped in [
        "-arch | arm64",
        "*/lib/libc/darwin",
        "-Wl,-exported_symbols_list",
    ] {
        assert!(script.contains(dropped), "{dropped}");
    }
    assert!(!script.contains("@OTHERS@") && !script.contains("@DROPPED@"));
    assert_eq!(recipe.env["SDKROOT"], "/opt/zig/ziglang/lib/libc/darwin");
    let removal = recipe
        .commands
        .iter()
        .find(|command| command.contains("rm -rf"));
    let removal = removal.unwrap();
    assert!(!removal.contains("libc/darwin") && removal.contains("libc/mingw"));
    for other in ["x86_64-pc-windows-gnullvm", "aarch64-unknown-linux-musl"] {
        let recipe = external(other);
        assert!(!recipe.env.contains_key("SDKROOT"), "{other}");
        assert!(
            !file(&recipe, "/usr/local/bin/cross-cc")
                .text
                .contains("minimum")
        );
        assert!(
            recipe
                .commands
                .iter()
                .any(|command| command.contains("libc/darwin"))
        );
    }
}

#[test]
fn what_links_no_program_says_why_in_place_of_the_linker() {
    for target in Target::all() {
        let SupportLevel::Libraries { why } = target.facts().support else {
            continue;
        };
        let recipe = external(target.triple());
        let linker = recipe
            .env
            .get(&format!("CARGO_TARGET_{}_LINKER", target.env_upper()));
        // Rust's own linker links for it, where rustup's component is installed.
        let is_own = target.facts().os == "cuda";
        let expected = (!is_own).then(|| Recipe::NO_LINKER.to_owned());
        assert_eq!(linker, expected.as_ref(), "{target}");
        let script = file(&recipe, &recipe.env[&format!("CC_{}", target.env_lower())]);
        let quoted = format!("{target}: {why}").replace('\'', "'\\''");
        assert!(
            script.executable && script.text.contains(&quoted),
            "{}",
            script.text
        );
        assert!(script.text.ends_with("exit 1\n"));
        assert_eq!(
            recipe.packages,
            recipe.base().packages,
            "{target}: no compiler"
        );
    }
}

#[test]
fn a_target_without_a_c_library_sees_no_header_of_the_build_machine() {
    for target in Target::all() {
        let facts = target.facts();
        if facts.libc != Libc::None || facts.c_toolchain == CToolchain::None {
            continue;
        }
        let recipe = external(target.triple());
        let script = &file(&recipe, "/usr/local/bin/cross-cc").text;
        let start = format!("--target={} -ffreestanding -nostdlibinc", facts.c_triple);
        assert!(script.contains(&start), "{script}");
        // Rust links it with its own linker.
        let linker = format!("CARGO_TARGET_{}_LINKER", target.env_upper());
        assert!(!recipe.env.contains_key(&linker), "{target}");
    }
}

#[test]
fn a_component_is_linked_by_the_linker_of_components() {
    let linker = |triple| {
        file(&external(triple), "/usr/local/bin/cross-wasm-ld")
            .text
            .clone()
    };
    assert!(linker("wasm32-wasip2").contains("\nlld=wasm-component-ld\nexec \"$lld\""));
    for module in ["wasm32-wasip1", "wasm32-wasip1-threads"] {
        assert!(linker(module).contains("\nlld=$(command -v rust-lld || command -v lld)\n"));
    }
}

#[test]
fn one_environment_builds_for_all_processors_of_macs() {
    let recipes = [
        Target::parse("universal2-apple-darwin")
            .unwrap()
            .recipe(DebianArch::Amd64, RustSource::External)
            .unwrap(),
        with_sdk("universal2-apple-darwin"),
    ];
    let programs = [
        (
            "aarch64",
            "AARCH64",
            ["aarch64-macos", "arm64-apple-macosx"],
        ),
        ("x86_64", "X86_64", ["x86_64-macos", "x86_64-apple-macosx"]),
    ];
    for (at, recipe) in recipes.iter().enumerate() {
        for (arch, upper, targets) in programs {
            let cc = format!("/usr/local/bin/cross-{arch}-cc");
            assert_eq!(recipe.env[&format!("CC_{arch}_apple_darwin")], cc);
            assert_eq!(
                recipe.env[&format!("CARGO_TARGET_{upper}_APPLE_DARWIN_LINKER")],
                cc
            );
            assert!(file(recipe, &cc).text.contains(targets[at]), "{arch}");
            let cmake = &recipe.env[&format!("CMAKE_TOOLCHAIN_FILE_{arch}_apple_darwin")];
            let cmake = &file(recipe, cmake).text;
            assert!(
                cmake.contains(&format!("set(CMAKE_C_COMPILER {cc})")),
                "{cmake}"
            );
        }
        let paths: std::collections::BTreeSet<_> =
            recipe.files.iter().map(|file| &file.path).collect();
        assert_eq!(paths.len(), recipe.files.len(), "no file twice");
        assert!(recipe.env.keys().all(|name| !name.contains("universal2")));
    }
}

#[test]
fn apples_sdk_is_used_by_clang_and_tells_the_version_of_the_system() {
    let recipe = with_sdk("aarch64-apple-visionos-sim");
    let cc = &file(&recipe, "/usr/local/bin/cross-cc").text;
    assert!(
        cc.contains("exec clang --target=arm64-apple-xros-simulator "),
        "{cc}"
    );
    assert!(cc.contains("-fuse-ld=lld"), "{cc}");
    // The version is in an argument that other targets' compilers drop.
    assert!(!cc.contains("continue"), "{cc}");
    assert!(has(&recipe, "clang") && has(&recipe, "lld"));
    // Zig's interfaces of macOS are not in the SDK's way.
    assert!(!with_sdk("aarch64-apple-darwin").env.contains_key("SDKROOT"));
}

#[test]
fn a_glibc_that_zig_lacks_is_refused_before_an_environment_is_made() {
    let recipe = |text: &str| {
        let target = Target::parse(text).unwrap();
        target.recipe(DebianArch::Amd64, RustSource::External)
    };
    assert!(recipe("x86_64-unknown-linux-gnu.2.42").is_ok());
    assert!(recipe("riscv64gc-unknown-linux-gnu.2.27").is_ok());
    for (text, lacks) in [
        ("x86_64-unknown-linux-gnu.2.99", "newer than 2.42"),
        ("aarch64-unknown-linux-gnu.3.0", "newer than 2.42"),
        ("aarch64-unknown-linux-gnu.2.16", "older than 2.17"),
        ("riscv64gc-unknown-linux-gnu.2.17", "older than 2.27"),
        ("loongarch64-unknown-linux-gnu.2.28", "older than 2.36"),
        ("powerpc64le-unknown-linux-gnu.2.17", "older than 2.19"),
        ("powerpc64-unknown-linux-gnu.2.17", "cannot link"),
        ("sparc64-unknown-linux-gnu.2.28", "cannot link"),
    ] {
        let error = recipe(text).unwrap_err();
        assert!(error.to_string().contains(lacks), "{error}");
        assert!(error.help().starts_with("build for `"), "{}", error.help());
    }
}
