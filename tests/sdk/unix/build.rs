//! Compiles the C file, which includes a header of the SDK.

fn main() {
    println!("cargo::rerun-if-changed=native.c");
    cc::Build::new().file("native.c").compile("native");
}
