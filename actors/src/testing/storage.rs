//! What fake storage has in common: it goes away and comes back, and answers late, when told.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use tokio::sync::watch;

use crate::ports::{BoxFuture, Unavailable};

/// Contents in memory, and whether they can be had.
pub(super) struct Storage<S> {
    contents: Arc<Mutex<S>>,
    /// Whether operations fail.
    away: watch::Sender<bool>,
    /// Whether operations wait.
    held: watch::Sender<bool>,
}

impl<S: Default> Default for Storage<S> {
    fn default() -> Self {
        Self {
            contents: Arc::default(),
            away: watch::Sender::new(false),
            held: watch::Sender::new(false),
        }
    }
}

impl<S: Send + 'static> Storage<S> {
    /// From now on, whether every operation fails.
    pub(super) fn set_away(&self, is_away: bool) {
        self.away.send_replace(is_away);
    }

    /// From now on, whether operations wait; those that began meanwhile go on when they no longer do.
    pub(super) fn set_held(&self, is_held: bool) {
        self.held.send_replace(is_held);
    }

    /// The contents, whether they are away or not.
    pub(super) fn lock(&self) -> MutexGuard<'_, S> {
        lock(&self.contents)
    }

    /// Does `operation` once operations do not wait, unless storage is away then.
    pub(super) fn answer<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> BoxFuture<Result<T, Unavailable>> {
        let contents = Arc::clone(&self.contents);
        let (away, mut held) = (self.away.subscribe(), self.held.subscribe());
        async move {
            // The fake itself may be gone; then nothing waits.
            let _ = held.wait_for(|is_held| !is_held).await;
            if *away.borrow() {
                return Err(Unavailable("told so".to_owned()));
            }
            Ok(operation(&mut lock(&contents)))
        }
        .boxed()
    }
}

fn lock<S>(contents: &Mutex<S>) -> MutexGuard<'_, S> {
    contents.lock().unwrap_or_else(PoisonError::into_inner)
}
