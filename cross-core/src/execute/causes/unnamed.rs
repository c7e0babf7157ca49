//! What a build script or a test missed that its message does not name: a program that it starts, or
//! a variable that it reads. The source at the place of a panic names the program, and the plan knows
//! the variables that sources read.

use std::path::{Component, Path, PathBuf};

use cross_engine::Root;
use cross_engine::process::untrusted::{Dir, limits};

use super::NAMED;
use super::patterns::name;
use crate::facts::named_variables::is_own;
use crate::model::step::EnvironmentKind;
use crate::plan::plan::Plan;

/// How the system's message about a program or a file that does not exist ends in a panic.
const MISSING: [&str; 2] = ["kind: NotFound", "No such file or directory (os error 2)"];

/// The words of `std` and of rustc about a variable that is not set.
const NOT_SET: [&str; 3] = [
    "NotPresent",
    "environment variable not found",
    "not defined at compile time",
];

/// The words of crates about a variable that they name in the same line.
const ASKS_TO_SET: [&str; 5] = ["must be set", "not set", "to be set", "is unset", "set `"];

/// How a source starts a program.
const STARTS: &str = "Command::new(\"";

/// How a source reads a file, which may be what is missing.
const READS: [&str; 4] = ["fs::", "File::", "open(", "read"];

/// Programs of every toolchain and every environment.
const PRESENT: [&str; 5] = ["cargo", "env", "rustc", "rustdoc", "sh"];

/// Where an environment has its programs.
const PROGRAMS: [&str; 4] = ["usr/local/bin", "usr/bin", "bin", "usr/sbin"];

/// What was missed, from the messages of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Unnamed {
    /// The place of the last panic.
    panic: Option<Site>,
    /// The places of panics about something that does not exist.
    sites: Vec<Site>,
    /// The directory of the package whose build script failed.
    package: Option<PathBuf>,
    /// Whether something did not exist, whatever it was.
    is_missing: bool,
    misses_variable: bool,
    /// Words of messages that may be the names of variables.
    variables: Vec<String>,
}

/// A line of a source file, counted from one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Site {
    file: PathBuf,
    line: usize,
}

impl Unnamed {
    /// Reads a line of output.
    pub(super) fn read(&mut self, line: &str) {
        if let Some(site) = site_in(line) {
            self.panic = Some(site);
        }
        let has = |words: &[&str]| words.iter().any(|words| line.contains(words));
        if has(&MISSING) {
            self.is_missing = true;
            let known = self.panic.take();
            let room = self.sites.len() < NAMED;
            self.sites.extend(known.filter(|_| room));
        }
        if let Some((_, rest)) = line.split_once("failed to run custom build command for `") {
            let package = rest
                .split_once(" (")
                .and_then(|(_, dir)| dir.split_once(")`"));
            self.package = package.map(|(dir, _)| PathBuf::from(dir));
        }
        let is_not_set = has(&NOT_SET);
        self.misses_variable |= is_not_set;
        if is_not_set || has(&ASKS_TO_SET) {
            let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let words = line.split(|c| !is_part(c)).filter(|word| is_variable(word));
            let room = NAMED.saturating_sub(self.variables.len());
            self.variables.extend(words.take(room).map(str::to_owned));
        }
    }

    /// The programs that what failed starts, and that the environment of `plan` lacks.
    pub(super) fn programs(&self, plan: &Plan) -> Vec<String> {
        if !self.is_missing {
            return Vec::new();
        }
        let root = &plan.workspace_root;
        let at_sites = self.sites.iter().map(|site| {
            let text = source(root, &site.file).unwrap_or_default();
            (text, Some(site.line))
        });
        let mut searched: Vec<_> = at_sites.collect();
        if let (true, Some(package)) = (searched.is_empty(), self.script_of(plan)) {
            searched.push((source(root, package).unwrap_or_default(), None));
        }
        let has = |program: &str| has_program(plan, program);
        let programs = searched
            .iter()
            .flat_map(|(text, line)| lacking(text, *line, has));
        let mut programs: Vec<_> = programs.map(str::to_owned).collect();
        programs.dedup();
        programs.truncate(NAMED);
        programs
    }

    /// The build script that failed. What names the package may be a line of the script's own.
    fn script_of<'p>(&self, plan: &'p Plan) -> Option<&'p Path> {
        let package = self.package.as_ref()?;
        let mut products = plan.products.iter();
        let script = products.find(|product| {
            product.is("custom-build") && product.manifest.parent() == Some(package)
        })?;
        script.source.strip_prefix(&plan.workspace_root).ok()
    }

    /// The remedy for variables of the caller that were missed.
    pub(super) fn variables(&self, plan: &Plan) -> Option<String> {
        if plan.environment.kind == EnvironmentKind::Host {
            return None;
        }
        let run = plan.runs().last()?;
        let is_lost = |name: &&String| {
            let is_set = plan.context.host.variable(name).is_some();
            is_set && !is_own(name) && !run.env.contains_key(*name)
        };
        let mut warnings = plan.warnings.iter();
        let told = warnings.find(|warning| warning.code == "variable");
        let mut lost: Vec<_> = self.variables.iter().filter(is_lost).collect();
        lost.dedup();
        let told = told.filter(|told| match lost.as_slice() {
            [] => self.misses_variable,
            lost => lost.iter().all(|name| told.message.contains(*name)),
        });
        if let Some(told) = told {
            let help = told.help.as_deref().unwrap_or_default();
            return Some(format!("{}: {help}", told.message));
        }
        let names: Vec<_> = lost.iter().map(|name| format!("\"{name}\"")).collect();
        (!names.is_empty()).then(|| {
            format!(
                "a run has no variable of yours that is not named: `passthrough = [{}]` below `[build.env]` in \
                 Cross.toml passes it on",
                names.join(", ")
            )
        })
    }
}

/// Whether a word is written as variables are.
fn is_variable(word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let is_name = (3..=64).contains(&word.len()) && word.chars().all(is_part);
    is_name && word.starts_with(|c: char| c.is_ascii_uppercase())
}

/// The place in `thread 'main' panicked at build.rs:2:38:`, or in an older Rust's
/// `panicked at 'message', build.rs:2:38`.
fn site_in(line: &str) -> Option<Site> {
    let (_, rest) = line.split_once(" panicked at ")?;
    let place = match rest.strip_prefix('\'') {
        Some(message) => message.rsplit_once("', ")?.1,
        None => rest,
    };
    let mut parts = place.trim_end_matches(':').rsplitn(3, ':');
    let (_column, line) = (parts.next()?, parts.next()?.parse().ok()?);
    Some(Site {
        file: PathBuf::from(parts.next()?),
        line,
    })
}

/// The text of the source `file` of the workspace at `root`.
fn source(root: &Path, file: &Path) -> Option<String> {
    let is_below = |part: Component<'_>| matches!(part, Component::Normal(_));
    let is_source = file.extension().is_some_and(|end| end == "rs");
    if !is_source || !file.components().all(is_below) {
        return None;
    }
    let opened = Dir::open(root).ok()?.file(file).ok()?;
    opened.text(limits::DEP_INFO).ok()
}

/// The programs that `text` starts in the statement that ends in `line`, or anywhere if that is not
/// known, and that an environment lacks by `has`, which may not know.
fn lacking(text: &str, line: Option<usize>, has: impl Fn(&str) -> Option<bool>) -> Vec<&str> {
    let statement = line.and_then(|line| statement(text, line)).unwrap_or(text);
    let is_whole = statement.len() == text.len();
    let mut programs = started(statement);
    if programs.is_empty() && !is_whole {
        if READS.iter().any(|words| statement.contains(words)) {
            return Vec::new();
        }
        return lacking(text, None, has);
    }
    programs.dedup();
    let is_alone = programs.len() == 1;
    programs.retain(|program| match has(program) {
        Some(has) => !has,
        None => is_alone,
    });
    programs
}

/// The programs that `text` names.
fn started(text: &str) -> Vec<&str> {
    let named = text.match_indices(STARTS).filter_map(|(at, _)| {
        let rest = &text[at + STARTS.len()..];
        name(rest.split_once('"')?.0)
    });
    named
        .filter(|program| !program.contains('/') && !PRESENT.contains(program))
        .collect()
}

/// The statement that ends in this line, as far as one can tell by the ends of lines.
fn statement(text: &str, line: usize) -> Option<&str> {
    let mut lines = Vec::new();
    let mut at = 0;
    for text in text.split_inclusive('\n').take(line) {
        lines.push((at, text));
        at += text.len();
    }
    if lines.len() < line {
        return None;
    }
    let (last, before) = lines.split_last()?;
    let ends = |text: &str| {
        let text = text.trim();
        text.is_empty() || text.ends_with([';', '{', '}']) || text.starts_with("//")
    };
    let mut begin = last.0;
    for (start, _) in before.iter().rev().take_while(|(_, text)| !ends(text)) {
        begin = *start;
    }
    text.get(begin..at)
}

/// Whether the environment of `plan` has a program, where that can be seen from here.
fn has_program(plan: &Plan, program: &str) -> Option<bool> {
    let Root::Directory { path, .. } = &plan.runs().last()?.root else {
        return None;
    };
    let is_there = |dir: &&str| path.join(dir).join(program).symlink_metadata().is_ok();
    path.is_dir().then(|| PROGRAMS.iter().any(is_there))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_panic_is_found_in_the_words_of_every_rust() {
        for line in [
            "  thread 'main' panicked at build.rs:2:38:",
            "thread 'main' (417) panicked at build.rs:2:38:",
            "thread 'main' panicked at 'called `Result::unwrap()` on an `Err` value: Os { code: 2 }', build.rs:2:38",
        ] {
            let site = site_in(line).unwrap();
            assert_eq!((site.file.to_str(), site.line), (Some("build.rs"), 2));
        }
        assert_eq!(site_in("it panicked at noon"), None);
    }

    const SCRIPT: &str = "fn main() {\n    let _ = Command::new(\"git\").status();\n    \
        let file = std::fs::read(\"x\").unwrap();\n    Command::new(\"curl\")\n        .arg(\"-O\")\n        \
        .status()\n        .unwrap();\n    let mut tool = Command::new(\"wget\");\n    \
        tool.status().unwrap();\n}\n";

    #[test]
    fn the_program_is_the_one_of_the_statement_that_panics() {
        let lacks_all = |_: &str| Some(false);
        let lacks_git = |program: &str| Some(program != "git");
        assert_eq!(lacking(SCRIPT, Some(7), lacks_all), ["curl"]);
        assert_eq!(lacking(SCRIPT, Some(7), lacks_git), [""; 0], "it is there");
        assert_eq!(lacking(SCRIPT, Some(3), lacks_all), [""; 0], "a file");
        // The statement does not say which, but the environment does.
        assert_eq!(lacking(SCRIPT, Some(9), lacks_git), ["git"]);
        assert_eq!(lacking(SCRIPT, None, lacks_git), ["git"]);
        assert_eq!(lacking(SCRIPT, None, |_| None), [""; 0]);
        assert_eq!(lacking(SCRIPT, Some(700), lacks_git), ["git"]);
        let one = "fn main() { Command::new(\"curl\").status().unwrap(); }";
        assert_eq!(lacking(one, Some(1), |_| None), ["curl"]);
    }

    #[test]
    fn only_sources_of_the_workspace_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("w");
        std::fs::create_dir(&root).unwrap();
        for path in ["w/build.rs", "w/secret", "outside.rs"] {
            std::fs::write(dir.path().join(path), "x").unwrap();
        }
        let read = |path: &str| source(&root, Path::new(path));
        assert_eq!(read("build.rs").as_deref(), Some("x"));
        let outside = dir.path().join("outside.rs");
        for path in ["secret", "../outside.rs", outside.to_str().unwrap()] {
            assert_eq!(read(path), None, "{path}");
        }
    }

    #[test]
    fn names_of_variables_are_read_where_a_line_says_that_one_is_missing() {
        let named = |line: &str| {
            let mut unnamed = Unnamed::default();
            unnamed.read(line);
            (unnamed.misses_variable, unnamed.variables.join(" "))
        };
        let is = |line: &str, misses, names: &str| {
            assert_eq!(named(line), (misses, names.to_owned()), "{line}");
        };
        is(
            "error: environment variable `APP_ID` not defined at compile time",
            true,
            "APP_ID",
        );
        is(
            "called `Result::unwrap()` on an `Err` value: NotPresent",
            true,
            "",
        );
        is("DATABASE_URL must be set: NotPresent", true, "DATABASE_URL");
        is("Error: environment variable not found", true, "");
        is(
            "error: set `DATABASE_URL` to use query macros online, or run `cargo sqlx prepare` to update the query cache",
            false,
            "DATABASE_URL",
        );
        is("error[E0308]: mismatched types", false, "");
    }
}
