//! Tokens signed by the keys of a JWKS.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use jsonwebtoken::jwk::Jwk;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::*;

/// A deadline on the paused clock, which costs no time.
const MINUTES: Duration = Duration::from_secs(1200);

/// Longer than the pause between two refreshes of a healthy source.
const REFRESHED_AND_RETRIED: Duration = Duration::from_secs(700);

fn ed25519() -> EncodingKey {
    EncodingKey::from_ed_der(include_bytes!("../testdata/ed25519.der"))
}

/// One public key of a set.
fn public(key: &EncodingKey, algorithm: Algorithm, kid: Option<&str>) -> Value {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
    jwk.common.key_id = kid.map(str::to_owned);
    serde_json::to_value(jwk).unwrap()
}

fn three_keys() -> Value {
    json!({ "keys": [
        public(&rsa(), Algorithm::RS256, Some("r")),
        public(&p256(), Algorithm::ES256, Some("e")),
        public(&ed25519(), Algorithm::EdDSA, Some("d")),
    ] })
}

async fn with_file(
    folder: &Path,
    secret: Option<&str>,
    set: &Value,
) -> Result<TokenVerifier, TokenError> {
    let path = folder.join("jwks.json");
    std::fs::write(&path, set.to_string()).unwrap();
    TokenVerifier::start(secret, path.to_str()).await
}

/// Waits until `condition` holds, for so long.
async fn eventually(what: &str, within: Duration, mut condition: impl FnMut() -> bool) {
    let mut ticks = interval(Duration::from_millis(50));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let wait = async {
        while !condition() {
            ticks.tick().await;
        }
    };
    timeout(within, wait)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

#[tokio::test]
async fn a_key_set_verifies_its_three_algorithms_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let verifier = with_file(folder.path(), None, &three_keys()).await.unwrap();
    assert_eq!(verifier.jwks_keys(), 3);
    let accepts = |token: String| verifier.authenticate(&token).is_ok();
    assert!(accepts(signed(Algorithm::RS256, Some("r"), &rsa())));
    assert!(accepts(signed(Algorithm::ES256, Some("e"), &p256())));
    assert!(accepts(signed(Algorithm::EdDSA, Some("d"), &ed25519())));
    assert!(
        accepts(signed(Algorithm::RS256, None, &rsa())),
        "the only RS256 key"
    );
    assert!(!accepts(signed(Algorithm::RS384, Some("r"), &rsa())));
    assert!(!accepts(signed(Algorithm::PS256, Some("r"), &rsa())));
    assert!(
        !accepts(signed(Algorithm::ES256, Some("r"), &p256())),
        "another key's name"
    );
    assert!(
        !accepts(signed(Algorithm::HS256, None, &hmac())),
        "no secret is configured"
    );
}

#[tokio::test]
async fn the_public_key_is_no_secret_to_sign_with() {
    let folder = tempfile::tempdir().unwrap();
    let verifier = with_file(folder.path(), Some(SECRET), &three_keys())
        .await
        .unwrap();
    let public = public(&rsa(), Algorithm::RS256, Some("r"));
    let modulus = public["n"].as_str().unwrap();
    let confused = EncodingKey::from_secret(modulus.as_bytes());
    assert!(
        verifier
            .authenticate(&signed(Algorithm::HS256, Some("r"), &confused))
            .is_err()
    );
    let text = EncodingKey::from_secret(public.to_string().as_bytes());
    assert!(
        verifier
            .authenticate(&signed(Algorithm::HS256, Some("r"), &text))
            .is_err()
    );
}

#[tokio::test]
async fn secret_and_key_set_work_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let verifier = with_file(folder.path(), Some(SECRET), &three_keys())
        .await
        .unwrap();
    assert!(
        verifier
            .authenticate(&signed(Algorithm::HS256, None, &hmac()))
            .is_ok()
    );
    assert!(
        verifier
            .authenticate(&signed(Algorithm::ES256, Some("e"), &p256()))
            .is_ok()
    );
}

#[tokio::test]
async fn keys_that_are_not_for_signatures_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut encryption = public(&rsa(), Algorithm::RS256, Some("r"));
    encryption["use"] = json!("enc");
    let mut sign_only = public(&p256(), Algorithm::ES256, Some("e"));
    sign_only["key_ops"] = json!(["sign"]);
    let mut short = public(&rsa(), Algorithm::RS256, Some("short"));
    short["n"] = json!("AQAB");
    let symmetric = json!({"kty": "oct", "kid": "o", "alg": "HS256", "k": "c2VjcmV0"});
    let odd = [
        json!(7),
        json!({}),
        json!({"kty": "RSA"}),
        json!({"kty": "LWE", "kid": []}),
    ];
    let mut keys = vec![encryption, sign_only, short, symmetric];
    keys.extend(odd);
    let nothing = with_file(folder.path(), None, &json!({ "keys": keys })).await;
    assert!(matches!(nothing, Err(TokenError::Jwks(_))));
    keys.push(public(&ed25519(), Algorithm::EdDSA, Some("d")));
    let verifier = with_file(folder.path(), None, &json!({ "keys": keys }))
        .await
        .unwrap();
    assert_eq!(verifier.jwks_keys(), 1);
    assert!(
        verifier
            .authenticate(&signed(Algorithm::EdDSA, Some("d"), &ed25519()))
            .is_ok()
    );
    assert!(
        verifier
            .authenticate(&signed(Algorithm::RS256, Some("r"), &rsa()))
            .is_err()
    );
    let oct = EncodingKey::from_secret(b"secret");
    assert!(
        verifier
            .authenticate(&signed(Algorithm::HS256, Some("o"), &oct))
            .is_err()
    );
}

#[tokio::test]
async fn a_key_set_that_cannot_be_read_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.json");
    let many = json!({"keys": vec![three_keys()["keys"][2].clone(); 65]});
    let large = json!({"keys": [], "pad": "x".repeat(10_000_000)});
    let mut errors = vec![
        TokenVerifier::start(None, missing.to_str())
            .await
            .err()
            .unwrap(),
    ];
    for set in [
        json!([]),
        json!({}),
        json!({"keys": {}}),
        json!({"keys": []}),
        many,
        large,
    ] {
        errors.push(with_file(folder.path(), None, &set).await.err().unwrap());
    }
    for other in ["file:///etc/passwd", "ftp://example.org/jwks", "http://"] {
        errors.push(TokenVerifier::start(None, Some(other)).await.err().unwrap());
    }
    for error in errors {
        let line = error.to_string();
        assert!(
            line.starts_with("SWITCHBOARD_JWKS: ") && !line.contains('\n'),
            "{line}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_is_looked_for_at_most_once_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let only = |kid| json!({ "keys": [public(&p256(), Algorithm::ES256, Some(kid))] });
    let [one, two, three] = ["1", "2", "3"].map(|kid| signed(Algorithm::ES256, Some(kid), &p256()));
    let verifier = with_file(folder.path(), None, &only("1")).await.unwrap();
    let accepts = |token: &str| verifier.authenticate(token).is_ok();
    assert!(accepts(&one) && !accepts(&two));

    std::fs::write(&path, only("2").to_string()).unwrap();
    let started = Instant::now();
    eventually("the second key is found", MINUTES, || accepts(&two)).await;
    assert!(
        started.elapsed() < Duration::from_secs(60),
        "the first look is not delayed"
    );

    std::fs::write(&path, only("3").to_string()).unwrap();
    let started = Instant::now();
    eventually("the third key is found", MINUTES, || accepts(&three)).await;
    assert!(
        started.elapsed() >= Duration::from_secs(59),
        "a minute after the second"
    );
}

/// There is no list of revoked tokens: they are revoked by withdrawing the key that signed them.
#[tokio::test(start_paused = true)]
async fn a_token_is_revoked_once_its_key_is_withdrawn_from_the_set() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let both = three_keys();
    let verifier = with_file(folder.path(), None, &both).await.unwrap();
    let revoked = signed(Algorithm::ES256, Some("e"), &p256());
    let kept = signed(Algorithm::EdDSA, Some("d"), &ed25519());
    let accepts = |token: &str| verifier.authenticate(token).is_ok();
    assert!(accepts(&revoked) && accepts(&kept));

    let left: Vec<_> = both["keys"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|key| key["kid"] != "e")
        .collect();
    std::fs::write(&path, json!({ "keys": left }).to_string()).unwrap();
    eventually("the revoked token is refused", MINUTES, || {
        !accepts(&revoked)
    })
    .await;
    assert!(accepts(&kept));
}

#[tokio::test(start_paused = true)]
async fn the_last_keys_stay_while_the_source_fails() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let verifier = with_file(folder.path(), None, &three_keys()).await.unwrap();
    std::fs::write(&path, "{").unwrap();
    // On the paused clock: past the regular refresh and several attempts after it.
    let from = Instant::now();
    let later = || from.elapsed() > REFRESHED_AND_RETRIED;
    eventually("the source has failed for a while", MINUTES, later).await;
    assert_eq!(verifier.jwks_keys(), 3);
    std::fs::write(
        &path,
        json!({ "keys": [three_keys()["keys"][0]] }).to_string(),
    )
    .unwrap();
    eventually("the source is read again", MINUTES, || {
        verifier.jwks_keys() == 1
    })
    .await;
}

/// A server for key sets on a free port: its address, and how often `/keys` was asked.
async fn key_server() -> (String, Arc<AtomicUsize>, actix_web::dev::ServerHandle) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = web::Data::from(Arc::clone(&asked));
    let server = HttpServer::new(move || {
        let keys = |asked: web::Data<AtomicUsize>| async move {
            match asked.fetch_add(1, Ordering::SeqCst) {
                0 => HttpResponse::ServiceUnavailable().finish(),
                _ => HttpResponse::Ok().json(three_keys()),
            }
        };
        let redirect = || async {
            HttpResponse::Found()
                .insert_header(("location", "/always"))
                .finish()
        };
        let large = || async { HttpResponse::Ok().body(format!("{}{{}}", " ".repeat(10_000_000))) };
        App::new()
            .app_data(counter.clone())
            .route("/keys", web::get().to(keys))
            .route(
                "/always",
                web::get().to(|| async { HttpResponse::Ok().json(three_keys()) }),
            )
            .route("/redirect", web::get().to(redirect))
            .route("/large", web::get().to(large))
    });
    let server = server
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
    let address = format!("http://{}", server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (address, asked, handle)
}

#[actix_web::test]
async fn a_key_server_that_is_away_is_asked_again_until_it_answers() {
    let (address, asked, server) = key_server().await;
    let verifier = TokenVerifier::start(None, Some(&format!("{address}/keys")))
        .await
        .unwrap();
    assert_eq!((verifier.jwks_keys(), asked.load(Ordering::SeqCst)), (0, 1));
    eventually("the keys arrive", Duration::from_secs(10), || {
        verifier.jwks_keys() == 3
    })
    .await;
    assert!(
        verifier
            .authenticate(&signed(Algorithm::RS256, Some("r"), &rsa()))
            .is_ok()
    );
    server.stop(false).await;
}

#[actix_web::test]
async fn redirects_and_large_answers_of_a_key_server_are_refused() {
    let (address, _, server) = key_server().await;
    for path in ["redirect", "large", "missing"] {
        let source = jwks_source::Source::parse(&format!("{address}/{path}")).unwrap();
        assert!(source.load().await.is_err(), "{path}");
    }
    let source = jwks_source::Source::parse(&format!("{address}/always")).unwrap();
    assert_eq!(source.load().await.map(|keys| keys.len()), Ok(3));
    server.stop(false).await;
}

#[test]
fn a_source_prints_without_its_credentials() {
    let source = jwks_source::Source::parse("https://ann:hunter2@example.org/jwks?key=hunter2");
    assert_eq!(source.unwrap().to_string(), "https://example.org/jwks");
}
