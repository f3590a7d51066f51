//! Tokens as tests need them: good ones, and ones with claims or a key of their own.

use std::time::{Duration, SystemTime};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use switchboard::tokens::TokenIssuer;

/// The key of every test server.
pub const SECRET: &str = "a key of thirty-two bytes or more";
/// Good for longer than any test.
const HOUR: Duration = Duration::from_secs(3600);

fn issuer() -> TokenIssuer {
    TokenIssuer::new(SECRET).expect("the key is long enough")
}

/// A token of the person `id`, good for an hour.
pub fn user(id: &str) -> String {
    issuer().issue_user(&id.parse().expect("a user id"), HOUR)
}

/// A token of a guest of `session` in `acme`, good for an hour.
pub fn guest(session: &str) -> String {
    let session = session.parse().expect("a session id");
    issuer().issue_guest(&session, &"acme".parse().expect("an organization"), HOUR)
}

/// A token for the REST administration, good for an hour.
pub fn admin() -> String {
    issuer().issue_admin(HOUR)
}

/// A token with exactly these claims.
pub fn with_claims(claims: &Value) -> String {
    signed(claims, SECRET)
}

/// A token with exactly these claims, signed by `key`.
pub fn signed(claims: &Value, key: &str) -> String {
    let key = EncodingKey::from_secret(key.as_bytes());
    encode(&Header::default(), claims, &key).expect("claims that can be signed")
}

/// A token of the person `id` that ends at `exp`, seconds since 1970.
pub fn user_until(id: &str, exp: u64) -> String {
    with_claims(&json!({ "sub": id, "exp": exp }))
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("the clock is after 1970")
        .as_secs()
}
