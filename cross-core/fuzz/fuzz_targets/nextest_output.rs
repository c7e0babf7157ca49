//! Any text as the output of nextest.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| cross_core::fuzzing::nextest_output(input));
