//! Zig as C compiler and linker.

use serde::Serialize;

use crate::values::image::Image;

/// The value of `zig`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ZigConfig {
    /// Whether Zig compiles and links. The other fields have no effect otherwise.
    pub enable: bool,
    /// The minimum glibc version, such as `2.17`; `None` is Zig's default.
    pub version: Option<String>,
    /// An image that contains Zig.
    pub image: Option<Image>,
}
