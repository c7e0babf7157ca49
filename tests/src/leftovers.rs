//! A search for everything that a request must not leave behind.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use cross_core::Env;
use cross_engine::Invocation;
use cross_engine::process::clock;

use crate::fixture::{Project, real_env};
use crate::tool;

/// The leftovers of requests for one project.
///
/// The name of the project's temporary directory is unique on the machine. Everything that a
/// request starts has it on its command line, in its variables or among its mounts. So parallel
/// tests do not see each other's leftovers.
#[derive(Debug)]
pub struct Leftovers {
    outer: PathBuf,
    user: u32,
}

/// How many leftovers a failure shows.
const SHOWN: usize = 20;
/// How long a container engine may take to remove a container after its end, and the system to end a
/// process that was killed, while other tests run. What is left for good is there longer.
const GRACE: Duration = Duration::from_secs(10);

impl Leftovers {
    /// Watches the requests for `project` that use the variables [`env`](Leftovers::env).
    ///
    /// # Panics
    ///
    /// If the directory for temporary files cannot be created.
    pub fn of(project: &Project) -> Self {
        let outer = project.outer().canonicalize().unwrap();
        let temporary = outer.join("tmp");
        fs::create_dir(&temporary).unwrap();
        Leftovers {
            user: temporary.metadata().unwrap().uid(),
            outer,
        }
    }

    /// Expects every file to belong to the user `id`, who makes the requests.
    #[must_use]
    pub fn of_user(mut self, id: u32) -> Self {
        self.user = id;
        self
    }

    /// Returns the machine's variables, with the project's directory for temporary files.
    pub fn env(&self) -> Env {
        real_env().set("TMPDIR", self.temporary())
    }

    /// Returns a cache directory of the project, which has no environment at first.
    pub fn own_cache(&self) -> PathBuf {
        self.outer.join("cache")
    }

    fn temporary(&self) -> PathBuf {
        self.outer.join("tmp")
    }

    /// Panics with a list if anything is left.
    ///
    /// # Panics
    ///
    /// See above.
    #[track_caller]
    pub fn are_none(&self) {
        self.are_none_within(Duration::ZERO);
    }

    /// Panics with a list if anything is left when `limit` has passed.
    ///
    /// # Panics
    ///
    /// See above.
    #[track_caller]
    pub fn are_none_within(&self, limit: Duration) {
        let start = clock::now();
        let mut left = self.all();
        while !left.is_empty() && start.elapsed() < limit.max(GRACE) {
            thread::sleep(Duration::from_millis(100));
            left = self.all();
        }
        if left.is_empty() {
            return;
        }
        // Unmount first: the project's directory is removed with everything in it.
        for mount in self.mounts().iter().rev() {
            let place = mount.split(' ').nth(2).unwrap_or_default();
            tool::output(&Invocation::new("umount").args(["--lazy", place]));
        }
        let seconds = start.elapsed().as_secs_f64();
        let more = left.split_off(left.len().min(SHOWN)).len();
        panic!(
            "left behind after {seconds:.1} s:\n{}\nand {more} more",
            left.join("\n")
        );
    }

    fn all(&self) -> Vec<String> {
        let mut left = self.processes();
        left.extend(self.mounts());
        left.extend(self.containers());
        left.extend(below(&self.temporary()).map(|path| format!("temporary {}", path.display())));
        left.extend(self.half_made());
        left.extend(self.files());
        left
    }

    /// Returns the processes of the project, without the test itself.
    pub fn processes(&self) -> Vec<String> {
        let mut found = Vec::new();
        for path in below(Path::new("/proc")) {
            let pid = path.file_name().unwrap().to_string_lossy().into_owned();
            let is_other = pid
                .parse::<u32>()
                .is_ok_and(|pid| pid != std::process::id());
            if is_other && self.is_of_project(&path) {
                let command = fs::read_to_string(path.join("cmdline")).unwrap_or_default();
                found.push(format!("process {pid}: {}", command.replace('\0', " ")));
            }
        }
        found
    }

    fn is_of_project(&self, process: &Path) -> bool {
        let outer = self.outer.as_os_str().as_encoded_bytes();
        let mentions_project = |file: &str| {
            let text = fs::read(process.join(file)).unwrap_or_default();
            text.windows(outer.len()).any(|part| part == outer)
        };
        let is_in = |link: &str| {
            fs::read_link(process.join(link)).is_ok_and(|place| place.starts_with(&self.outer))
        };
        mentions_project("cmdline") || mentions_project("environ") || is_in("cwd") || is_in("root")
    }

    fn mounts(&self) -> Vec<String> {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let outer = self.outer.to_string_lossy().into_owned();
        mounts
            .lines()
            .filter(|line| line.contains(&outer))
            .map(|line| format!("mount {line}"))
            .collect()
    }

    /// Returns the containers, in any state, that mount a directory of the project.
    pub fn containers(&self) -> Vec<String> {
        let mut found = Vec::new();
        for engine in ["docker", "podman"] {
            let Some(program) = tool::found(engine) else {
                continue;
            };
            let list = Invocation::new(program).args([
                "ps",
                "--all",
                "--no-trunc",
                "--format",
                "{{.Names}} {{.Mounts}}",
            ]);
            let outer = self.outer.to_string_lossy().into_owned();
            let said = tool::output(&list).stdout;
            let ours = said.lines().filter(|line| line.contains(&outer));
            found.extend(ours.map(|line| format!("{engine} container {line}")));
        }
        found
    }

    /// Returns the directories of the project's cache that are not finished.
    fn half_made(&self) -> Vec<String> {
        let homes = ["environments", "bases", "packages"];
        homes
            .into_iter()
            .map(|home| self.own_cache().join(home))
            .flat_map(|home| below(&home).collect::<Vec<_>>())
            .filter(|path| path.is_dir() && !path.join("environment.json").exists())
            .map(|path| format!("half-made {}", path.display()))
            .collect()
    }

    /// Returns files with temporary names, and files of other users.
    fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut dirs = vec![self.outer.clone()];
        while let Some(dir) = dirs.pop() {
            for path in below(&dir) {
                let Ok(meta) = path.symlink_metadata() else {
                    continue;
                };
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                let ending = format!(".{}", std::process::id());
                let is_temporary = name.starts_with(".tmp") || name.starts_with(".cross-");
                if is_temporary || name.starts_with('.') && name.ends_with(&ending) {
                    found.push(format!("temporary file {}", path.display()));
                }
                if meta.uid() != self.user {
                    found.push(format!("{} is of user {}", path.display(), meta.uid()));
                }
                // The root file system of a finished environment may have any names.
                if meta.is_dir() && !path.join("environment.json").exists() {
                    dirs.push(path);
                }
            }
        }
        found
    }
}

/// Returns the entries of a directory, or none if it does not exist.
fn below(dir: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    entries.filter_map(|entry| entry.ok().map(|entry| entry.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_found() {
        let project = Project::new("seen");
        let leftovers = Leftovers::of(&project);
        leftovers.are_none();
        fs::write(leftovers.temporary().join("x"), "").unwrap();
        fs::create_dir_all(leftovers.own_cache().join("environments/half")).unwrap();
        fs::write(project.path().join(".tmpAbC"), "").unwrap();
        fs::write(project.path().join(".cross-0123456789abcdef"), "").unwrap();
        let sleeper = Invocation::new("sleep")
            .arg("60")
            .env("MARK", leftovers.outer.to_str().unwrap());
        let mut sleeper =
            cross_engine::process::command(&sleeper, &crate::ambient::variables().collect())
                .spawn()
                .unwrap();
        let left = leftovers.all();
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        for word in ["temporary /", "half-made", "temporary file", "process"] {
            assert!(
                left.iter().any(|line| line.starts_with(word)),
                "{word} in {left:?}"
            );
        }
        assert_eq!(left.len(), 5, "{left:?}");
    }
}
