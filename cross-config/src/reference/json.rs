//! JSON values for output. Objects preserve insertion order, so generated text is deterministic.

use std::fmt;

/// A JSON value. `Display` indents by two spaces.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Bool(bool),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    pub(crate) fn object<N: Into<String>>(members: impl IntoIterator<Item = (N, Json)>) -> Self {
        let member = |(name, value): (N, Json)| (name.into(), value);
        Self::Object(members.into_iter().map(member).collect())
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        match self {
            Self::Bool(it) => write!(f, "{it}"),
            Self::Text(text) => quote(f, text),
            Self::List(items) => {
                let item = |f: &mut fmt::Formatter<'_>, item: &Self| item.write(f, depth + 1);
                block(f, depth, ['[', ']'], items, item)
            }
            Self::Object(members) => block(f, depth, ['{', '}'], members, |f, (name, value)| {
                quote(f, name)?;
                f.write_str(": ")?;
                value.write(f, depth + 1)
            }),
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

/// Writes the items on separate lines between `ends`.
fn block<T>(
    f: &mut fmt::Formatter<'_>,
    depth: usize,
    ends: [char; 2],
    items: &[T],
    write: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    let [open, close] = ends;
    write!(f, "{open}")?;
    for (at, item) in items.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        write!(f, "{comma}\n{:indent$}", "", indent = 2 * (depth + 1))?;
        write(f, item)?;
    }
    if !items.is_empty() {
        write!(f, "\n{:indent$}", "", indent = 2 * depth)?;
    }
    write!(f, "{close}")
}

fn quote(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            c if c < ' ' => write!(f, "\\u{:04x}", u32::from(c))?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same() {
        let json = Json::object([
            ("z \"\\\n\t\u{1}é", Json::texts(["a", "b"])),
            ("a", Json::List(Vec::new())),
            ("b", Json::object([("c", Json::Bool(true))])),
            ("d", Json::object::<String>([])),
        ]);
        let read: serde_json::Value = serde_json::from_str(&json.to_string()).unwrap();
        assert_eq!(
            read,
            serde_json::json!({"z \"\\\n\t\u{1}é": ["a", "b"], "a": [], "b": {"c": true}, "d": {}})
        );
    }
}
