//! The readers of what ran inside an environment, for the fuzz targets.
//!
//! This module exists only where `cargo fuzz` compiles the crate, which sets `cfg(fuzzing)`.

use std::path::Path;

use cross_engine::process::Stream;
use cross_engine::process::untrusted::Dir;

use crate::cargo::dep_info;
use crate::cargo::json::Metadata;
use crate::cargo::products::{Product, Products};
use crate::execute::cargo_output;
use crate::execute::libtest;
use crate::execute::nextest;
use crate::host::binary::Binary;
use crate::host::needs::Needs;
use crate::host::wasm_tests;
use crate::model::fixed_paths::FixedPaths;
use crate::target::emulator_crash::EmulatorKind;

/// The target whose artifacts are believed. No machine has a directory of that name at its root.
const TRIPLE: &str = "aarch64-unknown-linux-gnu";

/// Reads the lines of cargo's standard output, for a workspace whose metadata is the first line.
///
/// # Panics
///
/// Where a file is believed that cargo does not make.
pub fn cargo_messages(text: &str) {
    let (first, lines) = text.split_once('\n').unwrap_or_default();
    let Ok(metadata) = Metadata::parse(first) else {
        return;
    };
    let all = metadata.packages.iter().flat_map(Product::of_package);
    let products = Products::new(all.collect(), TRIPLE);
    let Ok(root) = Dir::open("/") else {
        return;
    };
    let mut reader = cargo_output::Reader::new(&root, &products, Path::new("/w/target"));
    for line in lines.lines() {
        let _ = reader.read(line);
    }
    assert!(reader.artifacts.is_empty(), "{:?}", reader.artifacts);
}

/// Reads the answer of `cargo metadata`.
pub fn cargo_metadata(text: &str) {
    if let Ok(metadata) = Metadata::parse(text) {
        let _ = metadata.workspace_packages().count();
    }
}

/// Reads the output of `cargo test`, as of each emulator.
///
/// # Panics
///
/// Where more is counted than was read.
pub fn test_output(text: &str) {
    for emulator in [
        EmulatorKind::None,
        EmulatorKind::Qemu,
        EmulatorKind::Machine,
        EmulatorKind::Wine,
    ] {
        let mut of_cargo = libtest::Reader::new(emulator, &[]);
        let mut of_binary = libtest::Reader::new(emulator, &[]);
        of_binary.start("app-0123456789abcdef", true, None);
        for line in text.lines() {
            of_cargo.read(Stream::Stdout, line);
            of_cargo.read(Stream::Stderr, line);
            of_binary.read_binary(Stream::Stdout, line);
        }
        of_binary.list(text);
        let lines = text.lines().count();
        assert!(of_cargo.summary().binaries.len() <= lines);
        assert!(of_binary.summary().binaries.len() <= 1);
    }
}

/// Reads the output of nextest.
///
/// # Panics
///
/// Where more is counted than was read.
pub fn nextest_output(text: &str) {
    let mut reader = nextest::Reader::default();
    for line in text.lines() {
        if !reader.read(line) {
            reader.read_words(line);
        }
    }
    let _ = reader.contradiction();
    let _ = reader.ends();
    let summary = reader.finish();
    let tests = summary.binaries.iter().map(|binary| binary.tests.len());
    assert!(tests.sum::<usize>() <= text.lines().count());
}

/// Reads a dep-info file.
///
/// # Panics
///
/// Where a source has no name.
pub fn dep_info(text: &str) {
    for source in dep_info::parse(text, &FixedPaths::default()) {
        assert!(!source.as_os_str().is_empty());
    }
}

/// Reads a program or library.
///
/// # Panics
///
/// Where more tests have names than there are.
pub fn program(bytes: &[u8]) {
    if let Ok(binary) = Binary::parse(bytes) {
        let _ = binary.to_string();
        let _ = binary.runs_on(cross_targets::GlibcVersion::new(2, 17));
    }
    let _ = Needs::parse(bytes);
    if let Some(Some(tests)) = wasm_tests::parse(bytes) {
        assert!(tests.names.len() <= tests.count);
    }
}
