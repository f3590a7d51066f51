//! The broker's side: publications that are none, in the neighbour's own room and on every topic that is listened to. Each is
//! dropped and counted, and the link stays.

use crate::rig::Rig;
use crate::support::http::metric;
use crate::support::neighbour::ROOM;
use crate::support::{DEADLINE, eventually};

/// One publication and the counter that says that it was dropped.
struct Publication {
    topic: String,
    payload: Vec<u8>,
    counter: &'static str,
}

const NOT_JSON: &str = r#"publications_dropped_total{reason="not_json"}"#;
const COMMAND_TOPIC: &str = r#"publications_dropped_total{reason="command_topic"}"#;

#[actix_web::test]
async fn publications_that_are_none_are_dropped_and_counted() {
    let mut rig = Rig::start(&[]).await;
    let links = metric(rig.address, "broker_connects_total").await;
    for publication in publications() {
        let Publication {
            topic,
            payload,
            counter,
        } = publication;
        let shown = format!("{topic} {:.40?}", String::from_utf8_lossy(&payload));
        let before = metric(rig.address, counter).await;
        rig.neighbour.publisher.send(&topic, &payload).await;
        rig.neighbour.noticed_nothing().await;
        // Another link than the neighbour's final may bring it.
        let what = format!("{counter} for {shown}");
        let look = async || metric(rig.address, counter).await;
        eventually(&what, DEADLINE, look, |now| *now == before + 1).await;
    }
    assert_eq!(metric(rig.address, "broker_connects_total").await, links);
    assert_eq!(
        metric(rig.address, "broker_connect_failures_total").await,
        0
    );
    rig.finish().await;
}

/// What no subscription covers: it is not even heard of.
#[actix_web::test]
async fn topics_of_another_shape_reach_nobody() {
    let mut rig = Rig::start(&[]).await;
    let before = metric(rig.address, "publications_total").await;
    for topic in [
        "transcriber/out/S/final",
        "transcriber/out/S/neighbour",
        "transcriber/out/S/neighbour/final/x",
        "transcriber/out/S/neighbour/final/translations/x",
        "transcriber/out//neighbour/final",
        "transcriber/out/S/neighbour/FINAL",
        "transcriber/out/T/neighbour/final",
        "/transcriber/out/S/neighbour/final",
        "$SYS/broker",
        "session",
        "switchboard/organizations/acme",
    ] {
        rig.neighbour.publisher.send(topic, "1").await;
        rig.neighbour.noticed_nothing().await;
    }
    let finals = metric(rig.address, "publications_total").await - before;
    assert_eq!(finals, 11, "the neighbour's alone");
    rig.finish().await;
}

#[rustfmt::skip]
fn publications() -> Vec<Publication> {
    let publication = |topic: &str, payload: &[u8], counter| Publication {
        topic: topic.to_owned(),
        payload: payload.to_vec(),
        counter,
    };
    let room = format!("transcriber/out/{ROOM}");
    let deep = "[".repeat(100_000);
    let large = "x".repeat(10_000_000);
    let broken: [&[u8]; 12] = [
        b"",
        b"{",
        b"hello",
        b"{\"a\":1}x",
        b"{\"a\":1}\0",
        b"\xff\xfe",
        b"\"\xc3\x28\"",
        b"1]42[\"final\",2",
        b"\xef\xbb\xbf{}",
        b"{\"a\":NaN}",
        deep.as_bytes(),
        large.as_bytes(),
    ];
    let mut all = Vec::new();
    for payload in broken {
        for kind in [
            "partial",
            "final",
            "partial/translations",
            "final/translations",
        ] {
            all.push(publication(&format!("{room}/{kind}"), payload, NOT_JSON));
        }
    }
    let list = "system/out/sessions/statuses";
    for (payload, counter) in [
        (&b"[{]"[..], r#"session_lists_refused_total{reason="not_json"}"#),
        (b"\xff", r#"session_lists_refused_total{reason="not_an_array"}"#),
        (b"{}", r#"session_lists_refused_total{reason="not_an_array"}"#),
        (b"[[]]", r#"session_lists_refused_total{reason="not_an_object"}"#),
        (br#"[{"id":"a/#"}]"#, r#"session_lists_refused_total{reason="invalid_id"}"#),
        (large.as_bytes(), r#"session_lists_refused_total{reason="too_large"}"#),
    ] {
        all.push(publication(list, payload, counter));
    }
    for (topic, payload, counter) in [
        ("session/in/x", &b"{}"[..], COMMAND_TOPIC),
        ("session/in/x/frobnicate", b"{}", COMMAND_TOPIC),
        ("session/in//create", b"{}", COMMAND_TOPIC),
        ("session/in/x/create/y", b"{}", COMMAND_TOPIC),
        ("session/in/x/create", b"{", r#"publications_dropped_total{reason="command_not_json"}"#),
        ("session/in/x/create", large.as_bytes(), r#"publications_dropped_total{reason="command_too_large"}"#),
    ] {
        all.push(publication(topic, payload, counter));
    }
    all
}
