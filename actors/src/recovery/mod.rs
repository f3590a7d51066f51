//! Connection state recovery: a client that comes back finds its socket as it left it (Socket.IO 4.6 and later).
//!
//! A recoverable socket has a private id, which its client alone knows, and a [`Journal`](crate::outbox::Journal) in place of a bare outbox.
//! When its connection is lost it stays in its rooms for a while, and what it misses waits. After that, at another
//! switchboard or after a restart, its rooms come back from storage and their finals with them. It works for the same
//! principal with a valid token only, and only while all that the socket had may still be had.

mod auth;
mod held;
mod keeper;
mod lease;

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use switchboard_protocol::ids::RoomId;

use auth::Returning;
pub use held::Held;
use keeper::{Ended, Found, Hold, Take};
pub use keeper::{Flush, RecoveryKeeper};
pub use lease::Lease;
use lease::Start;

use crate::metrics::{Metrics, Reason};
use crate::outbox::Offset;
use crate::ports::{Access, Action, Identity, Principal, Recoverable};
use crate::service::ConnectRequest;
use crate::stamp;

/// Which sockets are recoverable (`SWITCHBOARD_RECOVERY`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RecoveryMode {
    /// Those that ask for it by `recovery: true` in their handshake's auth.
    #[default]
    Ask,
    /// All.
    On,
    /// None.
    Off,
}

/// How long a socket may be away.
pub const DEFAULT_WINDOW: Duration = Duration::from_secs(120);

/// Admits sockets that come back; one for the whole process.
#[derive(Clone)]
pub struct Recovery {
    /// Which sockets are recoverable.
    pub mode: RecoveryMode,
    /// Keeps those that are.
    pub keeper: Addr<RecoveryKeeper>,
    /// Counts.
    pub metrics: Metrics,
}

impl Recovery {
    /// Makes the socket of a CONNECT a recoverable one, where that is asked for: the one that it was, or a new one.
    /// The identity has been checked already; what the old socket had is checked here, before anything is replayed.
    pub async fn admit(
        &self,
        access: &dyn Access,
        who: &Identity,
        request: &ConnectRequest,
    ) -> Option<Lease> {
        let returning = Returning::read(request.auth.as_deref());
        let is_wanted = match self.mode {
            RecoveryMode::Off => false,
            RecoveryMode::Ask => returning.asks,
            RecoveryMode::On => true,
        };
        if !is_wanted {
            return None;
        }
        let found = match &returning.pid {
            Some(pid) => self.find(pid, returning.offset, &who.principal).await,
            None => return self.hold_new(request, who, Start::New).await,
        };
        match found {
            Some(Found::Here(held, generation)) => {
                if may_all(access, who, held.actions()).await {
                    self.count("memory");
                    return self
                        .hold(request, held, Start::Here(returning.offset))
                        .await;
                }
                self.keeper.do_send(Ended {
                    pid: held.pid.clone(),
                    generation,
                    is_over: true,
                });
            }
            Some(Found::Stored(stored)) => {
                let since = returning.offset.unwrap_or_else(|| beginning(&stored.pid));
                let sessions = stored.rooms.iter().map(RoomId::session);
                if may_all(access, who, sessions.map(Action::JoinSession)).await {
                    return self.restore(request, who, stored, since).await;
                }
            }
            None => {
                self.count("unknown");
                return self.hold_new(request, who, Start::New).await;
            }
        }
        self.count("denied");
        self.hold_new(request, who, Start::New).await
    }

    async fn find(&self, pid: &str, offset: Option<Offset>, who: &Principal) -> Option<Found> {
        let take = Take {
            pid: pid.to_owned(),
            offset,
            principal: held::key(who),
        };
        self.keeper.send(take).await.ok().flatten()
    }

    /// Goes on with what storage knows. What follows organizations cannot: their pictures have changed meanwhile. It is
    /// told what it misses of its rooms, and asks for all of it anew.
    async fn restore(
        &self,
        request: &ConnectRequest,
        who: &Identity,
        stored: Recoverable,
        since: Offset,
    ) -> Option<Lease> {
        if stored.is_watching {
            self.count("watching");
            let start = Start::Gaps(stored.rooms, since);
            return self.hold_new(request, who, start).await;
        }
        self.count("storage");
        let held = Held::restored(request, stored);
        self.hold(request, held, Start::Stored(since)).await
    }

    async fn hold_new(
        &self,
        request: &ConnectRequest,
        who: &Identity,
        start: Start,
    ) -> Option<Lease> {
        let pid = format!("{:x}.{}", stamp::next(), crate::random_id());
        self.hold(request, Held::new(request, pid, &who.principal), start)
            .await
    }

    async fn hold(&self, request: &ConnectRequest, held: Arc<Held>, start: Start) -> Option<Lease> {
        let hold = Hold {
            held: Arc::clone(&held),
            session: request.session.clone(),
        };
        let generation = self.keeper.send(hold).await.ok()?;
        let keeper = self.keeper.clone();
        Some(Lease::new(held, generation, start, request, keeper))
    }

    fn count(&self, reason: &'static str) {
        self.metrics
            .recoveries
            .get_or_create(&Reason { reason })
            .inc();
    }
}

/// When the socket with this private id began: before it, there is nothing that its client could miss.
fn beginning(pid: &str) -> Offset {
    let stamp = pid
        .split_once('.')
        .and_then(|(stamp, _)| Offset::parse(stamp));
    stamp.unwrap_or(Offset {
        stamp: stamp::next(),
        last_final: 0,
    })
}

/// Whether `who` may do all of it. What cannot be asked now is no yes.
async fn may_all(
    access: &dyn Access,
    who: &Identity,
    actions: impl IntoIterator<Item = Action>,
) -> bool {
    let mut asked: Vec<Action> = Vec::new();
    for action in actions {
        if asked.contains(&action) {
            continue;
        }
        match access.may(who.clone(), action.clone()).await {
            Ok(true) => asked.push(action),
            Ok(false) => return false,
            Err(error) => {
                log::debug!("access cannot be checked reason={:?}", error.to_string());
                return false;
            }
        }
    }
    true
}
