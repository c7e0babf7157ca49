//! Tells where a command is a tool of the environment's own programs, and not of the target's.

use crate::facts::facts::Facts;
use crate::model::step::{Verb, Warning};
use crate::request::request::Request;

/// Returns the warning for a command whose name is that of such a tool.
pub(super) fn warning(request: &Request, facts: &Facts) -> Option<Warning> {
    let options = &request.options;
    if request.verb != Verb::Exec || options.on_target {
        return None;
    }
    // What is no text is an error of the step.
    let words = options.trailing_text().ok()?;
    facts.native_tool(words.first()?)
}
