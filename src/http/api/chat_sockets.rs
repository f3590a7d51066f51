//! The sockets that chat: since when they are connected, in which project's room they are, and where they asked last.

use actix::Addr;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use switchboard_actors::SocketId;
use switchboard_actors::chat::projects::{GetChatting, InChat, ProjectRegistry};
use utoipa::ToSchema;

use super::caller::Caller;
use super::error::{ApiError, ErrorBody};
use super::projects::page::{Page, PageQuery};

/// A socket that has used the chat.
#[derive(Serialize, ToSchema)]
pub(super) struct ChatSocketView {
    /// Its number at this switchboard.
    id: u64,
    /// When its client connected, in milliseconds since the epoch.
    connected_at: u64,
    /// The project whose room it is in.
    project_id: Option<u64>,
    /// The chat that it last asked in.
    chat_id: Option<u64>,
}

impl From<&(SocketId, InChat)> for ChatSocketView {
    fn from((socket, place): &(SocketId, InChat)) -> Self {
        Self {
            id: socket.0,
            connected_at: place.connected_at,
            project_id: place.project_id.map(|id| id.get()),
            chat_id: place.chat_id.map(|id| id.get()),
        }
    }
}

/// Lists this switchboard's sockets that have used the chat, for administrators.
#[utoipa::path(
    get, path = "/chat-sockets", tag = "projects",
    params(
        ("after" = Option<u64>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "Sockets in the page, 50 if absent", minimum = 1, maximum = 200),
    ),
    responses(
        (status = 200, description = "A page of them", body = Page<ChatSocketView, u64>),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(super) async fn list(
    caller: Caller,
    projects: web::Data<Addr<ProjectRegistry>>,
    query: web::Query<PageQuery<u64>>,
) -> Result<HttpResponse, ApiError> {
    if !caller.is_admin() {
        return Err(ApiError::Forbidden("an administrator is required"));
    }
    let limit = query.limit()?;
    let asked = GetChatting {
        after: query.after().map(SocketId),
        // One more than is shown, to know whether there is another page.
        limit: limit as usize + 1,
    };
    let found = projects.send(asked).await;
    let found = found.map_err(|_| ApiError::Unavailable)?.page;
    let page = Page::new(&found, limit, |(id, _)| id.0, ChatSocketView::from);
    Ok(HttpResponse::Ok().json(page))
}
