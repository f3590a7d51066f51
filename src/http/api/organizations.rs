//! Organizations and their members; administrators only.

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use switchboard_actors::rights::AccessChanged;
use switchboard_protocol::ids::{InvalidId, OrganizationId, UserId};
use utoipa::ToSchema;

use super::ApiState;
use super::caller::Caller;
use super::error::{ApiError, ErrorBody};
use crate::json_object::Object;
use crate::session_body::{MAX_NAME, check_text};
use crate::store::{Role, Written};

/// An organization to create or rename.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutOrganization {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
}

/// An organization.
#[derive(Serialize, ToSchema)]
pub(super) struct OrganizationView {
    #[schema(value_type = String)]
    id: OrganizationId,
    name: String,
}

/// A member's role.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutMember {
    role: Role,
}

/// A membership.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemberView {
    #[schema(value_type = String)]
    organization_id: OrganizationId,
    #[schema(value_type = String)]
    user: UserId,
    role: Role,
}

/// Reads an id from the path. Bytes that are no text have become replacement characters by now: two paths would
/// mean one id.
pub(super) fn parse<T: std::str::FromStr<Err = InvalidId>>(id: &str) -> Result<T, ApiError> {
    if id.contains(char::REPLACEMENT_CHARACTER) {
        return Err(ApiError::Malformed("the path is not UTF-8".to_owned()));
    }
    id.parse()
        .map_err(|error: InvalidId| ApiError::Malformed(error.to_string()))
}

/// Creates an organization or renames it.
#[utoipa::path(
    put, path = "/organizations/{id}", tag = "organizations",
    params(("id" = String, Path, description = "The organization's id")),
    request_body = PutOrganization,
    responses(
        (status = 200, description = "Renamed", body = OrganizationView),
        (status = 201, description = "Created", body = OrganizationView),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(super) async fn put(
    caller: Caller,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    body: web::Json<Object<PutOrganization>>,
) -> Result<HttpResponse, ApiError> {
    caller.must_be_admin()?;
    let id = parse(&id)?;
    let name = body.into_inner().0.name;
    check_text("name", &name, MAX_NAME)?;
    let written = state.store.put_organization(&id, &name).await?;
    Ok(answer(written, OrganizationView { id, name }))
}

/// Makes a user a member, or changes its role.
#[utoipa::path(
    put, path = "/organizations/{id}/members/{user}", tag = "organizations",
    params(
        ("id" = String, Path, description = "The organization's id"),
        ("user" = String, Path, description = "The user's id, as its tokens name it"),
    ),
    request_body = PutMember,
    responses(
        (status = 200, description = "Changed", body = MemberView),
        (status = 201, description = "Created", body = MemberView),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(super) async fn put_member(
    caller: Caller,
    state: web::Data<ApiState>,
    path: web::Path<(String, String)>,
    body: web::Json<Object<PutMember>>,
) -> Result<HttpResponse, ApiError> {
    caller.must_be_admin()?;
    let (organization_id, user) = (parse(&path.0)?, parse(&path.1)?);
    let role = body.into_inner().0.role;
    let written = state
        .store
        .put_member(&organization_id, &user, role)
        .await?;
    if written == Written::Replaced {
        let change = AccessChanged::Member(organization_id.clone(), user.clone());
        state.access_changed(&organization_id, &change);
    }
    Ok(answer(
        written,
        MemberView {
            organization_id,
            user,
            role,
        },
    ))
}

/// Ends a membership.
#[utoipa::path(
    delete, path = "/organizations/{id}/members/{user}", tag = "organizations",
    params(
        ("id" = String, Path, description = "The organization's id"),
        ("user" = String, Path, description = "The user's id, as its tokens name it"),
    ),
    responses(
        (status = 204, description = "Ended"),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(super) async fn delete_member(
    caller: Caller,
    state: web::Data<ApiState>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    caller.must_be_admin()?;
    let (organization, user): (OrganizationId, UserId) = (parse(&path.0)?, parse(&path.1)?);
    if !state.store.delete_member(&organization, &user).await? {
        return Err(ApiError::NotFound("member"));
    }
    let change = AccessChanged::Member(organization.clone(), user);
    state.access_changed(&organization, &change);
    Ok(HttpResponse::NoContent().finish())
}

fn answer(written: Written, body: impl Serialize) -> HttpResponse {
    match written {
        Written::Created => HttpResponse::Created().json(body),
        Written::Replaced => HttpResponse::Ok().json(body),
    }
}
