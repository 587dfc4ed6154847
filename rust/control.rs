//! How a caller follows a long piece of work and stops it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use crate::error::{Error, Result};

/// Shared between the one who waits and the ones who work. Counters are added to once a task.
#[derive(Debug, Default)]
pub struct Control {
    cancelled: AtomicBool,
    done: AtomicU64,
    total: AtomicU64,
}

impl Control {
    /// Asks the work to stop; it does within one task.
    pub fn cancel(&self) {
        self.cancelled.store(true, Relaxed);
    }

    /// Whether the work was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Relaxed)
    }

    /// An error once the work was asked to stop.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            Err(Error::Cancelled)
        } else {
            Ok(())
        }
    }

    /// Announces work to come, in pairs of points.
    pub fn expect(&self, pairs: u64) {
        self.total.fetch_add(pairs, Relaxed);
    }

    /// Reports work done.
    pub fn advance(&self, pairs: u64) {
        self.done.fetch_add(pairs, Relaxed);
    }

    /// (done, total).
    pub fn progress(&self) -> (u64, u64) {
        (self.done.load(Relaxed), self.total.load(Relaxed))
    }
}
