//! Who calls: the bearer token's principal, and what it may administer.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use switchboard_actors::ports::Principal;
use switchboard_protocol::ids::OrganizationId;

use super::ApiState;
use super::error::ApiError;
use crate::store::{Role, Store};

/// The caller of a route that needs a token.
pub(super) struct Caller(pub(super) Principal);

impl Caller {
    /// Lets only administrators pass.
    pub(super) fn must_be_admin(&self) -> Result<(), ApiError> {
        match self.is_admin() {
            true => Ok(()),
            false => Err(ApiError::Forbidden("an administrator's token is required")),
        }
    }

    /// Whether the caller may create, change and delete the sessions of `organization`.
    pub(super) async fn manages(
        &self,
        store: &Store,
        organization: &OrganizationId,
    ) -> Result<bool, ApiError> {
        match &self.0 {
            _ if self.is_admin() => Ok(true),
            Principal::User { id, .. } => {
                let role = store.member_role(organization, id).await?;
                Ok(role.is_some_and(|role| role >= Role::MeetingManager))
            }
            Principal::Guest { .. } => Ok(false),
        }
    }

    fn is_admin(&self) -> bool {
        matches!(self.0, Principal::User { admin: true, .. })
    }
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(authenticate(request).ok_or(ApiError::Unauthorized))
    }
}

fn authenticate(request: &HttpRequest) -> Option<Caller> {
    let state: &web::Data<ApiState> = request
        .app_data()
        .expect("the application registers web::Data<ApiState>");
    let value = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let (scheme, token) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let identity = state.authenticator.authenticate(token.trim()).ok()?;
    Some(Caller(identity.principal))
}
