//! Who calls, by its bearer token, and what it may administer.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use switchboard_actors::ports::{Action, Identity, Principal};
use switchboard_protocol::ids::OrganizationId;

use super::ApiState;
use super::error::ApiError;

/// The caller of a route that needs a token.
pub(super) struct Caller(pub(super) Identity);

impl Caller {
    /// Lets only administrators pass.
    pub(super) fn must_be_admin(&self) -> Result<(), ApiError> {
        match self.is_admin() {
            true => Ok(()),
            false => Err(ApiError::Forbidden("an administrator's token is required")),
        }
    }

    /// Whether the caller may create, change and delete the sessions of `organization`.
    pub(super) async fn manages_sessions(
        &self,
        state: &ApiState,
        organization: &OrganizationId,
    ) -> Result<bool, ApiError> {
        let action = Action::ManageSessions(organization.clone());
        Ok(self.is_admin() || self.may(state, action).await?)
    }

    /// Whether the caller may add, change and delete the conversations of `organization`, and raise its events.
    pub(super) async fn manages_media(
        &self,
        state: &ApiState,
        organization: &OrganizationId,
    ) -> Result<bool, ApiError> {
        let action = Action::ManageMedia(organization.clone());
        Ok(self.is_admin() || self.may(state, action).await?)
    }

    /// Asks the source of rights.
    pub(super) async fn may(&self, state: &ApiState, action: Action) -> Result<bool, ApiError> {
        let decided = state.access.may(self.0.clone(), action).await;
        decided.map_err(|error| {
            log::debug!("access cannot be checked reason={:?}", error.to_string());
            ApiError::Unavailable
        })
    }

    /// Whether it is an administrator.
    pub(super) fn is_admin(&self) -> bool {
        matches!(self.0.principal, Principal::User { admin: true, .. })
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
    Some(Caller(identity))
}
