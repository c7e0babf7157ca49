//! What a key is: the columns of the table of keys.

use crate::keys::key_values::KeyValues;
use crate::keys::variable_format::VariableFormat;
use crate::values::field::ValueField;
use crate::values::value_kind::ValueKind;

/// Where a key may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// `[build]`: for every target.
    Build,
    /// `[target.<triple>]`: for one.
    Target,
}

impl Level {
    /// The table's name, for messages.
    pub(crate) fn table(self) -> &'static str {
        match self {
            Self::Build => "[build]",
            Self::Target => "[target.<triple>]",
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Build => Self::Target,
            Self::Target => Self::Build,
        }
    }
}

/// One key. Everything that is known about it is here: the parser, the variables, the JSON Schema and
/// the reference are made from it.
pub(crate) struct Key {
    /// Its name below the table, with dots: `env.passthrough`.
    pub(crate) name: &'static str,
    /// Where it may stand.
    pub(crate) levels: &'static [Level],
    /// Its variables for `[build]`, the one that wins first.
    pub(crate) build_variables: &'static [&'static str],
    /// The suffix of its variable for `[target.<triple>]`.
    pub(crate) target_suffix: Option<&'static str>,
    /// How its variables are read.
    pub(crate) variable_format: VariableFormat,
    /// Whether its lists are added up over sources; otherwise the highest source replaces the others.
    pub(crate) accumulates: bool,
    /// Every text that is a value of it, where that is a closed set.
    pub(crate) values: &'static [&'static str],
    /// What holds if nobody says anything, for people.
    pub(crate) default: &'static str,
    /// What it means, in one line, for people.
    pub(crate) meaning: &'static str,
    /// A `Cross.toml` that uses it.
    pub(crate) example: &'static str,
    /// Its field, to show.
    pub(crate) field: fn(&KeyValues) -> &dyn ValueField,
    /// Its field, to write.
    pub(crate) field_mut: fn(&mut KeyValues) -> &mut dyn ValueField,
    /// Puts what the second says over what the first says; whether to merge the two where both say it.
    pub(crate) overlay: fn(&mut KeyValues, &KeyValues, bool),
}

/// A table that holds keys, and what may be written in its place.
pub(crate) struct Group {
    /// Its name below `[build]` or `[target.<triple>]`, with dots: `zig.image`.
    pub(crate) name: &'static str,
    /// What may be written in place of the table.
    pub(crate) shorthands: &'static [Shorthand],
    /// The key that the others describe: where a higher source says it anew, they do not hold.
    pub(crate) primary_key: Option<&'static str>,
    /// What it means, in one line, for people.
    pub(crate) meaning: &'static str,
    /// A `Cross.toml` that uses what may be written in its place.
    pub(crate) example: &'static str,
}

/// A value in place of a table.
pub(crate) struct Shorthand {
    pub(crate) kind: ValueKind,
    /// The key that the value is one of.
    pub(crate) key: &'static str,
    /// A flag that it turns on too.
    pub(crate) also_enables: Option<&'static str>,
}

/// Whether the dotted name `name` is below `group`.
pub(crate) fn is_below(name: &str, group: &str) -> bool {
    name.strip_prefix(group)
        .is_some_and(|rest| rest.starts_with('.'))
}

/// An old name of a key: read as the new one where that is not said, and reported.
pub(crate) struct Alias {
    pub(crate) name: &'static str,
    pub(crate) build_variable: &'static str,
    pub(crate) target_suffix: &'static str,
    /// The key's name now.
    pub(crate) key: &'static str,
}
