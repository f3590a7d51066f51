//! What the store keeps: organizations' roles, sessions and their channels. Parsed when read, trusted after.

use serde::{Deserialize, Serialize};
use switchboard_actors::ports::TranscriptionState;
use switchboard_protocol::ids::{OrganizationId, SessionId, UserId};
use utoipa::ToSchema;

use super::password::PasswordHash;

/// A member's role in an organization, ascending: each may what the ones before it may.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May join the organization's sessions and watch it.
    Member = 1,
    /// May add conversations.
    Uploader,
    /// May hold quick meetings.
    QuickMeeting,
    /// May create, change and delete sessions.
    MeetingManager,
    /// May also manage the organization's projects.
    Maintainer,
    /// May everything in the organization.
    Admin,
}

impl Role {
    /// The number stored in the database.
    pub(super) fn stored(self) -> i64 {
        self as i64
    }

    /// Reads the stored number.
    pub(super) fn from_stored(value: i64) -> Option<Self> {
        Some(match value {
            1 => Self::Member,
            2 => Self::Uploader,
            3 => Self::QuickMeeting,
            4 => Self::MeetingManager,
            5 => Self::Maintainer,
            6 => Self::Admin,
            _ => return None,
        })
    }
}

/// Who may join a session's rooms, apart from the organization's members, who always may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everybody with an accepted token; with a password: the session's guests only.
    Public,
    /// Nobody else.
    Organization,
    /// Its owner.
    Private,
}

impl Visibility {
    /// The word stored in the database, which is also its name in JSON.
    pub(super) fn stored(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Organization => "organization",
            Self::Private => "private",
        }
    }

    /// Reads the stored word.
    pub(super) fn from_stored(value: &str) -> Option<Self> {
        Some(match value {
            "public" => Self::Public,
            "organization" => Self::Organization,
            "private" => Self::Private,
            _ => return None,
        })
    }
}

/// One stream of a session's transcript; `{session}/{index}` is its room.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// The channel's number in room names and topics; unique within the session, not necessarily dense.
    #[schema(minimum = 0, maximum = 999)]
    pub index: u16,
    /// What people call it.
    #[schema(max_length = 200)]
    pub name: String,
    /// A language tag such as `en` or `fr-FR`.
    #[schema(max_length = 64)]
    pub language: String,
}

/// A transcription session. Deliberately not serializable: it holds the password's hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// What people call it.
    pub name: String,
    /// The organization it belongs to; never changes.
    pub organization: OrganizationId,
    /// Who may join besides members.
    pub visibility: Visibility,
    /// The user who may join a private session without being a member.
    pub owner: Option<UserId>,
    /// Present when guests need a password.
    pub password: Option<PasswordHash>,
    /// Whether finals are kept even while nobody is in its rooms.
    pub record: bool,
    /// Its channels, by ascending index.
    pub channels: Vec<Channel>,
    /// When it was created, in milliseconds since the epoch.
    pub created_at_ms: u64,
    /// When it was last changed, in milliseconds since the epoch.
    pub updated_at_ms: u64,
}

/// What of a session decides who may join it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRights {
    /// See [`Session::organization`].
    pub organization: OrganizationId,
    /// See [`Session::visibility`].
    pub visibility: Visibility,
    /// See [`Session::owner`].
    pub owner: Option<UserId>,
    /// Whether guests need a password.
    pub has_password: bool,
}

/// A session to create.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its id, unique over all organizations.
    pub id: SessionId,
    /// See [`Session::name`].
    pub name: String,
    /// See [`Session::organization`]; must exist.
    pub organization: OrganizationId,
    /// See [`Session::visibility`].
    pub visibility: Visibility,
    /// See [`Session::owner`].
    pub owner: Option<UserId>,
    /// Hash it with [`super::Store::hash_password`].
    pub password: Option<PasswordHash>,
    /// See [`Session::record`].
    pub record: bool,
    /// See [`Session::channels`].
    pub channels: Vec<Channel>,
}

/// What to change in a session: `None` leaves a field as it is, `Some(None)` clears it.
#[derive(Clone, Debug, Default)]
pub struct SessionChange {
    /// A new name.
    pub name: Option<String>,
    /// A new visibility.
    pub visibility: Option<Visibility>,
    /// A new owner, or none.
    pub owner: Option<Option<UserId>>,
    /// A new password, or none.
    pub password: Option<Option<PasswordHash>>,
    /// Whether to record.
    pub record: Option<bool>,
    /// The whole new list of channels.
    pub channels: Option<Vec<Channel>>,
}

impl SessionChange {
    /// Applies the change to `session`.
    pub(super) fn apply(self, session: &mut Session) {
        fn set<T>(field: &mut T, change: Option<T>) {
            if let Some(value) = change {
                *field = value;
            }
        }
        set(&mut session.name, self.name);
        set(&mut session.visibility, self.visibility);
        set(&mut session.owner, self.owner);
        set(&mut session.password, self.password);
        set(&mut session.record, self.record);
        set(&mut session.channels, self.channels);
        session.channels.sort_by_key(|channel| channel.index);
    }
}

/// What to change in a conversation: `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct ConversationChange {
    /// A new name.
    pub name: Option<String>,
    /// How far its transcription is now.
    pub state: Option<TranscriptionState>,
    /// Percent, 0 to 100.
    pub progress: Option<u8>,
}

/// The word stored for a conversation's state, which is also its name in JSON.
pub(super) fn state_stored(state: TranscriptionState) -> &'static str {
    match state {
        TranscriptionState::Pending => "pending",
        TranscriptionState::Started => "started",
        TranscriptionState::Processing => "processing",
        TranscriptionState::Done => "done",
        TranscriptionState::Error => "error",
    }
}

/// Reads the stored word.
pub(super) fn state_from_stored(word: &str) -> Option<TranscriptionState> {
    Some(match word {
        "pending" => TranscriptionState::Pending,
        "started" => TranscriptionState::Started,
        "processing" => TranscriptionState::Processing,
        "done" => TranscriptionState::Done,
        "error" => TranscriptionState::Error,
        _ => return None,
    })
}

/// Whether a put created its row or replaced it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// There was none before.
    Created,
    /// It was there.
    Replaced,
}
