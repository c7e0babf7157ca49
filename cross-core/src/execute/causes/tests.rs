use super::*;

fn found(lines: &[&str]) -> Vec<Cause> {
    let mut causes = Causes::default();
    lines.iter().for_each(|line| causes.read(line));
    causes.found
}

#[track_caller]
fn is(line: &str, cause: &Cause) {
    assert_eq!(found(&[line]), std::slice::from_ref(cause), "{line}");
}

#[test]
fn missing_libraries_are_recognized_in_the_words_of_every_tool() {
    for (line, name) in [
        (
            "  Package openssl was not found in the pkg-config search path.",
            "openssl",
        ),
        ("No package 'dbus-1' found", "dbus-1"),
        (
            "Package 'libpq', required by 'virtual:world', not found",
            "libpq",
        ),
        (
            "  The system library `libudev` required by crate `libudev-sys` was not found.",
            "libudev",
        ),
        (
            "  = note: /usr/bin/ld: cannot find -lsqlite3: No such file or directory",
            "sqlite3",
        ),
        ("ld.lld: error: unable to find library -lz", "z"),
        ("mold: fatal: library not found: asound", "asound"),
        (
            "error: could not find native static library `z`, perhaps an -L flag is missing?",
            "z",
        ),
        (
            "  Could NOT find ZLIB (missing: ZLIB_LIBRARY ZLIB_INCLUDE_DIR)",
            "ZLIB",
        ),
    ] {
        is(line, &Cause::Library(name.to_owned()));
    }
}

#[test]
fn the_programs_of_popular_build_scripts_are_recognized_in_their_own_words() {
    for (line, name) in [
        (
            "NASM build failed. Make sure you have nasm installed or disable the \"asm\" feature.",
            "nasm",
        ),
        ("The pkg-config command could not be found.", "pkg-config"),
        ("  error: no Python 3.x interpreter found", "python3"),
        (
            "Could not find `protoc`. If `protoc` is installed, try setting the `PROTOC` environment variable",
            "protoc",
        ),
        (
            "Failed to execute `capnp --version`: No such file or directory (os error 2). Please verify",
            "capnp",
        ),
        (
            "Unable to find libclang: \"couldn't find any valid shared libraries matching: ['libclang.so']",
            "libclang",
        ),
        (
            "failed to execute `git`: No such file or directory (os error 2)",
            "git",
        ),
    ] {
        is(line, &Cause::Tool(name.to_owned()));
    }
}

#[test]
fn missing_headers_and_programs_are_recognized() {
    for (line, name) in [
        (
            "src/a.c:1:10: fatal error: openssl/ssl.h: No such file or directory",
            "openssl/ssl.h",
        ),
        (
            "./wrapper.h:2:10: fatal error: 'pcap.h' file not found",
            "pcap.h",
        ),
    ] {
        is(line, &Cause::Header(name.to_owned()));
    }
    for (line, name) in [
        ("sh: 1: protoc: not found", "protoc"),
        ("/bin/sh: 1: nasm: not found", "nasm"),
        ("bash: line 3: flex: command not found", "flex"),
        ("./autogen.sh: 4: autoreconf: not found", "autoreconf"),
        ("make: bison: No such file or directory", "bison"),
        ("make[1]: bison: No such file or directory", "bison"),
        ("env: ‘python3’: No such file or directory", "python3"),
        ("  is `cmake` not installed?", "cmake"),
        (
            "error occurred: Failed to find tool. Is `clang` installed? (see x)",
            "clang",
        ),
        (
            "  Could not find `protoc`. If `protoc` is installed, try setting",
            "protoc",
        ),
        (
            "CMake was unable to find a build program corresponding to \"Ninja\".",
            "ninja",
        ),
        (
            "  Unable to find libclang: \"couldn't find any\"",
            "libclang",
        ),
        (
            "failed to run nasm: Os { code: 2, kind: NotFound, message: \"No such file\" }",
            "nasm",
        ),
        ("Can't locate FindBin.pm in @INC (you may need to)", "perl"),
    ] {
        is(line, &Cause::Tool(name.to_owned()));
    }
}

#[test]
fn the_words_of_rustc_and_cargo_are_recognized() {
    for (line, cause) in [
        ("error[E0463]: can't find crate for `std`", Cause::NoStd),
        (
            "error: linker `/opt/nosuch-ld` not found",
            Cause::Linker("nosuch-ld".to_owned()),
        ),
        (
            "clang: error: invalid linker name in argument '-fuse-ld=mold'",
            Cause::Linker("mold".to_owned()),
        ),
        (
            "  process didn't exit successfully: `rustc …` (signal: 9, SIGKILL: kill)",
            Cause::Memory,
        ),
        (
            "collect2: fatal error: ld terminated with signal 9 [Killed]",
            Cause::Memory,
        ),
        ("memory allocation of 4096 bytes failed", Cause::Memory),
        ("  feature `edition2024` is required", Cause::Old),
        (
            "error: package `a v1.0.0` cannot be built because it requires rustc 1.80 or newer, \
             while the currently active rustc version is 1.63.0",
            Cause::Old,
        ),
        (
            "error[E0554]: `#![feature]` may not be used on the stable release channel",
            Cause::Nightly,
        ),
        (
            "package `z-sys` links to the native library `z`, but it conflicts with a previous",
            Cause::Links("z".to_owned()),
        ),
    ] {
        is(line, &cause);
    }
    let never = [
        "error[E0463]: can't find crate for `std`",
        "  = note: the `thumbv7em-none-eabihf` target may not support the standard library",
        "error[E0463]: can't find crate for `std`",
    ];
    assert_eq!(found(&never), [Cause::NeverStd]);
}

#[test]
fn what_only_looks_like_a_cause_is_none() {
    for line in [
        "12 |     println!(\"sh: 1: protoc: not found\");",
        "cannot read src/git/a.rs: No such file or directory (os error 2)",
        "thread 'main' panicked at 'file not found'",
        "/bin/sh: 1: $(rm -rf /): not found",
        "/usr/bin/ld: cannot find -l\u{1b}]0;x",
        "src/a.c:1:10: fatal error: ../../../../etc/passwd: No such file or directory",
        "shasum: x: not found",
        "crate `std` not found",
        "error: could not compile `app` due to previous error",
    ] {
        assert_eq!(found(&[line]), [], "{line}");
    }
}

#[test]
fn colours_hide_no_cause_and_hostile_names_are_bounded() {
    is(
        "\u{1b}[1m\u{1b}[31merror\u{1b}[0m: linker `x` not found",
        &Cause::Linker("x".to_owned()),
    );
    let long = format!("sh: 1: {}: not found", "a".repeat(1000));
    assert_eq!(found(&[&long]), []);
    let many: Vec<_> = (0..100)
        .map(|n| format!("sh: 1: tool{n}: not found"))
        .collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert_eq!(found(&many).len(), NAMED);
}

#[test]
fn packages_are_found_by_the_names_of_pkg_config_and_of_the_linker() {
    for (library, package) in [
        ("openssl", "libssl-dev"),
        ("crypto", "libssl-dev"),
        ("OpenSSL", "libssl-dev"),
        ("ZLIB", "zlib1g-dev"),
        ("X11", "libx11-dev"),
    ] {
        assert_eq!(packages::of_library(library), Some(package));
    }
    assert_eq!(packages::of_library("frobnicate"), None);
    assert_eq!(packages::of_header("openssl/evp.h"), Some("libssl-dev"));
    assert_eq!(packages::of_tool("cmake"), Some("cmake"));
    assert_eq!(packages::of_tool("protoc"), Some("protobuf-compiler"));
    assert_eq!(packages::of_linker("mold"), Some("mold"));
}

#[test]
fn a_subcommand_that_cargo_lacks_is_recognized() {
    is(
        "error: no such command: `clippy`",
        &Cause::Subcommand("clippy".to_owned()),
    );
}

#[test]
fn what_a_linker_says_of_symbols_and_of_other_machines_is_recognized() {
    for (line, symbol, library) in [
        (
            "a.rs:(.text+0x8): undefined reference to `nosuch_fn'",
            "nosuch_fn",
            None,
        ),
        (
            "x.o: undefined reference to `std::thread::join()'",
            "std::thread::join",
            Some("stdc++"),
        ),
        (
            "rust-lld: error: undefined symbol: __atomic_load_8",
            "__atomic_load_8",
            Some("atomic"),
        ),
        (
            "ld.lld: error: undefined symbol: operator new(unsigned long)",
            "operator new",
            Some("stdc++"),
        ),
        (
            "x.obj : error LNK2019: unresolved external symbol SSL_new referenced in",
            "SSL_new",
            Some("ssl"),
        ),
        (
            "/usr/bin/ld: x.o: undefined reference to `__isoc23_strtol'",
            "__isoc23_strtol",
            Some("c"),
        ),
    ] {
        is(line, &Cause::Symbol(symbol.to_owned()));
        assert_eq!(packages::of_symbol(symbol), library);
    }
    for (line, file) in [
        (
            "/usr/bin/ld: /w/lib/f.o: Relocations in generic ELF (EM: 62)",
            "f.o",
        ),
        (
            "/w/lib/f.o: error adding symbols: file in wrong format",
            "f.o",
        ),
        (
            "ld.lld: error: /w/libfoo.a(f.o) is incompatible with elf64-littleaarch64",
            "libfoo.a",
        ),
        (
            "mold: fatal: /w/f.o: incompatible file type: arm64 is expected but got x86_64",
            "f.o",
        ),
    ] {
        is(line, &Cause::Foreign(file.to_owned()));
    }
    let passed_over = "/usr/bin/ld: skipping incompatible /w/lib/libfoo.a when searching for -lfoo";
    assert_eq!(found(&[passed_over]), [], "the linker may find another one");
    let missing = "/usr/bin/ld: cannot find -lfoo: No such file or directory";
    assert_eq!(
        found(&[passed_over, missing]),
        [Cause::Foreign("libfoo.a".to_owned())]
    );
    is(
        "/usr/bin/ld: cannot find rsbegin.o: No such file or directory",
        &Cause::NoStartFiles,
    );
}

#[test]
fn old_and_missing_parts_of_an_environment_are_recognized() {
    let text = str::to_owned;
    for (line, cause) in [
        (
            "  CMake 3.28 or higher is required.  You are running version 3.25.1",
            Cause::Outdated(text("cmake")),
        ),
        (
            "Requested 'gtk4 >= 4.10' but version of GTK is 4.8.3",
            Cause::Outdated(text("gtk4")),
        ),
        (
            "Package 'glib-2.0' has version '2.74.6', required version is '>= 2.80'",
            Cause::Outdated(text("glib-2.0")),
        ),
        (
            "pkg-config has not been configured to support cross-compilation.",
            Cause::PkgConfigRefuses,
        ),
        (
            "/w/tool: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /w/tool)",
            Cause::Glibc(text("2.38")),
        ),
        (
            "Can't locate JSON/XS.pm in @INC (you may need to install the JSON::XS module)",
            Cause::PerlModule(text("JSON::XS")),
        ),
        (
            "ModuleNotFoundError: No module named 'jinja2'",
            Cause::PythonModule(text("jinja2")),
        ),
        (
            "  fatal: unable to read 78981922613b2afb6025042ff6bd878ac1994e85",
            Cause::PartialClone,
        ),
        (
            "fatal: could not fetch 78981922613b2afb6025042ff6bd878ac1994e85 from promisor remote",
            Cause::PartialClone,
        ),
        (
            "cross: 15: exec: frobnicate: not found",
            Cause::Tool(text("frobnicate")),
        ),
    ] {
        is(line, &cause);
    }
}

/// A more specific beginning of a header's path counts, wherever it is in the table.
#[test]
fn the_package_of_a_header_is_the_most_specific_one() {
    for (header, package) in [
        ("X11/extensions/Xrandr.h", "libxrandr-dev"),
        ("X11/extensions/shape.h", "libxext-dev"),
        ("python3.11/Python.h", "python3-dev"),
    ] {
        assert_eq!(packages::of_header(header), Some(package));
    }
}

/// rustc says so of a test without `std`, and a test binary of one that has no threads.
#[test]
fn tests_that_a_target_cannot_have_are_recognized() {
    is(
        "error[E0463]: can't find crate for `test`",
        &Cause::NoHarness,
    );
    is(
        "failed to spawn thread to run test: operation not supported on this platform",
        &Cause::NoThreads,
    );
}

#[test]
fn a_missing_dsymutil_is_in_the_package_of_llvms_tools() {
    let line = "error: unable to run `dsymutil`: No such file or directory (os error 2)";
    is(line, &Cause::Tool("dsymutil".to_owned()));
    assert_eq!(packages::of_tool("dsymutil"), Some("llvm"));
}

/// GCC calls every linker `ld`.
#[test]
fn the_linker_that_flags_name_is_the_one_that_is_missing() {
    let command = "  = note:  \"cc\" \"-m64\" \"-fuse-ld=lld\" \"/t/deps/app.o\" \"-fuse-ld=mold\"";
    let missing = "  = note: collect2: fatal error: cannot find 'ld'";
    let linker = |name: &str| [Cause::Linker(name.to_owned())];
    assert_eq!(found(&[command, missing]), linker("mold"));
    assert_eq!(found(&[missing]), linker("ld"));
}

/// The error says what the table and `explain` say.
#[test]
fn a_program_for_a_target_with_libraries_only_fails_with_the_reason_in_its_row() {
    use cross_targets::{DebianArch, Level, RustSource};
    let has_libraries_only = |target: &Target| target.facts().level() == Level::Libraries;
    let mut served = 0;
    for target in Target::all().filter(has_libraries_only) {
        let recipe = target.recipe(DebianArch::Amd64, RustSource::External);
        let recipe = recipe.unwrap();
        let variable = format!("CARGO_TARGET_{}_LINKER", target.env_upper());
        let Some(linker) = recipe.env.get(&variable) else {
            assert_eq!(target.facts().os, "cuda", "{target}");
            is(
                "error: linker `llvm-bitcode-linker` not found",
                &Cause::Linker("llvm-bitcode-linker".to_owned()),
            );
            continue;
        };
        is(
            &format!("error: linking with `{linker}` failed: exit status: 1"),
            &Cause::LibrariesOnly,
        );
        let why = target.facts().lacks().unwrap();
        let help = linking::libraries_only(target.triple(), None);
        assert!(help.contains(why), "{target}");
        assert!(
            help.contains("`cargo rustc --lib --crate-type staticlib`"),
            "{help}"
        );
        let explained = target.explain(DebianArch::Amd64);
        assert!(explained.contains(why), "{explained}");
        let program = recipe.files.iter().find(|file| file.path == *linker);
        assert!(
            program.unwrap().text.contains(&why.replace('\'', r"'\''")),
            "{target}"
        );
        served += 1;
    }
    assert!(served > 0);
}

#[test]
fn what_only_an_sdk_of_apples_has_is_recognized_in_the_words_of_every_linker() {
    for line in [
        "error: unable to find framework 'CoreFoundation'. searched paths:  none",
        "ld64.lld: error: framework not found for -framework CoreFoundation",
        "ld: framework 'CoreFoundation' not found",
    ] {
        is(line, &Cause::Framework("CoreFoundation".to_owned()));
    }
    let lacks = "error: aarch64-apple-ios: programs and C code for it need an SDK of Apple's, which is \
        a part of Xcode";
    is(lacks, &Cause::Sdk);
}
