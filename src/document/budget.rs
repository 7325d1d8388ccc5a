//! What may be spent on one document.

use std::time::{Duration, Instant};

/// Limits of the work on one document, against documents made to be costly.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    deadline: Instant,
}

impl Budget {
    /// Longest time for one document.
    pub const TIME: Duration = Duration::from_millis(1500);
    /// Longest part that is unpacked or held in memory: an OPF, a `ComicInfo`, an XMP packet.
    pub const PART_BYTES: usize = 4 << 20;
    /// Longest value of one field, in bytes; what is longer is cut.
    pub const FIELD_BYTES: usize = 4 << 10;
    /// Deepest nesting that is followed.
    pub const DEPTH: usize = 64;

    /// Whether the time is up: stop and keep what was found.
    pub fn is_spent(&self) -> bool {
        Instant::now() >= self.deadline
    }
}

impl Default for Budget {
    /// A budget that starts now.
    fn default() -> Self {
        Self {
            deadline: Instant::now() + Self::TIME,
        }
    }
}
