//! Fetches what a run made: only files that the caller wants, and only if they changed.
//!
//! What comes back is a claim of hostile programs, as what a local run leaves in its target
//! directory is. It is written to that directory, and read from there through the same door.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};

use crate::engines::engine::Engine;
use crate::os::{FileFacts, System};
use crate::process::cancel::Cancel;
use crate::process::error::{Error, ErrorKind, IoContext as _, Result, utf8};
use crate::process::host::Host;
use crate::process::script::joined;
use crate::process::unique_name::unique;
use crate::process::untrusted::{Dir, limits};
use crate::process::whole_file;
use crate::reach::transfer::Transfer;
use crate::remote::archive::{self, Wanted};
use crate::remote::event::{TransferEvent, TransferSink};
use crate::remote::fill::Context;
use crate::remote::helper::{self, Rights};
use crate::remote::manifest::{escaped, key, plain};
use crate::remote::record::{self, Settled};
use crate::spec::run_spec::RunSpec;

const FETCH: &str = include_str!("fetch.sh");

/// The limit of a line in the list of files.
const LINE: u64 = 16 << 10;

/// How many paths of what is there are read. The cache of a package manager has some 100 000.
const THERE: usize = 10 * limits::ENTRIES;

/// What is fetched from the target directory on a remote engine.
#[derive(Debug)]
#[non_exhaustive]
pub struct Fetch<'a> {
    /// The target directory.
    pub target_dir: &'a Dir,
    /// The directory in it that is looked through three levels deep.
    pub shallow: &'a Path,
    /// The directories in it that are looked through completely.
    pub deep: &'a [PathBuf],
    /// Whether only files are fetched that are newer than the state of the volume: what a run
    /// changed of what was sent. Then it is told, too, what is there.
    pub(crate) only_changed: bool,
    /// Files in it, by their paths in it, that the run says are there unchanged, as is everything
    /// else.
    pub unchanged: Option<Vec<PathBuf>>,
}

impl<'a> Fetch<'a> {
    /// Fetches from `target_dir`: from `shallow`, three levels deep, and from everything in the
    /// directories `deep`. All are absolute paths of the caller's.
    pub fn new(target_dir: &'a Dir, shallow: &'a Path, deep: &'a [PathBuf]) -> Self {
        Fetch {
            target_dir,
            shallow,
            deep,
            only_changed: false,
            unchanged: None,
        }
    }

    /// Believes the run that it changed nothing: `files`, by their paths in the target directory,
    /// are as they were. If they were fetched, and nothing ran meanwhile, nothing is fetched.
    #[must_use]
    pub fn unchanged(mut self, files: Vec<PathBuf>) -> Self {
        self.unchanged = Some(files);
        self
    }
}

/// What a fetch came to.
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    /// The hash of each file that arrived, by its path in the directory.
    pub(crate) received: BTreeMap<PathBuf, String>,
    /// What is there, if only changed files were fetched.
    pub(crate) there: There,
}

/// What a directory of a volume has, as a claim: keys of it and of what is in it, as a manifest has
/// them.
#[derive(Debug, Default)]
pub(crate) struct There {
    pub(crate) directories: BTreeSet<Vec<u8>>,
    /// Everything else.
    pub(crate) others: BTreeSet<Vec<u8>>,
}

/// A file that a volume has.
struct Listed {
    size: u64,
    /// Its size, times and inode, which change with its contents.
    stamp: String,
}

impl Engine {
    /// Fetches those files of the target directory that `is_wanted` says, by their paths in it, and
    /// that changed since they were fetched.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unreachable`] if the connection is lost, [`ErrorKind::Untrusted`] for what is
    /// refused, [`ErrorKind::Io`], [`ErrorKind::Cancelled`], [`ErrorKind::Deadline`].
    #[expect(clippy::too_many_arguments, reason = "each is another thing")]
    pub fn fetch(
        &self,
        spec: &RunSpec,
        transfer: &Transfer,
        fetch: &Fetch<'_>,
        is_wanted: &mut dyn FnMut(&Path) -> bool,
        host: &Host,
        cancel: &Cancel,
        on_event: &mut TransferSink<'_>,
    ) -> Result<()> {
        let context = Context {
            engine: self,
            spec,
            transfer,
            host,
            cancel,
        };
        context.fetch(fetch, is_wanted, on_event).map(drop)
    }
}

impl Context<'_> {
    /// Fetches those files that `is_wanted` says.
    pub(crate) fn fetch(
        &self,
        fetch: &Fetch<'_>,
        is_wanted: &mut dyn FnMut(&Path) -> bool,
        on_event: &mut TransferSink<'_>,
    ) -> Result<Fetched> {
        let Context {
            engine,
            spec,
            transfer,
            host,
            cancel,
        } = *self;
        let base = fetch.target_dir.path();
        let Some(tree) = transfer.tree_of(base) else {
            return Ok(Fetched::default());
        };
        let record = match tree.root == base {
            true => record::fetched(engine, host, &tree.volume),
            false => record::fetched_of(engine, host, &tree.volume, base),
        };
        let before = read_record(&record);
        if let Some(files) = &fetch.unchanged {
            let is_here = |path: &PathBuf| {
                let meta = fs::symlink_metadata(base.join(path));
                let size = before.get(path).and_then(|stamp| stamp.split('|').next());
                meta.is_ok_and(|it| it.is_file() && size == Some(&it.len().to_string()))
            };
            let settled = record::settled(engine, host, &tree.volume);
            if settled == Settled::BeforeThisRun && files.iter().all(is_here) {
                record::settle(engine, host, &tree.volume, Settled::Yes)?;
                return Ok(Fetched::default());
            }
        }
        // The rest of the conversation names what is in the directory by its path in it, so that the
        // name of the directory may be any.
        let inside = |path: &Path| {
            let path = path.strip_prefix(base).unwrap_or(path);
            let path = Path::new(".").join(System::HERE.for_linux(path));
            utf8(&path).map(|path| path.trim_end_matches('/').to_owned())
        };
        let only = if fetch.only_changed { "changed" } else { "all" };
        let place = System::HERE.inside(base)?;
        let mut args = vec![
            only.to_owned(),
            utf8(&place)?.to_owned(),
            inside(fetch.shallow)?,
        ];
        for dir in fetch.deep {
            args.push(inside(dir)?);
        }
        let name = unique("cross-fetch");
        let script = joined([FETCH]);
        let names = (name.as_str(), name.as_str(), tree.volume.as_str());
        let invocation = helper::invocation(engine, spec, names, Rights::Read, script, &args)?;
        let ended = helper::converse(&invocation, host, cancel, |mut to, mut from| {
            let listed = hear_list(&mut from, is_wanted)?;
            refuse_namesakes(listed.keys(), || ignores_case(base))?;
            let base_key = key(base);
            let there = match fetch.only_changed {
                true => There {
                    directories: hear_keys(&mut from, &base_key)?,
                    others: hear_keys(&mut from, &base_key)?,
                },
                false => There::default(),
            };
            let is_new = |path: &Path, listed: &Listed| {
                let there = fs::symlink_metadata(base.join(path));
                let is_there = there.is_ok_and(|it| it.is_file() && it.len() == listed.size);
                !is_there || before.get(path) != Some(&listed.stamp)
            };
            let new: Vec<_> = listed
                .iter()
                .filter(|(path, it)| is_new(path, it))
                .collect();
            let mut order = format!("{}\n", new.len()).into_bytes();
            let mut wanted = BTreeMap::new();
            let (mut of, files) = (0, new.len());
            for (path, listed) in new {
                let there = System::HERE.for_linux(path);
                order.extend_from_slice(b"./");
                order.extend_from_slice(there.as_os_str().as_encoded_bytes());
                order.push(b'\n');
                of += listed.size;
                let size = listed.size;
                let to = path.clone();
                wanted.insert(there, Wanted { size, to });
            }
            helper::say(&mut to, &order)?;
            let _ = to.flush();
            drop(to);
            let mut received = BTreeMap::new();
            if files > 0 {
                // From here on, what is there may be newer than what is remembered.
                let _ = fs::remove_file(&record);
                let volume = tree.volume.as_str();
                received = archive::unpack(&mut from, fetch.target_dir, wanted, &mut |bytes| {
                    let event = TransferEvent::Fetched {
                        volume,
                        bytes,
                        of,
                        files,
                    };
                    self.emit(on_event, event)
                })?;
                let _ = std::io::copy(&mut from, &mut std::io::sink());
                write_record(&record, &listed)?;
            }
            Ok(Fetched { received, there })
        })
        .inspect_err(|_| helper::remove_begun(engine, &name, host))?;
        match (ended.said, ended.exit.success()) {
            (Ok(fetched), true) if fetch.only_changed => Ok(fetched),
            (Ok(fetched), true) => {
                record::settle(engine, host, &tree.volume, Settled::Yes)?;
                Ok(fetched)
            }
            (Err(error), _)
                if error.kind() != ErrorKind::Unreachable || ended.stderr.trim().is_empty() =>
            {
                Err(error)
            }
            _ => Err(helper::failure(
                engine,
                "fetch what was built",
                ended.exit,
                &ended.stderr,
            )),
        }
    }
}

/// Fails if two of `paths` would be one file here.
fn refuse_namesakes<'p>(
    paths: impl Iterator<Item = &'p PathBuf>,
    ignores_case: impl Fn() -> bool,
) -> Result<()> {
    let mut seen = BTreeMap::new();
    for path in paths {
        let folded = path.to_string_lossy().to_lowercase();
        let Some(other) = seen.insert(folded, path) else {
            continue;
        };
        if !ignores_case() {
            return Ok(());
        }
        let (one, two) = (other.display(), path.display());
        let message = format!(
            "`{one}` and `{two}` on the engine's machine differ in case only, and this machine's disk takes them for one"
        );
        return Err(Error::new(ErrorKind::Path, message).with_help(
            "give one of them another name, or set `CARGO_TARGET_DIR` to a directory on a disk that tells them apart",
        ));
    }
    Ok(())
}

/// Whether the disk of the directory `dir` takes names that differ in case only for one.
fn ignores_case(dir: &Path) -> bool {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let swapped: String = name
        .chars()
        .map(|letter| match letter.is_ascii_lowercase() {
            true => letter.to_ascii_uppercase(),
            false => letter.to_ascii_lowercase(),
        })
        .collect();
    let identity = |path: &Path| Some(FileFacts::at(path).ok()?.identity());
    let there = identity(dir);
    swapped != name && there.is_some() && identity(&dir.with_file_name(swapped)) == there
}

/// Reads the list of files, and keeps those that are wanted.
fn hear_list(
    from: &mut impl BufRead,
    is_wanted: &mut dyn FnMut(&Path) -> bool,
) -> Result<BTreeMap<PathBuf, Listed>> {
    let mut listed = BTreeMap::new();
    let mut line = Vec::new();
    for _ in 0..limits::ENTRIES {
        line.clear();
        let read = from.by_ref().take(LINE).read_until(b'\n', &mut line);
        if !matches!(read, Ok(1..)) || line.pop() != Some(b'\n') {
            return Err(helper::lost("read what was built", ""));
        }
        if line == b"." {
            return Ok(listed);
        }
        let Some((path, file)) = parse(&line) else {
            continue;
        };
        if is_wanted(&path) {
            listed.insert(path, file);
        }
    }
    Err(too_many(limits::ENTRIES))
}

/// Reads the keys of a list of paths below that with the key `base`, which an empty one ends.
fn hear_keys(from: &mut impl BufRead, base: &[u8]) -> Result<BTreeSet<Vec<u8>>> {
    let mut keys = BTreeSet::new();
    let mut path = Vec::new();
    for _ in 0..THERE {
        path.clear();
        let read = from.by_ref().take(LINE).read_until(b'\0', &mut path);
        if !matches!(read, Ok(1..)) || path.pop() != Some(b'\0') {
            return Err(helper::lost("read what is there", ""));
        }
        if path.is_empty() {
            return Ok(keys);
        }
        match path.as_slice() {
            b"." => drop(keys.insert(base.to_vec())),
            path => keys.extend(
                path.strip_prefix(b"./")
                    .map(|path| [base, b"/", path].concat()),
            ),
        }
    }
    Err(too_many(THERE))
}

fn too_many(limit: usize) -> Error {
    let message = format!("there are more than {limit} files");
    Error::new(ErrorKind::Untrusted, message).with_help(
        "something that ran in the environment made them: look into its target directory",
    )
}

/// Whether the file with this path can be asked for: by a line, and the archiver at the other end
/// takes a backslash for the beginning of another character.
pub(crate) fn can_be_asked_for(path: &[u8]) -> bool {
    std::str::from_utf8(path).is_ok_and(|path| !path.contains(['\\', '\n']))
}

/// Reads a line of the list: `None` for what is no file that can be asked for.
fn parse(line: &[u8]) -> Option<(PathBuf, Listed)> {
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.splitn(5, '|');
    let (size, modified, changed) = (words.next()?, words.next()?, words.next()?);
    let (inode, path) = (words.next()?, words.next()?);
    if !can_be_asked_for(path.as_bytes()) {
        return None;
    }
    let path = Path::new(path).strip_prefix("./").ok()?;
    let is_name = |component: Component<'_>| matches!(component, Component::Normal(_));
    if !path.components().all(is_name) || path.as_os_str().is_empty() {
        return None;
    }
    let stamp = format!("{size}|{modified}|{changed}|{inode}");
    let size = size.parse().ok()?;
    Some((path.to_owned(), Listed { size, stamp }))
}

/// The stamps of what was fetched, by path.
fn read_record(path: &Path) -> BTreeMap<PathBuf, String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = |line: &str| {
        let (path, stamp) = line.split_once(' ')?;
        let path = String::from_utf8(plain(path)?).ok()?;
        Some((path.into(), stamp.to_owned()))
    };
    text.lines().filter_map(line).collect()
}

fn write_record(path: &Path, listed: &BTreeMap<PathBuf, Listed>) -> Result<()> {
    let lines = listed.iter().map(|(path, listed)| {
        let path = escaped(path.as_os_str().as_encoded_bytes());
        format!("{path} {}\n", listed.stamp)
    });
    let text: String = lines.collect();
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).on("create directory", dir)?;
    }
    whole_file::write(path, text.as_bytes(), 0o600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_what_is_there_has_any_name_and_an_end() {
        let list = b".\0./a\nb\0/etc/passwd\0./\xff\0\0more";
        let keys = hear_keys(&mut list.as_slice(), b"w/x").unwrap();
        assert_eq!(
            keys,
            [b"w/x".to_vec(), b"w/x/a\nb".to_vec(), b"w/x/\xff".to_vec()]
                .into_iter()
                .collect()
        );
        let error = hear_keys(&mut &list[..8], b"w/x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
    }

    #[test]
    fn files_that_would_be_one_here_are_refused() {
        let paths = ["x/debug/App", "x/debug/app.d", "x/debug/app"].map(PathBuf::from);
        let refused = |ignores_case: bool| refuse_namesakes(paths.iter(), || ignores_case);
        refused(false).unwrap();
        refuse_namesakes(paths[1..].iter(), || true).unwrap();
        let error = refused(true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Path);
        assert!(
            error
                .to_string()
                .contains("`x/debug/App` and `x/debug/app`"),
            "{error}"
        );
        assert!(error.help().unwrap().contains("CARGO_TARGET_DIR"));
    }

    /// This machine's disk tells names apart, unless one of them is the other.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_disk_that_ignores_case_is_known_by_another_spelling() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("Cross-1");
        fs::create_dir(&target).unwrap();
        assert!(!ignores_case(&target));
        std::os::unix::fs::symlink("Cross-1", dir.path().join("cROSS-1")).unwrap();
        assert!(ignores_case(&target), "both lead to the same directory");
        assert!(!ignores_case(&dir.path().join("gone")));
    }

    #[test]
    fn a_list_names_nothing_outside_of_the_target_directory() {
        let lines = [
            "4|t|t|1|./x/debug/app",
            "4|t|t|1|./../../etc/passwd",
            "4|t|t|1|/etc/passwd",
            "4|t|t|1|other",
            "4|t|t|1|./",
            "-4|t|t|1|./x/negative",
            "4|t|t|1|./x/back\\nslash",
            "half of a name that has",
            "9|t|t|1|./x/a|b",
            ".",
        ];
        let mut text = (lines.join("\n") + "\n").into_bytes();
        let listed = hear_list(&mut text.as_slice(), &mut |_| true).unwrap();
        let names: Vec<_> = listed.keys().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(names, ["x/a|b", "x/debug/app"]);
        text.truncate(text.len() - 2);
        let error = hear_list(&mut text.as_slice(), &mut |_| true)
            .err()
            .unwrap();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
    }
}
