//! The isolation of a sandbox from the kernel, for every user: `/proc`, system calls, capabilities
//! and identities.
//!
//! It is at least that of a container without capabilities in docker and podman. Their containers
//! get the sandbox's list of system calls, too.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::engines::filter;
use crate::engines::probe_cache::short_hash;
use crate::os::{self, FileFacts};
use crate::process::descriptors::InheritedFile;
use crate::process::error::{IoContext as _, Result};
use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::process::whole_file;
use crate::spec::mount::{Access, Mount};

/// The descriptor from which bubblewrap reads the filter. bubblewrap closes it.
const FILTER: i32 = 9;
/// The directory of the cache with the filter's files.
const HOME: &str = "filters";

/// Files of `/proc` that reveal addresses of the kernel's or other processes' memory, or keys.
const HIDDEN: [&str; 12] = [
    "iomem",
    "kallsyms",
    "keys",
    "kpagecgroup",
    "kpagecount",
    "kpageflags",
    "latency_stats",
    "pagetypeinfo",
    "sched_debug",
    "slabinfo",
    "timer_list",
    "vmallocinfo",
];

/// Directories of `/proc` with devices of the machine.
const EMPTIED: [&str; 3] = ["acpi", "asound", "scsi"];

/// The facts of the machine that the isolation depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Isolation {
    /// The files of [`HIDDEN`] that this user could read.
    hidden: Vec<String>,
    /// The directories of [`EMPTIED`] that exist.
    emptied: Vec<String>,
    /// The directory of the filter's files. An engine that was read from a file has none.
    filter: PathBuf,
}

impl Isolation {
    /// Probes the machine.
    pub(crate) fn of(host: &Host) -> Self {
        let is_readable = |path: &String| {
            fs::metadata(path)
                .is_ok_and(|meta| host.uid == 0 || FileFacts::of(&meta).mode & 0o004 != 0)
        };
        let is_there = |path: &String| Path::new(path).is_dir();
        let path = |name: &str| Some(os::kernel_file(name)?.to_str()?.to_owned());
        let hidden = HIDDEN.into_iter().filter_map(path);
        let emptied = EMPTIED.into_iter().filter_map(path);
        Isolation {
            hidden: hidden.filter(is_readable).collect(),
            emptied: emptied.filter(is_there).collect(),
            filter: host.cache.join(HOME),
        }
    }

    /// Adds a read-only `/proc` to `run`, a bubblewrap command. Without this, root could write to
    /// parts of it without any capability, and the owner of a namespace to the settings of the
    /// namespace.
    pub(crate) fn proc(&self, run: Invocation) -> Invocation {
        let mut run = run.args(["--proc", "/proc"]);
        for path in &self.hidden {
            run = run.args(["--ro-bind", "/dev/null", path]);
        }
        for path in &self.emptied {
            run = run.args(["--tmpfs", path, "--remount-ro", path]);
        }
        run.args(["--remount-ro", "/proc"])
    }

    /// Adds the system call filter to `run`, a bubblewrap command, if there is one for this
    /// machine.
    ///
    /// With `socketcall`, programs for 32-bit x86 can open sockets as glibc does.
    pub(crate) fn filtered(&self, run: Invocation, socketcall: bool) -> Invocation {
        let Some(file) = self.filter_file(socketcall) else {
            return run;
        };
        run.args(["--seccomp", &FILTER.to_string()])
            .inherited_file(file)
    }

    /// Returns the seccomp profile for containers of an engine on `architecture`, if there is one
    /// and there is a directory for its file.
    pub(crate) fn profile(&self, architecture: &str) -> Option<Profile> {
        let content =
            filter::profile(architecture).filter(|_| !self.filter.as_os_str().is_empty())?;
        let path = self.filter.join(format!("{}.json", short_hash(&content)));
        Some(Profile { path, content })
    }

    fn filter_file(&self, socketcall: bool) -> Option<InheritedFile> {
        let content = filter::program(std::env::consts::ARCH, socketcall)?;
        let name = format!("{}.bpf", short_hash(&String::from_utf8_lossy(&content)));
        Some(InheritedFile {
            number: FILTER,
            path: self.filter.join(name),
            content: Arc::from(content),
        })
    }
}

/// A seccomp profile, which the client of a container engine reads from a file. The file's name is
/// a hash of its content.
pub(crate) struct Profile {
    pub(crate) path: PathBuf,
    pub(crate) content: String,
}

impl Profile {
    /// Writes the file unless it exists. Another process sees the whole file or none.
    pub(crate) fn write(&self) -> Result<()> {
        let Some(dir) = self.path.parent().filter(|_| !self.path.exists()) else {
            return Ok(());
        };
        fs::create_dir_all(dir).on("create directory", dir)?;
        whole_file::write(&self.path, self.content.as_bytes(), 0o600)
    }
}

/// The flags of bubblewrap for the rights of what runs: none. With a user namespace of its own even
/// root's identity counts for nothing but its files.
pub(crate) fn rights(own_users: bool) -> &'static [&'static str] {
    match own_users {
        true => &["--unshare-user", "--cap-drop", "ALL"],
        false => &["--cap-drop", "ALL"],
    }
}

/// Whether root can reach what is mounted without the rights that it loses in a user namespace:
/// those over other users' directories. A project in another user's home is out of reach.
pub(crate) fn are_reachable(mounts: &[Mount]) -> bool {
    let sources = mounts.iter().filter(|it| it.access != Access::Scratch);
    let mut above = sources.flat_map(|it| it.source.ancestors().skip(1));
    above.all(|dir| fs::metadata(dir).is_ok_and(|meta| is_passable(&FileFacts::of(&meta))))
}

fn is_passable(dir: &FileFacts) -> bool {
    match dir.uid {
        0 => dir.mode & 0o100 != 0,
        _ if os::users::groups().contains(&dir.gid) => dir.mode & 0o010 != 0,
        _ => dir.mode & 0o001 != 0,
    }
}
