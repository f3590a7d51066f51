//! Tokens that prove nothing: other algorithms, other keys, headers that say where to find one.

use std::io::ErrorKind;
use std::net::TcpListener;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::rig;
use crate::row::Expect::{Accepted, Closed, Refused};
use crate::row::{Expect, On, Row, row, text};
use crate::support::tokens::{SECRET, now, signed, with_claims};

/// The RSA key of the key set.
fn rsa() -> EncodingKey {
    EncodingKey::from_rsa_der(include_bytes!("../../src/tokens/testdata/rsa.der"))
}

fn hmac(key: &str) -> EncodingKey {
    EncodingKey::from_secret(key.as_bytes())
}

fn public() -> Value {
    let mut key = Jwk::from_encoding_key(&rsa(), Algorithm::RS256).unwrap();
    key.common.key_id = Some("r".to_owned());
    serde_json::to_value(key).unwrap()
}

pub fn good_claims() -> Value {
    json!({ "sub": "ann", "exp": now() + 3600 })
}

fn with_header(header: &Header, key: &EncodingKey) -> String {
    encode(header, &good_claims(), key).unwrap()
}

/// The same header and signature around other claims.
fn with_others_payload(token: &str) -> String {
    let other = with_claims(&json!({ "sub": "eve", "exp": now() + 3600 }));
    let parts: Vec<&str> = token.split('.').collect();
    let payload = other.split('.').nth(1).unwrap();
    [parts[0], payload, parts[2]].join(".")
}

pub fn connect(group: u8, name: &str, token: &str, expect: Expect) -> Row {
    let packet = text(format!("40{}", json!({ "token": token })));
    row(group, name, On::Open, packet, expect)
}

pub fn refused(group: u8, name: &str, token: &str) -> Row {
    connect(group, name, token, Refused("Invalid token"))
}

#[actix_web::test]
async fn tokens_that_prove_nothing_are_refused() {
    rig::run(rows()).await;
}

#[actix_web::test]
async fn beside_a_key_set_the_key_still_chooses_the_algorithm_and_no_header_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let set = folder.path().join("jwks.json");
    std::fs::write(&set, json!({ "keys": [public()] }).to_string()).unwrap();
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let url = format!("http://{}/keys", elsewhere.local_addr().unwrap());
    let settings = [("SWITCHBOARD_JWKS", set.to_str().unwrap())];
    rig::run_with(&settings, with_a_key_set(&url)).await;
    let asked = elsewhere.accept().unwrap_err();
    assert_eq!(asked.kind(), ErrorKind::WouldBlock, "nobody was asked");
}

pub fn rows() -> Vec<Row> {
    let mut rows = algorithms();
    rows.extend(headers());
    rows
}

#[rustfmt::skip]
fn algorithms() -> Vec<Row> {
    let good = with_claims(&good_claims());
    let [_, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts: {good}");
    };
    let mut rows = vec![connect(57, "the good one", &good, Accepted)];
    // {"alg":"none"}, {"alg":"None"}, {"alg":""}, {}
    for none in [
        "eyJhbGciOiJub25lIn0",
        "eyJhbGciOiJOb25lIn0",
        "eyJhbGciOiIifQ",
        "e30",
    ] {
        rows.push(refused(57, "no algorithm, no signature", &format!("{none}.{payload}.")));
        rows.push(refused(57, "no algorithm", &format!("{none}.{payload}.{signature}")));
    }
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let token = with_header(&Header::new(algorithm), &hmac(SECRET));
        rows.push(refused(57, &format!("{algorithm:?}"), &token));
    }
    let token = with_header(&Header::new(Algorithm::RS256), &rsa());
    rows.push(refused(57, "RS256 where a secret alone is configured", &token));
    rows.push(refused(57, "another's claims", &with_others_payload(&good)));
    rows.push(refused(57, "another secret", &signed(&good_claims(), &"x".repeat(32))));
    rows.push(refused(57, "the empty secret", &signed(&good_claims(), "")));
    rows
}

#[rustfmt::skip]
fn headers() -> Vec<Row> {
    let mut rows = Vec::new();
    for kid in [
        "../../etc/passwd",
        "http://evil.com/key",
        "'; DROP TABLE keys",
        "\u{1b}[31m\n",
    ] {
        let header = Header {
            kid: Some(kid.to_owned()),
            ..Header::default()
        };
        let forged = with_header(&header, &hmac(&"x".repeat(32)));
        rows.push(refused(59, &format!("kid {kid:?}"), &forged));
    }
    let critical = Header {
        crit: Some(vec!["x".to_owned()]),
        ..Header::default()
    };
    rows.push(refused(59, "a critical extension", &with_header(&critical, &hmac(SECRET))));
    let long = Header {
        kid: Some("k".repeat(700_000)),
        ..Header::default()
    };
    // Beyond what a CONNECT may carry at all.
    let forged = with_header(&long, &hmac(SECRET));
    rows.push(connect(59, "kid of 700 KB", &forged, Closed(1002)));
    rows
}

#[rustfmt::skip]
fn with_a_key_set(url: &str) -> Vec<Row> {
    let rs256 = Header {
        kid: Some("r".to_owned()),
        ..Header::new(Algorithm::RS256)
    };
    let mut rows = vec![connect(
        57,
        "the good one",
        &with_header(&rs256, &rsa()),
        Accepted,
    )];
    let public = public();
    let modulus = public["n"].as_str().unwrap();
    let hs256 = Header {
        kid: Some("r".to_owned()),
        ..Header::default()
    };
    for (name, key) in [
        ("the public key's modulus", modulus),
        ("the public key as JSON", &public.to_string()),
        ("the key's name", "r"),
    ] {
        let token = with_header(&hs256, &hmac(key));
        rows.push(refused(57, &format!("HS256 by {name}"), &token));
    }
    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        let header = Header {
            alg: algorithm,
            ..rs256.clone()
        };
        rows.push(refused(57, &format!("{algorithm:?}"), &with_header(&header, &rsa())));
    }
    // Signed by a key that these say where to find.
    for header in [
        Header {
            jku: Some(url.to_owned()),
            ..hs256.clone()
        },
        Header {
            x5u: Some(url.to_owned()),
            ..hs256.clone()
        },
        Header {
            kid: Some(url.to_owned()),
            ..rs256.clone()
        },
        Header {
            jku: Some(url.to_owned()),
            ..rs256
        },
    ] {
        let token = match header.alg {
            Algorithm::HS256 => with_header(&header, &hmac(&"x".repeat(32))),
            _ => with_others_payload(&with_header(&header, &rsa())),
        };
        rows.push(refused(59, "a key to be fetched", &token));
    }
    rows
}
