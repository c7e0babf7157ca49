//! Any text as the answer of `cargo metadata`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| cross_core::fuzzing::cargo_metadata(input));
