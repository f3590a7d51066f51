//! The tokens of the viewers and of the administrator, signed HS256 with the benchmark's key.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

/// Seconds a token lives: longer than any run.
const LIFE: u64 = 7_200;
/// The member of all watched organizations.
pub const WATCHER: &str = "watcher";

/// Signs tokens.
pub struct Signer {
    key: EncodingKey,
}

impl Signer {
    /// A signer with the key the servers were started with.
    pub fn new(secret: &str) -> Self {
        Self {
            key: EncodingKey::from_secret(secret.as_bytes()),
        }
    }

    /// A guest of `session`, whose organization has the same name; `number` makes each token differ, as real ones do.
    ///
    /// # Errors
    /// When signing fails.
    pub fn guest(&self, session: &str, number: usize) -> Result<String> {
        self.sign(json!({
            "guest": true,
            "session": session,
            "organization": session,
            "jti": format!("viewer-{number}"),
            "exp": expiry()?,
        }))
    }

    /// A member of every organization that [`crate::rest::create_organizations`] makes.
    ///
    /// # Errors
    /// When signing fails.
    pub fn watcher(&self, number: usize) -> Result<String> {
        self.sign(json!({ "sub": WATCHER, "jti": format!("watcher-{number}"), "exp": expiry()? }))
    }

    /// An administrator, who may create sessions.
    ///
    /// # Errors
    /// When signing fails.
    pub fn admin(&self) -> Result<String> {
        self.sign(json!({ "sub": "bench", "role": "admin", "exp": expiry()? }))
    }

    fn sign(&self, claims: Value) -> Result<String> {
        encode(&Header::default(), &claims, &self.key).context("signing a token")
    }
}

fn expiry() -> Result<u64> {
    Ok(SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock")?
        .as_secs()
        + LIFE)
}
