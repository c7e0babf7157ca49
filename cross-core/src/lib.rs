//! Cross compile and cross test Rust crates from Rust: one call, typed in, typed out.
