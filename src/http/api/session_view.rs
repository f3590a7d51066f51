//! Sessions as they are given out.

use serde::Serialize;
use switchboard_protocol::ids::{OrganizationId, SessionId, UserId};
use utoipa::ToSchema;

use crate::store::{Channel, Session, Visibility};

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
