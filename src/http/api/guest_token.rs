//! Guest tokens: anyone may have one for a public session, who knows its password if it has one.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use switchboard_protocol::ids::SessionId;
use utoipa::ToSchema;

use super::attempts::origin;
use super::error::{ApiError, ErrorBody};
use super::organizations::parse;
use super::{ApiState, optional_body};
use crate::session_body::MAX_PASSWORD;
use crate::store::{PasswordHash, Visibility};

/// How long a guest token is good: a day, as in LinTO.
const GUEST_TOKEN_TTL: Duration = Duration::from_secs(24 * 3600);

/// What a guest knows.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GuestTokenRequest {
    /// The session's password, if it has one.
    #[schema(max_length = 256)]
    password: Option<String>,
}

/// A token for one session.
#[derive(Serialize, ToSchema)]
pub(super) struct GuestToken {
    /// A JWT.
    token: String,
}

/// Issues a guest token for a public session. The body may be left out.
#[utoipa::path(
    post, path = "/sessions/{id}/guest-token", tag = "sessions",
    params(("id" = String, Path, description = "The session's id")),
    request_body = Option<GuestTokenRequest>,
    responses(
        (status = 200, description = "A token, good for a day", body = GuestToken),
        (status = 401, description = "Wrong or missing password", body = ErrorBody),
        (status = 429, description = "Too many attempts; see Retry-After", body = ErrorBody),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
    security(()),
)]
pub(super) async fn create(
    request: HttpRequest,
    state: web::Data<ApiState>,
    id: web::Path<String>,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<HttpResponse, ApiError> {
    let asked: GuestTokenRequest = optional_body::read(body)?;
    let id = parse(&id)?;
    let issuer = state.issuer.as_ref().ok_or(ApiError::NoIssuer)?;
    let session = state.store.session(&id).await?;
    let session = session
        .filter(|session| session.visibility == Visibility::Public)
        .ok_or(ApiError::NotFound("session"))?;
    if let Some(hash) = &session.password {
        let address = request.peer_addr().map(|peer| peer.ip());
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        check_password(&state, address, id, hash, asked.password).await?;
    }
    let token = issuer.issue_guest(&session.id, &session.organization, GUEST_TOKEN_TTL);
    Ok(HttpResponse::Ok().json(GuestToken { token }))
}

/// Compares, a bounded number of times. A missing password is no attempt: clients ask first, then their user.
async fn check_password(
    state: &ApiState,
    address: IpAddr,
    session: SessionId,
    hash: &PasswordHash,
    password: Option<String>,
) -> Result<(), ApiError> {
    let password = password.ok_or(ApiError::WrongPassword)?;
    let key = (origin(address), session);
    state
        .attempts
        .begin(&key, Instant::now())
        .map_err(|retry_after| ApiError::TooManyAttempts { retry_after })?;
    if password.len() > MAX_PASSWORD || !state.store.check_password(hash, password).await? {
        return Err(ApiError::WrongPassword);
    }
    state.attempts.succeeded(&key);
    Ok(())
}
