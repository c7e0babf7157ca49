//! The place of a host's path inside a container, and the way back.
//!
//! Paths of Unix are the same on both sides. A path of Windows has the place that its shells with a
//! POSIX root give it: `C:\src\app` is `/c/src/app`. Destinations of mounts, working directories
//! and the words of a command are translated where a command line of an engine is made; what a run
//! says is translated where it is read.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::os::System;
use crate::process::error::{Error, ErrorKind, Result, utf8};
use crate::process::invocation::EnvValue;
use crate::spec::run_spec::RunSpec;

/// What begins a path of any length, which Windows passes on as it is.
const VERBATIM: &str = r"\\?\";

impl System {
    /// The place inside of `path`, which is absolute on this system. What begins with `/` is a
    /// place inside already.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Path`] for a path of Windows that no drive has: one of a share or a device, and
    /// one that depends on a current directory. For a path that is not UTF-8, too.
    pub fn inside(self, path: &Path) -> Result<PathBuf> {
        match self {
            System::Windows => of_windows(utf8(path)?).map(PathBuf::from),
            _ => Ok(path.to_owned()),
        }
    }

    /// The path on this system of a place inside. A place that is on none of its drives is returned
    /// as it is, and so is one with a name that no file here can have.
    pub fn outside(self, place: &Path) -> PathBuf {
        let found = match self {
            System::Windows => place.to_str().and_then(to_windows).map(PathBuf::from),
            _ => None,
        };
        found.unwrap_or_else(|| place.to_owned())
    }

    /// `path`, which was composed here and is read by Linux, with Linux's separator.
    pub(crate) fn for_linux(self, path: &Path) -> PathBuf {
        match (self, path.to_str()) {
            (System::Windows, Some(text)) => text.replace('\\', "/").into(),
            _ => path.to_owned(),
        }
    }

    /// The word of a command, or the value of a variable, as it has to be inside: a path with a
    /// drive, also behind the last `=`, becomes its place. Others are left as they are.
    pub fn word_inside(self, word: &str) -> String {
        let at = word.rfind('=').map_or(0, |at| at + 1);
        let (before, last) = word.split_at(at);
        let place = |path: &str| match (self, drive(path)) {
            (System::Windows, Some(_)) => of_windows(path).ok(),
            _ => None,
        };
        match (place(word), place(last)) {
            (Some(place), _) => place,
            (None, Some(place)) => format!("{before}{place}"),
            (None, None) => word.to_owned(),
        }
    }
}

impl RunSpec {
    /// The same run with the places of `system`'s paths.
    pub(crate) fn placed(&self, system: System) -> Result<Cow<'_, RunSpec>> {
        if system != System::Windows {
            return Ok(Cow::Borrowed(self));
        }
        let mut placed = self.clone();
        for mount in &mut placed.mounts {
            mount.target = system.inside(&mount.target)?;
            if let Some(short) = mount.source.to_str().and_then(without_prefix) {
                mount.source = PathBuf::from(short);
            }
        }
        placed.cwd = system.inside(&placed.cwd)?;
        for word in &mut placed.command {
            *word = system.word_inside(word);
        }
        for value in placed.env.values_mut() {
            match value {
                EnvValue::Plain(text) | EnvValue::Secret(text) => *text = system.word_inside(text),
                EnvValue::Unset => {}
            }
        }
        Ok(Cow::Owned(placed))
    }
}

/// The drive's letter and the rest of a path that begins at its root. Both separators are accepted.
fn drive(path: &str) -> Option<(char, &str)> {
    let path = path.strip_prefix(VERBATIM).unwrap_or(path);
    let mut chars = path.chars();
    let letter = chars.next().filter(char::is_ascii_alphabetic)?;
    let rest = chars.as_str().strip_prefix(':')?;
    rest.starts_with(['\\', '/']).then_some((letter, rest))
}

/// A path with a drive without the prefix that programs such as docker's client do not know.
fn without_prefix(path: &str) -> Option<&str> {
    let short = path.strip_prefix(VERBATIM)?;
    drive(short).map(|_| short)
}

/// The place of a path of Windows.
fn of_windows(path: &str) -> Result<String> {
    let Some((letter, rest)) = drive(path) else {
        return match path.starts_with('/') && !path.starts_with("//") {
            true => Ok(path.replace('\\', "/")),
            false => Err(without_drive(path)),
        };
    };
    let mut place = vec![letter.to_ascii_lowercase().to_string()];
    for name in rest.split(['\\', '/']) {
        match name {
            "" | "." => {}
            // Windows itself does not look at what is there.
            ".." if place.len() > 1 => {
                place.pop();
            }
            ".." => {}
            name => place.push(name.to_owned()),
        }
    }
    Ok(format!("/{}", place.join("/")))
}

fn without_drive(path: &str) -> Error {
    let is_far = path.starts_with(r"\\") || path.starts_with("//");
    let lower = path.to_ascii_lowercase().replace('/', r"\");
    let is_linux = [r"\wsl$\", r"\wsl.localhost\"]
        .iter()
        .any(|share| lower.contains(share));
    let (why, help) = match is_far {
        true if is_linux => (
            "is a file of WSL",
            "run the command in WSL, which is a Linux host; or move the project, `CARGO_HOME`, `RUSTUP_HOME` and the \
             cache to directories of a local drive, such as `C:\\src\\app`",
        ),
        true => (
            "is on a share or a device, which containers do not see",
            "move the project, `CARGO_HOME`, `RUSTUP_HOME` and the cache to directories of a local drive, such as \
             `C:\\src\\app`",
        ),
        false => (
            "has no drive, so its place depends on the current directory",
            "write the path with its drive, such as `C:\\src\\app`",
        ),
    };
    Error::new(ErrorKind::Path, format!("path `{path}` {why}")).with_help(help)
}

/// The path on Windows of a place inside, if it is on a drive.
fn to_windows(place: &str) -> Option<String> {
    let rest = place.strip_prefix('/')?;
    let (letter, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let mut chars = letter.chars();
    let letter = chars.next().filter(char::is_ascii_lowercase)?;
    // Hostile code chooses names. In one with these, Windows would see directories or a stream.
    let is_foreign = rest.contains(['\\', ':']) || rest.split('/').any(|name| name == "..");
    if chars.next().is_some() || is_foreign {
        return None;
    }
    let letter = letter.to_ascii_uppercase();
    Some(format!(r"{letter}:\{}", rest.replace('/', r"\")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::mount::Mount;
    use crate::spec::run_spec::Root;

    fn inside(path: &str) -> String {
        let place = System::Windows.inside(Path::new(path)).unwrap();
        place.to_str().unwrap().to_owned()
    }

    fn outside(place: &str) -> String {
        let path = System::Windows.outside(Path::new(place));
        path.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_path_with_a_drive_has_one_place_however_it_is_written() {
        for path in [
            r"C:\src\app",
            r"c:\src\app\",
            "C:/src/app",
            r"C:/src\.\app",
            r"\\?\C:\src\app",
            r"C:\src\other\..\app",
            r"C:\..\src\app",
        ] {
            assert_eq!(inside(path), "/c/src/app", "{path}");
        }
        assert_eq!(inside(r"D:\"), "/d");
        assert_eq!(inside(r"C:\Users\Zoë Ω\a b"), "/c/Users/Zoë Ω/a b");
    }

    #[test]
    fn what_is_written_back_is_the_path_of_the_host() {
        for path in [r"C:\src\app", r"Z:\a b\Zoë\x.exe", r"D:\"] {
            assert_eq!(outside(&inside(path)), path);
        }
        assert_eq!(outside("/c"), r"C:\");
    }

    #[test]
    fn a_place_of_the_container_stays_what_it_is() {
        for place in [
            "/",
            "/usr/lib/x.a",
            "/tmp/home",
            "/cc/x",
            "/C/x",
            "src/main.rs",
            "",
        ] {
            assert_eq!(outside(place), place);
        }
        assert_eq!(inside("/usr/lib"), "/usr/lib");
        // Two constants are joined by the separator of the host.
        assert_eq!(inside(r"/tmp/home\.gitconfig"), "/tmp/home/.gitconfig");
    }

    #[test]
    fn a_name_that_windows_would_read_as_directories_is_not_translated() {
        for place in [r"/c/src/a\..\..\x", "/c/src/../../x", "/c/src/a:b"] {
            assert_eq!(outside(place), place);
        }
    }

    #[test]
    fn a_path_without_a_drive_is_an_error_that_says_what_to_write() {
        for (path, remedy) in [
            (r"\\server\share\app", "local drive"),
            (r"\\?\UNC\server\share\app", "local drive"),
            (r"\\wsl$\Debian\home\me\app", "run the command in WSL"),
            (
                r"\\?\UNC\wsl.localhost\Debian\home",
                "run the command in WSL",
            ),
            (r"//WSL.localhost/Debian/home", "run the command in WSL"),
            (r"\\.\pipe\x", "local drive"),
            ("//server/share", "local drive"),
            (r"\src\app", "with its drive"),
            (r"C:src\app", "with its drive"),
            ("C:", "with its drive"),
            (r"src\app", "with its drive"),
            ("", "with its drive"),
        ] {
            let error = System::Windows.inside(Path::new(path)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Path, "{path}");
            assert!(error.to_string().contains(path), "{error}");
            assert!(error.help().unwrap().contains(remedy), "{path}");
        }
    }

    #[test]
    fn paths_of_unix_are_the_same_on_both_sides() {
        for path in ["/c/src/app", "/home/u/a\\b", "relative"] {
            let path = Path::new(path);
            assert_eq!(System::Mac.inside(path).unwrap(), path);
            assert_eq!(System::Linux.outside(path), path);
        }
    }

    #[test]
    fn what_was_composed_on_windows_has_the_separators_of_linux() {
        let path = Path::new(r"/v/tree\w/target\x");
        let composed = System::Windows.for_linux(path);
        assert_eq!(composed.to_str(), Some("/v/tree/w/target/x"));
        assert_eq!(System::Linux.for_linux(path).to_str(), path.to_str());
    }

    #[test]
    fn a_run_on_windows_sees_places_only() {
        let source = PathBuf::from(r"C:\src\app");
        let variable =
            |name: &str, value: &str| (name.to_owned(), EnvValue::Plain(value.to_owned()));
        let words = [
            "cargo",
            "--config",
            r"build.target-dir=C:\out",
            r"D:\x",
            "a=b",
            "c:d",
        ];
        let spec = RunSpec::new(Root::Image("i".into()), r"C:\src\app", words)
            .mounts([Mount::read(r"\\?\C:\src\app"), Mount::scratch("/tmp/home")])
            .env([
                variable("CARGO_TARGET_DIR", r"\\?\C:\out\a"),
                variable("PATH", "/usr/bin:/bin"),
            ]);
        let placed = spec.placed(System::Windows).unwrap();
        let words = [
            "cargo",
            "--config",
            "build.target-dir=/c/out",
            "/d/x",
            "a=b",
            "c:d",
        ];
        assert_eq!(placed.command, words);
        assert_eq!(placed.cwd, Path::new("/c/src/app"));
        let mounts = [
            Mount::read(source).at("/c/src/app"),
            Mount::scratch("/tmp/home"),
        ];
        assert_eq!(placed.mounts, mounts);
        let value = |name: &str| placed.env[name].clone();
        assert_eq!(
            value("CARGO_TARGET_DIR"),
            EnvValue::Plain("/c/out/a".into())
        );
        assert_eq!(value("PATH"), EnvValue::Plain("/usr/bin:/bin".into()));
        assert!(matches!(spec.placed(System::Linux), Ok(Cow::Borrowed(_))));
    }

    #[test]
    fn a_run_that_needs_a_share_is_refused() {
        let spec = RunSpec::new(Root::Image("i".into()), r"C:\a", ["x"]);
        let spec = spec.mounts([Mount::read(r"\\server\share")]);
        assert_eq!(
            spec.placed(System::Windows).unwrap_err().kind(),
            ErrorKind::Path
        );
    }
}
