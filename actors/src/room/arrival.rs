//! The batch that publications came in: what it holds back, and how much may be done about it at once.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::limits::WRITES_PER_TURN;

/// See the module's documentation.
pub struct Arrival {
    /// When the link had read the first of it.
    pub received: Instant,
    /// Writes that may still be made before others have their turn of the thread.
    pub(super) writes: usize,
    credit: Credit,
}

/// Lets the link read on once it is dropped.
enum Credit {
    None,
    /// Shared by nobody yet, and most often never: what is dealt with at once needs no memory for it.
    Own(OwnedSemaphorePermit),
    Shared(Arc<OwnedSemaphorePermit>),
}

impl Arrival {
    /// Of a batch that was read at `received`, and lets the link read on when all of it is dealt with.
    pub fn new(received: Instant, credit: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            received,
            writes: WRITES_PER_TURN,
            credit: credit.map_or(Credit::None, Credit::Own),
        }
    }

    /// A share of the credit, for who deals with a part of the batch later.
    pub fn credit(&mut self) -> Option<Arc<OwnedSemaphorePermit>> {
        let credit = match std::mem::replace(&mut self.credit, Credit::None) {
            Credit::None => return None,
            Credit::Own(credit) => Arc::new(credit),
            Credit::Shared(credit) => credit,
        };
        self.credit = Credit::Shared(Arc::clone(&credit));
        Some(credit)
    }
}
