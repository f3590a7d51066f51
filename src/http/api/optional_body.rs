//! Bodies that may be left out.

use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use serde::de::DeserializeOwned;

use super::error::{self, ApiError};
use crate::json_object::Object;

/// Reads the body; an empty one says nothing.
pub(super) fn read<T: Default + DeserializeOwned>(
    body: Result<Bytes, actix_web::Error>,
) -> Result<T, ApiError> {
    let body = body.map_err(|fault| match fault.as_error::<PayloadError>() {
        Some(fault) => error::payload(fault),
        None => ApiError::Malformed(fault.to_string()),
    })?;
    if body.is_empty() {
        return Ok(T::default());
    }
    let Object(said) = serde_json::from_slice(&body)?;
    Ok(said)
}
