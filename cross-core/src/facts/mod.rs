//! The facts that planning depends on. Each fact is probed once, and then is a value.

pub(crate) mod caller_variables;
pub(crate) mod cargo_settings;
pub(crate) mod configured_paths;
pub(crate) mod container_reuse;
pub(crate) mod environment_name;
pub(crate) mod environment_spec;
pub(crate) mod environment_state;
pub(crate) mod facts;
pub(crate) mod git_view;
pub(crate) mod host_engine;
pub(crate) mod host_toolset;
pub(crate) mod probe;
pub(crate) mod published_image;
pub(crate) mod run_inputs;
pub(crate) mod seen_places;
pub(crate) mod selection;
pub(crate) mod source_links;
pub(crate) mod sources;
