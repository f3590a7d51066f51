//! Sessions. To callers without rights to it, a session that exists looks like one that does not.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use switchboard_actors::ports::Action;
use switchboard_actors::rights::AccessChanged;
use switchboard_protocol::ids::SessionId;
use uuid::Uuid;

use super::ApiState;
use super::caller::Caller;
use super::error::{ApiError, ErrorBody};
use super::organizations::parse;
use super::session_view::SessionView;
use crate::json_object::Object;
use crate::session_body::{CreateSession, PatchSession};
use crate::store::Session;

/// What an unknown session is called; also one that the caller may not have.
const UNKNOWN: ApiError = ApiError::NotFound("session");

/// Creates a session.
#[utoipa::path(
    post, path = "/sessions", tag = "sessions",
    request_body = CreateSession,
    responses(
        (status = 201, description = "Created", body = SessionView),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(super) async fn create(
    caller: Caller,
    state: web::Data<ApiState>,
    body: web::Json<Object<CreateSession>>,
) -> Result<HttpResponse, ApiError> {
    let Object(body) = body.into_inner();
    body.check()?;
    if !caller
        .manages_sessions(&state, &body.organization_id)
        .await?
    {
        return Err(ApiError::Forbidden(
            "a meeting manager of that organization is required",
        ));
    }
    let id = body.id.clone().unwrap_or_else(random_id);
    let new = body.into_new(id, &state.store).await?;
    let session = state.store.create_session(new).await?;
    Ok(HttpResponse::Created().json(SessionView::for_manager(&session)))
}

/// Reads a session.
#[utoipa::path(
    get, path = "/sessions/{id}", tag = "sessions",
    params(("id" = String, Path, description = "The session's id")),
    responses(
        (status = 200, description = "The session", body = SessionView),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(super) async fn read(
    caller: Caller,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id: SessionId = parse(&id)?;
    let session = state.store.session(&id).await?.ok_or(UNKNOWN)?;
    if caller
        .manages_sessions(&state, &session.organization)
        .await?
    {
        return Ok(HttpResponse::Ok().json(SessionView::for_manager(&session)));
    }
    match caller.may(&state, Action::JoinSession(id)).await? {
        true => Ok(HttpResponse::Ok().json(SessionView::for_viewer(&session))),
        false => Err(UNKNOWN),
    }
}

/// Changes a session.
#[utoipa::path(
    patch, path = "/sessions/{id}", tag = "sessions",
    params(("id" = String, Path, description = "The session's id")),
    request_body = PatchSession,
    responses(
        (status = 200, description = "The session as it is now", body = SessionView),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(super) async fn update(
    caller: Caller,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    body: web::Json<Object<PatchSession>>,
) -> Result<HttpResponse, ApiError> {
    let before = managed(&caller, &state, &id).await?;
    let Object(body) = body.into_inner();
    body.check(&before.id)?;
    let change = body.into_change(&state.store).await?;
    let updated = state.store.update_session(&before.id, change).await?;
    let session = updated.ok_or(UNKNOWN)?;
    let rights = |of: &Session| (of.visibility, of.owner.clone(), of.password.clone());
    if rights(&session) != rights(&before) {
        let change = AccessChanged::Session(session.id.clone());
        state.access_changed(&session.organization, &change);
    }
    Ok(HttpResponse::Ok().json(SessionView::for_manager(&session)))
}

/// Deletes a session.
#[utoipa::path(
    delete, path = "/sessions/{id}", tag = "sessions",
    params(("id" = String, Path, description = "The session's id")),
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
    let session = managed(&caller, &state, &id).await?;
    if !state.store.delete_session(&session.id).await? {
        return Err(UNKNOWN);
    }
    let change = AccessChanged::Session(session.id.clone());
    state.access_changed(&session.organization, &change);
    Ok(HttpResponse::NoContent().finish())
}

/// The session of this id, if the caller manages it.
async fn managed(caller: &Caller, state: &ApiState, id: &str) -> Result<Arc<Session>, ApiError> {
    let session = state.store.session(&parse(id)?).await?.ok_or(UNKNOWN)?;
    match caller
        .manages_sessions(state, &session.organization)
        .await?
    {
        true => Ok(session),
        false => Err(UNKNOWN),
    }
}

fn random_id() -> SessionId {
    let id = Uuid::new_v4().to_string();
    id.parse().expect("a UUID in text form is a session id")
}
