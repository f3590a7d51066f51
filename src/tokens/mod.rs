//! Tokens: JWTs read into identities ([`TokenVerifier`]) and written ([`TokenIssuer`]).
//!
//! The configured key decides which algorithm is accepted, never the token: HS256 by the shared secret,
//! RS256, ES256 and EdDSA by the keys of a JWKS. Both may be configured. Tokens and secrets are never logged.

mod claims;
mod issuer;
mod jwks;
mod jwks_refresh;
mod jwks_source;
mod verifier;

#[cfg(test)]
mod tests;

pub use issuer::TokenIssuer;
pub use verifier::TokenVerifier;

/// The shortest HS256 secret, in bytes: as long as the hash (RFC 7518, 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// How far clocks may differ, in seconds, for `exp` and `nbf`.
const LEEWAY_SECONDS: u64 = 5;

/// Why tokens cannot be read or written with this configuration. One line each, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Neither a secret nor a JWKS.
    #[error(
        "no signing key: set SWITCHBOARD_JWT_SECRET (at least {MIN_SECRET_BYTES} bytes) or SWITCHBOARD_JWKS"
    )]
    NoKey,
    /// The secret can be guessed.
    #[error("SWITCHBOARD_JWT_SECRET has {0} bytes, it needs at least {MIN_SECRET_BYTES}")]
    ShortSecret(usize),
    /// The JWKS is not a file name or an http(s) URL, or cannot be read.
    #[error("SWITCHBOARD_JWKS: {0}")]
    Jwks(String),
}

/// Refuses a secret that is too short to be one.
fn check_secret(secret: &str) -> Result<(), TokenError> {
    match secret.len() {
        MIN_SECRET_BYTES.. => Ok(()),
        length => Err(TokenError::ShortSecret(length)),
    }
}

/// What verifies a token besides its key: `exp` there and not over, `nbf` (if there) reached, one algorithm.
fn validation(algorithm: jsonwebtoken::Algorithm) -> jsonwebtoken::Validation {
    let mut validation = jsonwebtoken::Validation::new(algorithm);
    validation.leeway = LEEWAY_SECONDS;
    validation.validate_nbf = true;
    // Nothing in the contract says whom a token is for; an `aud` that is there is no reason to refuse.
    validation.validate_aud = false;
    validation
}
