//! What was said in a chat, a page at a time.

use actix_web::{HttpResponse, web};
use switchboard_protocol::ids::MessageId;

use super::super::ApiState;
use super::super::caller::Caller;
use super::super::error::{ApiError, ErrorBody};
use super::chats::used_chat;
use super::page::{Page, PageQuery};
use super::view::MessageView;

/// Lists a chat's messages in the order they were said.
#[utoipa::path(
    get, path = "/projects/{id}/chats/{chat}/messages", tag = "projects",
    params(
        ("id" = u64, Path, description = "The project's id"),
        ("chat" = u64, Path, description = "The chat's id"),
        ("after" = Option<u64>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "Messages in the page, 50 if absent", minimum = 1, maximum = 200),
    ),
    responses(
        (status = 200, description = "A page of them", body = Page<MessageView, u64>),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(in crate::http::api) async fn list(
    caller: Caller,
    state: web::Data<ApiState>,
    path: web::Path<(String, String)>,
    query: web::Query<PageQuery<MessageId>>,
) -> Result<HttpResponse, ApiError> {
    let limit = query.limit()?;
    let chat = used_chat(&caller, &state, &path).await?;
    // One more than is shown, to know whether there is another page.
    let found = state
        .store
        .messages_of(chat.id, query.after(), limit + 1)
        .await?;
    let page = Page::new(&found, limit, |said| said.id, MessageView::from);
    Ok(HttpResponse::Ok().json(page))
}
