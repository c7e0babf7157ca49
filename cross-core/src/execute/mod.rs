//! Executes the steps of a plan and collects the outcome.

pub(crate) mod cargo_output;
pub(crate) mod causes;
pub(crate) mod commands;
pub(crate) mod compiled_packages;
pub(crate) mod container_reuse;
pub(crate) mod debugger;
pub(crate) mod denials;
pub(crate) mod evidence;
pub(crate) mod executor;
pub(crate) mod failure;
pub(crate) mod foreign_starts;
pub(crate) mod harness_json;
pub(crate) mod harness_output;
pub(crate) mod harness_words;
pub(crate) mod join;
pub(crate) mod libtest;
pub(crate) mod nextest;
pub(crate) mod publish;
pub(crate) mod quoted;
pub(crate) mod relayed_tests;
pub(crate) mod remote_run;
pub(crate) mod reports;
pub(crate) mod run_resolver;
pub(crate) mod test_ends;
pub(crate) mod unseen;
pub(crate) mod watched_programs;
