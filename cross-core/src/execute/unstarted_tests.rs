//! Finds the tests that a run compiled and that nothing started: wasm-bindgen's test runner starts
//! those by wasm-bindgen-test only, and ends with success.

use std::path::{Path, PathBuf};

use cross_engine::process::untrusted::Dir;

use crate::cargo::products::Products;
use crate::execute::harness_words::selects;
use crate::execute::quoted::listed;
use crate::execute::test_ends;
use crate::host::files;
use crate::host::wasm_tests::{self, LibtestTests};
use crate::model::error::{Error, ErrorKind};

/// What a user does about such tests.
pub(crate) const HELP: &str = "give a test the attribute `#[wasm_bindgen_test]`, or `#[cfg_attr(target_arch = \"wasm32\", \
    wasm_bindgen_test)]` beside the other one, or leave it out with `#[cfg(not(target_arch = \"wasm32\"))]`; tests of the \
    target wasm32-wasip1 run as they are";

/// A test binary that wasm-bindgen's test runner was given.
#[derive(Debug)]
pub(crate) struct GivenBinary {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// The words that the harness was given, if they are known.
    pub(crate) words: Vec<String>,
    /// How many of its tests ran.
    pub(crate) ran: u64,
}

/// What was not started of a binary.
#[derive(Debug)]
pub(crate) struct Unstarted {
    pub(crate) message: String,
    /// Whether it has such tests for certain.
    pub(crate) is_certain: bool,
}

/// Describes for each of the binaries, which are below `dir`, what was not started.
pub(crate) fn find(dir: &Dir, products: &Products, given: &[GivenBinary]) -> Vec<Unstarted> {
    let described = given.iter().filter_map(|binary| {
        let file = file_name(&binary.path)?;
        if !test_ends::reports(file, products) {
            return (binary.ran == 0).then(|| without_main(file));
        }
        let read = |path: &Path| {
            let opened = files::open(dir, path).map_err(|error| error.to_string())?;
            wasm_tests::read(opened.as_file())
        };
        match read(&binary.path) {
            Ok(Some(tests)) => of_libtest(file, tests, &binary.words),
            Ok(None) if binary.ran > 0 => None,
            Ok(None) => Some(unknown(
                file,
                "it has no names of functions, or is optimized",
            )),
            Err(why) => Some(unknown(file, &why)),
        }
    });
    described.collect()
}

/// The error of a run that ended with success and started none of the tests that it has.
pub(crate) fn nothing_ran(messages: &[String]) -> Error {
    let message = format!("no test was run: {}", messages.join("; "));
    Error::new(ErrorKind::TestFailed, message).with_help(HELP)
}

/// The file name of a test binary.
pub(crate) fn file_name(path: &Path) -> Option<&str> {
    path.file_name()?.to_str()
}

fn of_libtest(file: &str, tests: LibtestTests, words: &[String]) -> Option<Unstarted> {
    let LibtestTests { mut count, names } = tests;
    let wanted: Vec<_> = names.iter().filter(|name| selects(words, name)).collect();
    if !names.is_empty() {
        count = wanted.len();
    }
    let which = match wanted.as_slice() {
        _ if count == 0 => return None,
        [] => String::new(),
        names => format!(": {}", listed(names.iter().map(|name| name.as_str()))),
    };
    let tests = match count {
        1 => "1 test".to_owned(),
        count => format!("{count} tests"),
    };
    Some(certain(format!(
        "wasm-bindgen's test runner did not start {tests} of `{file}` with the attribute `#[test]`{which}"
    )))
}

fn certain(message: String) -> Unstarted {
    Unstarted {
        message,
        is_certain: true,
    }
}

fn without_main(file: &str) -> Unstarted {
    certain(format!(
        "wasm-bindgen's test runner did not start `{file}`, which has a `main` of its own \
         (`harness = false`) and no tests by wasm-bindgen-test"
    ))
}

fn unknown(file: &str, why: &str) -> Unstarted {
    let message = format!(
        "whether `{file}` has tests with the attribute `#[test]`, which wasm-bindgen's test runner does \
         not start, is not known: {why}"
    );
    Unstarted {
        message,
        is_certain: false,
    }
}
