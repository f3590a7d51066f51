//! The store's recoverable sockets: what lets a client find its rooms again at another switchboard.

use switchboard_actors::ports::{BoxFuture, Recoverable, Recoverables, Unavailable};

use super::{Store, unavailable};

impl Recoverables for Store {
    fn save(
        &self,
        kept: Vec<Recoverable>,
        gone: Vec<String>,
    ) -> BoxFuture<Result<(), Unavailable>> {
        let database = self.database.clone();
        Box::pin(async move {
            if kept.is_empty() && gone.is_empty() {
                return Ok(());
            }
            let saved = database
                .in_time(database.save_recoverables(kept, gone))
                .await;
            saved.map_err(unavailable)
        })
    }

    fn load(&self, pid: String) -> BoxFuture<Result<Option<Recoverable>, Unavailable>> {
        let database = self.database.clone();
        Box::pin(async move {
            // Clients say what they like; PostgreSQL would call this a fault of its own.
            if pid.contains('\0') {
                return Ok(None);
            }
            let read = database.in_time(database.recoverable(&pid)).await;
            read.map_err(unavailable)
        })
    }

    fn purge(&self, before_ms: u64) -> BoxFuture<Result<u64, Unavailable>> {
        let database = self.database.clone();
        Box::pin(async move {
            let purged = database
                .in_time(database.purge_recoverables(before_ms))
                .await;
            purged.map_err(unavailable)
        })
    }
}
