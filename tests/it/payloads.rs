//! What happens to payloads on their way: nothing, unless they are no JSON.

use rumqttc::QoS;

use crate::on_both_brokers;
use crate::support::broker::Broker;
use crate::support::mqtt::Client;
use crate::support::server::TestServer;

/// Payloads whose bytes a parser that writes them again would change.
const DELICATE: &[&str] = &[
    r#"{"start":1.50,"end":1e3,"score":-0.0,"big":12345678901234567890,"tiny":1E-400}"#,
    r#"{"z":1,"a":2,"m":{"y":1,"b":2},"a":3}"#,
    r#"{"text":"\u00e9\u0041\/\ud83d\ude00","plain":"é😀"}"#,
    " {\t\"text\" :  \"spaced\" ,\r\n \"words\":[ ] } ",
    r#"{"a":[[1,2],[3,[4,{"b":null}]],true,false],"":""}"#,
    "\"only a string\"",
    "12.340",
    "null",
];

#[actix_web::test]
async fn l16_a_partials_bytes_reach_every_member_untouched() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let (mut one, mut two) = (server.viewer().await, server.viewer().await);
    one.join("S/1").await;
    two.join("S/1").await;
    for payload in DELICATE {
        publisher.send("transcriber/out/S/1/partial", payload).await;
        for viewer in [&mut one, &mut two] {
            // The whole frame, to the byte.
            assert_eq!(viewer.packet().await, format!(r#"42["partial",{payload}]"#));
        }
    }
    drop((one, two));
    server.stop().await;
}

#[actix_web::test]
async fn l17_finals_arrive_with_their_words_and_in_order_with_the_partials() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let mut viewer = server.viewer().await;
    viewer.join("S/1").await;
    let words: Vec<String> = (0..500)
        .map(|n| format!(r#"{{"word":"w{n}","start":{n}.10,"end":{n}.90}}"#))
        .collect();
    let long = format!(r#"{{"text":"…","words":[{}]}}"#, words.join(","));
    for segment in 0..50 {
        for n in 0..3 {
            let partial = format!(r#"{{"segmentId":{segment},"n":{n}}}"#);
            publisher.send("transcriber/out/S/1/partial", partial).await;
        }
        publisher.send("transcriber/out/S/1/final", &long).await;
    }
    for segment in 0..50 {
        for n in 0..3 {
            let partial = format!(r#"{{"segmentId":{segment},"n":{n}}}"#);
            viewer.expect("partial", &partial).await;
        }
        viewer.expect("final", &long).await;
    }
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn translations_of_partials_and_of_finals_arrive_as_translation() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let mut viewer = server.viewer().await;
    viewer.join("S/1").await;
    for (kind, payload) in [
        ("partial", r#"{"text":"Gut","final":false}"#),
        ("final", r#"{"text":"Guten Tag","final":true}"#),
    ] {
        let topic = format!("transcriber/out/S/1/{kind}/translations");
        publisher.send(&topic, payload).await;
        viewer.expect("translation", payload).await;
    }
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_70_a_large_final_passes_whole() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    let mut viewer = server.viewer().await;
    viewer.join("S/1").await;
    // Far beyond rumqttc's 10 KiB, and still within what may wait for one viewer.
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(900_000));
    publisher.send("transcriber/out/S/1/final", &large).await;
    viewer.expect("final", &large).await;
    drop(viewer);
    server.stop().await;
}

on_both_brokers! {
    hostile_70_a_stale_retained_partial_is_not_delivered
    hostile_70_a_retained_list_of_10_megabytes_does_not_end_the_link
    hostile_70_a_repeated_join_does_not_repeat_publications
}

async fn hostile_70_a_stale_retained_partial_is_not_delivered(broker: Broker) {
    let mut publisher = Client::connect(broker.address(), "transcriber").await;
    publisher
        .retain("transcriber/out/S/1/partial", r#"{"text":"stale"}"#)
        .await;
    let server = TestServer::start_with(&[("mqtt_url", &broker.url())]).await;
    let mut viewer = server.viewer().await;
    viewer.join("S/1").await;
    let mut second = server.viewer().await;
    second.join("S/1").await;
    publisher.send("transcriber/out/S/1/partial", "1").await;
    viewer.expect("partial", "1").await;
    second.expect("partial", "1").await;
    drop((viewer, second));
    server.stop().await;
}

async fn hostile_70_a_retained_list_of_10_megabytes_does_not_end_the_link(broker: Broker) {
    let statuses = "system/out/sessions/statuses";
    let entry = format!(r#"{{"id":"s","name":"{}"}}"#, "n".repeat(10_000));
    let list = format!("[{}]", vec![entry; 1_000].join(","));
    assert!(list.len() > 10_000_000);
    let mut publisher = Client::connect(broker.address(), "scheduler").await;
    publisher.retain(statuses, &list).await;
    let server = TestServer::start_with(&[("mqtt_url", &broker.url())]).await;
    let mut viewer = server.viewer().await;
    viewer.join("S/1").await;
    publisher.retain(statuses, &list).await;
    server.metric_becomes("publications_total", 2).await;
    publisher.send("transcriber/out/S/1/final", "1").await;
    viewer.expect("final", "1").await;
    assert_eq!(server.metric("broker_connects_total").await, 3);
    assert_eq!(server.metric("broker_connect_failures_total").await, 0);
    drop(viewer);
    server.stop().await;
}

async fn hostile_70_a_repeated_join_does_not_repeat_publications(broker: Broker) {
    let server = TestServer::start_with(&[("mqtt_url", &broker.url())]).await;
    let publisher = Client::connect(broker.address(), "transcriber").await;
    let mut viewer = server.viewer().await;
    for _ in 0..3 {
        viewer.join("S/1").await;
    }
    for n in 0..20 {
        let topic = "transcriber/out/S/1/final";
        publisher
            .publish(topic, QoS::ExactlyOnce, n.to_string())
            .await;
    }
    for n in 0..20 {
        viewer.expect("final", &n.to_string()).await;
    }
    drop(viewer);
    server.stop().await;
}
