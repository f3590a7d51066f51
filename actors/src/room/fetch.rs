//! Asking storage for a room's finals from before memory begins.

use std::time::Duration;

use bytes::Bytes;
use switchboard_protocol::ids::RoomId;
use switchboard_protocol::json;

use super::history::{Fetched, Reach};
use super::recent::Entry;
use crate::limits::{
    CLOCK_SKEW_MICROS, HISTORY_BYTES, HISTORY_DEADLINE, HISTORY_PAGE, HISTORY_READ,
    HISTORY_READ_BYTES,
};
use crate::ports::{Final, Unavailable};
use crate::recorder::{Archive, Flush};

/// The finals of `room` that memory, which begins at the number `first`, may lack, as far back as `wanted`, or further.
/// Those that memory holds, too, may be among them. Storage is asked after `pause`.
pub(super) async fn fetch(
    archive: Archive,
    room: RoomId,
    first: u64,
    wanted: Reach,
    pause: Duration,
) -> Result<Fetched, Unavailable> {
    tokio::time::sleep(pause).await;
    let answer = tokio::time::timeout(HISTORY_DEADLINE, read(archive, room, first, wanted)).await;
    answer.unwrap_or_else(|_| Err(Unavailable("no answer in time".to_owned())))
}

async fn read(
    archive: Archive,
    room: RoomId,
    first: u64,
    wanted: Reach,
) -> Result<Fetched, Unavailable> {
    // What the room's earlier life left in the recorder's queue belongs to the history.
    let flushed = archive.recorder.send(Flush).await;
    flushed.map_err(|error| Unavailable(error.to_string()))??;
    let mut reading = Reading::new(first);
    loop {
        let before = reading.before;
        let page = archive
            .transcripts
            .last(room.clone(), before, HISTORY_PAGE)
            .await?;
        let is_all = page.len() < HISTORY_PAGE as usize;
        reading.take(page)?;
        if is_all || reading.is_enough(wanted) {
            return Ok(Fetched {
                finals: reading.entries(),
                is_all,
            });
        }
    }
}

/// Pages that were read, backwards.
struct Reading {
    /// Where the next page ends.
    before: u64,
    /// Below this number, no final is one of memory's under another switchboard's number.
    surely_older: u64,
    /// How many of those, and their bytes.
    older: (usize, usize),
    /// The same of all.
    all: (usize, usize),
    /// The latest first.
    pages: Vec<Vec<Final>>,
}

impl Reading {
    fn new(first: u64) -> Self {
        Self {
            before: first.saturating_add(CLOCK_SKEW_MICROS),
            surely_older: first.saturating_sub(CLOCK_SKEW_MICROS),
            older: (0, 0),
            all: (0, 0),
            pages: Vec::new(),
        }
    }

    fn take(&mut self, page: Vec<Final>) -> Result<(), Unavailable> {
        for stored in &page {
            let bytes = stored.payload.len();
            self.all = (self.all.0 + 1, self.all.1 + bytes);
            if stored.number < self.surely_older {
                self.older = (self.older.0 + 1, self.older.1 + bytes);
            }
        }
        if let Some(first) = page.first() {
            // It would be asked for the same page for ever.
            if first.number >= self.before {
                return Err(Unavailable("finals out of order".to_owned()));
            }
            self.before = first.number;
        }
        self.pages.push(page);
        Ok(())
    }

    fn is_enough(&self, wanted: Reach) -> bool {
        let has_older = match wanted {
            Reach::Finals(wanted) => self.older.0 >= wanted || self.older.1 >= HISTORY_BYTES,
            Reach::Back(number) => self.before <= number,
        };
        has_older || self.all.0 >= HISTORY_READ || self.all.1 >= HISTORY_READ_BYTES
    }

    /// All that was read, in order, ready to be sent. What is not JSON could break the events around it.
    fn entries(self) -> Vec<Entry> {
        let finals = self.pages.into_iter().rev().flatten();
        let is_json = |payload: &Bytes| json::validate(payload).is_ok();
        finals
            .filter(|stored| is_json(&stored.payload))
            .map(|stored| Entry::stored(stored.number, &stored.payload))
            .collect()
    }
}
