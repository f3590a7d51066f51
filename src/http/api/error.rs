//! Faults of the REST interface: one body for all, `{"error":{"code","message"}}`, with the right status.

use std::time::Duration;

use actix_web::error::{JsonPayloadError, PathError, PayloadError, QueryPayloadError};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use log::error;
use serde::Serialize;
use utoipa::ToSchema;

use crate::session_body::Invalid;
use crate::store::StoreError;

/// Why a request was refused. The text is for people; clients go by the code.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error("a valid bearer token is required")]
    Unauthorized,
    #[error("the password is wrong or missing")]
    WrongPassword,
    #[error("{0}")]
    Forbidden(&'static str),
    /// Unknown, or not for this caller, who is not told which.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("there is no such route")]
    UnknownRoute,
    #[error("this route has the methods {allow}")]
    MethodNotAllowed {
        /// The `Allow` header.
        allow: String,
    },
    #[error("{0}")]
    Conflict(String),
    #[error("the body is too large")]
    TooLarge,
    #[error("the body must be JSON (Content-Type: application/json)")]
    NotJson,
    #[error("the body must be a form with a file (Content-Type: multipart/form-data)")]
    NotMultipart,
    #[error("the file is too large: {max_bytes} bytes at most")]
    FileTooLarge {
        /// The largest that is taken.
        max_bytes: usize,
    },
    #[error("a document must be text, Markdown, HTML or PDF, and be named so")]
    UnknownKind,
    #[error("the body took too long to arrive")]
    TooSlow,
    /// Not even syntax.
    #[error("{0}")]
    Malformed(String),
    /// Well-formed, but not what is asked for.
    #[error("{0}")]
    Invalid(String),
    #[error("too many attempts")]
    TooManyAttempts {
        /// When the next attempt is looked at.
        retry_after: Duration,
    },
    #[error("guest tokens are not issued here: no secret is configured")]
    NoIssuer,
    /// The database or the access backend is away.
    #[error("this cannot be answered just now; try again")]
    Unavailable,
}

/// The body of every fault.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorBody {
    error: ErrorDetail,
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorDetail {
    /// A stable word for programs.
    code: &'static str,
    /// A sentence for people.
    message: String,
}

impl ApiError {
    fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::WrongPassword => (StatusCode::UNAUTHORIZED, "wrong_password"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::UnknownRoute => (StatusCode::NOT_FOUND, "unknown_route"),
            Self::MethodNotAllowed { .. } => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::Conflict(_) => (StatusCode::CONFLICT, "conflict"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"),
            Self::NotJson => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json"),
            Self::NotMultipart => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_multipart"),
            Self::FileTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"),
            Self::UnknownKind => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unknown_kind"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "too_slow"),
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed"),
            Self::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Self::TooManyAttempts { .. } => (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts"),
            Self::NoIssuer => (StatusCode::NOT_IMPLEMENTED, "no_issuer"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.kind().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, code) = self.kind();
        let mut response = HttpResponse::build(status);
        match self {
            Self::Unauthorized => {
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
            }
            Self::MethodNotAllowed { allow } => {
                response.insert_header((header::ALLOW, allow.as_str()));
            }
            Self::TooManyAttempts { retry_after } => {
                // Rounded up: a client that waits so long is not refused again.
                response.insert_header((header::RETRY_AFTER, retry_after.as_secs() + 1));
            }
            _ => {}
        }
        response.json(ErrorBody {
            error: ErrorDetail {
                code,
                message: self.to_string(),
            },
        })
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::SessionExists(_)
            | StoreError::ConversationExists(_)
            | StoreError::ProjectExists(_) => Self::Conflict(error.to_string()),
            StoreError::TooManyDocuments(_) => Self::Conflict(error.to_string()),
            StoreError::UnknownProject(_) => Self::NotFound("project"),
            StoreError::UnknownChat(_) => Self::NotFound("chat"),
            StoreError::UnknownOrganization(_) => Self::NotFound("organization"),
            error => {
                // The store tells of its own absence, once.
                if !error.is_absence() {
                    error!("a request failed reason={:?}", error.to_string());
                }
                Self::Unavailable
            }
        }
    }
}

impl From<Invalid> for ApiError {
    fn from(Invalid(rule): Invalid) -> Self {
        Self::Invalid(rule)
    }
}

impl From<serde_json::Error> for ApiError {
    fn from(error: serde_json::Error) -> Self {
        match error.is_data() {
            true => Self::Invalid(error.to_string()),
            false => Self::Malformed(error.to_string()),
        }
    }
}

/// A JSON body that cannot be read.
pub(super) fn json(error: JsonPayloadError, _: &HttpRequest) -> actix_web::Error {
    let error = match error {
        JsonPayloadError::Deserialize(error) => error.into(),
        JsonPayloadError::ContentType => ApiError::NotJson,
        JsonPayloadError::Overflow { .. } | JsonPayloadError::OverflowKnownLength { .. } => {
            ApiError::TooLarge
        }
        JsonPayloadError::Payload(error) => payload(&error),
        error => ApiError::Malformed(error.to_string()),
    };
    error.into()
}

/// A body that cannot be read.
pub(super) fn payload(error: &PayloadError) -> ApiError {
    match error {
        PayloadError::Overflow => ApiError::TooLarge,
        error => ApiError::Malformed(error.to_string()),
    }
}

/// A path that cannot be read, such as one that is not UTF-8.
pub(super) fn path(_: PathError, _: &HttpRequest) -> actix_web::Error {
    ApiError::Malformed("the path is not valid".to_owned()).into()
}

/// A query that cannot be read.
pub(super) fn query(_: QueryPayloadError, _: &HttpRequest) -> actix_web::Error {
    ApiError::Malformed("the query is not valid".to_owned()).into()
}
