// The beginning of every attack: compiled inside, by whatever Rust is there, with nothing but
// `std`.
#![allow(dead_code, unused_imports, unused_unsafe, deprecated)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{symlink, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

extern "C" {
    fn syscall(number: i64, ...) -> i64;
    fn fork() -> i32;
    fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    fn _exit(status: i32) -> !;
    fn kill(pid: i32, signal: i32) -> i32;
    fn mkfifo(path: *const u8, mode: u32) -> i32;
    fn getppid() -> i32;
    fn setsid() -> i32;
    fn setrlimit(resource: i32, limit: *const [u64; 2]) -> i32;
}

/// An attack that goes wrong harms itself, not the machine: four gibibytes of address space, before
/// `main`.
#[used]
#[link_section = ".init_array"]
static LIMITED: extern "C" fn() = {
    extern "C" fn limited() {
        unsafe { setrlimit(9, &[4 << 30, 4 << 30]) };
    }
    limited
};

/// The target directory, which is writable by design.
fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").unwrap().into()
}

/// Where the target's files are in it.
fn debug_dir() -> PathBuf {
    target_dir().join("x86_64-unknown-linux-gnu/debug")
}

/// The workspace.
fn workspace() -> PathBuf {
    let mut dir = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
    while !dir.join("Cargo.lock").exists() {
        assert!(dir.pop());
    }
    dir
}

/// Tells the test what happened.
fn tell(key: &str, value: impl std::fmt::Display) {
    let line = format!("{}={}\n", key, value.to_string().replace('\n', " "));
    let mut file = OpenOptions::new().append(true).create(true).open(target_dir().join("told")).unwrap();
    file.write_all(line.as_bytes()).unwrap();
}

/// Tells the test whether something went as the attacker wishes.
fn tried<T>(key: &str, result: io::Result<T>) -> Option<T> {
    match result {
        Ok(value) => {
            tell(key, "done");
            Some(value)
        }
        Err(error) => {
            tell(key, format!("refused {}", error));
            None
        }
    }
}

/// A system call as the kernel, or a filter before it, answers it.
fn call(number: i64, a: [i64; 6]) -> io::Result<i64> {
    match unsafe { syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]) } {
        result if result < 0 => Err(io::Error::last_os_error()),
        result => Ok(result),
    }
}

/// What comes of something in a process of its own, which it may spoil.
fn in_child(what: impl FnOnce() -> io::Result<i64>) -> io::Result<i64> {
    unsafe {
        match fork() {
            0 => {
                let status = match what() {
                    Ok(_) => 0,
                    Err(error) => error.raw_os_error().unwrap_or(255).min(255),
                };
                _exit(status)
            }
            pid => {
                let mut status = 0;
                if waitpid(pid, &mut status, 0) != pid {
                    return Err(io::Error::last_os_error());
                }
                match (status & 0x7f, (status >> 8) & 0xff) {
                    (0, 0) => Ok(0),
                    (0, code) => Err(io::Error::from_raw_os_error(code)),
                    (signal, _) => Err(io::Error::new(io::ErrorKind::Other, format!("signal {}", signal))),
                }
            }
        }
    }
}

/// Opens for writing, and writes nothing.
fn open_to_write(path: impl AsRef<Path>) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

fn fifo(path: &Path) -> io::Result<()> {
    let path = format!("{}\0", path.display());
    match unsafe { mkfifo(path.as_ptr(), 0o666) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The standard output of the cargo that runs this build script: the outside reads it.
fn cargos_stdout() -> io::Result<File> {
    let mut pid = unsafe { getppid() };
    // A shell may be between.
    for _ in 0..4 {
        let name = fs::read_to_string(format!("/proc/{}/comm", pid))?;
        if name.trim() == "cargo" {
            break;
        }
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid))?;
        let rest = stat.rsplit(')').next().unwrap().to_owned();
        pid = rest.split_whitespace().nth(1).unwrap().parse().unwrap();
    }
    OpenOptions::new().append(true).open(format!("/proc/{}/fd/1", pid))
}

/// A message that says cargo built `file`, as the program `name` of this package.
fn artifact(name: &str, file: &Path) -> String {
    format!(
        "{{\"reason\":\"compiler-artifact\",\"package_id\":\"app 0.1.0 (path+file://{w})\",\
         \"manifest_path\":\"{w}/Cargo.toml\",\"target\":{{\"kind\":[\"bin\"],\"crate_types\":[\"bin\"],\
         \"name\":\"{name}\",\"src_path\":\"{w}/src/main.rs\",\"edition\":\"2021\",\"doc\":true,\"doctest\":false,\
         \"test\":true}},\"profile\":{{\"opt_level\":\"0\",\"debuginfo\":2,\"debug_assertions\":true,\
         \"overflow_checks\":true,\"test\":false}},\"features\":[],\"filenames\":[\"{f}\"],\
         \"executable\":\"{f}\",\"fresh\":false}}\n",
        w = workspace().display(),
        f = file.display(),
    )
}

/// Tells the caller, in cargo's name, that `file` was built.
fn forge(key: &str, name: &str, file: &Path) {
    // The caller may end the run for what it reads, before the line after it.
    tell(key, "begun");
    tried(key, cargos_stdout().and_then(|mut out| out.write_all(artifact(name, file).as_bytes())));
}

/// The processes here.
fn processes() -> Vec<i32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The directory by which the outside starts test binaries, if there is one that this sees.
fn relay() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let places = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    places.map(PathBuf::from).find(|place| place.join("told").exists() || place.join("0.out").exists())
}
