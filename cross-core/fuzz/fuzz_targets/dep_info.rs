//! Any text as a dep-info file.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| cross_core::fuzzing::dep_info(input));
