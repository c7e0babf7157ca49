//! What commands print: answers on standard output, errors on standard error.

use std::fmt::Display;
use std::io::{self, Write as _};

use crate::failure::Failure;

/// Prints why the command failed.
pub(crate) fn error(failure: &Failure) {
    let _ = writeln!(
        io::stderr().lock(),
        "{}",
        format_args!("error: {}", failure.with_its_help())
    );
}

/// Prints what the user should know.
pub(crate) fn warning(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "warning: {text}");
}

/// Prints what a command answers.
pub(crate) fn answer(text: impl Display) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Prints a JSON object on a line of its own.
pub(crate) fn json(object: &impl serde::Serialize) {
    // Standard output may be gone; there is nobody to tell.
    let text = serde_json::to_string(object).unwrap_or_else(|error| error.to_string());
    answer(text);
}

/// `rows` below `head`, each column as wide as it needs.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let widths: [usize; N] = std::array::from_fn(|n| {
        let cells = rows.iter().map(|row| row[n].chars().count());
        cells.chain([head[n].len()]).max().unwrap_or(0)
    });
    let line = |cells: [&str; N]| {
        let cells = cells.iter().zip(widths);
        let padded = cells.map(|(cell, width)| format!("{cell:<width$}"));
        let line = padded.collect::<Vec<_>>().join("  ");
        line.trim_end().to_owned()
    };
    let rows = rows
        .iter()
        .map(|row| line(row.each_ref().map(String::as_str)));
    let lines: Vec<_> = std::iter::once(line(head)).chain(rows).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_wide_as_its_cells() {
        let rows = [
            ["a".to_owned(), "12".to_owned()],
            ["bcdefg".to_owned(), "3".to_owned()],
        ];
        assert_eq!(
            table(["name", "n"], &rows),
            "name    n\na       12\nbcdefg  3"
        );
    }
}
