//! Values of settings: how the text of a variable becomes one, and what is shown of it.

use std::path::PathBuf;

use crate::diagnostics::origin::{Origin, Sourced};
use crate::settings::UserNamespace;
use crate::text::{flag, shell_words};
use crate::values::scalar::is_blank;
use crate::values::value::Row;

/// A field of [`Settings`](crate::settings::Settings), whatever it holds.
pub(super) trait SettingField {
    fn store(&mut self, text: &str, origin: Origin) -> Result<(), &'static str>;

    /// `None` if nobody says anything.
    fn row(&self) -> Option<Row>;

    fn cover(&mut self, above: &Self);
}

impl<T: Text + Clone> SettingField for Sourced<T> {
    fn store(&mut self, text: &str, origin: Origin) -> Result<(), &'static str> {
        *self = Sourced::new(T::parse(text)?, origin);
        Ok(())
    }

    fn row(&self) -> Option<Row> {
        let is_set = self.origin != Origin::BuiltIn;
        is_set.then(|| Row::new(self.value.show(), &self.origin))
    }

    fn cover(&mut self, above: &Self) {
        if above.origin != Origin::BuiltIn {
            self.clone_from(above);
        }
    }
}

impl<T: Text + Clone> SettingField for Option<Sourced<T>> {
    fn store(&mut self, text: &str, origin: Origin) -> Result<(), &'static str> {
        *self = Some(Sourced::new(T::parse(text)?, origin));
        Ok(())
    }

    fn row(&self) -> Option<Row> {
        self.as_ref()?.row()
    }

    fn cover(&mut self, above: &Self) {
        if above.is_some() {
            self.clone_from(above);
        }
    }
}

/// A text as a setting's value; the error says what it must be.
pub(super) trait Text: Sized {
    fn parse(text: &str) -> Result<Self, &'static str>;

    /// For people, without secrets.
    fn show(&self) -> String;
}

impl Text for bool {
    fn parse(text: &str) -> Result<Self, &'static str> {
        flag::read(text).ok_or(flag::WANTED)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Text for u32 {
    fn parse(text: &str) -> Result<Self, &'static str> {
        text.trim().parse().map_err(|_| "a number")
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Text for String {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if is_blank(text) {
            return Err("a name");
        }
        Ok(text.to_owned())
    }

    fn show(&self) -> String {
        self.clone()
    }
}

impl Text for Vec<String> {
    fn parse(text: &str) -> Result<Self, &'static str> {
        shell_words::split(text).ok_or("words with every quote closed")
    }

    fn show(&self) -> String {
        let words = self.iter().map(|word| redacted(word));
        shell_words::join(words)
    }
}

impl Text for PathBuf {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if is_blank(text) {
            return Err("a path");
        }
        Ok(Self::from(text))
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

impl Text for UserNamespace {
    fn parse(text: &str) -> Result<Self, &'static str> {
        Ok(match text.trim() {
            "" => return Err("`auto`, `none`, or a namespace as the engine takes it"),
            "auto" | "host" => Self::Host,
            "none" => Self::None,
            other => Self::Named(other.to_owned()),
        })
    }

    fn show(&self) -> String {
        match self {
            Self::Host => "host".to_owned(),
            Self::None => "none".to_owned(),
            Self::Named(name) => name.clone(),
        }
    }
}

/// An argument with the value of a variable that it may set hidden: `--env=TOKEN=x`, or the `TOKEN=x`
/// after `--env`. The values of other options are no secrets.
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
