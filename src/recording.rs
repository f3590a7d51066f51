//! Keeps finals in the store, and the registry's recorded rooms in step with the sessions that are to be recorded.
//!
//! Reads the whole list at the start, whenever this process writes a session, and every few seconds for what other
//! processes write. While the store is away, what is recorded goes on being recorded.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr};
use switchboard_actors::metrics::Metrics;
use switchboard_actors::recorder::Archive;
use switchboard_actors::registry::{Record, RoomRegistry, StopRecording};
use switchboard_protocol::ids::{RoomId, SessionId};
use tokio::task::JoinHandle;

use crate::store::{Store, StoreError};

/// Another process' change is seen after this at the latest.
const REFRESH: Duration = Duration::from_secs(5);
/// Sessions read at a time.
const PAGE: u32 = 500;
/// Rooms recorded at most, each of which is a subscription at the broker.
const MOST_ROOMS: usize = 10_000;

/// Keeps finals while it lives.
pub struct Recording {
    archive: Archive,
    following: JoinHandle<()>,
}

impl Recording {
    /// Starts `rooms` so that their finals are kept in `store` for the time of `retention`.
    pub fn start(
        rooms: RoomRegistry,
        store: &Store,
        retention: Duration,
        metrics: &Metrics,
    ) -> (Addr<RoomRegistry>, Self) {
        let archive = Archive::start(Arc::new(store.clone()), retention, metrics.clone());
        let rooms = rooms.with_archive(archive.clone()).start();
        let following = actix_rt::spawn(follow(store.clone(), rooms.clone()));
        (rooms, Self { archive, following })
    }

    /// Stores what waits, if that is possible within `deadline`.
    pub async fn stop(&self, deadline: Duration) {
        self.following.abort();
        if !self.archive.drain(deadline).await {
            log::error!(
                "some finals could not be stored before the end deadline_s={}",
                deadline.as_secs()
            );
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.following.abort();
    }
}

async fn follow(store: Store, registry: Addr<RoomRegistry>) {
    let mut changes = store.session_changes();
    let mut recorded = BTreeSet::new();
    let mut is_failing = false;
    loop {
        // Before reading: what is written while it goes on is read the next time.
        changes.mark_unchanged();
        match wanted(&store).await {
            Ok(wanted) => {
                is_failing = false;
                if wanted.len() >= MOST_ROOMS && recorded.len() < MOST_ROOMS {
                    log::warn!(
                        "too many rooms are to be recorded while nobody is in them bound={MOST_ROOMS}"
                    );
                }
                tell(&registry, &recorded, &wanted);
                recorded = wanted;
            }
            Err(error) => {
                if !std::mem::replace(&mut is_failing, true) {
                    log::warn!(
                        "the sessions to record cannot be read reason={:?}",
                        error.to_string()
                    );
                }
            }
        }
        // The end of the time is as good a reason to look again as a change.
        let _ = tokio::time::timeout(REFRESH, changes.changed()).await;
    }
}

/// Tells what is to be recorded, also what is already: the broker may have refused it before.
fn tell(registry: &Addr<RoomRegistry>, recorded: &BTreeSet<RoomId>, wanted: &BTreeSet<RoomId>) {
    for room in recorded.difference(wanted) {
        registry.do_send(StopRecording(room.clone()));
    }
    for room in wanted {
        registry.do_send(Record(room.clone()));
    }
}

async fn wanted(store: &Store) -> Result<BTreeSet<RoomId>, StoreError> {
    let mut rooms = BTreeSet::new();
    let mut after = None;
    loop {
        let page = store.recorded_sessions(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(rooms);
        };
        after = Some(last.id.clone());
        for session in &page {
            let channels = session.channels.iter();
            rooms.extend(channels.map(|channel| room(&session.id, channel.index)));
        }
        if rooms.len() >= MOST_ROOMS {
            return Ok(rooms.into_iter().take(MOST_ROOMS).collect());
        }
    }
}

/// The room of a session's channel.
pub fn room(session: &SessionId, channel: u16) -> RoomId {
    let channel = channel.to_string().parse();
    RoomId::new(session, &channel.expect("a number is a channel's id"))
}
