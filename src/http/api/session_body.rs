//! Sessions as JSON: what is taken, checked field by field, and what is given.

use std::collections::HashSet;

use serde::{Deserialize, Deserializer, Serialize};
use switchboard_protocol::ids::{OrganizationId, SessionId, UserId};
use utoipa::ToSchema;

use super::error::ApiError;
use crate::store::{Channel, Session, Visibility};

/// The longest name, in characters.
pub(super) const MAX_NAME: usize = 200;
/// The longest language tag, in characters.
const MAX_LANGUAGE: usize = 64;
/// The longest password, in bytes.
pub(super) const MAX_PASSWORD: usize = 256;
/// Channels of one session.
const MAX_CHANNELS: usize = 64;
/// The largest channel index.
const MAX_CHANNEL_INDEX: u16 = 999;

/// A session to create.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateSession {
    /// Its id; a random one if absent.
    #[schema(value_type = Option<String>, max_length = 128, pattern = "^[A-Za-z0-9._:~-]+$")]
    pub(super) id: Option<SessionId>,
    #[schema(min_length = 1, max_length = 200)]
    pub(super) name: String,
    #[schema(value_type = String, max_length = 128, pattern = "^[A-Za-z0-9._:~-]+$")]
    pub(super) organization_id: OrganizationId,
    pub(super) visibility: Visibility,
    /// The user who may join a private session without being a member.
    #[schema(value_type = Option<String>, max_length = 256)]
    pub(super) owner: Option<UserId>,
    /// What guests must know to get a token.
    #[schema(min_length = 1, max_length = 256)]
    pub(super) password: Option<String>,
    /// Whether finals are kept even while nobody is in its rooms.
    #[serde(default)]
    pub(super) record: bool,
    /// Indexes are unique.
    #[schema(max_items = 64)]
    pub(super) channels: Vec<Channel>,
}

impl CreateSession {
    /// Checks what types cannot say.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        check_text("name", &self.name, MAX_NAME)?;
        check_password(self.password.as_deref())?;
        check_channels(&self.channels)
    }
}

/// What to change: absent fields stay, `owner` and `password` can be cleared by `null`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PatchSession {
    #[schema(min_length = 1, max_length = 200)]
    pub(super) name: Option<String>,
    pub(super) visibility: Option<Visibility>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 256)]
    pub(super) owner: Option<Option<UserId>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256)]
    pub(super) password: Option<Option<String>>,
    pub(super) record: Option<bool>,
    /// The whole new list.
    #[schema(max_items = 64)]
    pub(super) channels: Option<Vec<Channel>>,
}

impl PatchSession {
    /// Checks what types cannot say.
    pub(super) fn check(&self) -> Result<(), ApiError> {
        if let Some(name) = &self.name {
            check_text("name", name, MAX_NAME)?;
        }
        check_password(self.password.as_ref().and_then(Option::as_deref))?;
        check_channels(self.channels.as_deref().unwrap_or_default())
    }
}

/// A session as it is given out: never with its password, and with its owner only to those who manage it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionView<'a> {
    #[schema(value_type = String)]
    id: &'a SessionId,
    name: &'a str,
    #[schema(value_type = String)]
    organization_id: &'a OrganizationId,
    visibility: Visibility,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    owner: Option<&'a UserId>,
    /// Whether guests need a password.
    has_password: bool,
    record: bool,
    channels: &'a [Channel],
    /// Milliseconds since the epoch.
    created_at: u64,
    /// Milliseconds since the epoch.
    updated_at: u64,
}

impl<'a> SessionView<'a> {
    /// The view of somebody who manages the session.
    pub(super) fn for_manager(session: &'a Session) -> Self {
        Self {
            owner: session.owner.as_ref(),
            ..Self::for_viewer(session)
        }
    }

    /// The view of somebody who may join it.
    pub(super) fn for_viewer(session: &'a Session) -> Self {
        Self {
            id: &session.id,
            name: &session.name,
            organization_id: &session.organization,
            visibility: session.visibility,
            owner: None,
            has_password: session.password.is_some(),
            record: session.record,
            channels: &session.channels,
            created_at: session.created_at_ms,
            updated_at: session.updated_at_ms,
        }
    }
}

/// Refuses texts that are empty, long, or would garble a line.
pub(super) fn check_text(what: &str, text: &str, max: usize) -> Result<(), ApiError> {
    if text.trim().is_empty() || text.chars().count() > max || text.chars().any(char::is_control) {
        let rule = format!("{what} must be 1 to {max} characters, without control characters");
        return Err(ApiError::Invalid(rule));
    }
    Ok(())
}

fn check_password(password: Option<&str>) -> Result<(), ApiError> {
    match password.map(str::len) {
        None | Some(1..=MAX_PASSWORD) => Ok(()),
        Some(_) => Err(ApiError::Invalid(format!(
            "password must be 1 to {MAX_PASSWORD} bytes"
        ))),
    }
}

fn check_channels(channels: &[Channel]) -> Result<(), ApiError> {
    if channels.len() > MAX_CHANNELS {
        return Err(ApiError::Invalid(format!(
            "channels: at most {MAX_CHANNELS}"
        )));
    }
    let mut seen = HashSet::new();
    for channel in channels {
        if channel.index > MAX_CHANNEL_INDEX {
            let rule = format!("channel index must be at most {MAX_CHANNEL_INDEX}");
            return Err(ApiError::Invalid(rule));
        }
        if !seen.insert(channel.index) {
            return Err(ApiError::Invalid(format!(
                "channel index {} twice",
                channel.index
            )));
        }
        check_text("channel name", &channel.name, MAX_NAME)?;
        check_text("channel language", &channel.language, MAX_LANGUAGE)?;
    }
    Ok(())
}

/// Tells a field that is `null` from one that is absent.
fn given<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}
