//! The door to the operating system: what systems do differently, each thing under one name.
//!
//! `unix`, `windows` and, for what is Linux's alone, `linux` have the same things in files of the
//! same names. Nothing else in the libraries names a system or a crate that belongs to one. What a
//! system cannot do is an error of the kind [`Unsupported`](std::io::ErrorKind::Unsupported), never
//! a silent success.

mod failure;
mod file_facts;
mod file_kind;
mod system;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use unix as here;
#[cfg(windows)]
use windows as here;

/// Whether this kernel runs containers itself. Elsewhere a virtual machine's does.
pub(crate) const HAS_CONTAINERS: bool = cfg!(target_os = "linux");

/// The text of one of the [kernel's files](kernel_file), empty if it does not exist or cannot be
/// read.
pub fn kernel_text(name: &str) -> String {
    let text = kernel_file(name).and_then(|file| std::fs::read_to_string(file).ok());
    text.unwrap_or_default()
}

pub use self::system::System;
pub(crate) use failure::Failure;
pub use file_facts::FileFacts;
pub use file_kind::FileKind;

pub(crate) use here::beneath::{Directory, open_anywhere};
pub use here::files::{canonical, create_private_directory, set_mode};
pub(crate) use here::files::{
    change_owner, clone_blocks, create_link, finish_copy, has_attributes, set_file_mode,
};
pub(crate) use here::inherited::replace_inherited;
pub use here::kernel::kernel_file;
pub(crate) use here::locks::{self, Sharing};
pub(crate) use here::pipes;
pub use here::processes::parent_command_line;
pub(crate) use here::processes::{HAS_SHELL, kill_group, lead_group, reap, signal_of};
pub use here::sockets::connect;
pub(crate) use here::space::free_bytes;
pub(crate) use here::users;
