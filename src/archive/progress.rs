//! Hearing of long work, and stopping it.

/// Hears how far long work has come, from several threads at once, and may ask it to stop.
pub trait Progress: Sync {
    /// So many more objects, with so many bytes in all, are known to be ahead.
    fn ahead(&self, objects: u64, bytes: u64) {
        let _ = (objects, bytes);
    }

    /// So many objects, and so many bytes, are done.
    fn done(&self, objects: u64, bytes: u64) {
        let _ = (objects, bytes);
    }

    /// Whether to stop at the next good point. What is under way is finished.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Hears nothing and never stops.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Progress for Unobserved {}
