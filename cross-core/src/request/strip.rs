//! What a request removes from the programs that it builds.

use crate::request::request::Request;

/// What [`Request::strip`] removes from programs and shared libraries. Of a static library, only
/// debug information is ever removed, because its symbols are what others link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strip {
    /// Debug information. Symbols are kept, so that backtraces have names.
    Debug,
    /// Debug information and symbols.
    Symbols,
    /// The same as [`Symbols`](Strip::Symbols). The debug information is kept beside the program in
    /// a file with its name and the ending `.debug`, which the program names by a GNU debug link, so
    /// that debuggers find it.
    Split,
}

impl Request {
    /// Strips the programs and the libraries for other languages that are published, by the
    /// target's own tools. Cargo's own files stay whole ([`Artifact::inside`]). A file with debug
    /// information is among [`Artifact::companions`].
    ///
    /// ```no_run
    /// use cross_core::{Cross, object_files::Strip};
    ///
    /// let cross = Cross::discover()?;
    /// let build = cross.build("aarch64-unknown-linux-gnu").release(true);
    /// for program in build.strip(Strip::Split).run()?.executables() {
    ///     println!("{} {:?}", program.path.display(), program.companions);
    /// }
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    ///
    /// `build`, `run` and `rustc` strip. Other requests ignore it: what they publish is for tests.
    /// Programs for MSVC and UEFI stay as they are, because their debug information is in a file of
    /// its own (`.pdb`) anyway. What cannot be stripped is an error of the plan of the kind
    /// [`UnsupportedTarget`](crate::ErrorKind::UnsupportedTarget), which says what the profile can
    /// do in its place: programs for Apple's systems, which are signed when they are linked, and for
    /// Emscripten and WASI's components. A WebAssembly module cannot be split. Without a tool, the
    /// kind is [`ToolMissing`](crate::ErrorKind::ToolMissing).
    ///
    /// # Default value
    ///
    /// Programs are published as cargo made them. The profile's own `strip` applies in any case.
    ///
    /// [`Artifact::inside`]: crate::Artifact::inside
    /// [`Artifact::companions`]: crate::Artifact::companions
    pub fn strip(mut self, strip: Strip) -> Self {
        self.options.strip = Some(strip);
        self
    }
}
