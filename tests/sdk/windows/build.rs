//! Compiles the C file, with clang-cl.

fn main() {
    println!("cargo::rerun-if-changed=native.c");
    cc::Build::new().file("native.c").compile("native");
}
