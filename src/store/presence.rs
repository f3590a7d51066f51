//! Whether the database is there: found out from the operations themselves, and told to the log once each way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::error::StoreError;

/// How long an operation may take: to get a connection (5 s), to wait for another process' lock (5 s), and to be
/// done. A server that died without a word would otherwise hold its callers for as long as TCP hopes.
const DEADLINE: Duration = Duration::from_secs(12);

/// Shared by all clones of a store. There at first.
#[derive(Clone, Debug, Default)]
pub(super) struct Presence(Arc<AtomicBool>);

impl Presence {
    /// Ends an operation when its time is over, and takes note of how it went.
    pub(super) async fn in_time<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let done = tokio::time::timeout(DEADLINE, operation).await;
        let done = done.unwrap_or(Err(StoreError::TooLate(DEADLINE)));
        self.note(done.as_ref().err());
        done
    }

    pub(super) fn is_there(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }

    fn note(&self, error: Option<&StoreError>) {
        let is_away = error.is_some_and(StoreError::is_absence);
        let was_away = self.0.swap(is_away, Ordering::Relaxed);
        match error {
            Some(error) if is_away && !was_away => {
                log::warn!("database is away reason={:?}", error.to_string());
            }
            _ if was_away && !is_away => log::info!("database is back"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_rt::test]
    async fn it_is_away_after_a_fault_of_the_database_and_back_after_anything_else() {
        let presence = Presence::default();
        let twin = presence.clone();
        assert!(presence.is_there());
        let late = Err::<(), _>(StoreError::TooLate(DEADLINE));
        assert!(presence.in_time(std::future::ready(late)).await.is_err());
        assert!(!twin.is_there());
        let answered = Err::<(), _>(StoreError::SchemaBehind);
        assert!(twin.in_time(std::future::ready(answered)).await.is_err());
        assert!(presence.is_there());
    }
}
