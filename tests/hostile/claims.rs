//! Tokens that say nothing, or what is no token at all.

use serde_json::json;

use crate::rig;
use crate::row::Expect::Accepted;
use crate::row::Row;
use crate::support::tokens::{now, with_claims};
use crate::tokens::{connect, good_claims, refused};

#[actix_web::test]
async fn claims_of_another_shape_are_refused() {
    rig::run(rows()).await;
}

pub fn rows() -> Vec<Row> {
    let mut rows = claims();
    rows.extend(nonsense());
    rows
}

#[rustfmt::skip]
fn claims() -> Vec<Row> {
    let (hour, past) = (now() + 3600, now() - 60);
    let mut rows = Vec::new();
    for exp in [
        json!(null),
        json!(hour.to_string()),
        json!([hour]),
        json!({}),
        json!(true),
        json!(1e30),
        json!(-1),
        json!(0),
        json!(past),
        json!("soon"),
    ] {
        let token = with_claims(&json!({ "sub": "ann", "exp": exp }));
        rows.push(refused(58, &format!("exp {exp}"), &token));
    }
    for nbf in [json!(hour), json!("soon"), json!(1e30), json!([])] {
        let token = with_claims(&json!({ "sub": "ann", "exp": hour, "nbf": nbf }));
        rows.push(refused(58, &format!("nbf {nbf}"), &token));
    }
    for claims in [
        json!([]),
        json!(["ann"]),
        json!("ann"),
        json!(7),
        json!(null),
        json!({}),
        json!({ "sub": "ann" }),
        json!({ "exp": hour }),
        json!({ "exp": hour, "sub": null }),
        json!({ "exp": hour, "sub": "" }),
        json!({ "exp": hour, "sub": { "id": "ann" } }),
        json!({ "exp": hour, "guest": true }),
        json!({ "exp": hour, "guest": true, "session": "S/+" }),
        json!({ "exp": hour, "guest": "yes", "session": "S" }),
    ] {
        rows.push(refused(58, &format!("claims {claims}"), &with_claims(&claims)));
    }
    for (name, value) in [
        ("aud", json!(["elsewhere"])),
        ("iss", json!("https://evil.com")),
        ("aud", json!(7)),
    ] {
        let mut claims = good_claims();
        claims[name] = value;
        // No audience and no issuer is configured, so none is asked for.
        rows.push(connect(59, &format!("{name} {}", claims[name]), &with_claims(&claims), Accepted));
    }
    rows
}

fn nonsense() -> Vec<Row> {
    let good = with_claims(&good_claims());
    let (unsigned, _) = good.rsplit_once('.').unwrap();
    let mut rows = Vec::new();
    for token in [
        " ",
        ".",
        "..",
        "...",
        "a.b.c",
        "\0.\0.\0",
        "é.é.é",
        "=.=.=",
        unsigned,
        &format!("{unsigned}."),
        &format!("{good}."),
        &format!("{good}="),
        &format!(" {good}"),
        &format!("Bearer {good}"),
        &"x".repeat(9_000),
        &".".repeat(9_000),
    ] {
        rows.push(refused(58, &format!("token {token:.20?}"), token));
    }
    rows
}
