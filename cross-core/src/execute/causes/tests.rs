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
