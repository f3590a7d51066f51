//! Keeps a key set fresh: now and then, soon after a token named an unknown key (but then at most once a
//! minute), and with backoff while the source fails. The keys that were read last stay in use meanwhile.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use log::{info, warn};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::TokenError;
use super::jwks::KeySet;
use super::jwks_source::Source;

/// How often keys are read while all is well.
const REFRESH_EVERY: Duration = Duration::from_secs(600);
/// How soon after one refresh for an unknown key the next may follow.
const UNKNOWN_KEY_EVERY: Duration = Duration::from_secs(60);
/// The longest pause between attempts while the source fails; they begin at a second and double.
const MAX_BACKOFF: Duration = Duration::from_secs(300);

/// Keys, shared by the verifier and the task that refreshes them.
#[derive(Default)]
struct Shared {
    keys: RwLock<Arc<KeySet>>,
    /// Told when a token names a key that is not there.
    unknown_key: Notify,
}

/// A key set that keeps itself fresh until dropped.
pub(super) struct FreshKeys {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl FreshKeys {
    /// Reads the keys and begins to keep them fresh. A file that cannot be read is a mistake and an error; a
    /// server may be away for a while, so it is asked again until it answers.
    pub(super) async fn start(source: Source) -> Result<Self, TokenError> {
        let shared = Arc::new(Shared::default());
        let mut failures = 0;
        if let Err(why) = refresh(&source, &shared).await {
            if matches!(source, Source::File(_)) {
                return Err(TokenError::Jwks(format!("{source}: {why}")));
            }
            warn!(
                "no keys yet, tokens signed by them are refused source={:?} reason={why:?}",
                source.to_string()
            );
            failures = 1;
        }
        let task = tokio::spawn(keep_fresh(source, Arc::clone(&shared), failures));
        Ok(Self { shared, task })
    }

    /// The keys as they were read last.
    pub(super) fn current(&self) -> Arc<KeySet> {
        Arc::clone(
            &self
                .shared
                .keys
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Asks for a refresh because a token named a key that is not there.
    pub(super) fn key_is_unknown(&self) {
        self.shared.unknown_key.notify_one();
    }
}

impl Drop for FreshKeys {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep_fresh(source: Source, shared: Arc<Shared>, mut failures: u32) {
    let mut unknown_key_from = Instant::now();
    loop {
        tokio::select! {
            () = sleep(pause(failures)) => {}
            () = unknown_key(&shared, unknown_key_from) => {
                unknown_key_from = Instant::now() + UNKNOWN_KEY_EVERY;
            }
        }
        match refresh(&source, &shared).await {
            Ok(()) => {
                if failures > 0 {
                    info!("keys are read again source={:?}", source.to_string());
                }
                failures = 0;
            }
            Err(why) => {
                if failures == 0 {
                    warn!(
                        "keys cannot be read, the last ones stay in use source={:?} reason={why:?}",
                        source.to_string()
                    );
                }
                failures = failures.saturating_add(1);
            }
        }
    }
}

/// Waits until `from`, then for a token with an unknown key (or one that came meanwhile).
async fn unknown_key(shared: &Shared, from: Instant) {
    sleep_until(from).await;
    shared.unknown_key.notified().await;
}

async fn refresh(source: &Source, shared: &Shared) -> Result<(), String> {
    let keys = Arc::new(source.load().await?);
    *shared.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    Ok(())
}

/// The pause before the next attempt, after so many failures in a row.
fn pause(failures: u32) -> Duration {
    match failures {
        0 => REFRESH_EVERY,
        _ => Duration::from_secs(1 << failures.min(10).saturating_sub(1)).min(MAX_BACKOFF),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_their_limit() {
        let seconds: Vec<_> = (0..=12).map(|failures| pause(failures).as_secs()).collect();
        assert_eq!(
            seconds,
            [600, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
        );
    }
}
