//! Archives for machines without a network: environments, packages, toolchains and crates, written
//! here and placed there.

pub(crate) mod manifest;
pub(crate) mod pack;
pub(crate) mod part;
pub(crate) mod place;
pub(crate) mod unpack;

#[cfg(test)]
mod tests;
