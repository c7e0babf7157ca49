//! Any text as the standard output of a cargo that speaks JSON.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| cross_core::fuzzing::cargo_messages(input));
