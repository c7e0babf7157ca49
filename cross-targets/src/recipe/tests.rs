use super::*;
use crate::facts::target_facts::{CToolchain, Libc, SupportLevel};
use crate::target::Target;

mod base;
mod foreign;
mod machine;

const BUILDS: [DebianArch; 2] = [DebianArch::Amd64, DebianArch::Arm64];
const RUSTS: [RustSource; 2] = [RustSource::External, RustSource::Packaged];

fn recipe(triple: &str, build: DebianArch, rust: RustSource) -> Recipe {
    Target::parse(triple).unwrap().recipe(build, rust).unwrap()
}

fn aarch64() -> Recipe {
    recipe(
        "aarch64-unknown-linux-gnu",
        DebianArch::Amd64,
        RustSource::Packaged,
    )
}

fn has(recipe: &Recipe, package: &str) -> bool {
    recipe.packages.iter().any(|p| p == package)
}

#[test]
fn every_row_answers_as_its_support_says() {
    for target in Target::all() {
        for build in BUILDS {
            for rust in RUSTS {
                let refused = matches!(target.facts().support, SupportLevel::NotYet { .. });
                let promised = !refused;
                match target.recipe(build, rust) {
                    Ok(recipe) => assert!(promised && recipe.architecture == build, "{target}"),
                    Err(error) => assert!(!promised && error.target() == target, "{error}"),
                }
            }
        }
    }
}

#[test]
fn aarch64_on_amd64_with_the_distributions_rust() {
    let recipe = aarch64();
    assert_eq!(recipe.suite, "bookworm");
    assert_eq!(recipe.foreign, ["arm64"]);
    for package in [
        "gcc",
        "gcc-aarch64-linux-gnu",
        "g++-aarch64-linux-gnu",
        "libc6:arm64",
        "qemu-user-static",
        "libstd-rust-web-dev:arm64=1.85*",
    ] {
        assert!(has(&recipe, package), "{package} in {:?}", recipe.packages);
    }
    let env: Vec<(&str, &str)> = recipe
        .env
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        env,
        [
            ("AR_aarch64_unknown_linux_gnu", "aarch64-linux-gnu-ar"),
            (
                "BINDGEN_EXTRA_CLANG_ARGS_aarch64_unknown_linux_gnu",
                "--sysroot=/usr/aarch64-linux-gnu -idirafter/usr/include/aarch64-linux-gnu -idirafter/usr/include"
            ),
            (
                "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
                "aarch64-linux-gnu-gcc"
            ),
            ("CC_aarch64_unknown_linux_gnu", "aarch64-linux-gnu-gcc"),
            (
                "CMAKE_TOOLCHAIN_FILE_aarch64_unknown_linux_gnu",
                "/usr/local/share/cross/toolchain.cmake"
            ),
            ("CXX_aarch64_unknown_linux_gnu", "aarch64-linux-gnu-g++"),
            ("PKG_CONFIG_ALLOW_CROSS", "1"),
            (
                "PKG_CONFIG_LIBDIR_aarch64_unknown_linux_gnu",
                "/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig"
            ),
            ("QEMU_LD_PREFIX", "/"),
            (
                "RANLIB_aarch64_unknown_linux_gnu",
                "aarch64-linux-gnu-ranlib"
            ),
        ]
    );
}

#[test]
fn the_machines_own_architecture_needs_nothing_foreign() {
    for (triple, build) in [
        ("x86_64-unknown-linux-gnu", DebianArch::Amd64),
        ("aarch64-unknown-linux-gnu", DebianArch::Arm64),
    ] {
        let recipe = recipe(triple, build, RustSource::Packaged);
        assert!(recipe.foreign.is_empty() && recipe.env.is_empty());
        assert!(has(&recipe, "g++") && !has(&recipe, "qemu-user-static"));
        assert_eq!(
            recipe
                .packages
                .iter()
                .filter(|p| p.starts_with("libstd-rust-"))
                .count(),
            1
        );
    }
}

#[test]
fn what_runs_natively_gets_libraries_and_no_emulator() {
    let amd64 = recipe(
        "i686-unknown-linux-gnu",
        DebianArch::Amd64,
        RustSource::External,
    );
    assert!(has(&amd64, "libc6:i386") && has(&amd64, "gcc-i686-linux-gnu"));
    assert!(!has(&amd64, "qemu-user-static") && !amd64.env.contains_key("QEMU_LD_PREFIX"));
    assert_eq!(
        amd64.env["PKG_CONFIG_LIBDIR_i686_unknown_linux_gnu"],
        "/usr/lib/i386-linux-gnu/pkgconfig:/usr/share/pkgconfig"
    );

    let arm64 = recipe(
        "i686-unknown-linux-gnu",
        DebianArch::Arm64,
        RustSource::External,
    );
    assert!(has(&arm64, "qemu-user-static") && arm64.env.contains_key("QEMU_LD_PREFIX"));
}

#[test]
fn the_only_emulator_unpacked_is_the_targets() {
    let qemu: Vec<_> = aarch64()
        .exclude
        .into_iter()
        .filter(|glob| glob.contains("qemu"))
        .collect();
    assert_eq!(
        qemu,
        [
            "/usr/bin/qemu-*",
            "!/usr/bin/qemu-aarch64-static",
            "!/usr/bin/qemu-aarch64"
        ]
    );
}

#[test]
fn rust_from_outside_brings_no_rust_package() {
    for target in Target::all().filter(|target| {
        target
            .recipe(DebianArch::Amd64, RustSource::External)
            .is_ok()
    }) {
        let external = target
            .recipe(DebianArch::Amd64, RustSource::External)
            .unwrap();
        let packaged = target
            .recipe(DebianArch::Amd64, RustSource::Packaged)
            .unwrap();
        assert!(
            !external
                .packages
                .iter()
                .any(|p| p.contains("rust") || p.contains("cargo")),
            "{target}"
        );
        assert!(
            !external.exclude.iter().any(|glob| glob.contains("LLVM")),
            "{target}: nothing of Rust to leave out"
        );
        assert!(
            external.packages.iter().all(|p| has(&packaged, p)),
            "{target}"
        );
        assert!(
            packaged.packages.iter().any(|p| p.starts_with("cargo")),
            "{target}"
        );
        let mut env = packaged.env.clone();
        let bootstrap = env.remove("RUSTC_BOOTSTRAP").is_some();
        let facts = target.facts();
        if matches!(facts.c_toolchain, CToolchain::Newlib { .. })
            || (facts.libc == Libc::None && facts.c_toolchain == CToolchain::Clang)
        {
            let linker = format!("CARGO_TARGET_{}_LINKER", target.env_upper());
            assert_eq!(env.remove(&linker).as_deref(), Some("lld"), "{target}");
        }
        assert_eq!(external.env, env, "{target}");
        assert_eq!(
            bootstrap,
            packaged.std != StdSource::Prebuilt,
            "{target}: a stable cargo builds no std by itself"
        );
    }
}

#[test]
fn the_same_environment_has_the_same_text() {
    assert_eq!(aarch64().canonical(), aarch64().canonical());
    assert!(aarch64().canonical().starts_with(
        "cross recipe 2\nsuite bookworm\narchitecture amd64\nforeign arm64\ntarget arm64\n"
    ));
}

#[test]
fn every_field_is_in_the_canonical_text() {
    type Change = fn(&mut Recipe);
    let changes: [(&str, Change); 19] = [
        ("suite", |r| r.suite = "trixie".into()),
        ("architecture", |r| r.architecture = DebianArch::Arm64),
        ("foreign added", |r| r.foreign.push("i386".into())),
        ("foreign removed", |r| r.foreign.clear()),
        ("package added", |r| r.packages.push("cmake".into())),
        ("package removed", |r| r.packages.truncate(3)),
        ("exclude added", |r| r.exclude.push("/usr/games/*".into())),
        ("exclude reordered", |r| r.exclude.reverse()),
        ("variable added", |r| {
            assert!(r.env.insert("A".into(), "b".into()).is_none())
        }),
        ("variable changed", |r| {
            assert!(r.env.insert("QEMU_LD_PREFIX".into(), "/x".into()).is_some())
        }),
        ("target changed", |r| r.target_arch = Some("armhf".into())),
        ("target removed", |r| r.target_arch = None),
        ("file added", |r| r.files.push(RecipeFile::new("/a", "b"))),
        ("program added", |r| {
            r.files.push(RecipeFile::program("/a", "b"))
        }),
        ("file changed", |r| r.files[0].text.push(' ')),
        ("std from a toolchain's source", |r| {
            r.std = StdSource::Source {
                path: None,
                crates: &[],
            }
        }),
        ("std of some crates", |r| {
            r.std = StdSource::Source {
                path: None,
                crates: &["core"],
            }
        }),
        ("command added", |r| r.commands.push("true".into())),
        ("commands", |r| {
            r.commands.extend(["true".into(), "false".into()])
        }),
    ];
    let mut texts = vec![aarch64().canonical()];
    for (what, change) in changes {
        let mut changed = aarch64();
        change(&mut changed);
        let text = changed.canonical();
        assert!(!texts.contains(&text), "{what}");
        texts.push(text);
    }
}

#[test]
fn no_value_can_pose_as_another_entry() {
    let canonical = |commands: &[&str]| {
        aarch64()
            .extend_commands(commands.iter().copied())
            .canonical()
    };
    assert_ne!(canonical(&["a\ncommand b"]), canonical(&["a", "b"]));
    assert_ne!(canonical(&["a\nb"]), canonical(&[r"a\nb"]));
    assert_ne!(canonical(&[r"a\\nb"]), canonical(&["a\\\nb"]));

    let env = |name: &str, value: &str| {
        let mut recipe = aarch64();
        recipe.env = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        recipe.canonical()
    };
    assert_ne!(env("A", "b c"), env("A b", "c"));
}

#[test]
fn packages_of_the_target_get_its_architecture() {
    let cross = aarch64().extend_target_packages([
        "libssl-dev",
        "zlib1g-dev=1:1.2*",
        "python3:amd64",
        "libfoo:arm64=2",
    ]);
    for package in [
        "libssl-dev:arm64",
        "zlib1g-dev:arm64=1:1.2*",
        "python3:amd64",
        "libfoo:arm64=2",
    ] {
        assert!(has(&cross, package), "{package} in {:?}", cross.packages);
    }
    let native = recipe(
        "x86_64-unknown-linux-gnu",
        DebianArch::Amd64,
        RustSource::External,
    );
    assert!(has(
        &native.extend_target_packages(["libssl-dev"]),
        "libssl-dev"
    ));
}

#[test]
fn a_package_that_is_there_is_not_added_again() {
    assert_eq!(aarch64().extend_packages(["make", "gcc"]), aarch64());
    assert_eq!(
        aarch64().extend_packages(["cmake", "cmake"]),
        aarch64().extend_packages(["cmake"])
    );
}

#[test]
fn another_suite_changes_only_the_suite() {
    let trixie = aarch64().suite("trixie");
    assert_eq!(trixie.suite, "trixie");
    assert_eq!(trixie.suite("bookworm"), aarch64());
}

#[test]
fn build_machines_are_named_as_rust_names_them() {
    for build in BUILDS {
        let rust = if build == DebianArch::Amd64 {
            "x86_64"
        } else {
            "aarch64"
        };
        assert_eq!(DebianArch::from_rust_arch(rust), Some(build));
    }
    for other in ["", "amd64", "arm64", "x86", "arm", "riscv64"] {
        assert_eq!(DebianArch::from_rust_arch(other), None);
    }
}

#[test]
fn the_refusal_says_why_and_what_to_do() {
    let refused = |name: &str| {
        Target::parse(name)
            .unwrap()
            .recipe(DebianArch::Amd64, RustSource::External)
            .unwrap_err()
    };

    let android = refused("aarch64-linux-android");
    assert_eq!(
        android.to_string(),
        format!("no recipe for aarch64-linux-android: {}", android.why())
    );
    assert!(android.why().contains("NDK"));
    assert!(
        android
            .help()
            .contains("`image = \"ghcr.io/cross-rs/aarch64-linux-android:main\"`"),
        "{}",
        android.help()
    );
}

#[test]
fn a_floor_is_made_by_zig() {
    let floor = recipe(
        "aarch64-unknown-linux-gnu.2.17",
        DebianArch::Amd64,
        RustSource::External,
    );
    assert_eq!(
        floor.env["CC_aarch64_unknown_linux_gnu"],
        "/usr/local/bin/cross-cc"
    );
    assert!(!has(&floor, "gcc-aarch64-linux-gnu") && has(&floor, "libc6:arm64"));
    let cc = program(&floor, "/usr/local/bin/cross-cc");
    assert!(
        cc.ends_with("exec /opt/zig/ziglang/zig cc -target aarch64-linux-gnu.2.17 -fno-sanitize=undefined \"$@\"\n"),
        "{cc}"
    );

    let native = "x86_64-unknown-linux-gnu.2.17";
    let native = recipe(native, DebianArch::Amd64, RustSource::External);
    assert!(native.foreign.is_empty() && !has(&native, "g++"));
    assert_eq!(
        native.env["CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER"],
        "/usr/local/bin/cross-cc"
    );
}

fn program<'a>(recipe: &'a Recipe, path: &str) -> &'a str {
    let file = recipe.files.iter().find(|file| file.path == path).unwrap();
    assert!(file.executable);
    &file.text
}

#[test]
fn zig_is_told_the_processor_and_leaves_no_installer() {
    let musl = recipe(
        "armv5te-unknown-linux-musleabi",
        DebianArch::Amd64,
        RustSource::External,
    );
    let cxx = program(&musl, "/usr/local/bin/cross-c++");
    assert!(
        cxx.ends_with(
            "zig c++ -target arm-linux-musleabi -mcpu=arm926ej_s -fno-sanitize=undefined \"$@\"\n"
        ),
        "{cxx}"
    );
    assert!(!cxx.contains("@DROPPED@") && !cxx.contains("@COMMAND@"));
    assert!(has(&musl, "python3-pip"));
    assert!(
        musl.commands
            .iter()
            .any(|command| command.contains("purge"))
    );
    assert!(
        !musl
            .env
            .contains_key("CFLAGS_armv5te_unknown_linux_musleabi")
    );
    assert_eq!(musl.target_arch, None);
}

#[test]
fn flags_of_a_processor_reach_c_and_cxx_and_cmake() {
    let recipe = recipe(
        "i586-unknown-linux-gnu",
        DebianArch::Amd64,
        RustSource::External,
    );
    for variable in ["CFLAGS", "CXXFLAGS"] {
        assert_eq!(
            recipe.env[&format!("{variable}_i586_unknown_linux_gnu")],
            "-march=pentium"
        );
    }
    let cmake = &recipe.files[0];
    assert_eq!(
        cmake.path,
        recipe.env["CMAKE_TOOLCHAIN_FILE_i586_unknown_linux_gnu"]
    );
    assert!(
        cmake
            .text
            .contains("set(CMAKE_CXX_FLAGS_INIT \"-march=pentium\")\n")
    );
    assert!(
        cmake
            .text
            .contains("set(CMAKE_C_COMPILER i686-linux-gnu-gcc)\n")
    );
}

#[test]
fn a_port_has_no_packages_of_its_own() {
    let port = recipe(
        "powerpc64-unknown-linux-gnu",
        DebianArch::Amd64,
        RustSource::External,
    );
    assert!(port.foreign.is_empty() && port.target_arch.is_none());
    assert!(!port.packages.iter().any(|package| package.contains(':')));
    assert_eq!(port.env["QEMU_LD_PREFIX"], "/usr/powerpc64-linux-gnu");
    assert!(has(&port.extend_target_packages(["cmake"]), "cmake"));
}

#[test]
fn libraries_for_a_newer_processor_are_run_with_and_not_linked_with() {
    let armv6 = recipe(
        "arm-unknown-linux-gnueabihf",
        DebianArch::Amd64,
        RustSource::External,
    );
    assert_eq!(armv6.foreign, ["armhf"]);
    assert!(has(&armv6, "libc6:armhf") && armv6.target_arch.is_none());
}

#[test]
fn wine_is_of_the_programs_architecture_and_only_where_it_can_run() {
    let windows = |triple, build| recipe(triple, build, RustSource::External);
    let wide = windows("x86_64-pc-windows-gnu", DebianArch::Amd64);
    assert!(wide.foreign.is_empty() && has(&wide, "wine64"));
    let narrow = windows("i686-pc-windows-gnu", DebianArch::Amd64);
    assert!(narrow.foreign == ["i386"] && has(&narrow, "wine32:i386"));
    assert_eq!(narrow.target_arch, None);
    let arm = windows("i686-pc-windows-gnu", DebianArch::Arm64);
    assert!(arm.foreign.is_empty() && !arm.packages.iter().any(|p| p.starts_with("wine")));
    assert_eq!(
        wide.env["CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER"],
        "x86_64-w64-mingw32-gcc-posix"
    );
    assert_eq!(
        wide.env["AR_x86_64_pc_windows_gnu"],
        "x86_64-w64-mingw32-ar"
    );
}

#[test]
fn bare_metal_keeps_one_set_of_libraries_and_rusts_linker() {
    let bare = recipe(
        "thumbv7em-none-eabihf",
        DebianArch::Amd64,
        RustSource::Packaged,
    );
    let kept: Vec<_> = bare
        .exclude
        .iter()
        .filter(|glob| glob.starts_with("!/usr/lib/"))
        .collect();
    assert_eq!(
        kept,
        [
            "!/usr/lib/arm-none-eabi/newlib/thumb/v7e-m+fp/hard/*",
            "!/usr/lib/gcc/arm-none-eabi/*/thumb/v7e-m+fp/hard/*"
        ]
    );
    assert_eq!(bare.env["CARGO_TARGET_THUMBV7EM_NONE_EABIHF_LINKER"], "lld");
    assert!(has(&bare, "lld"));
    assert_eq!(
        bare.std,
        StdSource::Source {
            path: Some("/usr/lib/rustlib/src/rust"),
            crates: &["core", "alloc"]
        }
    );
}

#[test]
fn std_comes_from_where_it_is() {
    let std = |triple, rust| recipe(triple, DebianArch::Amd64, rust).std;
    let source = |path| StdSource::Source { path, crates: &[] };
    let packaged = Some("/usr/lib/rustlib/src/rust");
    for (triple, external, debian) in [
        (
            "s390x-unknown-linux-gnu",
            StdSource::Prebuilt,
            StdSource::Prebuilt,
        ),
        (
            "i586-unknown-linux-gnu",
            StdSource::Prebuilt,
            source(packaged),
        ),
        ("mips-unknown-linux-gnu", source(None), source(packaged)),
    ] {
        assert_eq!(std(triple, RustSource::External), external, "{triple}");
        assert_eq!(std(triple, RustSource::Packaged), debian, "{triple}");
    }
}

#[test]
fn a_file_is_made_by_a_command_that_quotes_what_is_in_it() {
    let file = RecipeFile::program("/opt/a b/c", "it's $HOME\n");
    assert_eq!(
        file.command(),
        "mkdir -p '/opt/a b' && printf %s 'it'\\''s $HOME\n' > '/opt/a b/c' && chmod 755 '/opt/a b/c'"
    );
    let recipe = aarch64().extend_commands(["true"]);
    let commands: Vec<_> = recipe.all_commands().collect();
    assert_eq!(commands.len(), 3);
    assert!(commands[0].contains("toolchain.cmake") && commands[2] == "true");
}

#[test]
fn only_a_foreign_environment_does_without_sanitizers() {
    let excluded =
        |recipe: &Recipe, text: &str| recipe.exclude.iter().any(|glob| glob.contains(text));
    let native = recipe(
        "x86_64-unknown-linux-gnu",
        DebianArch::Amd64,
        RustSource::External,
    );
    let foreign = aarch64();
    for (recipe, is_foreign) in [(&native, false), (&foreign, true)] {
        assert_eq!(excluded(recipe, "san.so"), is_foreign);
        assert_eq!(
            excluded(recipe, "/usr/lib/gcc/x86_64-linux-gnu/*/lto1"),
            is_foreign
        );
        assert!(excluded(recipe, "/usr/share/man"));
        let last = recipe.commands.last().unwrap();
        assert!(
            last.contains("/usr/share/doc"),
            "what is there before dpkg knows: {last}"
        );
    }
}
