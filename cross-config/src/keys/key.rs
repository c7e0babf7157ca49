//! The columns of the table of keys.

use crate::keys::key_values::KeyValues;
use crate::keys::variable_format::VariableFormat;
use crate::values::field::ValueField;
use crate::values::value_kind::ValueKind;

/// The tables in which a key may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// `[build]`, for all targets.
    Build,
    /// `[target.<triple>]`, for one target.
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

/// A key. The parser, the variables, the JSON Schema and the reference are all derived from it.
pub(crate) struct Key {
    /// The name within its table, with dots: `env.passthrough`.
    pub(crate) name: &'static str,
    /// The tables in which the key may be used.
    pub(crate) levels: &'static [Level],
    /// The variables for `[build]`, highest precedence first.
    pub(crate) build_variables: &'static [&'static str],
    /// The suffix of the variable for `[target.<triple>]`.
    pub(crate) target_suffix: Option<&'static str>,
    /// The format of the variables.
    pub(crate) variable_format: VariableFormat,
    /// Whether lists of all sources are concatenated; otherwise the highest source replaces the
    /// others.
    pub(crate) accumulates: bool,
    /// The accepted values, if they are a closed set.
    pub(crate) values: &'static [&'static str],
    /// The default, for documentation.
    pub(crate) default: &'static str,
    /// The meaning in one line, for documentation.
    pub(crate) meaning: &'static str,
    /// An example `Cross.toml`.
    pub(crate) example: &'static str,
    /// Borrows the field.
    pub(crate) field: fn(&KeyValues) -> &dyn ValueField,
    /// Borrows the field mutably.
    pub(crate) field_mut: fn(&mut KeyValues) -> &mut dyn ValueField,
    /// Overlays the second values on the first. The flag selects merging over replacing.
    pub(crate) overlay: fn(&mut KeyValues, &KeyValues, bool),
}

/// A table of keys, and the shorthands that may replace it.
pub(crate) struct Group {
    /// The name within `[build]` or `[target.<triple>]`, with dots: `zig.image`.
    pub(crate) name: &'static str,
    /// The values that may replace the table.
    pub(crate) shorthands: &'static [Shorthand],
    /// The key that the others describe. They are discarded when a higher source sets it.
    pub(crate) primary_key: Option<&'static str>,
    /// The meaning in one line, for documentation.
    pub(crate) meaning: &'static str,
    /// An example `Cross.toml` that uses a shorthand.
    pub(crate) example: &'static str,
}

/// A value in place of a table.
pub(crate) struct Shorthand {
    pub(crate) kind: ValueKind,
    /// The key that the value belongs to.
    pub(crate) key: &'static str,
    /// A flag that the value also turns on.
    pub(crate) also_enables: Option<&'static str>,
}

/// Whether the dotted `name` is within `group`.
pub(crate) fn is_below(name: &str, group: &str) -> bool {
    name.strip_prefix(group)
        .is_some_and(|rest| rest.starts_with('.'))
}

/// A deprecated name of a key. It is read if the key itself is not set, and reported.
pub(crate) struct Alias {
    pub(crate) name: &'static str,
    pub(crate) build_variable: &'static str,
    pub(crate) target_suffix: &'static str,
    /// The current name of the key.
    pub(crate) key: &'static str,
}
