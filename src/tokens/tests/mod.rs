//! What is accepted and what is not, against real keys (`testdata/` holds private keys made for these tests).

mod key_set;
mod secret;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};
use switchboard_actors::ports::Authenticator;

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn rsa() -> EncodingKey {
    EncodingKey::from_rsa_der(include_bytes!("../testdata/rsa.der"))
}

fn p256() -> EncodingKey {
    EncodingKey::from_ec_der(include_bytes!("../testdata/p256.der"))
}

fn hmac() -> EncodingKey {
    EncodingKey::from_secret(SECRET.as_bytes())
}

/// A token for the user `u`, good for an hour.
fn signed(algorithm: Algorithm, kid: Option<&str>, key: &EncodingKey) -> String {
    let claims = json!({ "sub": "u", "exp": get_current_timestamp() + 3600 });
    let header = Header {
        kid: kid.map(str::to_owned),
        ..Header::new(algorithm)
    };
    encode(&header, &claims, key).unwrap()
}
