//! Properties of arbitrary text, environments and layers.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::diagnostics::diagnostic::Diagnostic;
use crate::keys::table::GROUPS;
use crate::variables::TARGET_PREFIX;

/// Meaningful words, so that random text passes the first checks.
const PIECES: &[&str] = &[
    "true",
    "false",
    "''",
    "'x'",
    "'2.17'",
    "['core']",
    "[]",
    "{}",
    "{ A = 'b' }",
    "[1]",
    "'a b'",
    "['A=1', 'B']",
    "{ file = 'D' }",
    "{ name = 'i', toolchain = ['linux/arm64'] }",
    "{ enable = true }",
    "'linux/arm64'",
    "['linux/arm64']",
    "\"\\u0000\"",
    "1",
    "1979-05-27",
    "[",
    "= =",
    "\n",
];

fn triples() -> impl Strategy<Value = &'static str> {
    select(vec![
        S390X,
        "aarch64-unknown-linux-musl",
        "my-own",
        "\"x86_64-unknown-linux-gnu.2.17\"",
    ])
}

fn key_names() -> impl Strategy<Value = &'static str> {
    let names = KEYS.iter().map(|key| key.name);
    let groups = GROUPS.iter().map(|group| group.name);
    let others = ["xargo", "engin", "zig.x", "dockerfile.build-args.FOO"];
    select(names.chain(groups).chain(others).collect::<Vec<_>>())
}

/// A line that may set a key.
fn line() -> impl Strategy<Value = String> {
    let table = prop_oneof![
        Just("build".to_owned()),
        triples().prop_map(|triple| format!("target.{triple}")),
        Just("workspace.metadata.cross.build".to_owned()),
    ];
    (table, key_names(), select(PIECES))
        .prop_map(|(table, key, value)| format!("{table}.{key} = {value}\n"))
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => proptest::collection::vec(line(), 0..6).prop_map(|lines| lines.concat()),
        1 => any::<String>(),
        1 => proptest::collection::vec(select(PIECES), 0..12).prop_map(|pieces| pieces.concat()),
    ]
}

fn variable() -> impl Strategy<Value = (String, String)> {
    let of_keys = KEYS
        .iter()
        .flat_map(|key| key.build_variables)
        .map(|name| (*name).to_owned());
    let of_targets = KEYS
        .iter()
        .filter_map(|key| Some(variables::for_target(S390X, key.target_suffix?)));
    let of_settings = crate::settings::table::SETTINGS
        .iter()
        .flat_map(|setting| setting.variables)
        .map(|name| (*name).to_owned());
    let known: Vec<_> = of_keys.chain(of_targets).chain(of_settings).collect();
    let name = prop_oneof![
        8 => select(known),
        1 => "CROSS_[A-Z_.]{0,12}",
        1 => "[^=\\x00]{0,8}".prop_map(|rest| format!("{TARGET_PREFIX}{rest}")),
    ];
    let values = [
        "",
        "1",
        "no",
        "core,alloc",
        "A=1 B",
        "2.17",
        "linux/arm64",
        "auto",
        "'",
    ];
    let value = prop_oneof![
        select(values.to_vec()).prop_map(str::to_owned),
        any::<String>()
    ];
    (name, value)
}

fn environment() -> impl Strategy<Value = Env> {
    proptest::collection::vec(variable(), 0..6).prop_map(|variables| {
        let set = |env: Env, (name, value): (String, String)| env.set(name, value);
        variables.into_iter().fold(Env::new(), set)
    })
}

fn layers() -> impl Strategy<Value = Vec<Layer>> {
    let layer = prop_oneof![
        text().prop_map(|text| cross(&text)),
        text().prop_map(|text| cargo(&text)),
        environment().prop_map(|env| Layer::variables(&env)),
    ];
    proptest::collection::vec(layer, 0..4)
}

/// A layer that sets one key.
fn statement(source: LayerKind) -> impl Strategy<Value = (usize, Layer)> {
    let places: Vec<_> = KEYS
        .iter()
        .enumerate()
        .flat_map(|(at, key)| key.levels.iter().map(move |level| (at, *level)))
        .collect();
    (select(places), 0..2_usize).prop_map(move |((at, level), value)| {
        let key = &KEYS[at];
        (at, saying(source, level, key, values_of(key)[value]))
    })
}

fn all_values(layer: &Layer) -> impl Iterator<Item = (String, &KeyValues)> {
    let targets = layer.values.targets.iter();
    let targets = targets.map(|(name, values)| (format!("target.{name}"), values));
    std::iter::once(("build".to_owned(), &layer.values.build)).chain(targets)
}

fn is_somewhere(problem: &Diagnostic) -> bool {
    problem.location.is_some() || problem.variable.is_some()
}

fn leaves(values: &KeyValues) -> Vec<Vec<crate::values::value::ValueRow>> {
    let rows = |key: &Key| (key.field)(values).rows().unwrap_or_default();
    KEYS.iter().map(rows).collect()
}

proptest! {
    #[test]
    fn no_text_panics_and_every_problem_is_somewhere(text in text()) {
        for layer in [cross(&text), cargo(&text)] {
            let config = Config::merge([layer]);
            for problem in config.diagnostics() {
                prop_assert!(problem.location.is_some(), "{problem}");
            }
            prop_assert!(config.explain().len() >= 2);
            prop_assert!(config.for_target(S390X).engine.is_some());
        }
    }

    #[test]
    fn no_environment_panics_and_every_problem_names_its_variable(env in environment()) {
        let config = Config::merge([Layer::variables(&env)]);
        for problem in config.diagnostics() {
            let name = problem.variable.clone().unwrap_or_default();
            prop_assert!(env.get(&name).is_some(), "{problem}");
        }
    }

    #[test]
    fn explain_covers_every_leaf_that_is_set(layers in layers()) {
        let config = Config::merge(layers.clone());
        let rows = config.explain();
        for layer in &layers {
            for (table, values) in all_values(layer) {
                let spelled_as_variable = |row: &ExplainedValue, key: &str| {
                    let (name, below) = row.key.strip_prefix("target.")?.split_once(&format!(".{key}"))?;
                    let found = (below.is_empty() || below.starts_with('.')).then_some(name);
                    found.map(|name| format!("target.{}", variables::triple_in_variable(name)))
                };
                for key in KEYS.iter().filter(|key| (key.field)(values).rows().is_some()) {
                    let name = format!("{table}.{}", key.name);
                    let is_shown = |row: &ExplainedValue| {
                        row.key == name
                            || row.key.starts_with(&format!("{name}."))
                            || spelled_as_variable(row, key.name).as_ref() == Some(&table)
                    };
                    // A shorthand in one file replaces the table of another.
                    let is_replaced = key.name.contains('.') && layers.len() > 1;
                    prop_assert!(is_replaced || rows.iter().any(is_shown), "{name}: {rows:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_explained_was_written_by_somebody(layers in layers()) {
        let layer_values: Vec<_> = layers
            .iter()
            .flat_map(|layer| all_values(layer).map(|(_, values)| leaves(values)).collect::<Vec<_>>())
            .flatten()
            .flatten()
            .map(|row| (row.value, row.origin))
            .collect();
        for row in Config::merge(layers).explain() {
            let is_setting = !row.key.starts_with("build.") && !row.key.starts_with("target.");
            let is_written = layer_values.contains(&(row.value.clone(), row.origin.clone()));
            prop_assert!(is_setting || row.origin == Origin::BuiltIn || is_written, "{row:?}");
        }
    }

    #[test]
    fn a_higher_source_wins_whatever_is_below(
        below in layers(),
        (at, above) in statement(LayerKind::Request),
    ) {
        let key = &KEYS[at];
        let config = Config::merge(below.into_iter().chain([above.clone()]));
        let rows = (key.field)(&config.merged(Some(S390X))).rows().unwrap_or_default();
        let rows_above: Vec<_> = all_values(&above).filter_map(|(_, values)| (key.field)(values).rows()).flatten().collect();
        for row in rows_above {
            prop_assert!(rows.contains(&row), "{}: {rows:?}", key.name);
        }
    }

    #[test]
    fn the_order_of_layers_of_different_sources_does_not_matter(
        (_, one) in statement(LayerKind::Embedder),
        (_, two) in statement(LayerKind::CrossToml),
        (_, three) in statement(LayerKind::Variables),
    ) {
        let forwards = Config::merge([one.clone(), two.clone(), three.clone()]).explain();
        prop_assert_eq!(forwards, Config::merge([three, two, one]).explain());
    }

    /// Not for files: as with JSON, a shorthand discards the table of a lower file.
    #[test]
    fn putting_sources_over_each_other_is_associative(
        (_, one) in statement(LayerKind::Embedder),
        (_, two) in statement(LayerKind::Variables),
        (_, three) in statement(LayerKind::Request),
    ) {
        let [a, b, c] = [one, two, three].map(|layer| {
            let mut all = layer.values.build.clone();
            layer.values.targets.values().for_each(|values| all.overlay(values));
            all
        });
        let over = |below: &KeyValues, above: &KeyValues| {
            let mut both = below.clone();
            both.overlay(above);
            both
        };
        let left = over(&over(&a, &b), &c);
        let right = over(&a, &over(&b, &c));
        prop_assert_eq!(leaves(&left), leaves(&right));
    }

    #[test]
    fn merging_with_nothing_changes_nothing(layers in layers()) {
        let empty = [cross(""), cargo(""), variables(&[]), Layer::request().build()];
        let with = Config::merge(layers.clone().into_iter().chain(empty));
        let without = Config::merge(layers);
        prop_assert_eq!(with.explain(), without.explain());
        prop_assert!(with.diagnostics().eq(without.diagnostics()));
        prop_assert!(with.diagnostics().all(is_somewhere));
    }
}
