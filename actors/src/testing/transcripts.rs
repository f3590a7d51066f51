//! Storage for finals that tests decide over.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use switchboard_protocol::ids::RoomId;

use super::storage::Storage;
use crate::ports::{BoxFuture, Final, Transcripts, Unavailable};

/// Keeps finals in memory; goes away and comes back, and answers late, when told.
#[derive(Default)]
pub struct FakeTranscripts(Storage<State>);

#[derive(Default)]
struct State {
    /// By room and number.
    finals: BTreeMap<(RoomId, u64), Final>,
    /// By which those that are there already are known.
    identities: HashSet<(RoomId, Bytes, u32)>,
    batches: Vec<usize>,
    /// Questions for the last finals.
    asked: usize,
    purges: Vec<u64>,
    appends: usize,
}

impl FakeTranscripts {
    /// From now on, whether every operation fails.
    pub fn set_away(&self, is_away: bool) {
        self.0.set_away(is_away);
    }

    /// From now on, whether operations wait; those that began meanwhile go on when they no longer do.
    pub fn set_held(&self, is_held: bool) {
        self.0.set_held(is_held);
    }

    /// Puts a final in as another switchboard would.
    pub fn put(&self, room: &str, number: u64, payload: &str) {
        let one = Final {
            room: room.parse().expect("a test's room is valid"),
            number,
            occurrence: 0,
            payload: Bytes::copy_from_slice(payload.as_bytes()),
        };
        self.0.lock().finals.insert((one.room.clone(), number), one);
    }

    /// Forgets all finals.
    pub fn clear(&self) {
        self.0.lock().finals.clear();
    }

    /// The payloads of a room, in order.
    pub fn payloads(&self, room: &str) -> Vec<String> {
        let finals = self.finals(room);
        let text = |one: &Final| String::from_utf8_lossy(&one.payload).into_owned();
        finals.iter().map(text).collect()
    }

    /// The finals of a room, in order.
    pub fn finals(&self, room: &str) -> Vec<Final> {
        let state = self.0.lock();
        let of_room = state.finals.values().filter(|f| f.room.as_str() == room);
        of_room.cloned().collect()
    }

    /// The sizes of the batches that were stored.
    pub fn batches(&self) -> Vec<usize> {
        self.0.lock().batches.clone()
    }

    /// How often storing a batch was tried.
    pub fn appends(&self) -> usize {
        self.0.lock().appends
    }

    /// How often the last finals were asked for.
    pub fn asked(&self) -> usize {
        self.0.lock().asked
    }

    /// The times, in milliseconds since the epoch, before which finals were purged.
    pub fn purges(&self) -> Vec<u64> {
        self.0.lock().purges.clone()
    }
}

impl Transcripts for FakeTranscripts {
    fn append(&self, finals: Vec<Final>) -> BoxFuture<Result<(), Unavailable>> {
        self.0.lock().appends += 1;
        self.0.answer(move |state| {
            state.batches.push(finals.len());
            for one in finals {
                let identity = (one.room.clone(), one.payload.clone(), one.occurrence);
                if state.identities.insert(identity) {
                    state.finals.insert((one.room.clone(), one.number), one);
                }
            }
        })
    }

    fn last(
        &self,
        room: RoomId,
        before: u64,
        limit: u32,
    ) -> BoxFuture<Result<Vec<Final>, Unavailable>> {
        self.0.lock().asked += 1;
        self.0.answer(move |state| {
            let range = (room.clone(), 0)..(room, before);
            let latest = state.finals.range(range).rev().take(limit as usize);
            let mut finals: Vec<Final> = latest.map(|(_, one)| one.clone()).collect();
            finals.reverse();
            finals
        })
    }

    fn purge(&self, before_ms: u64, limit: u32) -> BoxFuture<Result<u64, Unavailable>> {
        self.0.answer(move |state| {
            state.purges.push(before_ms);
            let is_old = |one: &&Final| one.number / 1_000 < before_ms;
            let old = state.finals.values().filter(is_old).take(limit as usize);
            let keys: Vec<_> = old.map(|one| (one.room.clone(), one.number)).collect();
            for key in &keys {
                state.finals.remove(key);
            }
            keys.len() as u64
        })
    }
}
