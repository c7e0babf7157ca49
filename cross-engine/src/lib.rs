//! How to run a command in an environment: sandbox and container engines behind one model.
