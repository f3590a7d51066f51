//! The documents of a project, shared by the members of its organization.

use actix_multipart::Multipart;
use actix_web::{HttpResponse, web};
use switchboard_protocol::ids::DocumentId;

use super::super::ApiState;
use super::super::caller::Caller;
use super::super::error::{ApiError, ErrorBody};
use super::super::organizations::parse;
use super::page::{Page, PageQuery};
use super::upload::{self, Upload, UploadForm};
use super::used;
use super::view::DocumentView;
use crate::documents::events::Update;
use crate::store::{Document, NewDocument};

/// What an unknown document of a project is called; also a document of another project.
const UNKNOWN: ApiError = ApiError::NotFound("document");

/// Puts a document into a project. It is processed soon after.
#[utoipa::path(
    post, path = "/projects/{id}/documents", tag = "projects",
    params(("id" = u64, Path, description = "The project's id")),
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "Taken, to be processed", body = DocumentView),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(in crate::http::api) async fn create(
    caller: Caller,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    form: Multipart,
) -> Result<HttpResponse, ApiError> {
    // Before the first byte of the form is read.
    let project = used(&caller, &state, &id).await?;
    let place = state.intake.place().await.ok_or(ApiError::Unavailable)?;
    let Upload {
        filename,
        kind,
        charset,
        content,
    } = upload::read(form, state.intake.max_bytes()).await?;
    let new = NewDocument {
        project: project.id,
        filename,
        kind,
        charset,
        content,
    };
    let created = state.store.create_document(new).await?;
    drop(place);
    let added = Update::DocumentAdded(created.id, &created.filename);
    state.events.do_send(added.publish(project.id));
    state.intake.taken();
    Ok(HttpResponse::Created().json(DocumentView::from(&created)))
}

/// Lists a project's documents.
#[utoipa::path(
    get, path = "/projects/{id}/documents", tag = "projects",
    params(
        ("id" = u64, Path, description = "The project's id"),
        ("after" = Option<u64>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "Documents in the page, 50 if absent", minimum = 1, maximum = 200),
    ),
    responses(
        (status = 200, description = "A page of them", body = Page<DocumentView, u64>),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(in crate::http::api) async fn list(
    caller: Caller,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    query: web::Query<PageQuery<DocumentId>>,
) -> Result<HttpResponse, ApiError> {
    let limit = query.limit()?;
    let project = used(&caller, &state, &id).await?;
    // One more than is shown, to know whether there is another page.
    let found = state
        .store
        .documents_of(project.id, query.after(), limit + 1)
        .await?;
    let page = Page::new(&found, limit, |document| document.id, DocumentView::from);
    Ok(HttpResponse::Ok().json(page))
}

/// Reads what is known of a document.
#[utoipa::path(
    get, path = "/projects/{id}/documents/{document}", tag = "projects",
    params(
        ("id" = u64, Path, description = "The project's id"),
        ("document" = u64, Path, description = "The document's id"),
    ),
    responses(
        (status = 200, description = "The document", body = DocumentView),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(in crate::http::api) async fn read(
    caller: Caller,
    state: web::Data<ApiState>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let document = used_document(&caller, &state, &path).await?;
    Ok(HttpResponse::Ok().json(DocumentView::from(&document)))
}

/// Deletes a document with its chunks; answers that were based on it keep what they quote.
#[utoipa::path(
    delete, path = "/projects/{id}/documents/{document}", tag = "projects",
    params(
        ("id" = u64, Path, description = "The project's id"),
        ("document" = u64, Path, description = "The document's id"),
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
    let document = used_document(&caller, &state, &path).await?;
    if !state.store.delete_document(document.id).await? {
        return Err(UNKNOWN);
    }
    let deleted = Update::DocumentDeleted(document.id);
    state.events.do_send(deleted.publish(document.project));
    Ok(HttpResponse::NoContent().finish())
}

/// The document of a path's project and document, if the caller may use it.
async fn used_document(
    caller: &Caller,
    state: &ApiState,
    (project, document): &(String, String),
) -> Result<Document, ApiError> {
    // Both are read before anything is asked: a path is good or bad, whoever calls.
    let document: DocumentId = parse(document)?;
    let project = used(caller, state, project).await?;
    let document = state.store.document(document).await?;
    document
        .filter(|document| document.project == project.id)
        .ok_or(UNKNOWN)
}
