//! The real engines of this machine. The suites need all of them, and skip none.

use cross_engine::{Cancel, Host, RootSource};

use crate::ambient;

/// Returns the engine called `name`.
///
/// # Panics
///
/// If the engine does not work: a missing engine fails the suite, and never skips a test.
#[track_caller]
pub fn need(name: &str) -> cross_engine::Engine {
    let host = Host::new(ambient::variables().collect(), "/nonexistent");
    let preference = cross_engine::EnginePreference::from(name);
    match cross_engine::select(&preference, RootSource::Recipe, &host, &Cancel::new()) {
        Ok(selected) => selected.engine,
        Err(error) => panic!(
            "this suite needs {name} (`cargo xtask setup --engine all`): {error}; {}",
            error.help().unwrap_or_default()
        ),
    }
}

/// Makes a test for each engine from a function that takes an engine's name: `compile_error`
/// becomes `compile_error::sandbox`, `compile_error::docker` and `compile_error::podman`.
#[macro_export]
macro_rules! on_engines {
    ($($name:ident)*) => {
        $($crate::on_engines!(@ $name sandbox docker podman);)*
    };
    (@ $name:ident $($engine:ident)*) => {
        mod $name {
            $(
                #[test]
                fn $engine() {
                    let engine = stringify!($engine);
                    $crate::engines::need(engine);
                    super::$name(engine);
                }
            )*
        }
    };
}
