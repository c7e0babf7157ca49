//! What a key is: the columns of the table of keys.

use crate::keys::key_values::Values;
use crate::keys::variable_format::Form;
use crate::values::field::Field;
use crate::values::value_kind::Kind;

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
    pub(crate) form: Form,
    /// Whether its lists are added up over sources; otherwise the highest source replaces the others.
    pub(crate) sums: bool,
    /// Every text that is a value of it, where that is a closed set.
    pub(crate) values: &'static [&'static str],
    /// What holds if nobody says anything, for people.
    pub(crate) default: &'static str,
    /// What it means, in one line, for people.
    pub(crate) meaning: &'static str,
    /// A `Cross.toml` that uses it.
    pub(crate) example: &'static str,
    /// Its field, to show.
    pub(crate) field: fn(&Values) -> &dyn Field,
    /// Its field, to write.
    pub(crate) field_mut: fn(&mut Values) -> &mut dyn Field,
    /// Puts what the second says over what the first says; whether to join the two where both say it.
    pub(crate) cover: fn(&mut Values, &Values, bool),
}

/// A table that holds keys, and what may be written in its place.
pub(crate) struct Group {
    /// Its name below `[build]` or `[target.<triple>]`, with dots: `zig.image`.
    pub(crate) name: &'static str,
    /// What may be written in place of the table.
    pub(crate) shorts: &'static [Short],
    /// The key that the others describe: where a higher source says it anew, they do not hold.
    pub(crate) head: Option<&'static str>,
    /// What it means, in one line, for people.
    pub(crate) meaning: &'static str,
    /// A `Cross.toml` that uses what may be written in its place.
    pub(crate) example: &'static str,
}

/// A value in place of a table.
pub(crate) struct Short {
    pub(crate) kind: Kind,
    /// The key that the value is one of.
    pub(crate) key: &'static str,
    /// A flag that it turns on too.
    pub(crate) on: Option<&'static str>,
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
