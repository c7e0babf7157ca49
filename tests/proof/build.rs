//! Compiles the C and C++ files, as a crate with native code does.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=native");
    let bare = env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none");
    let asked = |feature: &str| env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    if asked("C") {
        cc::Build::new().file("native/plain.c").compile("plain");
    }
    if asked("CXX") {
        let mut plain = cc::Build::new();
        plain.cpp(true).file("native/plain.cpp");
        if bare {
            plain.cpp_link_stdlib(None);
            plain.flag("-fno-exceptions").flag("-fno-rtti");
        } else {
            plain.std("c++14").file("native/library.cpp");
        }
        plain.compile("plain-cxx");
    }
    #[cfg(feature = "cxx-bridge")]
    cxx_build::bridge("src/bridge.rs")
        .file("native/bridge.cpp")
        .include("native")
        .std("c++14")
        .compile("bridge");
    #[cfg(feature = "bindgen")]
    bindgen::builder()
        .header("native/described.h")
        .allowlist_type("described")
        .allowlist_function("snprintf")
        .generate()
        .expect("clang finds the target's headers")
        .write_to_file(
            std::path::Path::new(&env::var_os("OUT_DIR").expect("cargo sets it"))
                .join("described.rs"),
        )
        .expect("OUT_DIR can be written");
}
