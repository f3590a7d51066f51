//! Events that other services raise in a project over REST: published to the broker, where every switchboard reads
//! them, and whoever else may.

use actix_web::{HttpResponse, web};
use bytes::Bytes;
use switchboard_actors::broker::Publish;
use switchboard_actors::ports::Action;
use switchboard_actors::project_events;
use switchboard_protocol::topics;

use super::super::ApiState;
use super::super::caller::Caller;
use super::super::error::{ApiError, ErrorBody};
use super::super::organization_events::{RaiseEvent, check_event, nobody_hears};
use super::used;
use crate::json_object::Object;

/// Raises an event for those who are in the project's room.
#[utoipa::path(
    post, path = "/projects/{id}/events", tag = "projects",
    params(("id" = u64, Path, description = "The project's id")),
    request_body = RaiseEvent,
    responses(
        (status = 202, description = "Handed to the broker, or kept for it while it is away"),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(in crate::http::api) async fn create(
    caller: Caller,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    body: web::Json<Object<RaiseEvent>>,
) -> Result<HttpResponse, ApiError> {
    // Members who may not raise events know the project; nobody else learns of it.
    let project = used(&caller, &state, &id).await?;
    let manage = Action::ManageProjects(project.organization.clone());
    if !(caller.is_admin() || caller.may(&state, manage).await?) {
        return Err(ApiError::Forbidden(
            "a maintainer of that organization is required",
        ));
    }
    let Object(RaiseEvent { event, data }) = body.into_inner();
    check_event(&event)?;
    let payload = data.map_or(Bytes::new(), |data| {
        Bytes::copy_from_slice(data.get().as_bytes())
    });
    project_events::check(&event, &payload).map_err(nobody_hears)?;
    state.events.do_send(Publish {
        topic: topics::project_event(project.id, &event),
        payload,
    });
    Ok(HttpResponse::Accepted().finish())
}
