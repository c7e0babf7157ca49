//! The room in memory that what is collected may take.

use crate::process::untrusted::limits;

/// What is left of a limit in bytes.
#[derive(Clone, Debug)]
pub struct Room {
    left: usize,
    full: bool,
}

impl Room {
    /// Room for so many bytes.
    pub fn new(bytes: usize) -> Self {
        Room {
            left: bytes,
            full: false,
        }
    }

    /// Takes room for a value with so many bytes of text. Once it does not fit, nothing fits any
    /// more: what is kept is a beginning, without gaps.
    #[must_use]
    pub fn take(&mut self, bytes: usize) -> bool {
        let cost = bytes.saturating_add(limits::OVERHEAD);
        match self.left.checked_sub(cost) {
            Some(left) if !self.full => {
                self.left = left;
                true
            }
            _ => {
                self.full = true;
                false
            }
        }
    }

    /// Whether something did not fit.
    pub fn is_full(&self) -> bool {
        self.full
    }
}

impl Default for Room {
    /// [`limits::COLLECTED`].
    fn default() -> Self {
        Room::new(limits::COLLECTED)
    }
}
