//! The chats of a project, shared by the members of its organization.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use switchboard_protocol::ids::ChatId;
use utoipa::ToSchema;

use super::super::caller::Caller;
use super::super::error::{ApiError, ErrorBody};
use super::super::organizations::parse;
use super::super::{ApiState, optional_body};
use super::page::{Page, PageQuery};
use super::used;
use super::view::ChatView;
use crate::documents::events::Update;
use crate::session_body::{MAX_NAME, check_text};
use crate::store::Chat;

/// What an unknown chat of a project is called; also a chat of another project.
const UNKNOWN: ApiError = ApiError::NotFound("chat");

/// A chat to create.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct CreateChat {
    /// What people call it; the beginning of the first question if absent.
    #[schema(min_length = 1, max_length = 200)]
    title: Option<String>,
}

/// Creates a chat. The body may be left out.
#[utoipa::path(
    post, path = "/projects/{id}/chats", tag = "projects",
    params(("id" = u64, Path, description = "The project's id")),
    request_body = Option<CreateChat>,
    responses(
        (status = 201, description = "Created", body = ChatView),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(in crate::http::api) async fn create(
    caller: Caller,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<HttpResponse, ApiError> {
    let CreateChat { title } = optional_body::read(body)?;
    if let Some(title) = &title {
        check_text("title", title, MAX_NAME)?;
    }
    let project = used(&caller, &state, &id).await?;
    let created = state.store.create_chat(project.id, title).await?;
    let begun = Update::ChatCreated(created.id, created.title.as_deref());
    state.events.do_send(begun.publish(project.id));
    Ok(HttpResponse::Created().json(ChatView::from(&created)))
}

/// Lists a project's chats.
#[utoipa::path(
    get, path = "/projects/{id}/chats", tag = "projects",
    params(
        ("id" = u64, Path, description = "The project's id"),
        ("after" = Option<u64>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "Chats in the page, 50 if absent", minimum = 1, maximum = 200),
    ),
    responses(
        (status = 200, description = "A page of them", body = Page<ChatView, u64>),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(in crate::http::api) async fn list(
    caller: Caller,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    query: web::Query<PageQuery<ChatId>>,
) -> Result<HttpResponse, ApiError> {
    let limit = query.limit()?;
    let project = used(&caller, &state, &id).await?;
    // One more than is shown, to know whether there is another page.
    let found = state
        .store
        .chats_of(project.id, query.after(), limit + 1)
        .await?;
    let page = Page::new(&found, limit, |chat| chat.id, ChatView::from);
    Ok(HttpResponse::Ok().json(page))
}

/// Reads a chat.
#[utoipa::path(
    get, path = "/projects/{id}/chats/{chat}", tag = "projects",
    params(
        ("id" = u64, Path, description = "The project's id"),
        ("chat" = u64, Path, description = "The chat's id"),
    ),
    responses(
        (status = 200, description = "The chat", body = ChatView),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(in crate::http::api) async fn read(
    caller: Caller,
    state: web::Data<ApiState>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let chat = used_chat(&caller, &state, &path).await?;
    Ok(HttpResponse::Ok().json(ChatView::from(&chat)))
}

/// Deletes a chat with all that was said in it.
#[utoipa::path(
    delete, path = "/projects/{id}/chats/{chat}", tag = "projects",
    params(
        ("id" = u64, Path, description = "The project's id"),
        ("chat" = u64, Path, description = "The chat's id"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(in crate::http::api) async fn delete(
    caller: Caller,
    state: web::Data<ApiState>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let chat = used_chat(&caller, &state, &path).await?;
    if !state.store.delete_chat(chat.id).await? {
        return Err(UNKNOWN);
    }
    let deleted = Update::ChatDeleted(chat.id);
    state.events.do_send(deleted.publish(chat.project));
    Ok(HttpResponse::NoContent().finish())
}

/// The chat of a path's project and chat, if the caller may use it.
pub(super) async fn used_chat(
    caller: &Caller,
    state: &ApiState,
    (project, chat): &(String, String),
) -> Result<Chat, ApiError> {
    // Both are read before anything is asked: a path is good or bad, whoever calls.
    let chat: ChatId = parse(chat)?;
    let project = used(caller, state, project).await?;
    let chat = state.store.chat(chat).await?;
    chat.filter(|chat| chat.project == project.id)
        .ok_or(UNKNOWN)
}
