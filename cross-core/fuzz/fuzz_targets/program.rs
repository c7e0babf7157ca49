//! Any bytes as a program or library.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| cross_core::fuzzing::program(input));
