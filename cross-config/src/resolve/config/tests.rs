//! Precedence of values, and their explanation.

use std::path::Path;

use super::*;
use crate::diagnostics::origin::SourceLocation;
use crate::keys::key::{Key, Level};
use crate::layers::layer_values::LayerValues;
use crate::values::network::NetworkMode;
use crate::values::scalar::Scalar as _;
use crate::values::value::RawValue;
use crate::values::value_kind::ValueKind;
use crate::variables::env::Env;

mod groups;
mod properties;

const S390X: &str = "s390x-unknown-linux-gnu";

/// All sources that a user or an application can write, lowest first.
const SOURCES: [LayerKind; 5] = [
    LayerKind::Embedder,
    LayerKind::CargoToml,
    LayerKind::CrossToml,
    LayerKind::Variables,
    LayerKind::Request,
];

fn cross(text: &str) -> Layer {
    Layer::cross_toml(Path::new("Cross.toml"), text)
}

fn cargo(text: &str) -> Layer {
    Layer::cargo_toml(Path::new("Cargo.toml"), text)
}

fn variables(variables: &[(&str, &str)]) -> Layer {
    let set = |env: Env, (name, value): &(&str, &str)| env.set(*name, *value);
    Layer::variables(&variables.iter().fold(Env::new(), set))
}

fn merge(layers: impl IntoIterator<Item = Layer>) -> Config {
    let config = Config::merge(layers);
    assert_eq!(
        config
            .diagnostics()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        [""; 0]
    );
    config
}

fn rows(config: &Config) -> Vec<String> {
    config
        .explain()
        .iter()
        .map(|row| format!("{} = {} ({})", row.key, row.value, row.origin))
        .collect()
}

/// Two valid values of a key, so that one can win over the other.
fn values_of(key: &Key) -> [&'static str; 2] {
    match key.name {
        "default-target" | "targets" => [S390X, "aarch64-unknown-linux-gnu"],
        "memory" => ["512m", "4g"],
        "network" => ["none", "host"],
        "deployment-target" => ["11.0", "12.3"],
        "snapshot" => ["https://m/one", "https://m/two"],
        "zig.version" => ["2.17", "2.31"],
        "zig.enable" | "serial-tests" | "reproducible" => ["true", "false"],
        "image.toolchain" | "zig.image.toolchain" => [
            "linux/amd64=x86_64-unknown-linux-gnu",
            "linux/arm64=aarch64-unknown-linux-gnu",
        ],
        _ => ["one", "two"],
    }
}

/// A raw value with a type that the key takes.
fn raw(key: &Key, value: &str, origin: &Origin) -> RawValue {
    let item = Sourced::new(value.to_owned(), origin.clone());
    match key.kinds() {
        [.., ValueKind::Array] => RawValue::List(vec![item]),
        [ValueKind::Table] => RawValue::Map(vec![("ARG".to_owned(), item)]),
        [ValueKind::Boolean] => RawValue::Flag(value == "true"),
        _ => RawValue::Text(value.to_owned()),
    }
}

/// The raw value in TOML.
fn toml_of(raw: &RawValue) -> String {
    match raw {
        RawValue::Flag(on) => on.to_string(),
        RawValue::Text(text) => format!("'{text}'"),
        RawValue::List(items) => format!("['{}']", items[0].value),
        RawValue::Map(entries) => format!("{{ {} = '{}' }}", entries[0].0, entries[0].1.value),
    }
}

/// A layer of `source` that sets one key to `value`.
fn saying(source: LayerKind, level: Level, key: &Key, value: &str) -> Layer {
    let table = if level == Level::Build {
        "build".to_owned()
    } else {
        format!("target.{S390X}")
    };
    let raw = raw(key, value, &Origin::BuiltIn);
    let toml = format!("{table}.{} = {}", key.name, toml_of(&raw));
    match source {
        LayerKind::CargoToml => cargo(&format!("workspace.metadata.cross.{toml}")),
        LayerKind::CrossToml => cross(&toml),
        LayerKind::Variables => {
            let name = if level == Level::Build {
                key.build_variables[0].to_owned()
            } else {
                variables::for_target(S390X, key.target_suffix.unwrap())
            };
            let text = match raw {
                RawValue::Map(_) => format!("ARG={value}"),
                _ => value.to_owned(),
            };
            variables(&[(&name, &text)])
        }
        LayerKind::BuiltIn | LayerKind::Embedder | LayerKind::Request => {
            built(source, level, key, value)
        }
    }
}

fn built(source: LayerKind, level: Level, key: &Key, value: &str) -> Layer {
    let mut layer_values = LayerValues::default();
    let values = match level {
        Level::Build => &mut layer_values.build,
        Level::Target => layer_values.targets.entry(S390X.to_owned()).or_default(),
    };
    let origin = if source == LayerKind::Request {
        Origin::Request
    } else {
        Origin::Embedder("app".into())
    };
    let raw = Sourced::new(raw(key, value, &origin), origin);
    assert_eq!(values.store(key, raw), []);
    Layer {
        kind: source,
        values: layer_values,
    }
}

/// In `cross`, `Cargo.toml` wins over `Cross.toml`.
#[test]
fn the_higher_source_wins_for_every_pair_of_sources_and_every_key() {
    let mut checked = 0;
    for (at, low) in SOURCES.into_iter().enumerate() {
        for high in SOURCES.into_iter().skip(at + 1) {
            for key in KEYS {
                for level in key.levels {
                    let [first, second] = values_of(key);
                    let below = saying(low, *level, key, first);
                    let above = saying(high, *level, key, second);
                    // The order in which layers are passed makes no difference.
                    check_pair(
                        key,
                        *level,
                        Config::merge([below.clone(), above.clone()]),
                        low,
                        high,
                    );
                    check_pair(key, *level, Config::merge([above, below]), low, high);
                    checked += 1;
                }
            }
        }
    }
    let places: usize = KEYS.iter().map(|key| key.levels.len()).sum();
    assert_eq!(checked, 10 * places);
}

fn check_pair(key: &Key, level: Level, config: Config, low: LayerKind, high: LayerKind) {
    let table = if level == Level::Build {
        "build".to_owned()
    } else {
        format!("target.{S390X}")
    };
    let name = format!("{table}.{}", key.name);
    let found: Vec<_> = config
        .explain()
        .into_iter()
        .filter(|row| row.key == name || row.key == format!("{name}.ARG"))
        .map(|row| row.value)
        .collect();
    let [first, second] = values_of(key);
    let files = low == LayerKind::CargoToml && high == LayerKind::CrossToml;
    let expected: &[&str] = if key.accumulates && !files {
        &[first, second]
    } else {
        &[second]
    };
    assert_eq!(found, expected, "{name}: {low:?} < {high:?}");
}

#[test]
fn the_built_in_layer_is_below_the_embedder() {
    assert_eq!(
        rows(&merge([])),
        [
            "build.engine = auto (built-in)",
            "build.toolchain = host (built-in)"
        ]
    );
    let config = merge([Layer::embedder("app")
        .engine("podman")
        .toolchain("image")
        .build()]);
    assert_eq!(
        rows(&config),
        [
            "build.engine = podman (embedder app)",
            "build.toolchain = image (embedder app)"
        ]
    );
}

#[test]
fn the_target_wins_over_build_whatever_the_sources_except_the_request() {
    let both = KEYS.iter().filter(|key| key.levels.len() == 2);
    let mut checked = 0;
    for key in both.filter(|key| !key.accumulates && key.name != "packages") {
        for build in SOURCES {
            for target in SOURCES {
                let [of_build, of_target] = values_of(key);
                let below = saying(build, Level::Build, key, of_build);
                let above = saying(target, Level::Target, key, of_target);
                let config = Config::merge([below, above]);
                let request_only_at_build =
                    build == LayerKind::Request && target != LayerKind::Request;
                let expected = if request_only_at_build {
                    of_build
                } else {
                    of_target
                };
                assert_eq!(
                    resolved(&config, S390X, key),
                    [expected],
                    "{} {build:?} {target:?}",
                    key.name
                );
                let other = resolved(&config, "riscv64gc-unknown-linux-gnu", key);
                assert_eq!(other, [of_build]);
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 18 * SOURCES.len() * SOURCES.len());
}

/// The resolved value for one target.
fn resolved(config: &Config, triple: &str, key: &Key) -> Vec<String> {
    let rows = (key.field)(&config.merged(Some(triple))).rows();
    rows.unwrap_or_default()
        .into_iter()
        .map(|row| row.value)
        .collect()
}

#[test]
fn precedence_of_variables_and_files_is_that_of_cross() {
    let file = format!("build.network = 'none'\ntarget.{S390X}.network = 'host'");
    let network = |layers: Vec<Layer>| merge(layers).for_target(S390X).network.unwrap().to_string();
    assert_eq!(network(vec![cross(&file)]), "host (Cross.toml:2:42)");
    assert_eq!(
        network(vec![
            cross(&file),
            variables(&[("CROSS_BUILD_NETWORK", "default")])
        ]),
        "host (Cross.toml:2:42)"
    );
    let name = "CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU_NETWORK";
    assert_eq!(
        network(vec![cross(&file), variables(&[(name, "default")])]),
        format!("default ({name})")
    );
}

#[test]
fn packages_of_build_and_target_are_added_up_and_replaced_by_higher_sources() {
    let low = cargo(&format!(
        "[workspace.metadata.cross]\nbuild.packages = ['a0', 'b0']\ntarget.{S390X}.packages = ['c0', 'a0']"
    ));
    let names = |layers: Vec<Layer>| -> Vec<String> {
        merge(layers)
            .for_target(S390X)
            .packages
            .into_iter()
            .map(|package| package.value)
            .collect()
    };
    assert_eq!(names(vec![low.clone()]), ["a0", "b0", "c0"]);
    assert_eq!(
        names(vec![low.clone(), cross("build.packages = ['x0']")]),
        ["x0", "c0", "a0"]
    );
    assert_eq!(
        names(vec![
            low.clone(),
            variables(&[("CROSS_BUILD_PACKAGES", " x0\ty0 ")])
        ]),
        ["x0", "y0", "c0", "a0"]
    );
    assert_eq!(
        names(vec![low.clone(), cross("build.packages = []")]),
        ["c0", "a0"]
    );
    assert_eq!(
        names(vec![low, Layer::request().packages(["r0"]).build()]),
        ["r0", "c0", "a0"]
    );
}

#[test]
fn passthrough_is_added_up_over_levels_and_sources() {
    let layers = || {
        [
            Layer::embedder("app").passthrough(["E"]).build(),
            cross(&format!(
                "build.env.passthrough = ['A', 'B=1']\ntarget.{S390X}.env.passthrough = ['C']"
            )),
            variables(&[
                ("CROSS_BUILD_ENV_PASSTHROUGH", "V W=2"),
                ("CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU_ENV_PASSTHROUGH", "T"),
            ]),
            Layer::request().passthrough(["R"]).build(),
        ]
    };
    let shown = |config: &Config| -> Vec<String> {
        config
            .for_target(S390X)
            .passthrough
            .iter()
            .map(|variable| variable.value.describe())
            .collect()
    };
    assert_eq!(
        shown(&merge(layers())),
        ["E", "A", "B=[redacted]", "V", "W=[redacted]", "C", "T", "R"]
    );
    // A variable for a target does not hide other values, as it does in `cross`.
    let alone = variables(&[("CROSS_TARGET_S390X_UNKNOWN_LINUX_GNU_ENV_PASSTHROUGH", "T")]);
    assert_eq!(
        shown(&merge([cross("build.env.passthrough = ['A']"), alone])),
        ["A", "T"]
    );
    // Of two files, the list of the higher one replaces the other's.
    let below = cargo("package.metadata.cross.build.env.passthrough = ['P']");
    assert_eq!(
        shown(&merge([
            below.clone(),
            cross("build.env.passthrough = ['A']")
        ])),
        ["A"]
    );
    assert_eq!(
        shown(&merge([below, cross("build.network = 'none'")])),
        ["P"]
    );
}

#[test]
fn of_two_passthroughs_with_one_name_the_one_that_holds_more_is_left() {
    let file = cross(&format!(
        "build.env.passthrough = ['A=build', 'B']\ntarget.{S390X}.env.passthrough = ['A=target']"
    ));
    let left = merge([file]).for_target(S390X).passthrough;
    let left: Vec<_> = left
        .iter()
        .map(|variable| {
            (
                variable.value.name.as_str(),
                variable.value.value.as_deref(),
            )
        })
        .collect();
    assert_eq!(left, [("B", None), ("A", Some("target"))]);
}

#[test]
fn default_target_takes_ours_then_cargos_variable_then_the_file() {
    let file = cross("build.default-target = 's390x-unknown-linux-gnu'");
    let default = |env: &[(&str, &str)]| {
        merge([file.clone(), variables(env)])
            .default_target()
            .map(ToString::to_string)
            .unwrap()
    };
    assert_eq!(default(&[]), "s390x-unknown-linux-gnu (Cross.toml:1:24)");
    let cargos = ("CARGO_BUILD_TARGET", "aarch64-unknown-linux-gnu");
    assert_eq!(
        default(&[cargos]),
        "aarch64-unknown-linux-gnu (CARGO_BUILD_TARGET)"
    );
    assert_eq!(
        default(&[
            cargos,
            ("CROSS_BUILD_TARGET", "riscv64gc-unknown-linux-gnu")
        ]),
        "riscv64gc-unknown-linux-gnu (CROSS_BUILD_TARGET)"
    );
    assert_eq!(
        default(&[cargos, ("CROSS_BUILD_TARGET", "")]),
        "aarch64-unknown-linux-gnu (CARGO_BUILD_TARGET)"
    );
}

#[test]
fn targets_are_one_list_with_the_place_of_the_whole() {
    let config = merge([cross(
        "[build]\ntargets = ['s390x-unknown-linux-gnu', 'aarch64-unknown-linux-gnu']",
    )]);
    let targets = config.targets().unwrap();
    assert_eq!(
        targets.value,
        ["s390x-unknown-linux-gnu", "aarch64-unknown-linux-gnu"]
    );
    assert_eq!(
        targets.origin,
        Origin::CrossToml(SourceLocation::new("Cross.toml", 2, 11))
    );
}

#[test]
fn an_empty_runner_means_the_usual_one() {
    let below = cargo(&format!(
        "workspace.metadata.cross.target.{S390X}.runner = 'native'"
    ));
    assert_eq!(
        merge([below.clone()])
            .for_target(S390X)
            .runner
            .unwrap()
            .value,
        "native"
    );
    assert_eq!(
        merge([below, cross(&format!("target.{S390X}.runner = ''"))])
            .for_target(S390X)
            .runner,
        None
    );
}

#[test]
fn a_floor_inherits_what_is_said_about_its_triple() {
    let file = cross(
        "[target.x86_64-unknown-linux-gnu]\nnetwork = 'none'\nsuite = 'trixie'\n\
         [target.\"x86_64-unknown-linux-gnu.2.17\"]\nsuite = 'buster'\n",
    );
    let config = merge([file]);
    let floor = config.for_target("x86_64-unknown-linux-gnu.2.17");
    assert_eq!(floor.network.unwrap().value, NetworkMode::None);
    assert_eq!(floor.suite.unwrap().value, "buster");
    assert_eq!(
        config
            .for_target("x86_64-unknown-linux-gnu")
            .suite
            .unwrap()
            .value,
        "trixie"
    );
}

/// Shells cannot export names with dots, which `cross` requires.
#[test]
fn a_triple_with_a_dot_has_variables_a_shell_can_export() {
    for name in [
        "CROSS_TARGET_THUMBV8M_MAIN_NONE_EABI_RUNNER",
        "CROSS_TARGET_THUMBV8M.MAIN_NONE_EABI_RUNNER",
    ] {
        let config = merge([variables(&[(name, "probe-rs")])]);
        assert_eq!(
            config
                .for_target("thumbv8m.main-none-eabi")
                .runner
                .unwrap()
                .to_string(),
            format!("probe-rs ({name})")
        );
    }
}

#[test]
fn explain_shows_every_value_with_its_origin_and_no_secret() {
    let config = merge([
        Layer::embedder("app")
            .on("riscv64gc-unknown-linux-gnu")
            .suite("trixie")
            .build(),
        cargo("[package.metadata.cross.build]\nnetwork = 'none'\npackages = []\n"),
        cross(
            "[build]\ntargets = ['s390x-unknown-linux-gnu']\n[target.s390x-unknown-linux-gnu]\npackages = ['a0', 'b0']\nenv.passthrough = ['TOKEN=hunter2']\n",
        ),
        variables(&[
            ("CROSS_CONTAINER_ENGINE", "docker"),
            ("CROSS_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", "native"),
            ("CROSS_TARGET_MY_OWN_RUNNER", "sh"),
        ]),
        Layer::request().network(NetworkMode::Host).build(),
    ]);
    assert_eq!(
        rows(&config),
        [
            "build.targets = s390x-unknown-linux-gnu (Cross.toml:2:12)",
            "build.engine = docker (CROSS_CONTAINER_ENGINE)",
            "build.toolchain = host (built-in)",
            "build.network = host (request)",
            "build.packages = [] (Cargo.toml:3:12)",
            "target.MY_OWN.runner = sh (CROSS_TARGET_MY_OWN_RUNNER)",
            "target.aarch64-unknown-linux-gnu.runner = native (CROSS_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER)",
            "target.riscv64gc-unknown-linux-gnu.suite = trixie (embedder app)",
            "target.s390x-unknown-linux-gnu.packages = a0 (Cross.toml:4:13)",
            "target.s390x-unknown-linux-gnu.packages = b0 (Cross.toml:4:19)",
            "target.s390x-unknown-linux-gnu.env.passthrough = TOKEN=[redacted] (Cross.toml:5:20)",
        ]
    );
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn explained_rows_are_serialised_with_their_origin() {
    let config = merge([cross("build.network = 'none'")]);
    let json = serde_json::to_value(config.explain()).unwrap();
    assert_eq!(
        json,
        serde_json::json!([
            {"key": "build.engine", "value": "auto", "origin": "built-in"},
            {"key": "build.toolchain", "value": "host", "origin": "built-in"},
            {"key": "build.network", "value": "none",
             "origin": {"cross-toml": {"path": "Cross.toml", "line": 1, "column": 17}}},
        ])
    );
}

#[test]
fn public_types_are_send_and_sync() {
    fn check<T: Send + Sync + 'static>() {}
    check::<Config>();
    check::<TargetConfig>();
    check::<Layer>();
    check::<crate::LayerBuilder>();
    check::<crate::Loader>();
    check::<crate::Error>();
    check::<Env>();
}
