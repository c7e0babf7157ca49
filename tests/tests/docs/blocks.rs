//! Every example of a configuration, in documents and in documentation of code, is read without a problem.
//!
//! A block whose fence says `toml` is one if it has a line that begins with `[build]`, `[build.` or
//! `[target.`, or the words `metadata.cross`, which make it a part of a `Cargo.toml` and not a
//! `Cross.toml`. A block that is neither has to begin with one of [`OTHERS`].

use std::path::Path;

use cross_config::{Config, Layer};

use crate::{documents, read, rust_files};

/// What TOML that is no configuration of ours begins with.
const OTHERS: [&str; 4] = [
    "[dependencies]",
    "[build-dependencies]",
    "[[rule]]",
    "[profile.",
];

/// How many examples there are at least: one for each key, which the reference makes, and those that
/// are written by hand.
fn fewest() -> usize {
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

    /// What is wrong with it, if it is a configuration.
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

/// The blocks of `text` whose fences say `toml`.
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

/// The documentation in a Rust source; every other line is empty, so that lines keep their numbers.
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
fn every_example_of_a_configuration_is_read_without_a_problem() {
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
    let fewest = fewest();
    assert!(read >= fewest, "{read} examples of at least {fewest}");
}

#[test]
fn the_repositorys_own_configuration_is_read_without_a_problem() {
    let (place, text) = ("Cross.toml".to_owned(), read("Cross.toml"));
    assert_eq!(Block { place, text }.problems(), Some(Vec::new()));
}

#[test]
fn an_example_with_a_problem_is_found_wherever_it_stands() {
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
