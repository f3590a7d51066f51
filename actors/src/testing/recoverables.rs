//! Storage for recoverable sockets that tests decide over.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use super::storage::Storage;
use crate::ports::{BoxFuture, Recoverable, Recoverables, Unavailable};

/// Keeps recoverable sockets in memory; goes away and comes back, and answers late, when told.
#[derive(Default)]
pub struct FakeRecoverables(Storage<State>);

#[derive(Default)]
struct State {
    /// By pid, with the time of their saving in milliseconds since the epoch.
    saved: BTreeMap<String, (u64, Recoverable)>,
    /// How many were kept and how many forgotten, at each saving.
    saves: Vec<(usize, usize)>,
    /// The pids that were asked for.
    loads: Vec<String>,
    purges: Vec<u64>,
}

impl FakeRecoverables {
    /// From now on, whether every operation fails.
    pub fn set_away(&self, is_away: bool) {
        self.0.set_away(is_away);
    }

    /// From now on, whether operations wait; those that began meanwhile go on when they no longer do.
    pub fn set_held(&self, is_held: bool) {
        self.0.set_held(is_held);
    }

    /// Puts one in as another switchboard would.
    pub fn put(&self, one: Recoverable) {
        self.0.lock().saved.insert(one.pid.clone(), (now_ms(), one));
    }

    /// All that are saved, by ascending pid.
    pub fn all(&self) -> Vec<Recoverable> {
        let saved = &self.0.lock().saved;
        saved.values().map(|(_, one)| one.clone()).collect()
    }

    /// How many were kept and how many forgotten, at each saving that succeeded.
    pub fn saves(&self) -> Vec<(usize, usize)> {
        self.0.lock().saves.clone()
    }

    /// The pids that were asked for, in order, answered or not.
    pub fn loads(&self) -> Vec<String> {
        self.0.lock().loads.clone()
    }

    /// The times, in milliseconds since the epoch, before which sockets were forgotten.
    pub fn purges(&self) -> Vec<u64> {
        self.0.lock().purges.clone()
    }
}

impl Recoverables for FakeRecoverables {
    fn save(
        &self,
        kept: Vec<Recoverable>,
        gone: Vec<String>,
    ) -> BoxFuture<Result<(), Unavailable>> {
        self.0.answer(move |state| {
            state.saves.push((kept.len(), gone.len()));
            let now = now_ms();
            for one in kept {
                state.saved.insert(one.pid.clone(), (now, one));
            }
            for pid in gone {
                state.saved.remove(&pid);
            }
        })
    }

    fn load(&self, pid: String) -> BoxFuture<Result<Option<Recoverable>, Unavailable>> {
        self.0.lock().loads.push(pid.clone());
        self.0
            .answer(move |state| state.saved.get(&pid).map(|(_, one)| one.clone()))
    }

    fn purge(&self, before_ms: u64) -> BoxFuture<Result<u64, Unavailable>> {
        self.0.answer(move |state| {
            state.purges.push(before_ms);
            let before = state.saved.len();
            state
                .saved
                .retain(|_, (saved_at, _)| *saved_at >= before_ms);
            (before - state.saved.len()) as u64
        })
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
