//! Events that other services raise in an organization over REST: published to the broker, where every
//! switchboard reads them, and whoever else may.

use actix_web::{HttpResponse, web};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use switchboard_actors::broker::Publish;
use switchboard_actors::organization::events::{self as reader, Refused};
use switchboard_protocol::ids::OrganizationId;
use switchboard_protocol::{events, topics};
use utoipa::ToSchema;

use super::ApiState;
use super::caller::Caller;
use super::error::{ApiError, ErrorBody};
use super::organizations::parse;
use crate::json_object::Object;

/// The longest name of an event.
const MAX_EVENT: usize = 64;

/// An event to raise.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RaiseEvent {
    /// Such as `folder_updated` or `llm:job:update`.
    #[schema(max_length = 64, pattern = "^[a-z][a-z0-9_:.-]*$")]
    pub(super) event: String,
    /// Its argument, passed on as it is; none if absent or null.
    #[schema(value_type = Option<Object>)]
    pub(super) data: Option<Box<RawValue>>,
}

/// Raises an event for those who watch the organization.
#[utoipa::path(
    post, path = "/organizations/{id}/events", tag = "organizations",
    params(("id" = String, Path, description = "The organization's id")),
    request_body = RaiseEvent,
    responses(
        (status = 202, description = "Handed to the broker, or kept for it while it is away"),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(super) async fn create(
    caller: Caller,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    body: web::Json<Object<RaiseEvent>>,
) -> Result<HttpResponse, ApiError> {
    let id = parse(&id)?;
    if !caller.manages_media(&state, &id).await? {
        return Err(ApiError::Forbidden(
            "an uploader of that organization is required",
        ));
    }
    let Object(RaiseEvent { event, data }) = body.into_inner();
    check_event(&event)?;
    let payload = data.map_or(Bytes::new(), |data| {
        Bytes::copy_from_slice(data.get().as_bytes())
    });
    check_heard(&id, &event, &payload)?;
    state.events.do_send(Publish {
        topic: topics::organization_event(&id, &event),
        payload,
    });
    Ok(HttpResponse::Accepted().finish())
}

/// Refuses what every switchboard would refuse to pass on, so that the caller learns of it.
fn check_heard(
    organization: &OrganizationId,
    event: &str,
    payload: &Bytes,
) -> Result<(), ApiError> {
    let read = match reader::is_job(event) {
        true => reader::job(organization, payload).map(drop),
        false => reader::media(organization, event, payload).map(drop),
    };
    read.map_err(nobody_hears)
}

/// What the caller is told of an event that no switchboard would pass on.
pub(super) fn nobody_hears(refused: Refused) -> ApiError {
    let why = refused.word();
    ApiError::Invalid(format!("nobody would be told of this ({why})"))
}

/// A name that is one topic level, and none that Socket.IO keeps for itself.
pub(super) fn check_event(name: &str) -> Result<(), ApiError> {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_:.-".contains(&byte);
    let starts = name.starts_with(|first: char| first.is_ascii_lowercase());
    if starts && name.len() <= MAX_EVENT && name.bytes().all(allowed) && !events::is_reserved(name)
    {
        return Ok(());
    }
    let rule = "event must be 1 to 64 of a-z 0-9 _ : . -, begin with a letter, and not be reserved";
    Err(ApiError::Invalid(rule.to_owned()))
}
