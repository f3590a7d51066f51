//! The store's finals: written and read by rooms, read by the transcript route, removed when their time is over.

use switchboard_actors::ports::{BoxFuture, Final, Transcripts, Unavailable};
use switchboard_protocol::ids::RoomId;

use super::error::StoreError;
use super::{Store, unavailable};

/// Finals that one read returns at most.
const MAX_FINALS: u32 = 1_000;

impl Store {
    /// The finals of `room` numbered above `after`, by ascending number: at most `limit`, and never more than 1,000.
    /// An empty answer is the end.
    pub async fn finals_after(
        &self,
        room: &RoomId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Final>, StoreError> {
        self.database
            .in_time(
                self.database
                    .finals_after(room, after, limit.min(MAX_FINALS)),
            )
            .await
    }

    /// The highest number of all finals; reads an entry of an index for each, so it is asked for once, at the start.
    pub async fn highest_number(&self) -> Result<Option<u64>, StoreError> {
        self.database.in_time(self.database.highest_number()).await
    }

    /// Removes finals that were stored before `before_ms` (milliseconds since the epoch), oldest first and `limit` at
    /// most, so that no write takes long. Returns how many; fewer than `limit` is the end.
    pub async fn purge_finals(&self, before_ms: u64, limit: u32) -> Result<u64, StoreError> {
        self.database
            .in_time(self.database.purge_finals(before_ms, limit))
            .await
    }
}

/// `last` returns 1,000 at most.
impl Transcripts for Store {
    fn append(&self, finals: Vec<Final>) -> BoxFuture<Result<(), Unavailable>> {
        let database = self.database.clone();
        Box::pin(async move {
            let stored = database.in_time(database.append_finals(&finals)).await;
            stored.map_err(unavailable)
        })
    }

    fn last(
        &self,
        room: RoomId,
        before: u64,
        limit: u32,
    ) -> BoxFuture<Result<Vec<Final>, Unavailable>> {
        let database = self.database.clone();
        Box::pin(async move {
            let read = database.last_finals(&room, before, limit.min(MAX_FINALS));
            database.in_time(read).await.map_err(unavailable)
        })
    }

    fn purge(&self, before_ms: u64, limit: u32) -> BoxFuture<Result<u64, Unavailable>> {
        let database = self.database.clone();
        Box::pin(async move {
            let purged = database
                .in_time(database.purge_finals(before_ms, limit))
                .await;
            purged.map_err(unavailable)
        })
    }
}
