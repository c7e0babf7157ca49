//! Runs of commands, with what they share with their owner.

pub(crate) mod engine_run;
pub(crate) mod fifo_lifeline;
mod host_run;
pub(crate) mod jobserver;
pub(crate) mod run_dir;
pub(crate) mod shim;
pub(crate) mod test_relay;
