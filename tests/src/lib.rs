//! Support shared by the suites in `tests/`.
//!
//! - [`Project`]: a cargo project in a temporary directory, and a [`Cross`](cross_core::Cross) at
//!   it that sees the machine's real engines.
//! - [`Machine`]: a machine that has nothing but fake engines, a fake rustup and the real cargo;
//!   what is started on it is recorded.
//! - [`Recorder`]: hears every event.
//! - [`Leftovers`]: what a request must not leave behind; [`engines`]: the real engines;
//!   [`PlainUser`]: somebody who is not root.
//! - [`check`] and [`Redactor`]: snapshots, without what differs from one machine to the next.
//! - [`tool`]: commands of the machine; [`measure`]: what benchmarks have in common.

#![allow(
    clippy::unwrap_used,
    clippy::exhaustive_structs,
    clippy::exhaustive_enums,
    reason = "support of tests: to panic is how it fails, and nothing outside builds on it"
)]

pub mod ambient;
mod check;
pub mod engines;
pub mod fake;
mod fixture;
mod leftovers;
mod machine;
pub mod measure;
mod plain_user;
mod recorder;
mod redact;
pub mod schema;
pub mod tool;
mod tree;

/// A target whose programs this machine runs itself: a container for it can be played here.
pub const NATIVE: &str = if cfg!(target_arch = "aarch64") {
    "aarch64-unknown-linux-gnu"
} else {
    "x86_64-unknown-linux-gnu"
};

pub use check::{check, check_file};
pub use fake::{Answer, Call, Rule};
pub use fixture::{Project, real_env};
pub use leftovers::Leftovers;
pub use machine::{Fakes, Machine};
pub use plain_user::PlainUser;
pub use recorder::Recorder;
pub use redact::{Redactor, without_kernel_files};
pub use tree::Tree;

/// The seven targets that are proved here: by recipe, with the suite's packages and emulator.
pub const TARGETS: [&str; 7] = [
    "x86_64-unknown-linux-gnu",
    "i686-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "armv7-unknown-linux-gnueabihf",
    "powerpc64le-unknown-linux-gnu",
    "s390x-unknown-linux-gnu",
    "riscv64gc-unknown-linux-gnu",
];
