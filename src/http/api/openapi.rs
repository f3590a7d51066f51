//! The OpenAPI document, generated from the handlers and their types.

use actix_web::{HttpResponse, Responder};
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::projects::{self, chats, documents, messages};
use super::{
    chat_sockets, conversations, guest_token, organization_events, organizations, session_list,
    sessions, transcript,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "switchboard", description = "Organizations, sessions, transcripts, guest tokens, conversations, projects, chats, documents and events"),
    servers((url = "/api/v1")),
    security(("bearer" = [])),
    modifiers(&Bearer),
    paths(
        organizations::put,
        organizations::put_member,
        organizations::delete_member,
        organization_events::create,
        session_list::read,
        sessions::create,
        sessions::read,
        sessions::update,
        sessions::delete,
        transcript::read,
        guest_token::create,
        conversations::create,
        conversations::read,
        conversations::update,
        conversations::delete,
        projects::create,
        projects::list,
        projects::read,
        projects::delete,
        projects::events::create,
        chats::create,
        chats::list,
        chats::read,
        chats::delete,
        messages::list,
        documents::create,
        documents::list,
        documents::read,
        documents::delete,
        chat_sockets::list,
    )
)]
struct Api;

/// Declares the bearer scheme that the routes refer to.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The document.
pub(super) fn describe() -> Document {
    Api::openapi()
}

/// Serves the document.
pub(super) async fn document() -> impl Responder {
    HttpResponse::Ok().json(describe())
}
