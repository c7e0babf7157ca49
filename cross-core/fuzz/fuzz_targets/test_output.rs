//! Any text as the output of `cargo test`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| cross_core::fuzzing::test_output(input));
