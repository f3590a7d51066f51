//! What the actors need from outside, as traits: who a token belongs to, who may do what, what is stored.
//!
//! The standalone program implements them over JWT and SQL; an embedder brings its own.

mod chats;
mod recoverables;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use switchboard_protocol::ids::{ConversationId, OrganizationId, RoomId, SessionId, UserId};

use crate::rights::AccessChanged;
pub use chats::{
    ChatPlace, Chats, LanguageModel, ModelError, ModelStage, NewMessage, Prompt, Retrieval,
    Settled, Source, SourceMetadata, Speaker, Turn, WishRefused, Wishes,
};
pub use recoverables::{Recoverable, Recoverables};

/// A boxed future that owns everything it needs, so that an actor can spawn it.
pub type BoxFuture<T> = futures_util::future::BoxFuture<'static, T>;

/// Who holds a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A person with an account.
    User {
        /// The token's subject.
        id: UserId,
        /// Whether the token carries `role: "admin"` (REST administration).
        admin: bool,
    },
    /// A viewer of one public session.
    Guest {
        /// The session whose guest this is.
        session: SessionId,
        /// That session's organization, where the token names it.
        organization: Option<OrganizationId>,
    },
    /// Somebody without a token, where that is allowed (`SWITCHBOARD_ANONYMOUS=chat`): may chat, and nothing else.
    Anonymous,
}

/// A token as it came, for whoever decides by it. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Arc<str>);

impl Token {
    /// The compact JWT.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Token {
    fn from(token: &str) -> Self {
        Self(Arc::from(token))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A principal, and the token that vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who it is.
    pub principal: Principal,
    /// When the token ends (its `exp`); none where there is no token.
    pub expires_at: Option<SystemTime>,
    /// The token itself, where the source of rights asks for it: some hundred bytes a socket.
    pub token: Option<Token>,
}

/// A token that vouches for nobody. Deliberately without a reason: clients learn `Invalid token`, logs get the cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid token")]
pub struct InvalidToken;

/// Reads tokens.
pub trait Authenticator: Send + Sync + 'static {
    /// Returns who the compact JWT `token` belongs to.
    fn authenticate(&self, token: &str) -> Result<Identity, InvalidToken>;
}

/// What somebody asks to do, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Join the rooms of a session, read it and its transcript.
    JoinSession(SessionId),
    /// Follow an organization's sessions; a guest, its one session of them.
    WatchSessions(OrganizationId),
    /// Follow what an organization has in processing.
    WatchMedia(OrganizationId),
    /// Follow an organization's LLM jobs.
    FollowJobs(OrganizationId),
    /// Create, change and delete an organization's sessions.
    ManageSessions(OrganizationId),
    /// Add, change and delete an organization's conversations.
    ManageMedia(OrganizationId),
    /// Read and write an organization's projects with their chats.
    UseProjects(OrganizationId),
    /// Raise events in an organization's projects.
    ManageProjects(OrganizationId),
}

/// The source could not be asked (database down, backend away).
#[derive(Clone, Debug, thiserror::Error)]
#[error("not available now: {0}")]
pub struct Unavailable(pub String);

/// Decides who may do what.
pub trait Access: Send + Sync + 'static {
    /// Whether `who` may. About what is unknown the answer is `Ok(false)`: existence is not revealed.
    fn may(&self, who: Identity, action: Action) -> BoxFuture<Result<bool, Unavailable>>;

    /// These are about to be asked for, by whomever: what they need may be read together. What fails here fails
    /// again, and is told, when it is asked for.
    fn expect(&self, _actions: Vec<Action>) -> BoxFuture<()> {
        Box::pin(std::future::ready(()))
    }

    /// What was remembered of these rights does not hold any more.
    fn forget(&self, _change: &AccessChanged) {}
}

/// Knows which organization a session belongs to.
pub trait Directory: Send + Sync + 'static {
    /// The organization of `session`; `None` for an unknown one.
    fn organization_of(
        &self,
        session: SessionId,
    ) -> BoxFuture<Result<Option<OrganizationId>, Unavailable>>;
}

/// How far a conversation's transcription is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TranscriptionState {
    /// Not begun.
    Pending,
    /// Handed to a transcriber.
    Started,
    /// Going on.
    Processing,
    /// Ended well.
    Done,
    /// Failed.
    Error,
}

impl TranscriptionState {
    /// Whether it has ended, well or not.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Error)
    }
}

/// What watchers may know of an uploaded recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// What people call it.
    pub name: String,
    /// The organization it belongs to.
    pub organization: OrganizationId,
    /// How far its transcription is.
    pub state: TranscriptionState,
    /// Percent, 0 to 100.
    pub progress: u8,
}

/// Knows what is being processed.
pub trait Media: Send + Sync + 'static {
    /// The organization's conversations in processing, and those of `tracked` in whatever state they are now; one of
    /// `tracked` that is missing in the answer is gone.
    fn poll(
        &self,
        organization: OrganizationId,
        tracked: Vec<ConversationId>,
    ) -> BoxFuture<Result<Vec<Conversation>, Unavailable>>;
}

/// A `final` that was published to a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Final {
    /// Its room.
    pub room: RoomId,
    /// Orders the finals of a room and is unique among them: microseconds since the epoch when it arrived, or one more
    /// than the one before it.
    pub number: u64,
    /// Tells finals of the same bytes apart: two switchboards that store the same publication agree on this and on the
    /// payload, so that it is kept once. Made of the ten minutes in which it arrived and of how many like it the room
    /// has in memory from them; so switchboards disagree about one that arrives just when ten minutes are over, and
    /// one that was said before in the same ten minutes is taken for the same if the room has forgotten that.
    pub occurrence: u32,
    /// JSON, as published.
    pub payload: Bytes,
}

/// Keeps finals.
pub trait Transcripts: Send + Sync + 'static {
    /// Stores `finals`; those that are there already are passed over.
    fn append(&self, finals: Vec<Final>) -> BoxFuture<Result<(), Unavailable>>;

    /// The last `limit` finals of `room` that are numbered below `before`, in ascending order.
    fn last(
        &self,
        room: RoomId,
        before: u64,
        limit: u32,
    ) -> BoxFuture<Result<Vec<Final>, Unavailable>>;

    /// Deletes up to `limit` finals that arrived before `before_ms` (milliseconds since the epoch); how many it were.
    fn purge(&self, before_ms: u64, limit: u32) -> BoxFuture<Result<u64, Unavailable>>;
}
