//! Reads arbitrary environments, given as `NAME=value` separated by NUL bytes: no panic, and every
//! problem names a variable that is set.

#![no_main]

use cross_config::{Config, Env, Layer};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let pairs = text.split('\0').filter_map(|line| line.split_once('='));
    let set = |env: Env, (name, value): (&str, &str)| env.set(name, value);
    let env = pairs.fold(Env::new(), set);
    let config = Config::merge([Layer::variables(&env)]);
    for problem in config.diagnostics() {
        let name = problem
            .variable
            .as_deref()
            .expect("every problem has a variable");
        assert!(env.get(name).is_some(), "{problem}");
    }
    for row in config.explain() {
        assert!(!row.key.is_empty());
    }
    assert!(
        config
            .for_target("thumbv8m.main-none-eabi")
            .engine
            .is_some()
    );
});
