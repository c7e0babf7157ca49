//! Support shared by the suites in `tests/`.
//!
//! - [`Project`]: a cargo project in a temporary directory, and a [`Cross`](cross_core::Cross) for
//!   it that uses the machine's real engines.
//! - [`Case`]: a project on an engine, with the library and what must not be left behind.
//! - [`Machine`]: a machine with only fake engines, a fake rustup and the real cargo. It records
//!   every program that is started on it.
//! - [`OwnCache`]: environments in a cache of their own.
//! - [`Recorder`]: records every event.
//! - [`Leftovers`]: finds what a request must not leave behind.
//! - [`engines`]: the real engines. [`PlainUser`]: a user who is not root.
//! - [`check`] and [`Redactor`]: snapshots, without what differs between machines.
//! - [`SmallDisk`]: a file system that is full soon.
//! - [`says`]: checks the words of a message. [`tool`]: commands of the machine.
//! - [`measure`]: support for benchmarks.

#![allow(
    clippy::unwrap_used,
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    reason = "support of tests: it fails by panicking, and nothing outside depends on it"
)]

pub mod ambient;
mod case;
mod check;
pub mod engines;
pub mod fake;
mod fixture;
mod leftovers;
mod machine;
pub mod measure;
mod own_cache;
mod plain_user;
mod recorder;
mod redact;
mod says;
pub mod schema;
mod shell;
mod small_disk;
pub mod tool;
mod tree;
mod wait;

/// A target of another architecture, whose environment the suites make on every engine.
pub const FOREIGN: &str = "aarch64-unknown-linux-gnu";

/// A target whose programs run natively on this machine, so that a fake container can run them.
pub const NATIVE: &str = if cfg!(target_arch = "aarch64") {
    "aarch64-unknown-linux-gnu"
} else {
    "x86_64-unknown-linux-gnu"
};

pub use case::Case;
pub use check::{check, check_file};
pub use fake::{Answer, Call, Rule};
pub use fixture::{Project, real_env};
pub use leftovers::Leftovers;
pub use machine::{Fakes, Machine};
pub use own_cache::OwnCache;
pub use plain_user::PlainUser;
pub use recorder::Recorder;
pub use redact::{Redactor, without_kernel_files};
pub use says::says;
pub use shell::shell;
pub use small_disk::SmallDisk;
pub use tree::Tree;
pub use wait::{stays_true, until_deadline, wait_until};

/// The seven targets that the suites use: each has a recipe with packages and an emulator.
pub const TARGETS: [&str; 7] = [
    "x86_64-unknown-linux-gnu",
    "i686-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "armv7-unknown-linux-gnueabihf",
    "powerpc64le-unknown-linux-gnu",
    "s390x-unknown-linux-gnu",
    "riscv64gc-unknown-linux-gnu",
];
