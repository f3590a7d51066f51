//! The web page at `/`, its files under `/web/`, and what the demo shows at `/demo.json`.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use rust_embed::RustEmbed;

use crate::demo::DemoInfo;
use crate::tokens::TokenIssuer;

/// The page loads nothing from elsewhere, and nothing may be put into it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

#[derive(RustEmbed)]
#[folder = "web/"]
struct Files;

/// Signs the page's tokens; none outside the demo.
pub struct DemoDocument(pub Option<TokenIssuer>);

/// Mounts the page. The application must have `web::Data<DemoDocument>`.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .route(
            "/",
            web::get().to(async |request: HttpRequest| file(&request, "index.html")),
        )
        .route("/web/{path:.*}", web::get().to(asset))
        .route("/demo.json", web::get().to(demo));
}

async fn asset(request: HttpRequest, path: web::Path<String>) -> HttpResponse {
    file(&request, &path)
}

fn file(request: &HttpRequest, path: &str) -> HttpResponse {
    let Some(file) = Files::get(path) else {
        return HttpResponse::NotFound().finish();
    };
    let tag = header::EntityTag::new_strong(hex(&file.metadata.sha256_hash()[..12]));
    let known = request
        .headers()
        .get(header::IF_NONE_MATCH)
        .map(|value| value.as_bytes());
    if known == Some(tag.to_string().as_bytes()) {
        return HttpResponse::NotModified()
            .insert_header(header::ETag(tag))
            .finish();
    }
    HttpResponse::Ok()
        .content_type(file.metadata.mimetype())
        .insert_header(header::ETag(tag))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .body(file.data.into_owned())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn demo(document: web::Data<DemoDocument>) -> HttpResponse {
    match &document.0 {
        Some(issuer) => HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .json(DemoInfo::issue(issuer)),
        // The page asks everywhere; a 404 would stand as a fault in every browser's console.
        None => HttpResponse::NoContent().finish(),
    }
}
