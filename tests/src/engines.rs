//! The real engines of this machine: every one of them is needed, and none is passed over.

use cross_engine::{Cancel, Host, RootSource};

use crate::ambient;

/// The engine called `name` as it answers here.
///
/// # Panics
///
/// When it does not answer: a missing engine is a failure of the suite, never a test that is left
/// out.
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

/// A test for every engine from a function that takes an engine's name: `compile_error` becomes
/// `compile_error::sandbox`, `compile_error::docker` and `compile_error::podman`.
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
