//! Facts about targets, as plain data.

pub(crate) mod debian_arch;
pub(crate) mod glibc;
pub(crate) mod sdk;
pub(crate) mod system_version;
pub(crate) mod target_facts;
pub(crate) mod toml_table;
pub(crate) mod uefi_machine;
