//! Checks that the public enums of the four libraries can grow without breaking a caller.

use std::path::Path;

use syn::{Attribute, Fields, Item, ItemEnum, Visibility};

use crate::{LIBRARIES, sources};

/// The enums that callers construct by naming the fields of a variant, each with the reason why the
/// variant does not get more fields.
const CONSTRUCTED_BY_CALLERS: [(&str, &str); 1] = [(
    "Root",
    "a run names its root: a directory and what is beside it is all that a directory root has",
)];

#[test]
fn public_enums_and_their_variants_with_fields_are_non_exhaustive() {
    let mut problems = Vec::new();
    for library in LIBRARIES {
        for (file, text) in sources(library) {
            problems.extend(exhaustive(&file, &text));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn an_exhaustive_enum_or_variant_is_found() {
    let text = "
        pub enum Open { A }
        #[non_exhaustive]
        pub enum Shape { Round { radius: u32 }, #[non_exhaustive] Square { side: u32 }, Flat(u32) }
        enum Private { A { b: u32 } }
    ";
    assert_eq!(
        exhaustive(Path::new("shape.rs"), text),
        [
            "shape.rs: the enum `Open` is exhaustive",
            "shape.rs: the variant `Shape::Round` is exhaustive"
        ]
    );
}

/// Returns a line for every public enum of a file, and every variant with named fields in one, that
/// is exhaustive.
fn exhaustive(file: &Path, text: &str) -> Vec<String> {
    let enums = syn::parse_file(text).unwrap().items.into_iter();
    let enums = enums.filter_map(|item| match item {
        Item::Enum(item) if matches!(item.vis, Visibility::Public(_)) => Some(item),
        _ => None,
    });
    enums
        .flat_map(|item| exhaustive_parts(file, &item))
        .collect()
}

fn exhaustive_parts(file: &Path, item: &ItemEnum) -> Vec<String> {
    let (file, name) = (file.display(), &item.ident);
    let mut problems = Vec::new();
    if !is_non_exhaustive(&item.attrs) {
        problems.push(format!("{file}: the enum `{name}` is exhaustive"));
    }
    if CONSTRUCTED_BY_CALLERS
        .iter()
        .any(|(constructed, _)| name == constructed)
    {
        return problems;
    }
    for variant in &item.variants {
        let has_names = matches!(variant.fields, Fields::Named(_));
        if has_names && !is_non_exhaustive(&variant.attrs) {
            let variant = &variant.ident;
            problems.push(format!(
                "{file}: the variant `{name}::{variant}` is exhaustive"
            ));
        }
    }
    problems
}

fn is_non_exhaustive(attrs: &[Attribute]) -> bool {
    attrs
        .iter()
        .any(|attr| attr.path().is_ident("non_exhaustive"))
}
