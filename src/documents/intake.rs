//! How documents are taken in: how large they may be, how many at once, and who is told that one is there.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::processor::Wake;

/// Files that are held in memory at once while they come in.
const AT_ONCE: usize = 4;
/// How long a file waits for its place.
const PLACE_DEADLINE: Duration = Duration::from_secs(30);

/// Shared by all that take documents in.
#[derive(Debug)]
pub struct Intake {
    max_bytes: usize,
    wake: Wake,
    places: Semaphore,
}

impl Intake {
    /// Takes files of `max_bytes` at most, for the processor that `wake` wakes.
    pub fn new(max_bytes: usize, wake: Wake) -> Self {
        Self {
            max_bytes,
            wake,
            places: Semaphore::new(AT_ONCE),
        }
    }

    /// The largest file, in bytes.
    pub fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// A place for a file, kept while it lives; none if all are taken for long.
    pub async fn place(&self) -> Option<SemaphorePermit<'_>> {
        let place = tokio::time::timeout(PLACE_DEADLINE, self.places.acquire()).await;
        place.ok().and_then(Result::ok)
    }

    /// Says that a document is in the store.
    pub fn taken(&self) {
        self.wake.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_file_waits_for_a_place_and_not_for_ever() {
        let intake = Intake::new(1, Wake::default());
        let mut places = Vec::new();
        for _ in 0..AT_ONCE {
            places.push(intake.place().await.expect("a place is free"));
        }
        assert!(intake.place().await.is_none());
        let freed = async { drop(places.pop()) };
        let (place, ()) = futures_util::future::join(intake.place(), freed).await;
        assert!(place.is_some());
    }
}
