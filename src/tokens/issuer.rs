//! Writes tokens, signed HS256 by the shared secret.

use std::time::Duration;

use jsonwebtoken::{EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};
use switchboard_protocol::ids::{OrganizationId, SessionId, UserId};

use super::{TokenError, check_secret};

/// Issues tokens that a [`super::TokenVerifier`] with the same secret accepts.
#[derive(Clone, Debug)]
pub struct TokenIssuer {
    key: EncodingKey,
}

impl TokenIssuer {
    /// An issuer that signs with `secret`, of at least 32 bytes.
    pub fn new(secret: &str) -> Result<Self, TokenError> {
        check_secret(secret)?;
        Ok(Self {
            key: EncodingKey::from_secret(secret.as_bytes()),
        })
    }

    /// A token for a person with an account, good for `ttl`.
    pub fn issue_user(&self, user: &UserId, ttl: Duration) -> String {
        self.sign(json!({ "sub": user }), ttl)
    }

    /// A token for a viewer of one public session, good for `ttl`.
    pub fn issue_guest(
        &self,
        session: &SessionId,
        organization: &OrganizationId,
        ttl: Duration,
    ) -> String {
        let claims = json!({ "guest": true, "session": session, "organization": organization });
        self.sign(claims, ttl)
    }

    /// A token for the REST administration, good for `ttl`. Its user id is `admin`.
    pub fn issue_admin(&self, ttl: Duration) -> String {
        self.sign(json!({ "sub": "admin", "role": "admin" }), ttl)
    }

    fn sign(&self, mut claims: Value, ttl: Duration) -> String {
        let now = get_current_timestamp();
        claims["iat"] = now.into();
        claims["exp"] = now.saturating_add(ttl.as_secs()).into();
        encode(&Header::default(), &claims, &self.key)
            .expect("JSON of strings and numbers, and an HMAC key, always sign")
    }
}
