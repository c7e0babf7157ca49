//! From a request and facts to a plan. Nothing here reads or starts anything.

pub(crate) mod coverage;
pub(crate) mod debugger;
pub(crate) mod nextest;
pub(crate) mod offline;
pub(crate) mod parallel_tests;
pub(crate) mod plan;
pub(crate) mod planner;
pub(crate) mod steps;
