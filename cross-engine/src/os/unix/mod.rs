//! The systems of Unix: Linux, macOS and the BSDs.

pub(crate) mod beneath;
pub(crate) mod file_facts;
pub(crate) mod files;
pub(crate) mod inherited;
pub(crate) mod kernel;
pub(crate) mod locks;
pub(crate) mod pipes;
pub(crate) mod processes;
pub(crate) mod sockets;
pub(crate) mod space;
pub(crate) mod users;
