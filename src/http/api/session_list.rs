//! The sessions of an organization, a page at a time, for those who may watch them.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use switchboard_actors::ports::{Action, Principal};
use switchboard_protocol::ids::SessionId;
use utoipa::ToSchema;

use super::ApiState;
use super::caller::Caller;
use super::error::{ApiError, ErrorBody};
use super::organizations::parse;
use super::session_view::SessionView;

/// Sessions in a page, unless asked otherwise.
const PAGE: u32 = 50;
/// Sessions in a page at most.
const MAX_PAGE: u32 = 200;

/// Which page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// The `next` of the page before; the first page if absent.
    after: Option<SessionId>,
    /// Sessions in the page; 50 if absent.
    limit: Option<u32>,
}

/// A page of sessions, by ascending id.
#[derive(Serialize, ToSchema)]
pub(super) struct SessionPage<'a> {
    items: Vec<SessionView<'a>>,
    /// What to ask for the sessions `after`; null at the end.
    #[schema(value_type = Option<String>)]
    next: Option<&'a SessionId>,
}

/// Lists an organization's sessions.
#[utoipa::path(
    get, path = "/organizations/{id}/sessions", tag = "sessions",
    params(
        ("id" = String, Path, description = "The organization's id"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "Sessions in the page, 50 if absent", minimum = 1, maximum = 200),
    ),
    responses(
        (status = 200, description = "A page of them", body = SessionPage),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(super) async fn read(
    caller: Caller,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    page: web::Query<Page>,
) -> Result<HttpResponse, ApiError> {
    let id = parse(&id)?;
    let limit = page.limit.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(ApiError::Invalid(format!("limit must be 1 to {MAX_PAGE}")));
    }
    let manages = caller.manages_sessions(&state, &id).await?;
    // A guest may watch its own session, which it can read by its id.
    let is_user = matches!(caller.0.principal, Principal::User { .. });
    let watch = Action::WatchSessions(id.clone());
    if !(manages || is_user && caller.may(&state, watch).await?) {
        return Err(ApiError::NotFound("organization"));
    }
    // One more than is shown, to know whether there is another page.
    let store = &state.store;
    let found = store.sessions_of(&id, page.after.as_ref(), limit + 1);
    let found = found.await?;
    let shown = &found[..found.len().min(limit as usize)];
    let view = |session| match manages {
        true => SessionView::for_manager(session),
        false => SessionView::for_viewer(session),
    };
    let is_last = shown.len() == found.len();
    Ok(HttpResponse::Ok().json(SessionPage {
        items: shown.iter().map(view).collect(),
        next: shown.last().filter(|_| !is_last).map(|last| &last.id),
    }))
}
