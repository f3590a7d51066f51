//! What switchboard needs of a broker, promised alike by the embedded one and by Mosquitto.
//!
//! Each promise runs against both; against Mosquitto only where it is installed.

mod embedded_only;
#[path = "../support/mosquitto.rs"]
mod mosquitto_process;
#[path = "../support/mqtt.rs"]
mod mqtt;

use std::net::{Ipv4Addr, SocketAddr};

use mosquitto_process::Mosquitto;
use mqtt::{Client, Raw};
use rumqttc::QoS;
use rumqttc::mqttbytes::v4::{
    Connect, ConnectReturnCode, LastWill, Login, Packet, PubComp, PubRec, PubRel, Publish,
};
use switchboard::embedded_broker::{EmbeddedBroker, Options};

const USER: &str = "transcriber";
const PASSWORD: &str = "correct horse";

async fn start_embedded(options: Options) -> EmbeddedBroker {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    EmbeddedBroker::bind(address, options)
        .await
        .expect("a free loopback port")
}

/// Makes two tests of each promise: `embedded::…` and `mosquitto::…`. A promise takes the broker's
/// address; the broker lives as long as its test.
macro_rules! promises {
    ($credentials:expr => $($promise:ident)*) => {
        mod embedded {
            use super::*;
            $(#[tokio::test]
            async fn $promise() {
                let credentials: Option<(&str, &str)> = $credentials;
                let owned = |(user, password): (&str, &str)| (user.to_owned(), password.to_owned());
                let options = Options { credentials: credentials.map(owned), ..Options::default() };
                let broker = start_embedded(options).await;
                super::$promise(broker.local_addr()).await;
            })*
        }
        mod mosquitto {
            use super::*;
            $(#[tokio::test]
            async fn $promise() {
                if let Some(broker) = Mosquitto::start($credentials) {
                    super::$promise(broker.address()).await;
                }
            })*
        }
    };
}

promises! { None =>
    retained_message_reaches_a_late_subscriber_until_it_is_cleared
    will_is_published_for_a_killed_link_and_not_after_a_disconnect
    burst_of_2000_with_qos_1_arrives_whole_and_in_order
    burst_of_20000_with_qos_0_arrives_whole_and_in_order
    repeated_qos_2_publication_is_delivered_once
    client_that_reconnects_subscribes_and_receives_again
    newer_connection_takes_over_a_client_id
    peer_that_never_reads_does_not_hold_up_others
    connection_without_a_connect_blocks_nobody
    malformed_bytes_end_their_connection_and_no_other
    invalid_filter_or_topic_ends_its_connection
    silent_client_is_dropped_after_its_keep_alive
    filters_match_as_the_specification_says
    packet_of_ten_megabytes_passes_unchanged
    nothing_follows_an_unsubscription
}

/// The same two tests, of a broker that asks for credentials.
mod closed_to_strangers {
    use super::*;

    promises! { Some((USER, PASSWORD)) => only_the_right_credentials_are_admitted }
}

async fn retained_message_reaches_a_late_subscriber_until_it_is_cleared(broker: SocketAddr) {
    let mut publisher = Client::connect(broker, "publisher").await;
    publisher.retain("status/a", "old").await;
    publisher.retain("status/a", "new").await;
    let mut late = Client::connect(broker, "late").await;
    late.subscribe("status/+", QoS::AtLeastOnce).await;
    let publication = late.publication().await;
    assert_eq!(
        (&publication.payload[..], publication.retain),
        (&b"new"[..], true)
    );

    publisher.retain("status/a", "").await;
    assert_eq!(late.text().await, text("status/a", ""));
    let mut later = Client::connect(broker, "later").await;
    later.subscribe("status/+", QoS::AtLeastOnce).await;
    publisher
        .publish("status/fence", QoS::AtLeastOnce, "fence")
        .await;
    assert_eq!(later.text().await, text("status/fence", "fence"));
}

async fn will_is_published_for_a_killed_link_and_not_after_a_disconnect(broker: SocketAddr) {
    let mut watcher = Client::connect(broker, "watcher").await;
    watcher.subscribe("will/#", QoS::AtLeastOnce).await;
    let with_will = |client_id: &str| {
        let mut connect = Connect::new(client_id);
        connect.last_will = Some(LastWill::new(
            format!("will/{client_id}"),
            "gone",
            QoS::AtLeastOnce,
            false,
        ));
        connect
    };
    let (mut polite, _) = Raw::connect(broker, with_will("polite")).await;
    polite.send(&Packet::Disconnect).await;
    assert_eq!(polite.receive().await, None);
    let (killed, _) = Raw::connect(broker, with_will("killed")).await;
    drop(killed);
    assert_eq!(watcher.text().await, text("will/killed", "gone"));
}

async fn burst_of_2000_with_qos_1_arrives_whole_and_in_order(broker: SocketAddr) {
    burst(broker, QoS::AtLeastOnce, 2_000).await;
}

async fn burst_of_20000_with_qos_0_arrives_whole_and_in_order(broker: SocketAddr) {
    burst(broker, QoS::AtMostOnce, 20_000).await;
}

async fn burst(broker: SocketAddr, qos: QoS, count: usize) {
    let mut subscriber = Client::connect(broker, "subscriber").await;
    subscriber.subscribe("burst/+", qos).await;
    let publisher = Client::connect(broker, "publisher").await;
    let publishing = async {
        for number in 0..count {
            publisher
                .publish("burst/final", qos, number.to_string())
                .await;
        }
    };
    let receiving = async {
        for number in 0..count {
            assert_eq!(
                subscriber.text().await,
                text("burst/final", &number.to_string())
            );
        }
    };
    tokio::join!(publishing, receiving);
}

async fn repeated_qos_2_publication_is_delivered_once(broker: SocketAddr) {
    let mut subscriber = Client::connect(broker, "subscriber").await;
    subscriber.subscribe("once", QoS::AtLeastOnce).await;
    let (mut publisher, _) = Raw::connect(broker, Connect::new("publisher")).await;
    let mut publication = Publish::new("once", QoS::ExactlyOnce, "1");
    publication.pkid = 7;
    for dup in [false, true] {
        publication.dup = dup;
        publisher.send(&Packet::Publish(publication.clone())).await;
        assert_eq!(
            publisher.receive().await,
            Some(Packet::PubRec(PubRec::new(7)))
        );
    }
    publisher.send(&Packet::PubRel(PubRel::new(7))).await;
    assert_eq!(
        publisher.receive().await,
        Some(Packet::PubComp(PubComp::new(7)))
    );
    publisher
        .send(&Packet::Publish(Publish::new(
            "once",
            QoS::AtMostOnce,
            "fence",
        )))
        .await;
    assert_eq!(subscriber.text().await, text("once", "1"));
    assert_eq!(subscriber.text().await, text("once", "fence"));
}

async fn client_that_reconnects_subscribes_and_receives_again(broker: SocketAddr) {
    let publisher = Client::connect(broker, "publisher").await;
    for round in 0..5 {
        // Its link was killed at the end of the round before.
        let mut client = Client::connect(broker, "same").await;
        client.subscribe("news", QoS::AtLeastOnce).await;
        publisher
            .publish("news", QoS::AtLeastOnce, round.to_string())
            .await;
        assert_eq!(client.text().await, text("news", &round.to_string()));
    }
}

async fn newer_connection_takes_over_a_client_id(broker: SocketAddr) {
    let mut older = Client::connect(broker, "same").await;
    older.subscribe("news", QoS::AtLeastOnce).await;
    let mut newer = Client::connect(broker, "same").await;
    older.lost().await;
    newer.subscribe("fresh", QoS::AtLeastOnce).await;
    let publisher = Client::connect(broker, "publisher").await;
    publisher
        .publish("news", QoS::AtLeastOnce, "not subscribed by the newer one")
        .await;
    publisher.publish("fresh", QoS::AtLeastOnce, "1").await;
    assert_eq!(newer.text().await, text("fresh", "1"));
}

async fn peer_that_never_reads_does_not_hold_up_others(broker: SocketAddr) {
    let mut stuck = Vec::new();
    for (client_id, qos) in [("stuck0", QoS::AtMostOnce), ("stuck1", QoS::AtLeastOnce)] {
        let (mut peer, _) = Raw::connect(broker, Connect::new(client_id)).await;
        peer.subscribe("flood", qos).await.expect("granted");
        stuck.push(peer);
    }
    let mut healthy = Client::connect(broker, "healthy").await;
    healthy.subscribe("flood", QoS::AtLeastOnce).await;
    let publisher = Client::connect(broker, "publisher").await;
    // 32 MiB: more than the kernel buffers for a peer.
    for number in 0..2_048_u32 {
        let mut payload = vec![0; 16 << 10];
        payload[..4].copy_from_slice(&number.to_be_bytes());
        publisher.publish("flood", QoS::AtLeastOnce, payload).await;
        assert_eq!(
            healthy.publication().await.payload[..4],
            number.to_be_bytes()
        );
    }
}

async fn connection_without_a_connect_blocks_nobody(broker: SocketAddr) {
    let mut silent = Vec::new();
    for _ in 0..20 {
        let mut raw = Raw::open(broker).await;
        // The first half of a CONNECT, and no more.
        raw.send_bytes(b"\x10\x20\x00\x04MQ").await;
        silent.push(raw);
    }
    let mut client = Client::connect(broker, "client").await;
    client.subscribe("news", QoS::AtMostOnce).await;
    client.publish("news", QoS::AtMostOnce, "1").await;
    assert_eq!(client.text().await, text("news", "1"));
}

async fn malformed_bytes_end_their_connection_and_no_other(broker: SocketAddr) {
    let mut client = Client::connect(broker, "client").await;
    client.subscribe("news", QoS::AtLeastOnce).await;
    let first_bytes = [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        b"\xff\xff\xff\xff\xff\xff",
        b"\x30\x05\x00\x01a12",
        b"\x10\x80\x80\x80\x80\x01",
        b"\x10\x02\x00\xff",
    ];
    for bytes in first_bytes {
        let mut raw = Raw::open(broker).await;
        raw.send_bytes(bytes).await;
        assert_eq!(raw.receive().await, None, "after {bytes:x?}");
    }
    // After a good CONNECT: QoS 3, no packet id, id 0, a second CONNECT, a topic beyond the packet.
    let later_bytes = [
        &b"\x36\x05\x00\x01a\x00\x01"[..],
        b"\x32\x03\x00\x01a",
        b"\x32\x05\x00\x01a\x00\x00",
        b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x0a\x00\x02id",
        b"\x30\x03\x00\xff\x61",
    ];
    for bytes in later_bytes {
        let (mut raw, _) = Raw::connect(broker, Connect::new("hostile")).await;
        raw.send_bytes(bytes).await;
        assert_eq!(raw.receive().await, None, "after {bytes:x?}");
    }
    client.publish("news", QoS::AtLeastOnce, "still here").await;
    assert_eq!(client.text().await, text("news", "still here"));
}

async fn invalid_filter_or_topic_ends_its_connection(broker: SocketAddr) {
    for filter in ["a/#/b", "a+/b", "a#", ""] {
        let (mut raw, _) = Raw::connect(broker, Connect::new("client")).await;
        assert_eq!(
            raw.subscribe(filter, QoS::AtMostOnce).await,
            None,
            "{filter:?}"
        );
    }
    for topic in ["a/+", "a/#"] {
        let (mut raw, _) = Raw::connect(broker, Connect::new("client")).await;
        raw.send(&Packet::Publish(Publish::new(topic, QoS::AtMostOnce, "1")))
            .await;
        assert_eq!(raw.receive().await, None, "{topic:?}");
    }
}

async fn silent_client_is_dropped_after_its_keep_alive(broker: SocketAddr) {
    let mut connect = Connect::new("client");
    connect.keep_alive = 1;
    let (mut raw, _) = Raw::connect(broker, connect).await;
    raw.send(&Packet::PingReq).await;
    assert_eq!(raw.receive().await, Some(Packet::PingResp));
    assert_eq!(raw.receive().await, None);
}

async fn filters_match_as_the_specification_says(broker: SocketAddr) {
    let table = [
        ("room/1/partial", "room/1/partial", true),
        ("room/1/partial", "room/1/final", false),
        ("room/+/final", "room/1/final", true),
        ("room/+/final", "room/1/2/final", false),
        ("room/+", "room/", true),
        ("room/+", "room", false),
        ("+", "/room", false),
        ("+/+", "/room", true),
        ("room/#", "room", true),
        ("room/#", "room/1/final", true),
        ("room/#", "rooms/1", false),
        ("#", "any/thing", true),
        ("#", "$own/thing", false),
        ("+/thing", "$own/thing", false),
        ("$own/#", "$own/thing", true),
        ("é/+", "é/ü", true),
    ];
    let publisher = Client::connect(broker, "publisher").await;
    for (row, (filter, topic, matches)) in table.into_iter().enumerate() {
        let mut client = Client::connect(broker, &format!("client{row}")).await;
        client.subscribe(filter, QoS::AtMostOnce).await;
        client.subscribe("fence", QoS::AtMostOnce).await;
        publisher.publish(topic, QoS::AtMostOnce, "1").await;
        publisher.publish("fence", QoS::AtMostOnce, "1").await;
        let (first, _) = client.text().await;
        assert_eq!(
            first,
            if matches { topic } else { "fence" },
            "{filter} against {topic}"
        );
    }
}

async fn packet_of_ten_megabytes_passes_unchanged(broker: SocketAddr) {
    let mut client = Client::connect(broker, "client").await;
    client.subscribe("large", QoS::AtLeastOnce).await;
    let payload: Vec<u8> = (0..10_000_000_u32)
        .map(|number| (number % 251) as u8)
        .collect();
    client
        .publish("large", QoS::AtLeastOnce, payload.clone())
        .await;
    assert!(client.publication().await.payload == payload);
}

async fn nothing_follows_an_unsubscription(broker: SocketAddr) {
    let publisher = Client::connect(broker, "publisher").await;
    let mut client = Client::connect(broker, "client").await;
    client.subscribe("room/1", QoS::AtLeastOnce).await;
    client.subscribe("room/2", QoS::AtLeastOnce).await;
    publisher.publish("room/1", QoS::AtLeastOnce, "1").await;
    assert_eq!(client.text().await, text("room/1", "1"));
    client.unsubscribe("room/1").await;
    publisher.publish("room/1", QoS::AtLeastOnce, "2").await;
    publisher.publish("room/2", QoS::AtLeastOnce, "fence").await;
    assert_eq!(client.text().await, text("room/2", "fence"));
}

async fn only_the_right_credentials_are_admitted(broker: SocketAddr) {
    let logins = [
        (None, false),
        (Some(Login::new(USER, "wrong")), false),
        (Some(Login::new("somebody", PASSWORD)), false),
        (Some(Login::new(USER, "")), false),
        (Some(Login::new(USER, PASSWORD)), true),
    ];
    for (login, admitted) in logins {
        let mut connect = Connect::new("client");
        connect.login = login.clone();
        let (mut raw, answer) = Raw::connect(broker, connect).await;
        assert_eq!(
            answer.code == ConnectReturnCode::Success,
            admitted,
            "{login:?}"
        );
        if !admitted {
            assert_eq!(raw.receive().await, None);
        }
    }
}

/// A topic and a payload, as [`Client::text`] gives them.
fn text(topic: &str, payload: &str) -> (String, String) {
    (topic.to_owned(), payload.to_owned())
}
