//! The closing table: a line for each target.

use std::collections::BTreeMap;

use crate::api::console::row::Row;

const HEAD: [&str; 4] = ["target", "result", "tests", "seconds"];

/// The results of all targets, each column as wide as it needs.
pub(super) fn of(rows: &BTreeMap<String, Row>) -> String {
    let cells = rows.iter().map(|(target, row)| {
        let [result, tests, seconds] = row.cells();
        [target.clone(), result, tests, seconds]
    });
    let lines: Vec<_> = std::iter::once(HEAD.map(str::to_owned))
        .chain(cells)
        .collect();
    let widths: [usize; 4] = std::array::from_fn(|n| {
        let widths = lines.iter().map(|line| line[n].chars().count());
        widths.max().unwrap_or(0)
    });
    let padded = lines.iter().map(|line| {
        let cells = line.iter().zip(widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    });
    padded.collect::<Vec<_>>().join("\n")
}
