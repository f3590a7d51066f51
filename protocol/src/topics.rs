//! The MQTT topics that switchboard reads and writes, built from checked ids and taken apart without
//! allocation. Ids hold neither `/` nor wildcards, so that a topic built here means what it says.

use crate::events;
use crate::ids::{OrganizationId, RoomId};

/// The retained list of all sessions.
pub const SESSION_STATUSES: &str = "system/out/sessions/statuses";
/// The filter of all session management commands.
pub const SESSION_COMMANDS: &str = "session/in/+/#";
/// The filter of all organizations' events.
pub const ORGANIZATION_EVENTS: &str = "switchboard/organizations/+/events/+";

/// What a transcriber publishes for a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CaptionKind {
    /// A line still being spoken.
    Partial,
    /// A finished line.
    Final,
    /// A translation of a line still being spoken.
    PartialTranslation,
    /// A translation of a finished line.
    FinalTranslation,
}

impl CaptionKind {
    /// All four, in the order of [`room_filters`].
    pub const ALL: [Self; 4] = [
        Self::Partial,
        Self::Final,
        Self::PartialTranslation,
        Self::FinalTranslation,
    ];

    /// The event that members of the room get.
    pub fn event_name(self) -> &'static str {
        match self {
            Self::Partial => events::PARTIAL,
            Self::Final => events::FINAL,
            Self::PartialTranslation | Self::FinalTranslation => events::TRANSLATION,
        }
    }

    /// What follows the room in the topic.
    fn suffix(self) -> &'static str {
        match self {
            Self::Partial => "/partial",
            Self::Final => "/final",
            Self::PartialTranslation => "/partial/translations",
            Self::FinalTranslation => "/final/translations",
        }
    }
}

/// What to do with a session, by the last level of `session/in/{session}/…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionCommand {
    /// A new session.
    Create,
    /// A change to one.
    Update,
    /// Its end.
    Delete,
}

/// Takes a transcript's topic apart: the room's key (`S/1`, a slice of the topic) and what it carries.
/// `None` for any other topic. The key is not checked as an id: it is for looking up a room that is.
pub fn parse_transcript(topic: &str) -> Option<(&str, CaptionKind)> {
    let rest = topic.strip_prefix("transcriber/out/")?;
    let suffixed = |kind: CaptionKind| Some((rest.strip_suffix(kind.suffix())?, kind));
    let (room, kind) = CaptionKind::ALL.into_iter().find_map(suffixed)?;
    let (session, channel) = room.split_once('/')?;
    let is_room = !session.is_empty() && !channel.is_empty() && !channel.contains('/');
    is_room.then_some((room, kind))
}

/// The topic of one kind of captions of a room.
pub fn transcript(room: &RoomId, kind: CaptionKind) -> String {
    format!("transcriber/out/{room}{}", kind.suffix())
}

/// The four topics of a room, to be subscribed while it has a member.
pub fn room_filters(room: &RoomId) -> [String; 4] {
    CaptionKind::ALL.map(|kind| transcript(room, kind))
}

/// Takes `session/in/{session}/{create|update|delete}` apart: the session's id, unchecked, and the command.
pub fn parse_session_command(topic: &str) -> Option<(&str, SessionCommand)> {
    let (session, command) = topic.strip_prefix("session/in/")?.split_once('/')?;
    let command = match command {
        "create" => SessionCommand::Create,
        "update" => SessionCommand::Update,
        "delete" => SessionCommand::Delete,
        _ => return None,
    };
    (!session.is_empty()).then_some((session, command))
}

/// The topic of an organization's event.
pub fn organization_event(organization: &OrganizationId, event: &str) -> String {
    format!("switchboard/organizations/{organization}/events/{event}")
}

/// Takes `switchboard/organizations/{id}/events/{event}` apart: the organization's id, unchecked, and the
/// event's name.
pub fn parse_organization_event(topic: &str) -> Option<(&str, &str)> {
    let (organization, rest) = topic
        .strip_prefix("switchboard/organizations/")?
        .split_once('/')?;
    let event = rest.strip_prefix("events/")?;
    let is_event = !organization.is_empty() && !event.is_empty() && !event.contains('/');
    is_event.then_some((organization, event))
}

/// The retained topic on which a node says whether it is up.
pub fn status(node: &str) -> String {
    format!("switchboard/status/{node}")
}
