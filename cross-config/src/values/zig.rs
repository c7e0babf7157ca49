//! Zig as the C compiler and linker.

use serde::Serialize;

use crate::values::image::Image;

/// What `zig` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Zig {
    /// Whether it compiles and links; without that, the others have no effect.
    pub enable: bool,
    /// The oldest glibc to run on, such as `2.17`; `None` is the one that Zig takes.
    pub version: Option<String>,
    /// The image that has Zig.
    pub image: Option<Image>,
}
