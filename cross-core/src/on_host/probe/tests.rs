//! A directory of fake tools is the machine.
