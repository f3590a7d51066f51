//! Projects: what an organization chats about. To callers who are no members of its organization, a project that
//! exists looks like one that does not.

pub(super) mod chats;
pub(super) mod documents;
pub(super) mod events;
pub(super) mod messages;
pub(super) mod page;
mod upload;
mod view;

use actix_web::http::Method;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use switchboard_actors::ports::Action;
use switchboard_protocol::ids::{OrganizationId, ProjectId};
use utoipa::ToSchema;

use super::caller::Caller;
use super::error::{ApiError, ErrorBody};
use super::organizations::parse;
use super::{ApiState, resource};
use crate::json_object::Object;
use crate::session_body::{MAX_NAME, check_text};
use crate::store::{NewProject, Project};
use page::{Page, PageQuery};
use view::ProjectView;

/// What an unknown project is called; also one that the caller may not have.
const UNKNOWN: ApiError = ApiError::NotFound("project");

/// Mounts the routes.
pub(super) fn configure(cfg: &mut web::ServiceConfig) {
    cfg.service(resource(
        "/organizations/{id}/projects",
        [(Method::GET, web::to(list))],
    ))
    .service(resource("/projects", [(Method::POST, web::to(create))]))
    .service(resource(
        "/projects/{id}",
        [
            (Method::GET, web::to(read)),
            (Method::DELETE, web::to(delete)),
        ],
    ))
    .service(resource(
        "/projects/{id}/events",
        [(Method::POST, web::to(events::create))],
    ))
    .service(resource(
        "/projects/{id}/chats",
        [
            (Method::GET, web::to(chats::list)),
            (Method::POST, web::to(chats::create)),
        ],
    ))
    .service(resource(
        "/projects/{id}/chats/{chat}",
        [
            (Method::GET, web::to(chats::read)),
            (Method::DELETE, web::to(chats::delete)),
        ],
    ))
    .service(resource(
        "/projects/{id}/chats/{chat}/messages",
        [(Method::GET, web::to(messages::list))],
    ))
    .service(resource(
        "/projects/{id}/documents",
        [
            (Method::GET, web::to(documents::list)),
            (Method::POST, web::to(documents::create)),
        ],
    ))
    .service(resource(
        "/projects/{id}/documents/{document}",
        [
            (Method::GET, web::to(documents::read)),
            (Method::DELETE, web::to(documents::delete)),
        ],
    ));
}

/// A project to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateProject {
    /// Its id; one that was never given before if absent.
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 9007199254740991_u64)]
    id: Option<ProjectId>,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// The organization's id.
    #[schema(value_type = String, max_length = 128, pattern = "^[A-Za-z0-9._:~-]+$")]
    organization: OrganizationId,
}

/// Creates a project.
#[utoipa::path(
    post, path = "/projects", tag = "projects",
    request_body = CreateProject,
    responses(
        (status = 201, description = "Created", body = ProjectView),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(super) async fn create(
    caller: Caller,
    state: web::Data<ApiState>,
    body: web::Json<Object<CreateProject>>,
) -> Result<HttpResponse, ApiError> {
    let Object(body) = body.into_inner();
    check_text("name", &body.name, MAX_NAME)?;
    if !caller.uses_projects(&state, &body.organization).await? {
        return Err(ApiError::Forbidden(
            "a member of that organization is required",
        ));
    }
    let new = NewProject {
        id: body.id,
        organization: body.organization,
        name: body.name,
    };
    let created = state.store.create_project(new).await?;
    Ok(HttpResponse::Created().json(ProjectView::from(&created)))
}

/// Lists an organization's projects.
#[utoipa::path(
    get, path = "/organizations/{id}/projects", tag = "projects",
    params(
        ("id" = String, Path, description = "The organization's id"),
        ("after" = Option<u64>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "Projects in the page, 50 if absent", minimum = 1, maximum = 200),
    ),
    responses(
        (status = 200, description = "A page of them", body = Page<ProjectView, u64>),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(super) async fn list(
    caller: Caller,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    query: web::Query<PageQuery<ProjectId>>,
) -> Result<HttpResponse, ApiError> {
    let id: OrganizationId = parse(&id)?;
    let limit = query.limit()?;
    if !caller.uses_projects(&state, &id).await? {
        return Err(ApiError::NotFound("organization"));
    }
    // One more than is shown, to know whether there is another page.
    let found = state
        .store
        .projects_of(&id, query.after(), limit + 1)
        .await?;
    let page = Page::new(&found, limit, |project| project.id, ProjectView::from);
    Ok(HttpResponse::Ok().json(page))
}

/// Reads a project.
#[utoipa::path(
    get, path = "/projects/{id}", tag = "projects",
    params(("id" = u64, Path, description = "The project's id")),
    responses(
        (status = 200, description = "The project", body = ProjectView),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(super) async fn read(
    caller: Caller,
    state: web::Data<ApiState>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let project = used(&caller, &state, &id).await?;
    Ok(HttpResponse::Ok().json(ProjectView::from(&project)))
}

/// Deletes a project with its documents, its chats and all that was said in them.
#[utoipa::path(
    delete, path = "/projects/{id}", tag = "projects",
    params(("id" = u64, Path, description = "The project's id")),
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
    let project = used(&caller, &state, &id).await?;
    match state.store.delete_project(project.id).await? {
        true => Ok(HttpResponse::NoContent().finish()),
        false => Err(UNKNOWN),
    }
}

/// The project of this id, if the caller may use it.
async fn used(caller: &Caller, state: &ApiState, id: &str) -> Result<Project, ApiError> {
    let project = state.store.project(parse(id)?).await?.ok_or(UNKNOWN)?;
    match caller.uses_projects(state, &project.organization).await? {
        true => Ok(project),
        false => Err(UNKNOWN),
    }
}

impl Caller {
    /// Whether the caller may read and write the projects of `organization`.
    async fn uses_projects(
        &self,
        state: &ApiState,
        organization: &OrganizationId,
    ) -> Result<bool, ApiError> {
        let action = Action::UseProjects(organization.clone());
        Ok(self.is_admin() || self.may(state, action).await?)
    }
}
