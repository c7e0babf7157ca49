use std::fs::{self, File};
use std::io::Write as _;
#[cfg(unix)]
use std::os::unix::{
    fs::{MetadataExt as _, PermissionsExt as _, symlink},
    net::UnixListener,
};
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[cfg(unix)]
use rustix::fs::{CWD, Mode, mkfifoat};

use super::*;
use crate::os::Directory;
use crate::process::cancel::Cancel;
#[cfg(unix)]
use crate::process::clock;
use crate::process::error::{Error, ErrorKind, Result};
use crate::process::untrusted::open::not_opened;

/// A directory of ours, and beside it one with what the inside must not reach.
struct Place {
    _outer: tempfile::TempDir,
    root: PathBuf,
    secret: PathBuf,
}

impl Place {
    fn new() -> Self {
        let outer = tempfile::tempdir().unwrap();
        let (root, home) = (outer.path().join("target"), outer.path().join("home"));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&home).unwrap();
        let secret = home.join("id_ed25519");
        fs::write(&secret, "the private key").unwrap();
        Place {
            root,
            secret,
            _outer: outer,
        }
    }

    fn dir(&self) -> Dir {
        Dir::open(&self.root).unwrap()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

#[test]
fn a_directory_that_is_there_is_not_taken_for_a_removed_one() {
    let place = Place::new();
    assert!(!place.dir().is_removed());
}

/// What is read of `relative`: by the kernel's one call, which has to give the same as one
/// component after the other.
fn read(dir: &Dir, relative: impl AsRef<Path>) -> Result<String> {
    let relative = relative.as_ref();
    let by_kernel = dir
        .file(relative)
        .and_then(|file| file.text(limits::RECORD));
    let by_hand = dir.open_by_hand(relative);
    match (&by_kernel, by_hand) {
        (Ok(text), Ok((file, _))) => assert_eq!(*text, std::io::read_to_string(file).unwrap()),
        (Err(error), Err(failure)) => {
            let by_hand = not_opened(failure, &dir.path().join(relative));
            assert_eq!(error.to_string(), by_hand.to_string());
        }
        (by_kernel, by_hand) => panic!("{by_kernel:?}, by hand {by_hand:?}"),
    }
    by_kernel
}

fn refused(result: Result<String>) -> Refused {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Untrusted, "{error}");
    error.why_refused().unwrap().clone()
}

#[test]
fn a_regular_file_is_read_however_deep_it_is() {
    let place = Place::new();
    let deep = "a/".repeat(200) + "file";
    place.write(&deep, "text");
    assert_eq!(read(&place.dir(), &deep).unwrap(), "text");
    assert_eq!(place.dir().file(&deep).unwrap().len(), 4);
}

#[cfg(unix)]
#[test]
fn what_is_not_there_is_told_from_what_is_refused() {
    let place = Place::new();
    let dir = place.dir();
    for missing in ["file", "no/such/file"] {
        assert_eq!(read(&dir, missing).unwrap_err().kind(), ErrorKind::Io);
        assert!(dir.file_if_any(missing).unwrap().is_none());
    }
    symlink(&place.secret, place.root.join("file")).unwrap();
    assert!(dir.file_if_any("file").is_err());
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_is_not_followed_at_any_place() {
    let place = Place::new();
    let dir = place.dir();
    symlink(&place.secret, place.root.join("link")).unwrap();
    symlink(place.secret.parent().unwrap(), place.root.join("linked")).unwrap();
    symlink("target", place.root.parent().unwrap().join("alias")).unwrap();
    place.write("real/file", "text");
    symlink("real", place.root.join("beside")).unwrap();
    symlink("/proc/self/fd/0", place.root.join("magic")).unwrap();
    let link = FileKind::SymbolicLink;
    assert_eq!(refused(read(&dir, "link")), Refused::NotRegular(link));
    assert_eq!(refused(read(&dir, "magic")), Refused::NotRegular(link));
    let through = Refused::NotDirectory(link);
    assert_eq!(refused(read(&dir, "linked/id_ed25519")), through);
    assert_eq!(
        refused(read(&dir, "beside/file")),
        through,
        "even to what is ours"
    );
    let error = read(&dir, "link").unwrap_err().to_string();
    assert!(
        error.contains("target/link` is not read: it is a symbolic link"),
        "{error}"
    );
    // Where the directory itself is by a link, that is the user's own.
    let alias = Dir::open(place.root.parent().unwrap().join("alias")).unwrap();
    assert_eq!(read(&alias, "real/file").unwrap(), "text");
}

#[test]
fn a_path_that_leads_out_is_refused() {
    let place = Place::new();
    let dir = place.dir();
    place.write("a/file", "text");
    let absolute = place.secret.to_str().unwrap();
    for path in [
        "../home/id_ed25519",
        "a/../a/file",
        "a/../../home/id_ed25519",
        absolute,
    ] {
        assert_eq!(refused(read(&dir, path)), Refused::Outside, "{path}");
    }
    let sub = dir.dir("a").unwrap();
    assert_eq!(refused(read(&sub, "../a/file")), Refused::Outside);
    assert_eq!(
        dir.relative(&place.root.join("a/file")),
        Some(Path::new("a/file"))
    );
    assert_eq!(dir.relative(&place.root.join("../home/id_ed25519")), None);
    assert_eq!(dir.relative(&place.secret), None);
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_named_and_nobody_waits_for_it() {
    let place = Place::new();
    let dir = place.dir();
    mkfifoat(CWD, place.root.join("fifo"), Mode::RWXU).unwrap();
    let _socket = UnixListener::bind(place.root.join("socket")).unwrap();
    fs::create_dir(place.root.join("dir")).unwrap();
    let begun = clock::now();
    for (name, kind) in [
        ("fifo", FileKind::Fifo),
        ("socket", FileKind::Socket),
        ("dir", FileKind::Directory),
    ] {
        assert_eq!(refused(read(&dir, name)), Refused::NotRegular(kind));
        if kind != FileKind::Directory {
            let below = format!("{name}/file");
            assert_eq!(refused(read(&dir, below)), Refused::NotDirectory(kind));
        }
    }
    // The devices of this machine, by a directory that has them.
    let devices = Dir::open("/dev").unwrap();
    assert_eq!(
        refused(read(&devices, "zero")),
        Refused::NotRegular(FileKind::Device)
    );
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[cfg(unix)]
#[test]
fn a_lease_that_the_inside_holds_is_no_wait() {
    let place = Place::new();
    let path = place.write("file", "text");
    // `F_SETLEASE` and `F_WRLCK`, by what is on every machine that makes environments.
    let lease = "open F, '+<', $ARGV[0] or die; fcntl F, 1024, 1 or die; $| = 1; print 1; <STDIN>";
    let invocation = crate::Invocation::new("perl").args(["-e", lease]);
    let invocation = invocation.arg(path.to_str().unwrap());
    let variables = [("PATH".into(), "/usr/bin:/bin".into())].into();
    let mut command = crate::process::command(&invocation, &variables);
    let pipe = std::process::Stdio::piped;
    let mut child = command.stdin(pipe()).stdout(pipe()).spawn().unwrap();
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
    let begun = clock::now();
    let error = place.dir().file("file").unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(5), "{error}");
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[cfg(unix)]
#[test]
fn a_component_that_is_swapped_for_a_link_never_leads_to_another_file() {
    let place = Place::new();
    place.write("real/id_ed25519", "the artifact");
    symlink(place.secret.parent().unwrap(), place.root.join("link")).unwrap();
    let (dir, over) = (place.dir(), AtomicBool::new(false));
    let (mut good, mut bad) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let path = |name: &str| place.root.join(name);
            while !over.load(Ordering::Relaxed) {
                // `at` is the directory and the link by turns.
                let _ = fs::rename(path("real"), path("at"));
                let _ = fs::rename(path("at"), path("real"));
                let _ = fs::rename(path("link"), path("at"));
                let _ = fs::rename(path("at"), path("link"));
            }
        });
        for n in 0..20_000 {
            let text = match n % 2 {
                0 => dir
                    .file("at/id_ed25519")
                    .and_then(|file| file.text(limits::RECORD)),
                _ => match dir.open_by_hand(Path::new("at/id_ed25519")) {
                    Ok((file, _)) => Ok(std::io::read_to_string(file).unwrap()),
                    Err(failure) => Err(not_opened(failure, Path::new("at"))),
                },
            };
            match text {
                Ok(text) => {
                    assert_eq!(text, "the artifact");
                    good += 1;
                }
                Err(_) => bad += 1,
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(
        good > 0 && bad > 0,
        "the race was not run: {good} and {bad}"
    );
}

#[cfg(unix)]
#[test]
fn a_file_that_is_swapped_for_a_link_or_a_fifo_is_never_another_and_never_waited_for() {
    let place = Place::new();
    place.write("file", "the artifact");
    symlink(&place.secret, place.root.join("link")).unwrap();
    mkfifoat(CWD, place.root.join("fifo"), Mode::RWXU).unwrap();
    let (dir, over) = (place.dir(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let path = |name: &str| place.root.join(name);
            while !over.load(Ordering::Relaxed) {
                for name in ["file", "link", "fifo"] {
                    let _ = fs::rename(path(name), path("at"));
                    let _ = fs::rename(path("at"), path(name));
                }
            }
        });
        let begun = clock::now();
        for _ in 0..20_000 {
            if let Ok(file) = dir.file("at") {
                assert_eq!(file.text(limits::RECORD).unwrap(), "the artifact");
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(60));
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn what_is_longer_than_its_limit_is_refused_before_and_while_it_is_read() {
    let place = Place::new();
    let path = place.write("file", "four");
    let file = place.dir().file("file").unwrap();
    assert_eq!(file.text(4).unwrap(), "four");
    let sparse = File::create(place.root.join("sparse")).unwrap();
    sparse.set_len(1 << 42).unwrap();
    let long = place.dir().file("sparse").unwrap().text(limits::RECORD);
    assert_eq!(refused(long), Refused::TooLong(limits::RECORD));
    // It grows after it was opened.
    let file = place.dir().file("file").unwrap();
    let mut grows = File::options().append(true).open(path).unwrap();
    grows.write_all(b" and more").unwrap();
    assert_eq!(refused(file.text(8)), Refused::TooLong(8));
    let error = place
        .dir()
        .publish(&place.dir().file("sparse").unwrap(), "copy", &Cancel::new());
    let error = error.unwrap_err();
    assert_eq!(
        error.why_refused(),
        Some(&Refused::TooLong(limits::ARTIFACT))
    );
}

#[cfg(unix)]
#[test]
fn a_directory_is_listed_without_following_anything() {
    let place = Place::new();
    place.write("b/file", "text");
    place.write("a", "text");
    symlink("/", place.root.join("c")).unwrap();
    let entries = place.dir().entries().unwrap();
    let entries: Vec<_> = entries
        .iter()
        .map(|entry| (entry.name.to_str().unwrap(), entry.kind))
        .collect();
    use FileKind::{Directory, Regular, SymbolicLink};
    assert_eq!(
        entries,
        [("a", Regular), ("b", Directory), ("c", SymbolicLink)]
    );
    let error = place.dir().dir("c").unwrap_err();
    assert_eq!(
        error.why_refused(),
        Some(&Refused::NotDirectory(SymbolicLink))
    );
}

fn publish(place: &Place, to: &str) -> std::result::Result<(), Error> {
    let built = place.dir().file("built/app").unwrap();
    Dir::open(place.root.join("out"))
        .unwrap()
        .publish(&built, to, &Cancel::new())
}

/// A place with something built, and somewhere to publish it.
fn built() -> Place {
    let place = Place::new();
    place.write("built/app", "program");
    fs::create_dir(place.root.join("out")).unwrap();
    place
}

#[cfg(unix)]
#[test]
fn what_is_published_is_a_copy_that_has_its_time_and_who_may_start_it() {
    let place = built();
    let (from, to) = (
        place.root.join("built/app"),
        place.root.join("out/debug/app"),
    );
    fs::set_permissions(&from, fs::Permissions::from_mode(0o6777)).unwrap();
    publish(&place, "debug/app").unwrap();
    let (original, copy) = (from.metadata().unwrap(), to.metadata().unwrap());
    assert_eq!(fs::read_to_string(&to).unwrap(), "program");
    assert_ne!(copy.ino(), original.ino());
    assert_eq!(copy.modified().unwrap(), original.modified().unwrap());
    assert_eq!(
        copy.mode() & 0o7777,
        0o755,
        "neither anybody's rights nor writable by others"
    );
    assert_eq!(fs::read_dir(to.parent().unwrap()).unwrap().count(), 1);
    // What the inside does afterwards changes nothing.
    fs::write(&from, "PROGRAM").unwrap();
    assert_eq!(fs::read_to_string(&to).unwrap(), "program");
}

/// What tells the file at `path` from others.
fn inode(path: &Path) -> u64 {
    let dir = Directory::open(path.parent().unwrap()).unwrap();
    dir.facts(path.file_name().unwrap().as_ref()).unwrap().inode
}

#[test]
fn a_copy_that_is_there_is_not_made_again_and_a_link_to_the_original_is_replaced() {
    let place = built();
    let (from, to) = (place.root.join("built/app"), place.root.join("out/app"));
    publish(&place, "app").unwrap();
    let first = inode(&to);
    publish(&place, "app").unwrap();
    assert_eq!(inode(&to), first);
    // Wine replaces no file that is open by another name.
    if cfg!(unix) {
        fs::remove_file(&to).unwrap();
        fs::hard_link(&from, &to).unwrap();
        publish(&place, "app").unwrap();
        assert_ne!(inode(&to), inode(&from));
    }
    fs::write(&from, "program 2").unwrap();
    publish(&place, "app").unwrap();
    assert_eq!(fs::read_to_string(&to).unwrap(), "program 2");
}

#[test]
fn a_time_of_whole_seconds_does_not_tell_two_builds_apart() {
    let place = built();
    let (from, to) = (place.root.join("built/app"), place.root.join("out/app"));
    let at = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    for text in ["program", "PROGRAM"] {
        fs::write(&from, text).unwrap();
        File::options()
            .append(true)
            .open(&from)
            .unwrap()
            .set_modified(at)
            .unwrap();
        publish(&place, "app").unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), text);
    }
}

#[cfg(unix)]
#[test]
fn a_link_at_the_destination_is_replaced_and_one_on_the_way_is_refused() {
    let place = built();
    let out = place.root.join("out");
    symlink(&place.secret, out.join("app")).unwrap();
    publish(&place, "app").unwrap();
    assert_eq!(
        fs::read_to_string(&place.secret).unwrap(),
        "the private key"
    );
    assert!(out.join("app").symlink_metadata().unwrap().is_file());
    symlink(place.secret.parent().unwrap(), out.join("debug")).unwrap();
    for to in ["debug/id_ed25519", "debug/deeper/app"] {
        let error = publish(&place, to).unwrap_err();
        let expected = Refused::NotDirectory(FileKind::SymbolicLink);
        assert_eq!(error.why_refused(), Some(&expected), "{to}");
    }
    assert_eq!(
        fs::read_to_string(&place.secret).unwrap(),
        "the private key"
    );
    assert_eq!(
        fs::read_dir(place.secret.parent().unwrap())
            .unwrap()
            .count(),
        1
    );
    for to in ["../home/app", "", "..", "a/../b"] {
        let error = publish(&place, to).unwrap_err();
        assert_eq!(error.why_refused(), Some(&Refused::Outside), "{to}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_joined_has_each_part_at_its_place_and_is_written_once() {
    let place = Place::new();
    for (name, text) in [("arm", "arm's"), ("intel", "intel's")] {
        let path = place.write(name, text);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let [arm, intel] = ["arm", "intel"].map(|name| place.dir().file(name).unwrap());
    let join = |parts: &[(u64, &RegularFile)]| {
        place
            .dir()
            .publish_joined(b"head", parts, "both/app", &Cancel::new())
    };
    let app = place.root.join("both/app");
    join(&[(8, &arm), (16, &intel)]).unwrap();
    assert_eq!(fs::read(&app).unwrap(), b"head\0\0\0\0arm's\0\0\0intel's");
    let first = app.metadata().unwrap();
    assert_eq!(first.permissions().mode() & 0o777, 0o755);
    assert_eq!(first.modified().unwrap(), {
        let intel = place.root.join("intel").metadata().unwrap();
        intel.modified().unwrap()
    });
    join(&[(8, &arm), (16, &intel)]).unwrap();
    assert_eq!(app.metadata().unwrap().ino(), first.ino());
    for parts in [[(3, &arm), (16, &intel)], [(8, &arm), (12, &intel)]] {
        assert!(join(&parts).is_err(), "one reaches into another");
    }
    fs::remove_file(&app).unwrap();
    fs::remove_dir(app.parent().unwrap()).unwrap();
    symlink(place.secret.parent().unwrap(), app.parent().unwrap()).unwrap();
    let error = join(&[(8, &arm), (16, &intel)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Untrusted);
}

#[test]
fn what_is_not_published_leaves_nothing_behind() {
    let place = built();
    fs::create_dir_all(place.root.join("out/app/full")).unwrap();
    assert_eq!(publish(&place, "app").unwrap_err().kind(), ErrorKind::Io);
    let built = place.dir().file("built/app").unwrap();
    let out = Dir::open(place.root.join("out")).unwrap();
    let stopped = Cancel::new();
    stopped.cancel();
    let error = out.publish(&built, "other", &stopped).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    // It is truncated after it was opened.
    File::options()
        .write(true)
        .open(place.root.join("built/app"))
        .unwrap()
        .set_len(3)
        .unwrap();
    let error = out.publish(&built, "other", &Cancel::new()).unwrap_err();
    assert_eq!(error.why_refused(), Some(&Refused::Changed));
    let left = out.entries().unwrap();
    assert!(
        left.iter()
            .all(|entry| !entry.name.to_string_lossy().starts_with('.')),
        "{left:?}"
    );
}

#[test]
fn what_does_not_fit_ends_what_is_kept() {
    let mut room = Room::new(2 * limits::OVERHEAD + 10);
    assert!(room.take(4));
    assert!(!room.is_full());
    assert!(!room.take(100));
    assert!(!room.take(0), "without gaps");
    assert!(room.is_full());
}
