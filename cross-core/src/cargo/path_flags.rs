//! The flags of cargo and its plugins that name files and directories, in the arguments for the
//! environment's cargo.

use std::path::Path;

/// What a path is to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathUse {
    /// It is read.
    Read,
    /// It is read if it is a file, and is a setting otherwise.
    Setting,
    /// A directory in which cargo puts final artifacts.
    Artifacts,
    /// A file that is written.
    Written,
    /// A directory that is written.
    WrittenDirectory,
}

/// A flag, the plugin whose it is (`None` for cargo's own), and what its value is.
const FLAGS: [(&str, Option<&str>, PathUse); 15] = [
    ("--config", None, PathUse::Setting),
    ("--artifact-dir", None, PathUse::Artifacts),
    ("--out-dir", None, PathUse::Artifacts),
    ("--lockfile-path", None, PathUse::Read),
    ("--config-file", Some("nextest"), PathUse::Read),
    ("--tool-config-file", Some("nextest"), PathUse::Read),
    ("--user-config-file", Some("nextest"), PathUse::Read),
    ("--binaries-metadata", Some("nextest"), PathUse::Read),
    ("--cargo-metadata", Some("nextest"), PathUse::Read),
    ("--workspace-remap", Some("nextest"), PathUse::Read),
    ("--target-dir-remap", Some("nextest"), PathUse::Read),
    ("--archive-file", Some("nextest"), PathUse::Read),
    ("--extract-to", Some("nextest"), PathUse::WrittenDirectory),
    ("--output-path", Some("llvm-cov"), PathUse::Written),
    ("--output-dir", Some("llvm-cov"), PathUse::WrittenDirectory),
];

/// A path in arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedPath {
    /// The flag that names it.
    pub(crate) flag: &'static str,
    pub(crate) path_use: PathUse,
    /// The value as written, without what precedes the path in it.
    pub(crate) written: String,
    /// The argument that has the value.
    at: usize,
    /// Where the path begins in that argument.
    from: usize,
}

/// The values of `flag` in arguments, before `--`.
pub(crate) fn values<'a>(args: &'a [String], flag: &'a str) -> impl Iterator<Item = &'a str> {
    let before = args
        .iter()
        .position(|arg| arg == "--")
        .unwrap_or(args.len());
    let args = &args[..before];
    args.iter().enumerate().filter_map(move |(at, arg)| {
        let rest = arg.strip_prefix(flag)?;
        match rest.strip_prefix('=') {
            Some(value) => Some(value),
            None if rest.is_empty() => args.get(at + 1).map(String::as_str),
            None => None,
        }
    })
}

/// The paths that the arguments of the subcommand `name` have, before `--`.
pub(crate) fn find(args: &[String], name: &str) -> Vec<NamedPath> {
    let mut found = Vec::new();
    let is_archive = args.iter().any(|arg| arg == "archive");
    let before = args
        .iter()
        .position(|arg| arg == "--")
        .unwrap_or(args.len());
    for (at, arg) in args[..before].iter().enumerate() {
        let (written, attached) = match arg.split_once('=') {
            Some((flag, _)) => (flag, true),
            None => (arg.as_str(), false),
        };
        let is_ours = |(flag, plugin, _): &&(&str, Option<&str>, PathUse)| {
            *flag == written && plugin.is_none_or(|plugin| plugin == name)
        };
        let Some((flag, _, path_use)) = FLAGS.iter().find(is_ours) else {
            continue;
        };
        let (at, mut from) = match attached {
            true => (at, written.len() + 1),
            false => (at + 1, 0),
        };
        let Some(value) = args[..before].get(at) else {
            continue;
        };
        if *flag == "--tool-config-file" {
            // The name of the tool and a colon come before the path.
            from += value[from..].find(':').map_or(0, |colon| colon + 1);
        }
        found.push(NamedPath {
            flag,
            path_use: match *path_use {
                PathUse::Read if *flag == "--archive-file" && is_archive => PathUse::Written,
                path_use => path_use,
            },
            written: value[from..].to_owned(),
            at,
            from,
        });
    }
    found
}

impl NamedPath {
    /// Replaces the path in `args`, in which it was found.
    pub(crate) fn replace(&self, args: &mut [String], path: &Path) {
        let arg = &mut args[self.at];
        arg.truncate(self.from);
        arg.push_str(&path.to_string_lossy());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn paths_are_found_and_replaced_however_they_are_written() {
        for (line, name, replaced) in [
            (
                "build --artifact-dir out",
                "build",
                "build --artifact-dir /x",
            ),
            ("build --out-dir=out -r", "build", "build --out-dir=/x -r"),
            (
                "nextest run --tool-config-file t:out",
                "nextest",
                "nextest run --tool-config-file t:/x",
            ),
        ] {
            let mut args_of = args(line);
            let found = find(&args_of, name);
            assert_eq!(found[0].written, "out");
            found[0].replace(&mut args_of, Path::new("/x"));
            assert_eq!(args_of, args(replaced));
        }
        assert!(find(&args("run -- --artifact-dir out"), "run").is_empty());
        assert!(find(&args("test --archive-file out"), "test").is_empty());
    }

    #[test]
    fn an_archive_is_written_or_read() {
        let use_of = |line: &str| find(&args(line), "nextest")[0].path_use;
        assert_eq!(use_of("nextest archive --archive-file a"), PathUse::Written);
        assert_eq!(use_of("nextest run --archive-file a"), PathUse::Read);
    }

    #[test]
    fn values_end_where_the_programs_arguments_begin() {
        let args = args("--config a --config=b --configure c -- --config d");
        let found: Vec<_> = values(&args, "--config").collect();
        assert_eq!(found, ["a", "b"]);
    }
}
