//! Values of settings: how they are parsed and described.

use std::path::PathBuf;

use crate::diagnostics::origin::{Origin, Sourced};
use crate::settings::UserNamespace;
use crate::text::{flag, shell_words};
use crate::values::scalar::is_blank;
use crate::values::value::ValueRow;

/// A field of [`Settings`](crate::settings::Settings), independent of its type.
pub(super) trait SettingField {
    fn store(&mut self, text: &str, origin: Origin) -> Result<(), &'static str>;

    /// `None` if the setting is not set.
    fn row(&self) -> Option<ValueRow>;

    fn overlay(&mut self, above: &Self);
}

impl<T: SettingValue + Clone> SettingField for Sourced<T> {
    fn store(&mut self, text: &str, origin: Origin) -> Result<(), &'static str> {
        *self = Sourced::new(T::parse(text)?, origin);
        Ok(())
    }

    fn row(&self) -> Option<ValueRow> {
        let is_set = self.origin != Origin::BuiltIn;
        is_set.then(|| ValueRow::new(self.value.describe(), &self.origin))
    }

    fn overlay(&mut self, above: &Self) {
        if above.origin != Origin::BuiltIn {
            self.clone_from(above);
        }
    }
}

impl<T: SettingValue + Clone> SettingField for Option<Sourced<T>> {
    fn store(&mut self, text: &str, origin: Origin) -> Result<(), &'static str> {
        *self = Some(Sourced::new(T::parse(text)?, origin));
        Ok(())
    }

    fn row(&self) -> Option<ValueRow> {
        self.as_ref()?.row()
    }

    fn overlay(&mut self, above: &Self) {
        if above.is_some() {
            self.clone_from(above);
        }
    }
}

/// A type of setting. Errors of `parse` describe valid values.
pub(super) trait SettingValue: Sized {
    fn parse(text: &str) -> Result<Self, &'static str>;

    /// The value for explanations, with secrets redacted.
    fn describe(&self) -> String;
}

impl SettingValue for bool {
    fn parse(text: &str) -> Result<Self, &'static str> {
        flag::parse(text).ok_or(flag::EXPECTED)
    }

    fn describe(&self) -> String {
        self.to_string()
    }
}

impl SettingValue for u32 {
    fn parse(text: &str) -> Result<Self, &'static str> {
        text.trim().parse().map_err(|_| "a number")
    }

    fn describe(&self) -> String {
        self.to_string()
    }
}

impl SettingValue for String {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if is_blank(text) {
            return Err("a name");
        }
        Ok(text.to_owned())
    }

    fn describe(&self) -> String {
        self.clone()
    }
}

impl SettingValue for Vec<String> {
    fn parse(text: &str) -> Result<Self, &'static str> {
        shell_words::split(text).ok_or("words with balanced quotes")
    }

    fn describe(&self) -> String {
        let words = self.iter().map(|word| redacted(word));
        shell_words::join(words)
    }
}

impl SettingValue for PathBuf {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if is_blank(text) {
            return Err("a path");
        }
        Ok(Self::from(text))
    }

    fn describe(&self) -> String {
        self.display().to_string()
    }
}

impl SettingValue for UserNamespace {
    fn parse(text: &str) -> Result<Self, &'static str> {
        Ok(match text.trim() {
            "" => return Err("`auto`, `none`, or a namespace that the engine supports"),
            "auto" | "host" => Self::Host,
            "none" => Self::None,
            other => Self::Named(other.to_owned()),
        })
    }

    fn describe(&self) -> String {
        match self {
            Self::Host => "host".to_owned(),
            Self::None => "none".to_owned(),
            Self::Named(name) => name.clone(),
        }
    }
}

/// Redacts the value that an argument assigns to a variable: `--env=TOKEN=x`, or the `TOKEN=x`
/// after `--env`. Values of other options are not secrets.
fn redacted(word: &str) -> String {
    let start = match word.strip_prefix("--") {
        Some(option) => option.find('=').map_or(word.len(), |at| at + 3),
        None => 0,
    };
    let (option, assignment) = word.split_at(start);
    match assignment.split_once('=') {
        Some((name, _)) => format!("{option}{name}=[redacted]"),
        None => word.to_owned(),
    }
}
