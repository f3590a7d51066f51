//! From a topic and a payload to a command, or to the reason why it is none. Pure.

use serde_json::Value;
use switchboard_protocol::ids::SessionId;
use switchboard_protocol::topics::{self, SessionCommand};

use crate::json_object::Object;
use crate::session_body::{CreateSession, Invalid, PatchSession, check_same};
use crate::store::StoreError;

/// The largest payload, in bytes: that of REST.
const MAX_PAYLOAD: usize = 64 * 1024;

/// What to do with a session. Bodies are checked.
pub(super) enum Command {
    /// Make it so.
    Create(SessionId, CreateSession),
    /// Change what is given.
    Update(SessionId, PatchSession),
    /// End it.
    Delete(SessionId),
}

/// Why a command is not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The label it is counted under; one of a few.
    pub(super) reason: &'static str,
    /// For the log. Repeats nothing of the payload, which may hold a password.
    pub(super) detail: String,
}

impl Refusal {
    fn new(reason: &'static str, detail: impl ToString) -> Self {
        let detail = detail.to_string();
        Self { reason, detail }
    }

    pub(super) fn unknown_session() -> Self {
        Self::new("command_unknown_session", "there is no such session")
    }

    pub(super) fn other_organization() -> Self {
        let detail = "the session belongs to another organization";
        Self::new("command_other_organization", detail)
    }

    /// The store's answer to a command.
    pub(super) fn store(error: StoreError) -> Self {
        match error {
            StoreError::UnknownOrganization(_) => Self::new("command_unknown_organization", error),
            error => Self::new("command_failed", error),
        }
    }
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self::new("command_invalid", invalid)
    }
}

impl From<serde_json::Error> for Refusal {
    /// Says where, not what: serde's own text repeats values.
    fn from(error: serde_json::Error) -> Self {
        let at = format!("at line {}, column {}", error.line(), error.column());
        match error.is_data() {
            true => Self::new("command_invalid", format!("not a session's fields, {at}")),
            false => Self::new("command_not_json", format!("not JSON, or too deep, {at}")),
        }
    }
}

impl Command {
    /// The session that it is about.
    pub(super) fn session(&self) -> &SessionId {
        match self {
            Self::Create(id, _) | Self::Update(id, _) | Self::Delete(id) => id,
        }
    }

    /// Reads a publication.
    pub(super) fn parse(topic: &str, payload: &[u8]) -> Result<Self, Refusal> {
        let no_command = || Refusal::new("command_topic", "neither create, update nor delete");
        let (id, command) = topics::parse_session_command(topic).ok_or_else(no_command)?;
        let id: SessionId = id
            .parse()
            .map_err(|fault| Refusal::new("command_topic", fault))?;
        if payload.len() > MAX_PAYLOAD {
            let detail = format!("larger than {MAX_PAYLOAD} bytes");
            return Err(Refusal::new("command_too_large", detail));
        }
        match command {
            SessionCommand::Create => {
                let Object(body): Object<CreateSession> = serde_json::from_slice(payload)?;
                check_same(body.id.as_ref(), &id)?;
                body.check()?;
                Ok(Self::Create(id, body))
            }
            SessionCommand::Update => {
                let Object(body): Object<PatchSession> = serde_json::from_slice(payload)?;
                body.check(&id)?;
                Ok(Self::Update(id, body))
            }
            SessionCommand::Delete => {
                check_deleted(payload, &id)?;
                Ok(Self::Delete(id))
            }
        }
    }
}

/// A deletion says all in its topic; a session that comes along must be the same.
fn check_deleted(payload: &[u8], id: &SessionId) -> Result<(), Refusal> {
    if payload.is_empty() {
        return Ok(());
    }
    match serde_json::from_slice(payload)? {
        Value::Object(session) => match session.get("id") {
            Some(given) if given != id.as_str() => {
                Err(Invalid("id must be that of the address".to_owned()).into())
            }
            _ => Ok(()),
        },
        _ => Err(Invalid("a session is an object".to_owned()).into()),
    }
}
