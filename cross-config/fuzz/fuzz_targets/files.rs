//! Reads arbitrary text as `Cross.toml` and `Cargo.toml`: no panic, and every problem has a
//! location.

#![no_main]

use std::path::Path;

use cross_config::{Config, Layer};
use libfuzzer_sys::fuzz_target;

const TRIPLE: &str = "x86_64-unknown-linux-gnu.2.17";

fuzz_target!(|text: &str| {
    let lines = text.split('\n').count();
    let cross = Layer::cross_toml(Path::new("Cross.toml"), text);
    let cargo = Layer::cargo_toml(Path::new("Cargo.toml"), text);
    let config = Config::merge([cross, cargo]);
    for problem in config.diagnostics() {
        let location = problem.location.as_ref().expect("every problem has a location");
        assert!((1..=lines).contains(&(location.line as usize)), "{problem}");
        assert!(location.column >= 1, "{problem}");
    }
    let rows = config.explain();
    assert!(rows.iter().all(|row| !row.key.is_empty()));
    let target = config.for_target(TRIPLE);
    assert!(target.engine.is_some() && target.toolchain.is_some());
});
