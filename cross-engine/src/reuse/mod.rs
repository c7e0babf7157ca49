//! Containers that are kept between runs, so that a command enters one that runs already.
//!
//! Entering costs a third to a half of starting. What is fixed when a container starts (image, mounts, user,
//! network and the like) is its key; variables, directory and command come with each run. A key never
//! changes its container: what depends on something else gets another one.
//!
//! Finding out whether one is there costs no question: it is entered, and where it turns out to be gone,
//! another one is started.

mod argv;
mod attached;
pub(crate) mod config;
pub(crate) mod enter;
pub(crate) mod event;
pub(crate) mod place;
pub(crate) mod pool;
mod record;
mod script;
mod start;
pub(crate) mod sweep;
