//! What others published on `switchboard/organizations/{id}/events/{event}`, reduced to what may travel.
//!
//! Pure. The MediaWatcher and the JobFollowers of an organization read publications by it before a socket hears of
//! them: only documented fields of conversations and folders pass, nothing that names another organization, and no
//! name that is switchboard's own to say. What is refused is never delivered.

mod conversation;
mod folder;
mod job;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use bytes::Bytes;
use serde::Deserialize;
use switchboard_protocol::events;
use switchboard_protocol::frame::Frame;
use switchboard_protocol::ids::{ConversationId, OrganizationId};
use switchboard_protocol::json;
use switchboard_protocol::socketio::Namespace;

use crate::limits::ORGANIZATION_EVENT_BYTES;
use crate::metrics::{Metrics, Reason};

pub use conversation::{Item, list};
pub use folder::Readers;
pub use job::{JobStatement, is_job, job};

/// Why a publication is not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refused {
    /// Larger than [`ORGANIZATION_EVENT_BYTES`].
    TooLarge,
    /// The payload is neither empty nor JSON.
    NotJson,
    /// JSON, but not of the event's shape.
    Shape,
    /// It names another organization than its topic.
    OtherOrganization,
    /// The name is no event's name.
    Name,
    /// The name is one that only switchboard itself, or nobody, may say.
    ReservedName,
}

impl Refused {
    /// The metric's label.
    pub fn word(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::NotJson => "not_json",
            Self::Shape => "shape",
            Self::OtherOrganization => "other_organization",
            Self::Name => "name",
            Self::ReservedName => "reserved_name",
        }
    }
}

/// Counts what an organization's publications are refused for, and logs each kind once.
#[derive(Default)]
pub(super) struct Refusals(HashSet<Refused>);

impl Refusals {
    pub(super) fn count(&mut self, org: &OrganizationId, refused: Refused, metrics: &Metrics) {
        let reason = refused.word();
        metrics
            .organization_events_refused
            .get_or_create(&Reason { reason })
            .inc();
        if self.0.insert(refused) {
            log::warn!(
                "an event is refused, such ones are counted organization={org} reason={reason}"
            );
        }
    }
}

/// What media watchers are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaStatement {
    /// A conversation is new; the frame says so.
    Created(ConversationId, Frame),
    /// A conversation is gone; the frame says so.
    Deleted(ConversationId, Frame),
    /// A conversation's processing has ended; the frame says how.
    Over(ConversationId, Frame),
    /// These are being processed.
    Processing(Vec<Item>),
    /// A folder, for those who may see it.
    Folder(Readers, Frame),
    /// Anything else, for all.
    Other(Frame),
}

/// Reads what was published as `event` (no [`is_job`]) of `organization`.
pub fn media(
    organization: &OrganizationId,
    event: &str,
    payload: &Bytes,
) -> Result<MediaStatement, Refused> {
    check_name(event)?;
    check_payload(payload)?;
    Ok(match event {
        events::CONVERSATION_CREATED => {
            let (id, item) = conversation::created(organization, payload)?;
            MediaStatement::Created(id, frame(event, &item))
        }
        events::CONVERSATION_DELETED => {
            let deleted = conversation::deleted(payload)?;
            let said = frame(event, &deleted);
            MediaStatement::Deleted(deleted.id, said)
        }
        events::CONVERSATION_PROCESSING_DONE | events::CONVERSATION_PROCESSING_ERROR => {
            let id: ConversationId = read(payload)?;
            let said = frame(event, &id);
            MediaStatement::Over(id, said)
        }
        events::CONVERSATION_PROCESSING => {
            MediaStatement::Processing(conversation::processing(organization, payload)?)
        }
        events::FOLDER_CREATED | events::FOLDER_UPDATED => {
            let (readers, folder) = folder::changed(organization, payload)?;
            MediaStatement::Folder(readers, frame(event, &folder))
        }
        events::FOLDER_DELETED => MediaStatement::Other(frame(event, &folder::deleted(payload)?)),
        events::CONVERSATION_FOLDER_CHANGED => {
            MediaStatement::Other(frame(event, &folder::moved(payload)?))
        }
        events::FOLDERS_REFRESH => MediaStatement::Other(encode(event, &[])),
        _ if payload.is_empty() => MediaStatement::Other(encode(event, &[])),
        _ => MediaStatement::Other(encode(event, &[payload])),
    })
}

/// Names that live captions say of their own accord, and what switchboards say to one another.
const OWN: [&str; 12] = [
    events::UNAUTHORIZED,
    events::BROKER_OK,
    events::BROKER_KO,
    events::PARTIAL,
    events::FINAL,
    events::TRANSLATION,
    events::ERROR,
    events::TOKEN_EXPIRING,
    events::DRAINING,
    events::GAP,
    events::CONNECTION_STATUS,
    events::ACCESS_CHANGED,
];

/// Names of the chat and voice families, both ways.
const OTHER_FAMILIES: [&str; 25] = [
    events::JOIN_PROJECT,
    events::LEAVE_PROJECT,
    events::PROJECT_JOINED,
    events::PROJECT_LEFT,
    events::SEND_MESSAGE,
    events::CANCEL_MESSAGE,
    events::PING,
    events::PONG,
    events::MESSAGE_RECEIVED,
    events::MESSAGE_SOURCES,
    events::MESSAGE_TOKEN,
    events::MESSAGE_COMPLETE,
    events::DOCUMENT_STATUS,
    events::PROJECT_UPDATE,
    events::AUDIO_CHUNK,
    events::INTERRUPTION,
    events::CONVERSATION_START,
    events::CONVERSATION_STARTED,
    events::CONVERSATION_END,
    events::CONVERSATION_ENDED,
    events::TRANSCRIPT,
    events::LLM_RESPONSE,
    events::AUDIO,
    events::TEXT,
    events::CLEAR,
];

/// `[a-z][a-z0-9_:.-]{0,63}`, and nothing that others rely on hearing from switchboard alone.
pub(crate) fn check_name(name: &str) -> Result<(), Refused> {
    let is_taken = OWN.contains(&name) || OTHER_FAMILIES.contains(&name);
    // These are asked first: some names of Socket.IO and of organizations have capitals.
    if is_taken || events::is_reserved(name) || name.starts_with("orga_") {
        return Err(Refused::ReservedName);
    }
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_:.-".contains(&b);
    let is_name = name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(allowed);
    match is_name {
        true => Ok(()),
        false => Err(Refused::Name),
    }
}

/// Empty, or JSON within the bounds.
pub(crate) fn check_payload(payload: &[u8]) -> Result<(), Refused> {
    if payload.len() > ORGANIZATION_EVENT_BYTES {
        return Err(Refused::TooLarge);
    }
    if payload.is_empty() {
        return Ok(());
    }
    json::validate(payload).map_err(|_| Refused::NotJson)?;
    Ok(())
}

/// Takes a checked payload apart.
fn read<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, Refused> {
    serde_json::from_slice(payload).map_err(|_| Refused::Shape)
}

/// Whether an organization named in a payload is the topic's, where one is named.
fn check_organization(topic: &OrganizationId, named: Option<&str>) -> Result<(), Refused> {
    match named {
        Some(named) if named != topic.as_str() => Err(Refused::OtherOrganization),
        _ => Ok(()),
    }
}

/// The event `name` with one argument.
pub(super) fn frame(name: &str, argument: &impl serde::Serialize) -> Frame {
    let json = serde_json::to_vec(argument).expect("checked values are JSON");
    encode(name, &[&json])
}

fn encode(name: &str, args: &[&[u8]]) -> Frame {
    Frame::event(&Namespace::root(), name, args)
}
