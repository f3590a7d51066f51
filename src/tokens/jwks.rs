//! A JSON Web Key Set, read into keys that each verify one algorithm. Pure.

use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, Validation};
use serde_json::Value;

use super::validation;

/// Keys read from one set; a set with more is a mistake, or an attack.
const MAX_KEYS: usize = 64;
/// RSA moduli, in bytes: 2048 bits are the least that is safe, 4096 the most that is verified.
const RSA_MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// One usable key.
pub(super) struct Key {
    /// Its name in token headers.
    kid: Option<String>,
    /// The one algorithm it verifies.
    algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
    pub(super) validation: Validation,
}

/// The usable keys of a set.
#[derive(Default)]
pub(super) struct KeySet {
    keys: Vec<Key>,
}

impl KeySet {
    /// Reads a set. Keys for other purposes or algorithms are passed over, as RFC 7517 asks for; a set without
    /// any usable key is an error, which says why.
    pub(super) fn parse(json: &[u8]) -> Result<Self, String> {
        let set: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let keys = set
            .get("keys")
            .and_then(Value::as_array)
            .ok_or("it has no list of keys")?;
        if keys.len() > MAX_KEYS {
            return Err(format!(
                "it has {} keys, at most {MAX_KEYS} are read",
                keys.len()
            ));
        }
        let keys: Vec<Key> = keys.iter().filter_map(key).collect();
        match keys.is_empty() {
            true => Err("it has no RS256, ES256 or EdDSA key for signatures".to_owned()),
            false => Ok(Self { keys }),
        }
    }

    /// The key for a token that names `kid`; for one that names none, the only key of its algorithm.
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&Key> {
        let mut fitting = self.keys.iter().filter(|key| {
            key.algorithm == algorithm && (kid.is_none() || key.kid.as_deref() == kid)
        });
        let first = fitting.next()?;
        (kid.is_some() || fitting.next().is_none()).then_some(first)
    }

    /// How many keys are usable.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }
}

/// Reads one key of a set, or passes it over.
fn key(value: &Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
    let algorithm = algorithm(&jwk)?;
    let decoding = DecodingKey::from_jwk(&jwk).ok()?;
    has_sound_size(&decoding).then(|| Key {
        kid: jwk.common.key_id,
        algorithm,
        decoding,
        validation: validation(algorithm),
    })
}

/// The algorithm that a key verifies: that of its type, which its own `alg`, `use` and `key_ops` may only confirm.
fn algorithm(jwk: &Jwk) -> Option<Algorithm> {
    let (algorithm, name) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        _ => return None,
    };
    let common = &jwk.common;
    let purpose = common.public_key_use.as_ref();
    let operations = common.key_operations.as_ref();
    let confirmed = common.key_algorithm.is_none_or(|own| own == name)
        && purpose.is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
        && operations.is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    confirmed.then_some(algorithm)
}

fn has_sound_size(key: &DecodingKey) -> bool {
    match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, .. } => RSA_MODULUS_BYTES.contains(&n.len()),
        // An uncompressed P-256 point, or an Ed25519 point.
        DecodingKeyKind::SecretOrDer(bytes) => matches!(bytes.len(), 65 | 32),
    }
}
