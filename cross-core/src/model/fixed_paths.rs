//! Fixed paths: where a reproducible build sees directories of the host, and the way back.
//!
//! What compiles puts paths into what it makes: panic messages, debug information, hashes of
//! symbols, and everything that a build script writes. If all of them are the same wherever the
//! project is, none has to be replaced afterwards.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cross_engine::os::System;
use cross_engine::{EnvValue, RunSpec};

/// The fixed paths of a run; none if every path inside is the host's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FixedPaths {
    /// The directories of the host, a longer path before a shorter one, and their places inside.
    dirs: Vec<(PathBuf, PathBuf)>,
    /// The same in the order in which they were given: of several directories at one place, the
    /// first is what the place is called outside.
    given: Vec<(PathBuf, PathBuf)>,
    /// Generated files that name such directories, and their copies that name the places.
    files: BTreeMap<PathBuf, PathBuf>,
}

impl FixedPaths {
    /// The places inside of these directories.
    pub(crate) fn new(given: Vec<(PathBuf, PathBuf)>) -> Self {
        let mut dirs = given.clone();
        dirs.sort_by_key(|(host, _)| std::cmp::Reverse(host.as_os_str().len()));
        FixedPaths {
            dirs,
            given,
            files: BTreeMap::new(),
        }
    }

    /// Whether every path inside is the host's.
    pub(crate) fn is_empty(&self) -> bool {
        self.dirs.is_empty()
    }

    /// Gives runs `copy` in place of the generated file `original`.
    pub(crate) fn replace_file(&mut self, original: PathBuf, copy: PathBuf) {
        self.files.insert(original, copy);
    }

    /// The place inside of the host's `path`.
    pub(crate) fn inside(&self, path: &Path) -> PathBuf {
        moved(path, self.dirs.iter().map(|(host, inside)| (host, inside)))
    }

    /// The path on the host of a place inside.
    pub(crate) fn outside(&self, place: &Path) -> PathBuf {
        let back = self.given.iter().map(|(host, inside)| (inside, host));
        System::HERE.outside(&moved(place, back))
    }

    /// `text` with the places inside where it names the host's paths.
    pub(crate) fn text_inside(&self, text: &str) -> String {
        let dirs = self.dirs.iter().map(|(host, inside)| (host, inside));
        replaced(text, dirs)
    }

    /// `text` with the host's paths where it names places inside.
    pub(crate) fn text_outside(&self, text: &str) -> String {
        let back = self.given.iter().map(|(host, inside)| (inside, host));
        replaced(text, back)
    }

    /// The run with everything at its place.
    pub(crate) fn place(&self, mut spec: RunSpec) -> RunSpec {
        if self.is_empty() {
            return spec;
        }
        for mount in &mut spec.mounts {
            mount.target = self.inside(&mount.target);
            if let Some(copy) = self.files.get(&mount.source) {
                mount.source.clone_from(copy);
            }
        }
        spec.cwd = self.inside(&spec.cwd);
        for word in &mut spec.command {
            *word = self.text_inside(word);
        }
        for value in spec.env.values_mut() {
            match value {
                EnvValue::Plain(text) | EnvValue::Secret(text) => *text = self.text_inside(text),
                _ => {}
            }
        }
        spec.hostname(Some(HOST_NAME.to_owned()))
    }
}

/// The name of the machine that a run with fixed paths sees.
pub(crate) const HOST_NAME: &str = "cross";

fn moved<'a>(path: &Path, dirs: impl Iterator<Item = (&'a PathBuf, &'a PathBuf)>) -> PathBuf {
    let found = dirs.into_iter().find_map(|(from, to)| {
        let rest = path.strip_prefix(from).ok()?;
        Some(match rest.as_os_str().is_empty() {
            true => to.clone(),
            false => to.join(rest),
        })
    });
    found.unwrap_or_else(|| path.to_owned())
}

/// `text` with the second of each pair in place of the first one, where that is a path or the
/// beginning of one. What was replaced is not looked at again.
fn replaced<'a>(
    text: &str,
    dirs: impl Iterator<Item = (&'a PathBuf, &'a PathBuf)> + Clone,
) -> String {
    let mut new = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let before = &text[..text.len() - rest.len()];
        let found = dirs.clone().find_map(|(from, to)| {
            let (from, to) = (from.to_str()?, to.to_str()?);
            let after = rest.strip_prefix(from)?;
            let is_whole = from.len() > 1 && begins_path(before) && ends_component(after);
            is_whole.then_some((from, to, after))
        });
        match found {
            Some((from, to, after)) => {
                let end = after.find(is_delimiter).unwrap_or(after.len());
                let (path, after) = after.split_at(end);
                match (from.contains('\\'), to.contains('\\')) {
                    (true, false) => new.extend([to, &path.replace('\\', "/")]),
                    // A URL has the separators of Linux on Windows, too.
                    (false, true) if before.ends_with("://") => {
                        new.extend(["/", &to.replace('\\', "/"), path]);
                    }
                    (false, true) => new.extend([to, &path.replace('/', "\\")]),
                    _ => new.extend([to, path]),
                }
                rest = after;
            }
            None => {
                new.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    new
}

/// Whether a path can begin behind `before`: it is not within a longer path. A flag of letters may
/// be in front of it, as in `-I/usr`.
fn begins_path(before: &str) -> bool {
    let Some(last) = before.chars().next_back() else {
        return true;
    };
    if last == '@' || !is_of_name(last) && last != '/' && last != '\\' {
        return true;
    }
    let word = before.rfind(is_delimiter).map_or(before, |at| {
        let delimiter = before[at..].chars().next().map_or(0, char::len_utf8);
        &before[at + delimiter..]
    });
    let letters = word.strip_prefix('-');
    letters.is_some_and(|letters| letters.bytes().all(|byte| byte.is_ascii_alphabetic()))
        || before.ends_with("://")
}

/// Whether a component of a path ends in front of `after`.
fn ends_component(after: &str) -> bool {
    after.chars().next().is_none_or(|next| !is_of_name(next))
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | '@' | '~')
}

/// What is between paths.
fn is_delimiter(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "\"'`=,;()[]{}<>".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cross_engine::{Mount, Root};

    fn paths() -> FixedPaths {
        let pair = |host: &str, inside: &str| (PathBuf::from(host), PathBuf::from(inside));
        FixedPaths::new(vec![
            pair("/home/u/app", "/cross/project"),
            pair("/data/app", "/cross/project"),
            pair("/home/u/app/target/cross/t-1", "/cross/target"),
            pair("/home/u/.cargo", "/cross/cargo"),
        ])
    }

    #[test]
    fn a_path_is_moved_with_the_innermost_directory_and_back() {
        for (host, inside) in [
            ("/home/u/app", "/cross/project"),
            ("/home/u/app/src/a b.rs", "/cross/project/src/a b.rs"),
            ("/home/u/app/target/cross/t-1/deps", "/cross/target/deps"),
            (
                "/home/u/app/target/cross/t-12",
                "/cross/project/target/cross/t-12",
            ),
            ("/home/u/apps", "/home/u/apps"),
            ("/usr/lib", "/usr/lib"),
            ("src/a.rs", "src/a.rs"),
        ] {
            assert_eq!(paths().inside(Path::new(host)), Path::new(inside));
            assert_eq!(paths().outside(Path::new(inside)), Path::new(host));
        }
        let linked = paths().inside(Path::new("/data/app/x"));
        assert_eq!(paths().outside(&linked), Path::new("/home/u/app/x"));
    }

    #[test]
    fn paths_in_texts_are_replaced_and_parts_of_longer_ones_are_not() {
        for (host, inside) in [
            ("/home/u/app", "/cross/project"),
            ("-L/home/u/app/lib", "-L/cross/project/lib"),
            ("-isystem/home/u/app", "-isystem/cross/project"),
            ("@/home/u/app/flags", "@/cross/project/flags"),
            ("-Lnative=/home/u/app/lib", "-Lnative=/cross/project/lib"),
            ("/home/u/.cargo/bin:/usr/bin", "/cross/cargo/bin:/usr/bin"),
            ("a = [\"/home/u/app/x\"]", "a = [\"/cross/project/x\"]"),
            ("path+file:///home/u/app#1", "path+file:///cross/project#1"),
            (
                "-C\u{1f}linker=/home/u/app/ld",
                "-C\u{1f}linker=/cross/project/ld",
            ),
            ("/home/u/app, /home/u/app", "/cross/project, /cross/project"),
            ("/home/u/apps /home/u/app-2", "/home/u/apps /home/u/app-2"),
            (
                "/mnt/home/u/app x/home/u/app",
                "/mnt/home/u/app x/home/u/app",
            ),
            ("é/home/u/app", "é/home/u/app"),
            ("", ""),
        ] {
            assert_eq!(paths().text_inside(host), inside);
            assert_eq!(paths().text_outside(inside), host);
        }
    }

    #[test]
    fn a_text_of_windows_has_the_separators_of_its_side_behind_a_place() {
        let pair = (
            PathBuf::from(r"C:\src\app"),
            PathBuf::from("/cross/project"),
        );
        let paths = FixedPaths::new(vec![pair]);
        let text = paths.text_inside(r"--manifest-path C:\src\app\a\Cargo.toml C:\x");
        assert_eq!(text, r"--manifest-path /cross/project/a/Cargo.toml C:\x");
        let text = paths.text_outside("path+file:///cross/project/a#1 /cross/project/a/b.rs:1 /x");
        assert_eq!(text, r"path+file:///C:/src/app/a#1 C:\src\app\a\b.rs:1 /x");
    }

    #[test]
    fn a_run_sees_places_only_and_the_copies_of_files_that_name_them() {
        let mut paths = paths();
        paths.replace_file("/c/files/1/config".into(), "/c/files/2/config".into());
        let value = |text: &str| EnvValue::Plain(text.to_owned());
        let spec = RunSpec::new(
            Root::Image("i".into()),
            "/home/u/app/a",
            ["cargo", "/home/u/app"],
        )
        .mounts([
            Mount::read("/home/u/app"),
            Mount::read("/c/files/1/config").at("/home/u/.cargo/config.toml"),
        ])
        .env([("X".to_owned(), value("/home/u/app/x"))]);
        let placed = paths.place(spec.clone());
        assert_eq!(placed.cwd, Path::new("/cross/project/a"));
        assert_eq!(placed.command, ["cargo", "/cross/project"]);
        assert_eq!(placed.env["X"], value("/cross/project/x"));
        let mounts = [
            Mount::read("/home/u/app").at("/cross/project"),
            Mount::read("/c/files/2/config").at("/cross/cargo/config.toml"),
        ];
        assert_eq!(placed.mounts, mounts);
        assert_eq!(FixedPaths::default().place(spec.clone()), spec);
    }
}
