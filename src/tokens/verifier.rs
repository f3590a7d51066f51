//! Verifies tokens: by the shared secret, by a key set, or by both. Keys and rules are built once.

use jsonwebtoken::{Algorithm, DecodingKey, TokenData, Validation, decode, decode_header};
use log::debug;
use switchboard_actors::ports::{Authenticator, Identity, InvalidToken, Token};

use super::claims::{Claims, identity};
use super::jwks_refresh::FreshKeys;
use super::jwks_source::Source;
use super::{TokenError, check_secret, validation};

/// A longer token is not looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Reads tokens into identities.
pub struct TokenVerifier {
    /// For HS256 tokens.
    secret: Option<Secret>,
    /// For all others.
    keys: Option<FreshKeys>,
    /// Whether identities carry their token.
    keeps_tokens: bool,
}

struct Secret {
    key: DecodingKey,
    validation: Validation,
}

impl TokenVerifier {
    /// A verifier of HS256 tokens signed by `secret`, of at least 32 bytes.
    pub fn from_secret(secret: &str) -> Result<Self, TokenError> {
        check_secret(secret)?;
        let key = DecodingKey::from_secret(secret.as_bytes());
        let secret = Secret {
            key,
            validation: validation(Algorithm::HS256),
        };
        Ok(Self {
            secret: Some(secret),
            keys: None,
            keeps_tokens: false,
        })
    }

    /// A verifier by `secret` (HS256), by the key set of `jwks` (a file name or an http(s) URL), or by both.
    /// A key set is kept fresh by a task of the current tokio runtime that ends with the verifier; a server
    /// that does not answer now is no error, it is asked again.
    pub async fn start(secret: Option<&str>, jwks: Option<&str>) -> Result<Self, TokenError> {
        let mut verifier = match (secret, jwks) {
            (None, None) => return Err(TokenError::NoKey),
            (Some(secret), _) => Self::from_secret(secret)?,
            (None, Some(_)) => Self {
                secret: None,
                keys: None,
                keeps_tokens: false,
            },
        };
        if let Some(jwks) = jwks {
            verifier.keys = Some(FreshKeys::start(Source::parse(jwks)?).await?);
        }
        Ok(verifier)
    }

    /// From now on identities carry their token, for a source of rights that asks for it.
    pub fn keep_tokens(&mut self) {
        self.keeps_tokens = true;
    }

    /// How many keys the key set has now: 0 while its server has not answered yet, and without one.
    pub fn jwks_keys(&self) -> usize {
        self.keys.as_ref().map_or(0, |keys| keys.current().len())
    }

    fn verify(&self, token: &str) -> Result<Identity, String> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(format!("longer than {MAX_TOKEN_BYTES} bytes"));
        }
        let data = self.decode(token)?;
        if data.header.crit.is_some() {
            // Extensions that must be understood (RFC 7515, 4.1.11); none is.
            return Err("critical header extensions".to_owned());
        }
        let (principal, expires_at) = identity(&data.claims).map_err(|fault| fault.to_string())?;
        Ok(Identity {
            principal,
            expires_at: Some(expires_at),
            token: self.keeps_tokens.then(|| Token::from(token)),
        })
    }

    /// Verifies by the key that the token's algorithm and key id select among those configured.
    fn decode(&self, token: &str) -> Result<TokenData<Claims>, String> {
        let header = decode_header(token).map_err(|error| error.to_string())?;
        if header.alg == Algorithm::HS256 {
            let secret = self.secret.as_ref().ok_or("no secret is configured")?;
            return decode(token, &secret.key, &secret.validation).map_err(|e| e.to_string());
        }
        let keys = self.keys.as_ref().ok_or("no key set is configured")?;
        let current = keys.current();
        let Some(key) = current.find(header.kid.as_deref(), header.alg) else {
            keys.key_is_unknown();
            return Err("signed by an unknown key".to_owned());
        };
        decode(token, &key.decoding, &key.validation).map_err(|error| error.to_string())
    }
}

impl Authenticator for TokenVerifier {
    fn authenticate(&self, token: &str) -> Result<Identity, InvalidToken> {
        self.verify(token).map_err(|why| {
            debug!("token refused: {why}");
            InvalidToken
        })
    }
}
