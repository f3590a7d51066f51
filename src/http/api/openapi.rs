//! The OpenAPI document, generated from the handlers and their types.

use actix_web::{HttpResponse, Responder};
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{guest_token, organizations, sessions};

#[derive(OpenApi)]
#[openapi(
    info(title = "switchboard", description = "Sessions, organizations and guest tokens"),
    servers((url = "/api/v1")),
    security(("bearer" = [])),
    modifiers(&Bearer),
    paths(
        organizations::put,
        organizations::put_member,
        organizations::delete_member,
        sessions::create,
        sessions::read,
        sessions::update,
        sessions::delete,
        guest_token::create,
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
