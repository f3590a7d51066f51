//! Tokens signed by the shared secret.

use std::time::{Duration, SystemTime};

use switchboard_actors::ports::Principal;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn verifier() -> TokenVerifier {
    TokenVerifier::from_secret(SECRET).unwrap()
}

/// An HS256 token with these claims.
fn with_claims(claims: Value) -> String {
    encode(&Header::default(), &claims, &hmac()).unwrap()
}

#[test]
fn issued_tokens_come_back_as_who_they_were_issued_for() {
    let (issuer, verifier) = (TokenIssuer::new(SECRET).unwrap(), verifier());
    let (session, organization) = ("s".parse().unwrap(), "o".parse().unwrap());
    let issued = [
        (
            issuer.issue_user(&"ann@example.org".parse().unwrap(), HOUR),
            Principal::User {
                id: "ann@example.org".parse().unwrap(),
                admin: false,
            },
        ),
        (
            issuer.issue_admin(HOUR),
            Principal::User {
                id: "admin".parse().unwrap(),
                admin: true,
            },
        ),
        (
            issuer.issue_guest(&session, &organization, HOUR),
            Principal::Guest {
                session,
                organization: Some(organization),
            },
        ),
    ];
    let soonest = SystemTime::now() + HOUR - Duration::from_secs(60);
    for (token, principal) in issued {
        let identity = verifier.authenticate(&token).unwrap();
        assert_eq!(identity.principal, principal);
        let expires_at = identity.expires_at.unwrap();
        assert!(expires_at > soonest && expires_at < soonest + HOUR);
    }
}

#[test]
fn a_short_secret_and_no_key_at_all_are_refused_without_repeating_them() {
    let short = "x".repeat(MIN_SECRET_BYTES - 1);
    let error = TokenVerifier::from_secret(&short).err().unwrap();
    assert_eq!(error, TokenError::ShortSecret(31));
    assert_eq!(TokenIssuer::new(&short).err(), Some(error.clone()));
    assert!(!error.to_string().contains("xx"));
}

#[tokio::test]
async fn without_any_key_the_error_says_what_to_set() {
    let error = TokenVerifier::start(None, None)
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("SWITCHBOARD_JWT_SECRET") && !error.contains('\n'));
}

#[test]
fn a_wrong_secret_and_a_changed_token_are_refused() {
    let verifier = verifier();
    let other = EncodingKey::from_secret(&[7; 32]);
    assert!(
        verifier
            .authenticate(&signed(Algorithm::HS256, None, &other))
            .is_err()
    );
    let token = signed(Algorithm::HS256, None, &hmac());
    assert!(verifier.authenticate(&token).is_ok());
    let payload = token.find('.').unwrap() + 10;
    let changed = if &token[payload..=payload] == "A" {
        "B"
    } else {
        "A"
    };
    let mut tampered = token.clone();
    tampered.replace_range(payload..=payload, changed);
    assert!(verifier.authenticate(&tampered).is_err());
    let (unsigned, _) = token.rsplit_once('.').unwrap();
    assert!(verifier.authenticate(unsigned).is_err());
    assert!(verifier.authenticate(&format!("{unsigned}.")).is_err());
}

#[test]
fn expiry_is_required_and_kept_to_within_five_seconds() {
    let (verifier, now) = (verifier(), get_current_timestamp());
    let accepts = |claims: Value| verifier.authenticate(&with_claims(claims)).is_ok();
    assert!(accepts(json!({"sub": "u", "exp": now + 60})));
    assert!(accepts(
        json!({"sub": "u", "exp": now + 60, "nbf": now - 60})
    ));
    assert!(!accepts(json!({"sub": "u"})));
    assert!(!accepts(json!({"sub": "u", "exp": now - 7})));
    assert!(!accepts(
        json!({"sub": "u", "exp": now + 120, "nbf": now + 60})
    ));
    assert!(!accepts(
        json!({"sub": "u", "exp": now + 120, "nbf": "soon"})
    ));
    for exp in [
        json!(null),
        json!("9999999999"),
        json!([]),
        json!({}),
        json!(true),
        json!(1e30),
    ] {
        assert!(!accepts(json!({"sub": "u", "exp": exp})), "exp {exp}");
    }
}

#[test]
fn the_key_chooses_the_algorithm_not_the_token() {
    let verifier = verifier();
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        assert!(
            verifier
                .authenticate(&signed(algorithm, None, &hmac()))
                .is_err()
        );
    }
    assert!(
        verifier
            .authenticate(&signed(Algorithm::RS256, None, &rsa()))
            .is_err()
    );
    // {"alg":"none"}, as it is and under other spellings
    let token = signed(Algorithm::HS256, None, &hmac());
    let rest = token.split_once('.').unwrap().1;
    let payload = rest.split_once('.').unwrap().0;
    for none in [
        "eyJhbGciOiJub25lIn0",
        "eyJhbGciOiJOb25lIn0",
        "eyJhbGciOiIifQ",
        "e30",
    ] {
        assert!(
            verifier
                .authenticate(&format!("{none}.{payload}."))
                .is_err()
        );
        assert!(verifier.authenticate(&format!("{none}.{rest}")).is_err());
    }
}

#[test]
fn nonsense_is_refused_without_a_panic() {
    let verifier = verifier();
    let huge = "a".repeat(1_000_000);
    let nested = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
    let deep = with_claims(json!({"sub": "u", "exp": get_current_timestamp() + 60, "x": nested}));
    assert!(
        verifier.authenticate(&deep).is_ok(),
        "an odd string is only a string"
    );
    for claims in [
        json!([]),
        json!(["u"]),
        json!("u"),
        json!(7),
        json!(null),
        json!({}),
    ] {
        assert!(verifier.authenticate(&with_claims(claims)).is_err());
    }
    let long = with_claims(json!({"sub": "u", "exp": get_current_timestamp() + 60, "x": &huge}));
    for token in [
        "", ".", "..", "...", "a.b.c", "\0.\0.\0", "é.é.é", "=.=.=", &huge, &long,
    ] {
        assert!(verifier.authenticate(token).is_err());
    }
    let critical = Header {
        crit: Some(vec!["x".into()]),
        ..Header::default()
    };
    let claims = json!({"sub": "u", "exp": get_current_timestamp() + 60});
    assert!(
        verifier
            .authenticate(&encode(&critical, &claims, &hmac()).unwrap())
            .is_err()
    );
}
