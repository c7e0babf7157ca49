//! The compiler of Zig's recipes as a linker: what it gives to Rust's linker, and what to Zig.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::path::PathBuf;

use cross_engine::Invocation;
use cross_targets::{DebianArch, RustSource, Target};
use cross_tests::tool;

/// What rustc gives to the linker of a program for x86_64, in short.
const STATIC_PIE: &str = "-m64 /rust/self-contained/rcrt1.o /rust/self-contained/crti.o a.rcgu.o \
                          -Wl,-Bstatic -lunwind /rust/liblibc.rlib -lc -Wl,-z,noexecstack \
                          -nostartfiles -L /rust/self-contained -o program -Wl,--gc-sections \
                          -static-pie -Wl,-z,relro,-z,now -Wl,--strip-debug -nodefaultlibs \
                          /rust/self-contained/crtn.o";

/// The script with programs that only say how they were called.
struct Linker {
    dir: tempfile::TempDir,
    script: PathBuf,
}

impl Linker {
    /// The compiler of `target`. `lld` is the status of Rust's linker, if the toolchain has it.
    fn of(target: &str, lld: Option<i32>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let target = Target::parse(target).unwrap();
        let recipe = target.recipe(DebianArch::Amd64, RustSource::External);
        let recipe = recipe.unwrap();
        let compiler = &recipe.env[&format!("CC_{}", target.env_lower())];
        let file = recipe.files.iter().find(|file| file.path == *compiler);
        let opt = dir.path().join("zig").display().to_string();
        let linker = Linker {
            script: dir.path().join("cross-cc"),
            dir,
        };
        linker.program("cross-cc", &file.unwrap().text.replace("/opt/zig", &opt));
        linker.says("zig/ziglang/zig", "zig", 0);
        if let Some(status) = lld {
            linker.says("bin/rust-lld", "rust-lld", status);
        }
        linker
    }

    /// Adds the libraries that are made with the environment.
    fn with_parts(self) -> Self {
        let parts = "libc.a libc++.a libunwind.a libcompiler_rt.a";
        for part in parts.split(' ').chain(["crt1.o", "rcrt1.o"]) {
            self.file(&format!("zig/parts/{part}"));
        }
        self
    }

    fn file(&self, path: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
    }

    /// Writes a program, in a process of its own: what is open for writing cannot be started, and
    /// another test may start a process meanwhile.
    fn program(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let write = "printf %s \"$2\" >\"$1\" && chmod 755 \"$1\"";
        let path = path.to_str().unwrap();
        tool::stdout(&Invocation::new("/bin/sh").args(["-c", write, "sh", path, text]));
    }

    fn says(&self, path: &str, name: &str, status: i32) {
        let said = self.said_file().display().to_string();
        let text = format!("#!/bin/sh\necho {name} \"$@\" >>'{said}'\nexit {status}\n");
        self.program(path, &text);
    }

    fn said_file(&self) -> PathBuf {
        self.dir.path().join("said")
    }

    /// Calls the script, and returns the programs that it called, a line for each.
    fn link(&self, words: &str) -> Vec<String> {
        let path = format!("{}/bin:/usr/bin:/bin", self.dir.path().display());
        let call = Invocation::new(self.script.to_str().unwrap()).args(words.split_whitespace());
        tool::stdout(&call.env("PATH", path));
        let said = fs::read_to_string(self.said_file()).unwrap();
        let _ = fs::remove_file(self.said_file());
        let dir = self.dir.path().display().to_string();
        said.lines().map(|line| line.replace(&dir, "")).collect()
    }
}

fn called(said: &[String]) -> Vec<&str> {
    let names = said.iter().map(|line| line.split(' ').next());
    names.flatten().collect()
}

#[test]
fn rusts_own_linker_gets_what_rust_bundles() {
    let said = Linker::of("x86_64-unknown-linux-musl", Some(0)).link(STATIC_PIE);
    assert_eq!(
        said,
        [
            "rust-lld -flavor gnu -z stack-size=16777216 /rust/self-contained/rcrt1.o \
             /rust/self-contained/crti.o a.rcgu.o -Bstatic /rust/liblibc.rlib -z noexecstack \
             -L /rust/self-contained -o program --gc-sections -static -pie --no-dynamic-linker \
             -z text -z relro -z now --strip-debug /rust/self-contained/crtn.o -lunwind -lc"
        ]
    );
}

#[test]
fn the_cxx_library_is_the_environments() {
    let cxx = format!("{STATIC_PIE} -lstdc++");
    let with = Linker::of("x86_64-unknown-linux-musl", Some(0)).with_parts();
    let said = with.link(&cxx);
    let libraries = "/zig/parts/libc++.a -lunwind -lc";
    assert!(said[0].contains(libraries), "{said:?}");
    let without = Linker::of("x86_64-unknown-linux-musl", Some(0));
    assert_eq!(called(&without.link(&cxx)), ["zig"]);
}

#[test]
fn what_rusts_linker_cannot_link_is_linked_by_zig() {
    let linker = Linker::of("x86_64-unknown-linux-musl", Some(1)).with_parts();
    assert_eq!(called(&linker.link(STATIC_PIE)), ["rust-lld", "zig"]);
}

#[test]
fn what_is_not_understood_is_left_to_zig() {
    let linker = Linker::of("x86_64-unknown-linux-musl", Some(0)).with_parts();
    for more in ["-shared", "-Xlinker --x", "@arguments", "--unknown"] {
        linker.file("arguments");
        let words = format!("{STATIC_PIE} {more}");
        let words = words.replace("@", &format!("@{}/", linker.dir.path().display()));
        assert_eq!(called(&linker.link(&words)), ["zig"], "{more}");
    }
    assert_eq!(called(&linker.link("-c a.c -o a.o")), ["zig"]);
}

/// Rust's `std` that is built from source brings no musl, and Debian's Rust no linker.
#[test]
fn without_rusts_parts_those_of_the_environment_are_linked_by_zigs_lld() {
    let words = "-m32 a.o -lgcc_eh -lc -o program -static -no-pie -nodefaultlibs";
    let linker = Linker::of("i686-unknown-linux-musl", None).with_parts();
    let said = linker.link(words);
    assert_eq!(
        said,
        [
            "zig ld.lld -z stack-size=16777216 /zig/parts/crt1.o a.o -o program \
             -static /zig/parts/libunwind.a /zig/parts/libc.a \
             /zig/parts/libcompiler_rt.a"
        ]
    );
    let without = Linker::of("i686-unknown-linux-musl", None);
    assert_eq!(called(&without.link(words)), ["zig"]);
    assert!(without.link(words)[0].starts_with("zig cc -target"));
}

#[test]
fn other_systems_are_linked_by_zig_with_the_cxx_library_of_the_environment() {
    let floor = || Linker::of("aarch64-unknown-linux-gnu.2.17", Some(0));
    let words = "a.o -lstdc++ -lgcc_s -lc -o program -pie -nodefaultlibs";
    let zig = "zig cc -target aarch64-linux-gnu.2.17 -fno-sanitize=undefined a.o";
    let said = floor().with_parts().link(words);
    assert_eq!(
        said,
        [format!(
            "{zig} /zig/parts/libc++.a -lunwind -o program -pie"
        )]
    );
    let said = floor().link(words);
    assert_eq!(said, [format!("{zig} -lstdc++ -lunwind -o program -pie")]);
}
