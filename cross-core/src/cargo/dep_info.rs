//! Cargo's dep-info: the `.d` file beside an artifact, which lists the artifact's sources.

use std::path::{Component, Path, PathBuf};

use cross_engine::os::System;
use cross_engine::process::untrusted::{Dir, limits};

use crate::host::files;
use crate::model::error::{MapEngineError as _, Result};
use crate::model::fixed_paths::FixedPaths;

/// Returns the sources of the artifact at `artifact`, which is below `dir` and was made by runs with
/// these `fixed` paths.
pub(crate) fn sources_of(dir: &Dir, artifact: &Path, fixed: &FixedPaths) -> Result<Vec<PathBuf>> {
    let file = files::open(dir, &artifact.with_extension("d"))?;
    let text = file.text(limits::DEP_INFO).map_engine_error()?;
    Ok(parse(&text, fixed))
}

/// A rule of a dep-info file: what is made, and of what.
struct Rule {
    target: PathBuf,
    prerequisites: Vec<PathBuf>,
}

/// The prerequisites of the rules in `text`.
pub(crate) fn parse(text: &str, fixed: &FixedPaths) -> Vec<PathBuf> {
    let rules = rules(text, &|place| fixed.outside(place)).into_iter();
    rules.flat_map(|rule| rule.prerequisites).collect()
}

/// The rules in `text`, which a run wrote, with what is `outside` of its paths.
///
/// Cargo writes one rule per line, and escapes only spaces: any other backslash is part of a name.
/// A backslash at the end of a line continues the rule on the next line.
fn rules(text: &str, outside: &dyn Fn(&Path) -> PathBuf) -> Vec<Rule> {
    let text = text.replace("\\\n", " ");
    let rules = text.lines().filter(|line| !line.starts_with('#'));
    rules
        .filter_map(|rule| {
            let end = rule.find(": ")?;
            let names = names(&rule[end + 2..]).into_iter();
            let target = PathBuf::from(rule[..end].replace("\\ ", " "));
            Some(Rule {
                target: outside(&target),
                prerequisites: names.map(|name| outside(&name)).collect(),
            })
        })
        .collect()
}

/// The dep-info `text` with the targets of its rules in the directory `to` in place of `from`. Both
/// are the host's, and the run that wrote it had these `fixed` paths.
pub(crate) fn renamed(text: &str, from: &Path, to: &Path, fixed: &FixedPaths) -> String {
    let written = |dir| fixed.inside(dir).display().to_string().replace(' ', "\\ ");
    let [from, to] = [from, to].map(written);
    let renamed = |line: &str| match line.strip_prefix(&from) {
        Some(rest) => format!("{to}{rest}"),
        None => line.to_owned(),
    };
    text.split_inclusive('\n').map(renamed).collect()
}

/// Where a dep-info file is, and where it is published.
pub(crate) struct Moved<'a> {
    /// The directory of the artifacts that the file names.
    pub(crate) from: &'a Path,
    /// The directory where they are published.
    pub(crate) to: &'a Path,
    /// The directory of the workspace, whose own path is trusted.
    pub(crate) workspace: &'a Path,
    /// The paths that the run saw which wrote the file.
    pub(crate) fixed: &'a FixedPaths,
}

/// The dep-info `text` for make and ninja on the host: its targets are the published files, and its
/// prerequisites exist on the host.
///
/// A prerequisite that only the environment has is left out. It cannot change, and make would stop
/// because nothing makes it. The text is composed anew, since make runs what a rule or a variable
/// in it says. A name that make would take for more than a name is left out.
pub(crate) fn published(text: &str, moved: &Moved<'_>) -> String {
    let mut published = String::new();
    for rule in rules(text, &|place| moved.fixed.outside(place)) {
        let Some((target, base)) = moved.target(&rule.target) else {
            continue;
        };
        published.push_str(&escaped(&target));
        published.push(':');
        let names = rule.prerequisites.iter();
        for name in names.filter(|name| moved.is_usable(name, &base)) {
            published.push(' ');
            published.push_str(&escaped(name));
        }
        published.push('\n');
    }
    published
}

impl Moved<'_> {
    /// Where `target` is published, in the form in which it is written, and the directory that
    /// relative names in its rule are relative to: `build.dep-info-basedir`.
    fn target(&self, target: &Path) -> Option<(PathBuf, PathBuf)> {
        if target.is_absolute() {
            let relative = target.strip_prefix(self.from).ok()?;
            return is_plain(relative).then(|| (self.to.join(relative), PathBuf::new()));
        }
        // The base is an ancestor of the directory, and the target begins with the rest of it.
        let (base, relative) = self.from.ancestors().skip(1).find_map(|base| {
            let rest = self.from.strip_prefix(base).ok()?;
            Some((base, target.strip_prefix(rest).ok()?))
        })?;
        let to = self.to.join(relative);
        let to = to.strip_prefix(base).map_or(to.clone(), Path::to_owned);
        is_plain(relative).then(|| (to, base.to_owned()))
    }

    /// Whether make can use `name`, which is relative to `base`.
    fn is_usable(&self, name: &Path, base: &Path) -> bool {
        let path = base.join(name);
        let is_trusted = |rest: &Path| !written(&without_drive(rest)).contains(is_special);
        path.is_absolute()
            && is_trusted(path.strip_prefix(self.workspace).unwrap_or(&path))
            && path.symlink_metadata().is_ok()
    }
}

/// Whether `relative` consists of names that mean nothing to make.
fn is_plain(relative: &Path) -> bool {
    let mut components = relative.components();
    components.all(|component| matches!(component, Component::Normal(_)))
        && !written(relative).contains(is_special)
}

/// `path` as it is written in a rule. Make and ninja know the separator of Unix on every system,
/// and take the other one for an escape.
fn written(path: &Path) -> String {
    let text = path.to_string_lossy();
    match System::HERE {
        System::Windows => text.replace('\\', "/"),
        _ => text.into_owned(),
    }
}

/// `path` without a drive, whose colon is no part of a name.
fn without_drive(path: &Path) -> PathBuf {
    let components = path.components();
    components
        .filter(|component| !matches!(component, Component::Prefix(_)))
        .collect()
}

/// Whether make may take `c` for the end of a name, an assignment or a recipe, however it is
/// escaped.
fn is_special(c: char) -> bool {
    c.is_control() || matches!(c, ';' | '|' | '=' | ':' | '\\')
}

/// `name` as make and ninja read it. Cargo escapes only the spaces.
fn escaped(name: &Path) -> String {
    let mut escaped = String::new();
    for c in written(name).chars() {
        match c {
            ' ' | '#' => escaped.push('\\'),
            '$' => escaped.push('$'),
            _ => {}
        }
        escaped.push(c);
    }
    escaped
}

/// The names in `words`, separated by spaces.
fn names(words: &str) -> Vec<PathBuf> {
    let (mut names, mut name) = (Vec::new(), String::new());
    let mut rest = words.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' if rest.next_if_eq(&' ').is_some() => name.push(' '),
            ' ' | '\t' => names.push(std::mem::take(&mut name)),
            c => name.push(c),
        }
    }
    names.push(name);
    names.retain(|name| !name.is_empty());
    names.into_iter().map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let paths: Vec<_> = expected.iter().map(PathBuf::from).collect();
        assert_eq!(parse(text, &FixedPaths::default()), paths, "{text:?}");
    }

    #[test]
    fn prerequisites_follow_the_colon() {
        check(
            "/t/app: /src/main.rs /src/build.rs\n",
            &["/src/main.rs", "/src/build.rs"],
        );
        check("/t/app:\n", &[]);
        check("/t/app: \n", &[]);
        check("", &[]);
    }

    #[test]
    fn the_rules_of_a_container_name_files_of_windows() {
        let text = "/c/w/target/my\\ app: /c/w/src/main.rs /usr/lib/x.a\n";
        let rule = rules(text, &|place| System::Windows.outside(place)).remove(0);
        assert_eq!(rule.target, Path::new(r"C:\w\target\my app"));
        let names = [r"C:\w\src\main.rs", "/usr/lib/x.a"].map(PathBuf::from);
        assert_eq!(rule.prerequisites, names);
    }

    #[test]
    fn only_spaces_are_escaped() {
        check(
            "/t/my\\ app: /src/a\\ b.rs /lib\n",
            &["/src/a b.rs", "/lib"],
        );
        check(
            "/t/app: /src/a\\b.rs /src/c\\\\d.rs\n",
            &["/src/a\\b.rs", "/src/c\\\\d.rs"],
        );
        check(
            "/t/app: /src/a:b.rs /src/$c#.rs\n",
            &["/src/a:b.rs", "/src/$c#.rs"],
        );
        check("/t/a:\\ b: /src/c.rs\n", &["/src/c.rs"]);
    }

    #[test]
    fn a_rule_may_span_lines_and_be_followed_by_another() {
        check(
            "/t/a: /src/x \\\n  /src/y\n# a comment\n/t/b: /src/z\n",
            &["/src/x", "/src/y", "/src/z"],
        );
    }

    /// A directory of sources with some files, and what is published of `text` there. `@` stands
    /// for the directory.
    fn check_published(text: &str, expected: &str) {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        std::fs::create_dir_all(at("target/cross/k/t/debug/build/app-1/out")).unwrap();
        for file in [
            "main.rs",
            "a b#$.rs",
            "x=y.rs",
            "target/cross/k/t/debug/build/app-1/out/gen.rs",
            "target/cross/k/t/debug/run;it",
            "target/cross/k/t/debug/SHELL=it",
        ] {
            std::fs::write(at(file), "").unwrap();
        }
        let (from, to) = (at("target/cross/k/t"), at("target/t"));
        let inside = System::HERE.inside(dir.path()).unwrap();
        let root = dir.path().to_str().unwrap().replace('\\', "/");
        let fixed = FixedPaths::default();
        let moved = Moved {
            fixed: &fixed,
            from: &from,
            to: &to,
            workspace: dir.path(),
        };
        let published = published(&text.replace('@', inside.to_str().unwrap()), &moved);
        assert_eq!(published.replace(&root, "@"), expected, "{text:?}");
    }

    #[test]
    fn published_rules_name_published_files() {
        check_published(
            "@/target/cross/k/t/debug/my\\ app: @/main.rs @/target/cross/k/t/debug/build/app-1/out/gen.rs\n",
            "@/target/t/debug/my\\ app: @/main.rs @/target/cross/k/t/debug/build/app-1/out/gen.rs\n",
        );
        check_published(
            "@/target/cross/k/t/debug/a.so: @/main.rs\n\n@/target/cross/k/t/debug/a.rlib: @/main.rs\n",
            "@/target/t/debug/a.so: @/main.rs\n@/target/t/debug/a.rlib: @/main.rs\n",
        );
    }

    #[test]
    fn a_base_directory_of_the_users_is_kept() {
        check_published(
            "target/cross/k/t/debug/app: main.rs missing.rs\n",
            "target/t/debug/app: main.rs\n",
        );
    }

    #[test]
    fn what_only_the_environment_has_is_left_out() {
        check_published(
            "@/target/cross/k/t/debug/app: /no/such/include.h @/main.rs\n",
            "@/target/t/debug/app: @/main.rs\n",
        );
    }

    #[test]
    fn a_published_rule_makes_nothing_run() {
        check_published(
            "@/target/cross/k/t/debug/app: $(shell\\ x) @/a\\ b#$.rs\n",
            "@/target/t/debug/app: @/a\\ b\\#$$.rs\n",
        );
        for hostile in [
            "@/target/cross/k/t/debug/run;it",
            "@/target/cross/k/t/debug/SHELL=it",
            "; touch",
            "| @/x",
        ] {
            check_published(
                &format!("@/target/cross/k/t/debug/app: {hostile}\n"),
                "@/target/t/debug/app:\n",
            );
        }
        for hostile in [
            "SHELL := /evil\n",
            "\ttouch pwned: x\n",
            "all: @/main.rs\n",
            "@/target/cross/k/t/../../../../all: @/main.rs\n",
            "include: @/main.rs\n",
            "@/target/cross/k/t/debug/x;touch: @/main.rs\n",
            "@/target/cross/k/t/debug/SHELL=x: @/main.rs\n",
        ] {
            check_published(hostile, "");
        }
    }
}
