//! The warnings that the inner cargo prints itself: its own, and those of build scripts
//! (`cargo::warning`). They are lines of its standard error, and no diagnostics.

use std::sync::{Arc, Mutex, PoisonError};

use cross_engine::process::Stream;
use cross_engine::process::untrusted::Room;

use crate::model::printable::printable;
use crate::request::event::EventKind;
use crate::request::request::Request;

/// How much of them cargo shows, in bytes. A hostile build script may print any number.
const SHOWN: usize = 64 << 10;

/// Keeps the warnings, each once. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct CargoWarnings(Arc<Mutex<(Vec<String>, Room)>>);

impl CargoWarnings {
    pub(super) fn new() -> Self {
        CargoWarnings(Arc::new(Mutex::new((Vec::new(), Room::new(SHOWN)))))
    }

    /// `request`, whose cargo is listened to. Other listeners keep their events.
    pub(super) fn of(&self, request: Request) -> Request {
        let kept = self.clone();
        let cross = request.cross.clone();
        request.with(cross.on_event(move |event| kept.read(&event.kind)))
    }

    fn read(&self, kind: &EventKind) {
        let EventKind::Output {
            stream: Stream::Stderr,
            line,
        } = kind
        else {
            return;
        };
        let line = printable(line);
        let Some(text) = line.strip_prefix("warning: ") else {
            return;
        };
        let (kept, room) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !counts_diagnostics(text) && !kept.iter().any(|it| it == text);
        if is_new && room.take(text.len()) {
            kept.push(text.to_owned());
        }
    }

    /// Returns the warnings so far, and forgets them.
    pub(super) fn take(&self) -> Vec<String> {
        let (kept, _) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(kept)
    }
}

/// Whether the warning only counts those of the compiler, which are shown themselves:
/// `` `app` (bin "app") generated 1 warning ``.
fn counts_diagnostics(text: &str) -> bool {
    text.starts_with('`') && text.contains("` (") && text.contains(") generated ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[(Stream, &str)]) -> Vec<String> {
        let warnings = CargoWarnings::new();
        for (stream, line) in lines {
            warnings.read(&EventKind::Output {
                stream: *stream,
                line: (*line).to_owned(),
            });
        }
        warnings.take()
    }

    #[test]
    fn what_an_inner_build_script_warns_of_is_kept_once() {
        let script = "warning: firmware@0.1.0: no linker script";
        let kept = read(&[
            (Stream::Stderr, "   Compiling firmware v0.1.0"),
            (Stream::Stderr, script),
            (Stream::Stderr, "\u{1b}[33mwarning\u{1b}[0m: unused key"),
            (Stream::Stderr, script),
            (Stream::Stdout, "warning: printed by a program"),
            (
                Stream::Stderr,
                "warning: `firmware` (bin \"firmware\") generated 1 warning",
            ),
        ]);
        assert_eq!(kept, ["firmware@0.1.0: no linker script", "unused key"]);
    }

    #[test]
    fn no_build_script_fills_the_memory() {
        let long = format!("warning: {}", "x".repeat(SHOWN / 2));
        let longer = format!("{long}x");
        let all = [(Stream::Stderr, &*long), (Stream::Stderr, &*longer)];
        assert_eq!(read(&all).len(), 1);
    }
}
