//! The conventions of a system: where a user's directories are, and what programs are called.
//!
//! All of this follows from the system and the caller's variables, so that one system's can be
//! tested on another.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// An operating system, as far as conventions differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum System {
    /// Linux.
    Linux,
    /// macOS.
    Mac,
    /// FreeBSD, and what resembles it.
    FreeBsd,
    /// Windows.
    Windows,
}

/// What Windows starts without a shell, in the order in which it looks for them.
const EXECUTABLE: [&str; 4] = [".com", ".exe", ".bat", ".cmd"];

/// The variables that the library reads and Windows spells as it likes, such as `Path`.
const CAPITALS: [&str; 9] = [
    "APPDATA",
    "CARGO_HOME",
    "HOME",
    "LOCALAPPDATA",
    "PATH",
    "PATHEXT",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "USERPROFILE",
];

impl System {
    /// The system that this program was compiled for.
    pub const HERE: System = if cfg!(windows) {
        System::Windows
    } else if cfg!(target_vendor = "apple") {
        System::Mac
    } else if cfg!(any(target_os = "linux", target_os = "android")) {
        System::Linux
    } else {
        System::FreeBsd
    };

    /// The variable that names the user's home directory, for cargo and rustup too. On Windows,
    /// they do not read `HOME`, which shells set to a path of theirs.
    pub fn home_variable(self) -> &'static str {
        match self {
            System::Windows => "USERPROFILE",
            _ => "HOME",
        }
    }

    /// The user's home directory. An empty variable is one that is not set.
    pub fn home(self, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        path(variable(self.home_variable()))
    }

    /// Cargo's home.
    pub fn cargo_home(self, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        path(variable("CARGO_HOME")).or_else(|| Some(self.home(variable)?.join(".cargo")))
    }

    /// Rustup's home.
    pub fn rustup_home(self, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        path(variable("RUSTUP_HOME")).or_else(|| Some(self.home(variable)?.join(".rustup")))
    }

    /// The directory in which programs of the user keep what can be made again.
    pub fn user_cache(self, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        let (name, default) = match self {
            System::Windows => ("LOCALAPPDATA", ["AppData", "Local"].as_slice()),
            _ => ("XDG_CACHE_HOME", [".cache"].as_slice()),
        };
        let at_home = || Some(self.home(&variable)?.join(PathBuf::from_iter(default)));
        path(variable(name)).or_else(at_home)
    }

    /// The directory in which programs of the user keep their settings.
    pub fn user_settings(self, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        let (name, default) = match self {
            System::Windows => ("APPDATA", ["AppData", "Roaming"].as_slice()),
            _ => ("XDG_CONFIG_HOME", [".config"].as_slice()),
        };
        let at_home = || Some(self.home(&variable)?.join(PathBuf::from_iter(default)));
        path(variable(name)).or_else(at_home)
    }

    /// The name by which the library asks for the variable `name`. Names that it does not know are
    /// left as they are.
    pub fn variable_name(self, name: OsString) -> OsString {
        let known = |known: &&&str| name.eq_ignore_ascii_case(known);
        match CAPITALS.iter().find(known) {
            Some(capitals) if self == System::Windows => capitals.into(),
            _ => name,
        }
    }

    /// The names of files that a shell would start for `program`, in the order in which it looks
    /// for them. `extensions` is the value of `PATHEXT`. What only an interpreter could start is
    /// not among them.
    pub fn program_names(self, program: &OsStr, extensions: Option<&OsStr>) -> Vec<OsString> {
        if self != System::Windows {
            return vec![program.to_owned()];
        }
        let extensions = extensions.map(|all| all.to_string_lossy().to_lowercase());
        let ours = || EXECUTABLE.map(str::to_owned).to_vec();
        let mut endings = extensions.map_or_else(ours, |all| {
            let all = all.split(';').map(|ending| ending.trim().to_owned());
            all.filter(|ending| EXECUTABLE.contains(&ending.as_str()))
                .collect()
        });
        if endings.is_empty() {
            endings = ours();
        }
        let lower = program.to_string_lossy().to_lowercase();
        let named = EXECUTABLE.iter().any(|ending| lower.ends_with(ending));
        let whole = named.then(|| program.to_owned());
        let with = endings.iter().map(|ending| {
            let mut name = program.to_owned();
            name.push(ending);
            name
        });
        whole.into_iter().chain(with).collect()
    }

    /// The triple for which Rust's programs are made here, unless rustup was told another.
    pub fn rust_triple(self, architecture: &str) -> String {
        match self {
            System::Linux => format!("{architecture}-unknown-linux-gnu"),
            System::Mac => format!("{architecture}-apple-darwin"),
            System::FreeBsd => format!("{architecture}-unknown-freebsd"),
            System::Windows => format!("{architecture}-pc-windows-msvc"),
        }
    }
}

fn path(value: Option<OsString>) -> Option<PathBuf> {
    value.filter(|value| !value.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<OsString> + Copy {
        move |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.into())
        }
    }

    #[test]
    fn directories_follow_from_the_home_of_the_system() {
        let both = of(&[("HOME", "/home/u"), ("USERPROFILE", r"C:\Users\u")]);
        let (unix, windows) = (PathBuf::from("/home/u"), PathBuf::from(r"C:\Users\u"));
        for system in [System::Linux, System::Mac, System::FreeBsd] {
            assert_eq!(system.cargo_home(both), Some(unix.join(".cargo")));
            assert_eq!(system.rustup_home(both), Some(unix.join(".rustup")));
            assert_eq!(system.user_cache(both), Some(unix.join(".cache")));
            assert_eq!(system.user_settings(both), Some(unix.join(".config")));
        }
        let system = System::Windows;
        assert_eq!(system.cargo_home(both), Some(windows.join(".cargo")));
        assert_eq!(system.rustup_home(both), Some(windows.join(".rustup")));
        let data = windows.join("AppData");
        assert_eq!(system.user_cache(both), Some(data.join("Local")));
        assert_eq!(system.user_settings(both), Some(data.join("Roaming")));
    }

    #[test]
    fn variables_that_name_a_directory_win_unless_they_are_empty() {
        let named = of(&[
            ("USERPROFILE", r"C:\Users\u"),
            ("LOCALAPPDATA", r"D:\cache"),
            ("APPDATA", ""),
            ("CARGO_HOME", r"D:\cargo"),
            ("RUSTUP_HOME", ""),
        ]);
        let system = System::Windows;
        let home = PathBuf::from(r"C:\Users\u");
        assert_eq!(system.user_cache(named), Some(r"D:\cache".into()));
        assert_eq!(system.cargo_home(named), Some(r"D:\cargo".into()));
        assert_eq!(system.rustup_home(named), Some(home.join(".rustup")));
        let roaming = home.join("AppData").join("Roaming");
        assert_eq!(system.user_settings(named), Some(roaming));
    }

    #[test]
    fn a_shells_home_is_not_the_one_of_windows() {
        let shell = of(&[("HOME", "/c/Users/u")]);
        assert_eq!(System::Windows.cargo_home(shell), None);
        assert_eq!(System::Windows.user_cache(shell), None);
    }

    #[test]
    fn programs_of_windows_have_the_endings_that_it_starts() {
        let names = |program: &str, extensions: Option<&str>| {
            let extensions = extensions.map(OsStr::new);
            System::Windows.program_names(program.as_ref(), extensions)
        };
        assert_eq!(
            names("docker", Some(".COM;.EXE;.VBS;.CMD;.MSC")),
            ["docker.com", "docker.exe", "docker.cmd"]
        );
        assert_eq!(names("cargo", Some(".EXE")), ["cargo.exe"]);
        assert_eq!(names("cargo", None).len(), 4);
        assert_eq!(names("cargo", Some("")).len(), 4);
        assert_eq!(names("cargo", Some(".PY")).len(), 4);
        assert_eq!(names("Cargo.EXE", Some(".EXE"))[0], "Cargo.EXE");
        assert_eq!(names("python3.11", Some(".EXE")), ["python3.11.exe"]);
        let unix = System::Linux.program_names("cargo".as_ref(), Some(".EXE".as_ref()));
        assert_eq!(unix, ["cargo"]);
    }

    #[test]
    fn windows_spells_variables_as_it_likes() {
        let name = |system: System, name: &str| system.variable_name(name.into());
        assert_eq!(name(System::Windows, "Path"), "PATH");
        assert_eq!(name(System::Windows, "PathExt"), "PATHEXT");
        assert_eq!(name(System::Windows, "My_Own"), "My_Own");
        assert_eq!(name(System::Linux, "Path"), "Path");
    }
}
