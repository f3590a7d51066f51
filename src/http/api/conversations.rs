//! Conversations: uploaded recordings and how far their transcription is. What is created or deleted is told to the
//! watchers at every switchboard through the broker, and in no other way, so that each of them hears it once. To
//! callers without rights to it, a conversation that exists looks like one that does not.

use actix_web::{HttpResponse, web};
use bytes::Bytes;
use serde::Serialize;
use serde_json::json;
use switchboard_actors::broker::Publish;
use switchboard_actors::ports::{Action, Conversation};
use switchboard_protocol::ids::{ConversationId, OrganizationId};
use switchboard_protocol::{events, topics};
use uuid::Uuid;

use super::ApiState;
use super::caller::Caller;
use super::conversation_body::{ConversationView, CreateConversation, PatchConversation};
use super::error::{ApiError, ErrorBody};
use super::organizations::parse;
use crate::json_object::Object;

/// What an unknown conversation is called; also one that the caller may not have.
const UNKNOWN: ApiError = ApiError::NotFound("conversation");

/// Creates a conversation and tells its organization's watchers.
#[utoipa::path(
    post, path = "/conversations", tag = "conversations",
    request_body = CreateConversation,
    responses(
        (status = 201, description = "Created", body = ConversationView),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(super) async fn create(
    caller: Caller,
    state: web::Data<ApiState>,
    body: web::Json<Object<CreateConversation>>,
) -> Result<HttpResponse, ApiError> {
    let Object(body) = body.into_inner();
    let id = body.id.clone().unwrap_or_else(random_id);
    let new = body.into_new(id)?;
    if !caller.manages_media(&state, &new.organization).await? {
        return Err(ApiError::Forbidden(
            "an uploader of that organization is required",
        ));
    }
    let created = state.store.create_conversation(new).await?;
    let view = ConversationView::from(&created);
    let event = events::CONVERSATION_CREATED;
    publish(&state, &created.organization, event, &view);
    Ok(HttpResponse::Created().json(view))
}

/// Reads a conversation.
#[utoipa::path(
    get, path = "/conversations/{id}", tag = "conversations",
    params(("id" = String, Path, description = "The conversation's id")),
    responses(
        (status = 200, description = "The conversation", body = ConversationView),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(super) async fn read(
    caller: Caller,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let found = state.store.conversation(&parse(&id)?).await?;
    let found = found.ok_or(UNKNOWN)?;
    let watch = Action::WatchMedia(found.organization.clone());
    let allowed = caller.manages_media(&state, &found.organization).await?
        || caller.may(&state, watch).await?;
    match allowed {
        true => Ok(HttpResponse::Ok().json(ConversationView::from(&found))),
        false => Err(UNKNOWN),
    }
}

/// Changes a conversation. Watchers learn it from their next poll.
#[utoipa::path(
    patch, path = "/conversations/{id}", tag = "conversations",
    params(("id" = String, Path, description = "The conversation's id")),
    request_body = PatchConversation,
    responses(
        (status = 200, description = "The conversation as it is now", body = ConversationView),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(super) async fn update(
    caller: Caller,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    body: web::Json<Object<PatchConversation>>,
) -> Result<HttpResponse, ApiError> {
    let id = managed(&caller, &state, &id).await?;
    let change = body.into_inner().0.into_change()?;
    let changed = state.store.update_conversation(&id, change).await?;
    let changed = changed.ok_or(UNKNOWN)?;
    Ok(HttpResponse::Ok().json(ConversationView::from(&changed)))
}

/// Deletes a conversation and tells its organization's watchers.
#[utoipa::path(
    delete, path = "/conversations/{id}", tag = "conversations",
    params(("id" = String, Path, description = "The conversation's id")),
    responses(
        (status = 204, description = "Deleted"),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(super) async fn delete(
    caller: Caller,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = managed(&caller, &state, &id).await?;
    let deleted = state.store.delete_conversation(&id).await?;
    let Conversation {
        id, organization, ..
    } = deleted.ok_or(UNKNOWN)?;
    let gone = json!({ "id": id, "status": "deleted" });
    publish(&state, &organization, events::CONVERSATION_DELETED, &gone);
    Ok(HttpResponse::NoContent().finish())
}

/// The id of this conversation, if the caller manages it.
async fn managed(caller: &Caller, state: &ApiState, id: &str) -> Result<ConversationId, ApiError> {
    let found = state.store.conversation(&parse(id)?).await?;
    let found = found.ok_or(UNKNOWN)?;
    match caller.manages_media(state, &found.organization).await? {
        true => Ok(found.id),
        false => Err(UNKNOWN),
    }
}

fn publish(state: &ApiState, organization: &OrganizationId, event: &str, what: &impl Serialize) {
    let payload = serde_json::to_vec(what).expect("texts and numbers are JSON");
    state.events.do_send(Publish {
        topic: topics::organization_event(organization, event),
        payload: Bytes::from(payload),
    });
}

fn random_id() -> ConversationId {
    let id = Uuid::new_v4().to_string();
    id.parse().expect("a UUID in text form is an id")
}
