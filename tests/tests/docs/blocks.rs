//! Checks of every configuration example in documents and in doc comments.
//!
//! A `toml` block is an example if it has a line that begins with `[build]`, `[build.` or
//! `[target.`, or the text `metadata.cross`, which makes it a part of a `Cargo.toml` instead of a
//! `Cross.toml`. Any other block has to begin with one of [`OTHERS`].

use std::path::Path;

use cross_config::{Config, Layer};

use crate::{documents, read, rust_files};

/// The first lines of TOML blocks for other programs.
const OTHERS: [&str; 4] = [
    "[dependencies]",
    "[build-dependencies]",
    "[[rule]]",
    "[profile.",
];

/// Returns the smallest plausible number of examples: one for each key in the reference, and those
/// written by hand.
fn minimum() -> usize {
    let keys = cross_config::keys().filter(|key| key.replaced_by.is_none());
    keys.count() + 5
}

/// A fenced block.
#[derive(Debug)]
struct Block {
    /// `README.md:12`.
    place: String,
    text: String,
}

impl Block {
    fn has_line(&self, start: &str) -> bool {
        self.text.lines().any(|line| line.starts_with(start))
    }

    /// Returns the problems of the block, if it is a configuration.
    fn problems(&self) -> Option<Vec<String>> {
        let path = Path::new(&self.place);
        let layer = if self.text.contains("metadata.cross") {
            Layer::cargo_toml(path, &self.text)
        } else if self.has_line("[build]") || self.has_line("[build.") || self.has_line("[target.")
        {
            Layer::cross_toml(path, &self.text)
        } else {
            return None;
        };
        let config = Config::merge([layer]);
        Some(config.diagnostics().map(ToString::to_string).collect())
    }

    fn is_of_another_program(&self) -> bool {
        OTHERS.iter().any(|start| self.text.starts_with(start))
    }
}

/// Returns the `toml` blocks of `text`.
fn blocks(file: &str, text: &str) -> Vec<Block> {
    let (mut blocks, mut open) = (Vec::new(), None::<Block>);
    for (n, line) in text.lines().enumerate() {
        match (&mut open, line) {
            (None, "```toml") => {
                let place = format!("{file}:{}", n + 1);
                let text = String::new();
                open = Some(Block { place, text });
            }
            (Some(_), "```") => blocks.extend(open.take()),
            (Some(block), line) => block.text.extend([line, "\n"]),
            (None, _) => {}
        }
    }
    assert!(open.is_none(), "{open:?} has no end");
    blocks
}

/// Returns the doc comments of a Rust source. Other lines are empty, so that lines keep their
/// numbers.
fn documentation(source: &str) -> String {
    let said = |line: &str| {
        let line = line.trim_start();
        let rest = line.strip_prefix("///").or(line.strip_prefix("//!"))?;
        Some(rest.strip_prefix(' ').unwrap_or(rest).to_owned())
    };
    let lines = source.lines().map(|line| said(line).unwrap_or_default());
    lines.map(|line| line + "\n").collect()
}

fn all() -> Vec<Block> {
    let of_documents = documents()
        .into_iter()
        .flat_map(|path| blocks(&path, &read(&path)));
    let of_sources = rust_files().flat_map(|path| blocks(&path, &documentation(&read(&path))));
    of_documents.chain(of_sources).collect()
}

#[test]
fn every_configuration_example_is_valid() {
    let mut read = 0;
    for block in all() {
        match block.problems() {
            Some(problems) => {
                assert_eq!(problems, [""; 0], "{block:#?}");
                read += 1;
            }
            None => assert!(
                block.is_of_another_program(),
                "whose configuration is this? {block:#?}"
            ),
        }
    }
    let fewest = minimum();
    assert!(read >= fewest, "{read} examples of at least {fewest}");
}

#[test]
fn the_configuration_of_this_repository_is_valid() {
    let (place, text) = ("Cross.toml".to_owned(), read("Cross.toml"));
    assert_eq!(Block { place, text }.problems(), Some(Vec::new()));
}

#[test]
fn an_invalid_example_is_found() {
    let document = "text\n```toml\n[build]\nsuit = 'x'\n```\n```sh\n[build]\n```\n";
    let manifest =
        "//! ```toml\n//! [package.metadata.cross.build]\n//!\n//! suit = 'x'\n//! ```\n";
    let manifest = format!("{manifest}const TEXT: &str = \"\n```toml\n\";\n");
    for text in [document, &documentation(&manifest)] {
        let found = blocks("file", text);
        assert_eq!(found.len(), 1, "{found:?}");
        let problems = found[0].problems().unwrap();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains("unknown key `suit`"), "{problems:?}");
    }
    let other = blocks("file", "```toml\n[dependencies]\na = '1'\n```\n");
    assert!(other[0].problems().is_none() && other[0].is_of_another_program());
}
