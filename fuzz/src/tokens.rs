//! Tokens: only what was signed by the key passes, and says who it is in words that are valid.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::Value;
use switchboard::tokens::TokenVerifier;
use switchboard_actors::ports::{Authenticator, Principal};

const KEY: &str = "the key of the fuzz targets, 32+ bytes";
const OTHER_KEY: &str = "another key, which signs none of them";
/// How far clocks may differ.
const LEEWAY: Duration = Duration::from_secs(6);
/// How many single bytes of a good token are changed.
const CHANGES: usize = 8;

/// A header in the first line and claims after it, which are signed here; the whole input as a token, too.
pub fn tokens(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        assert!(verifier().authenticate(text).is_err(), "nobody signed it");
    }
    let (header, claims) = super::first_line(input);
    let token = signed(header, claims);
    let Ok(identity) = verifier().authenticate(&token) else {
        return;
    };
    let header: Value = serde_json::from_slice(header).expect("a header is JSON");
    assert_eq!(header["alg"], "HS256");
    assert!(header.get("crit").is_none_or(Value::is_null));
    let expires_at = identity.expires_at.expect("a token has an end");
    assert!(expires_at + LEEWAY > SystemTime::now(), "expired");
    let claims: Value = serde_json::from_slice(claims).expect("claims are JSON");
    check_principal(&identity.principal, &claims);
    assert!(
        other_verifier().authenticate(&token).is_err(),
        "another key"
    );
    check_changes(&token, input.len());
}

fn signed(header: &[u8], claims: &[u8]) -> String {
    static SIGNING: OnceLock<EncodingKey> = OnceLock::new();
    let key = SIGNING.get_or_init(|| EncodingKey::from_secret(KEY.as_bytes()));
    let message = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims));
    let signature = crypto::sign(message.as_bytes(), key, Algorithm::HS256);
    format!("{message}.{}", signature.expect("HMAC always signs"))
}

/// Whom the token is for stands in the claims; admins are said to be at the top level alone.
fn check_principal(principal: &Principal, claims: &Value) {
    let is = |path: &str, id: &str| claims.pointer(path).and_then(Value::as_str) == Some(id);
    match principal {
        Principal::User { id, admin } => {
            let places = ["/sub", "/userId", "/id", "/data/userId"];
            assert!(places.iter().any(|place| is(place, id.as_str())));
            assert_eq!(*admin, is("/role", "admin"));
        }
        Principal::Anonymous => panic!("a token is somebody's"),
        Principal::Guest { session, .. } => {
            let places = ["/session", "/data/fromSession"];
            assert!(places.iter().any(|place| is(place, session.as_str())));
        }
    }
}

/// A token with one other byte verifies no more, nor does one with one byte less.
fn check_changes(token: &str, seed: usize) {
    for step in 0..CHANGES {
        let at = (seed + step * token.len() / CHANGES) % token.len();
        let mut changed = token.as_bytes().to_vec();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("tokens are ASCII");
        assert!(
            verifier().authenticate(&changed).is_err(),
            "changed at {at}"
        );
    }
    assert!(verifier().authenticate(&token[..token.len() - 1]).is_err());
}

fn verifier() -> &'static TokenVerifier {
    static VERIFIER: OnceLock<TokenVerifier> = OnceLock::new();
    VERIFIER.get_or_init(|| TokenVerifier::from_secret(KEY).expect("it is long enough"))
}

fn other_verifier() -> &'static TokenVerifier {
    static VERIFIER: OnceLock<TokenVerifier> = OnceLock::new();
    VERIFIER.get_or_init(|| TokenVerifier::from_secret(OTHER_KEY).expect("it is long enough"))
}

/// A JWKS, as a file. Of any set, no key verifies what was signed by a shared secret.
pub fn jwks(input: &[u8]) {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
    }
    let verifier = RUNTIME.with(|runtime| {
        super::temporary::with_file(input, |path| {
            let path = path.to_str().expect("temporary names are UTF-8");
            runtime.block_on(TokenVerifier::start(None, Some(path)))
        })
    });
    let Ok(verifier) = verifier else {
        return;
    };
    assert!((1..=64).contains(&verifier.jwks_keys()));
    for algorithm in ["HS256", "RS256", "ES256", "EdDSA", "none"] {
        let header = format!(r#"{{"alg":"{algorithm}"}}"#);
        let token = signed(header.as_bytes(), br#"{"sub":"u","exp":4000000000}"#);
        assert!(verifier.authenticate(&token).is_err(), "{algorithm}");
    }
}
