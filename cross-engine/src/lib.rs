//! How to run a command in an environment: sandbox and container engines behind one model.

mod blueprint;
mod cancel;
pub mod clock;
mod container;
mod diagnosis;
mod engine;
mod environment;
mod error;
mod host;
mod invocation;
mod layout;
mod lifeline;
mod lock;
mod making;
mod memory;
mod probe;
pub mod process;
mod run;
mod sandbox;
mod session;
mod verify;

pub use blueprint::Blueprint;
pub use cancel::{Cancel, Stopped};
pub use engine::{Engine, Kind, Preference, Unusable};
pub use environment::{Environment, Environments, Location, Progress, ProgressSink};
pub use error::{Error, ErrorKind, Result};
pub use host::Host;
pub use invocation::{Base, Ending, Invocation, Value, Variables};
pub use layout::{Layout, read_layout};
pub use lifeline::supervised;
pub use lock::Lock;
pub use memory::{Memory, Stamp};
pub use probe::{Needs, Selected, probe, select};
pub use run::{Access, Mount, Network, Root, RunSpec, arranged};
