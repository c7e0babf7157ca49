//! What a request removes from the programs that it builds.

/// What [`Request::strip`](crate::Request::strip) removes from programs and shared libraries. Of a
/// static library, only debug information is ever removed, because its symbols are what others link.
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
