//! The REST interface under `/api/v1` (contract, section 4): organizations, members, sessions, guest tokens,
//! transcripts, conversations, projects, chats, documents, events. Handlers parse, check the caller's rights, ask the store.
//! Everything answers JSON, faults included.

mod attempts;
mod caller;
mod chat_sockets;
mod conversation_body;
mod conversations;
mod error;
mod guest_token;
mod openapi;
mod optional_body;
mod organization_events;
mod organizations;
mod projects;
mod session_list;
mod session_view;
mod sessions;
mod transcript;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use actix::Recipient;
use actix_web::http::Method;
use actix_web::{Resource, Route, web};
use switchboard_actors::broker::Publish;
use switchboard_actors::ports::{Access, Authenticator};
use switchboard_actors::rights::AccessChanged;
use switchboard_protocol::ids::OrganizationId;

use crate::documents::Intake;
use crate::store::Store;
use crate::tokens::TokenIssuer;
use attempts::Attempts;
use error::ApiError;

/// The largest request body, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// What the handlers work with; registered as `web::Data<ApiState>`, one for all workers.
pub struct ApiState {
    store: Store,
    authenticator: Arc<dyn Authenticator>,
    access: Arc<dyn Access>,
    /// Absent when only a JWKS is configured: guests then get their tokens elsewhere.
    issuer: Option<TokenIssuer>,
    /// The way to the broker.
    events: Recipient<Publish>,
    /// How documents are taken in.
    intake: Intake,
    attempts: Attempts,
}

impl ApiState {
    /// The state for [`configure`]. Make one and share it: it counts password attempts and uploads. What happens in
    /// organizations is told to `events`.
    pub fn new(
        store: Store,
        authenticator: Arc<dyn Authenticator>,
        access: Arc<dyn Access>,
        issuer: Option<TokenIssuer>,
        events: Recipient<Publish>,
        intake: Intake,
    ) -> Self {
        Self {
            store,
            authenticator,
            access,
            issuer,
            events,
            intake,
            attempts: Attempts::default(),
        }
    }

    /// Tells every switchboard that rights may have changed: sockets that lose theirs are ended.
    fn access_changed(&self, organization: &OrganizationId, change: &AccessChanged) {
        self.events.do_send(change.publish(organization));
    }
}

/// Mounts `/api/v1`. The application must have `web::Data<ApiState>`.
pub fn configure(cfg: &mut web::ServiceConfig) {
    let scope = web::scope("/api/v1")
        .app_data(
            web::JsonConfig::default()
                .limit(MAX_BODY_BYTES)
                .error_handler(error::json),
        )
        .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
        .app_data(web::QueryConfig::default().error_handler(error::query))
        .app_data(web::PathConfig::default().error_handler(error::path))
        .service(resource(
            "/openapi.json",
            [(Method::GET, web::to(openapi::document))],
        ))
        .service(resource(
            "/organizations/{id}",
            [(Method::PUT, web::to(organizations::put))],
        ))
        .service(resource(
            "/organizations/{id}/members/{user}",
            [
                (Method::PUT, web::to(organizations::put_member)),
                (Method::DELETE, web::to(organizations::delete_member)),
            ],
        ))
        .service(resource(
            "/organizations/{id}/events",
            [(Method::POST, web::to(organization_events::create))],
        ))
        .service(resource(
            "/organizations/{id}/sessions",
            [(Method::GET, web::to(session_list::read))],
        ))
        .service(resource(
            "/conversations",
            [(Method::POST, web::to(conversations::create))],
        ))
        .service(resource(
            "/conversations/{id}",
            [
                (Method::GET, web::to(conversations::read)),
                (Method::PATCH, web::to(conversations::update)),
                (Method::DELETE, web::to(conversations::delete)),
            ],
        ))
        .service(resource(
            "/sessions",
            [(Method::POST, web::to(sessions::create))],
        ))
        .service(resource(
            "/sessions/{id}",
            [
                (Method::GET, web::to(sessions::read)),
                (Method::PATCH, web::to(sessions::update)),
                (Method::DELETE, web::to(sessions::delete)),
            ],
        ))
        .service(resource(
            "/sessions/{id}/channels/{index}/transcript",
            [(Method::GET, web::to(transcript::read))],
        ))
        .service(resource(
            "/sessions/{id}/guest-token",
            [(Method::POST, web::to(guest_token::create))],
        ))
        .service(resource(
            "/chat-sockets",
            [(Method::GET, web::to(chat_sockets::list))],
        ))
        .configure(projects::configure)
        .default_service(web::to(|| async { Err::<&str, _>(ApiError::UnknownRoute) }));
    cfg.service(scope);
}

/// A path with its methods; any other method is answered 405 in our form, with the list of those that are there.
fn resource<const N: usize>(path: &str, routes: [(Method, Route); N]) -> Resource {
    let allow = routes
        .each_ref()
        .map(|(method, _)| method.to_string())
        .join(", ");
    let refused = move || {
        let allow = allow.clone();
        async move { Err::<&str, _>(ApiError::MethodNotAllowed { allow }) }
    };
    let with_routes =
        |resource: Resource, (method, route): (Method, Route)| resource.route(route.method(method));
    routes
        .into_iter()
        .fold(web::resource(path), with_routes)
        .default_service(web::to(refused))
}
