//! Where recoverable sockets are remembered, beyond the memory of one switchboard.

use switchboard_protocol::ids::RoomId;

use super::{BoxFuture, Unavailable};

/// A recoverable socket as storage remembers it, so that it finds its rooms again at another switchboard or after a
/// restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recoverable {
    /// The private id that its client holds.
    pub pid: String,
    /// The public id of the socket.
    pub sid: String,
    /// Who holds it; compared, never parsed.
    pub principal: String,
    /// The rooms that it is in.
    pub rooms: Vec<RoomId>,
    /// Whether it follows organizations, too, whose pictures cannot be replayed.
    pub is_watching: bool,
}

/// Recoverable sockets, kept over restarts.
pub trait Recoverables: Send + Sync + 'static {
    /// Adds them, or replaces those with the same pid, and forgets those in `gone`; all or nothing. One in both is
    /// forgotten, and of two with the same pid the later is kept.
    fn save(&self, kept: Vec<Recoverable>, gone: Vec<String>)
    -> BoxFuture<Result<(), Unavailable>>;

    /// The one with this pid.
    fn load(&self, pid: String) -> BoxFuture<Result<Option<Recoverable>, Unavailable>>;

    /// Forgets those that were last saved before `before_ms` (milliseconds since the epoch); how many it were.
    fn purge(&self, before_ms: u64) -> BoxFuture<Result<u64, Unavailable>>;
}
