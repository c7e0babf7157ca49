//! Compiles the C and C++ files, as a crate with native code does.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=native");
    println!("cargo::rustc-check-cfg=cfg(no_libc, cortex_m)");
    let os = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let bare = ["none", "cuda", "uefi", "unknown"].contains(&os.as_str());
    if bare {
        println!("cargo::rustc-cfg=no_libc");
    }
    // No stable rustc says that a processor has an M profile.
    if os == "none" && env::var("TARGET").is_ok_and(|target| target.starts_with("thumbv")) {
        println!("cargo::rustc-cfg=cortex_m");
    }
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
