//! Cargo's interfaces: command lines, configuration files, metadata and messages.

pub(crate) mod advice;
pub(crate) mod build_std;
pub(crate) mod carried;
pub(crate) mod cli;
pub(crate) mod config;
pub(crate) mod configured_flags;
pub(crate) mod dep_info;
pub(crate) mod dependency_variables;
pub(crate) mod json;
pub(crate) mod named_paths;
pub(crate) mod outer;
pub(crate) mod package_id;
pub(crate) mod package_selection;
pub(crate) mod path_flags;
pub(crate) mod products;
pub(crate) mod rustc_paths;
pub(crate) mod rustflags;
pub(crate) mod target_cfgs;
pub(crate) mod workspace;
