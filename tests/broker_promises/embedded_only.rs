//! What only the embedded broker promises: its life as a value, its limits, what it refuses.

use rumqttc::QoS;
use rumqttc::mqttbytes::v4::{Connect, ConnectReturnCode, LastWill, Packet, SubscribeReasonCode};
use switchboard::embedded_broker::{EmbeddedBroker, Limits, Options};
use tokio::net::TcpStream;

use crate::mqtt::{Client, Raw, within};
use crate::start_embedded;

async fn start(limits: Limits) -> EmbeddedBroker {
    start_embedded(Options {
        limits,
        ..Options::default()
    })
    .await
}

#[tokio::test]
async fn port_0_is_reported_as_the_port_it_became() {
    let broker = start(Limits::default()).await;
    assert_ne!(broker.local_addr().port(), 0);
    Client::connect(broker.local_addr(), "client").await;
}

#[tokio::test]
async fn taken_port_is_an_error_that_names_the_address() {
    let broker = start(Limits::default()).await;
    let taken = broker.local_addr();
    let error = EmbeddedBroker::bind(taken, Options::default())
        .await
        .err()
        .expect("it is taken");
    assert_eq!(error.address, taken);
    assert!(error.to_string().contains(&taken.to_string()), "{error}");
}

#[tokio::test]
async fn dropping_the_broker_closes_the_port_and_all_connections() {
    let broker = start(Limits::default()).await;
    let address = broker.local_addr();
    let mut client = Client::connect(address, "client").await;
    let mut silent = Raw::open(address).await;
    drop(broker);
    client.lost().await;
    assert_eq!(silent.receive().await, None);
    within("the port to close", async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    EmbeddedBroker::bind(address, Options::default())
        .await
        .expect("the port is free again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_publishers_on_several_threads_each_keep_their_order() {
    const EACH: usize = 2_000;
    let broker = start(Limits::default()).await;
    let address = broker.local_addr();
    let mut subscriber = Client::connect(address, "subscriber").await;
    subscriber.subscribe("from/+", QoS::AtLeastOnce).await;
    let publishers: Vec<_> = (0..4)
        .map(|publisher| {
            tokio::spawn(async move {
                let client = Client::connect(address, &format!("publisher{publisher}")).await;
                for number in 0..EACH {
                    let topic = format!("from/{publisher}");
                    client
                        .publish(&topic, QoS::AtLeastOnce, number.to_string())
                        .await;
                }
                client
            })
        })
        .collect();
    let mut next = [0; 4];
    for _ in 0..4 * EACH {
        let (topic, payload) = subscriber.text().await;
        let publisher: usize = topic["from/".len()..]
            .parse()
            .expect("a publisher's number");
        assert_eq!(payload, next[publisher].to_string());
        next[publisher] += 1;
    }
    assert_eq!(next, [EACH; 4]);
    for publisher in publishers {
        publisher.await.expect("published");
    }
}

#[tokio::test]
async fn peer_that_does_not_read_qos_1_is_disconnected_and_its_will_published() {
    let limits = Limits {
        queued_bytes: 4 << 20,
        ..Limits::default()
    };
    let broker = start(limits).await;
    let address = broker.local_addr();
    let mut stuck = Connect::new("stuck");
    stuck.last_will = Some(LastWill::new("will", "gone", QoS::AtMostOnce, false));
    let (mut stuck, _) = Raw::connect(address, stuck).await;
    stuck
        .subscribe("flood", QoS::AtLeastOnce)
        .await
        .expect("granted");
    let mut watcher = Client::connect(address, "watcher").await;
    watcher.subscribe("will", QoS::AtMostOnce).await;
    let publisher = Client::connect(address, "publisher").await;
    // At most 256 of them, 4 MiB, are written unacknowledged; the queue holds as much again.
    for _ in 0..1_024 {
        publisher
            .publish("flood", QoS::AtLeastOnce, vec![0; 16 << 10])
            .await;
    }
    assert_eq!(&watcher.publication().await.payload[..], b"gone");
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_until_one_leaves() {
    let broker = start(Limits {
        connections: 2,
        ..Limits::default()
    })
    .await;
    let address = broker.local_addr();
    let _first = Client::connect(address, "first").await;
    let second = Client::connect(address, "second").await;
    assert_eq!(Raw::open(address).await.receive().await, None);
    drop(second);
    within("room for another connection", async {
        loop {
            let mut raw = Raw::open(address).await;
            raw.send(&Packet::Connect(Connect::new("third"))).await;
            if raw.receive().await.is_some() {
                return;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn packet_beyond_the_limit_ends_its_connection_before_it_is_whole() {
    let broker = start(Limits {
        packet_bytes: 1_000,
        ..Limits::default()
    })
    .await;
    let (mut raw, _) = Raw::connect(broker.local_addr(), Connect::new("client")).await;
    raw.send_bytes(b"\x30\xe9\x07").await;
    assert_eq!(raw.receive().await, None);
}

#[tokio::test]
async fn other_protocol_levels_are_refused_with_their_code() {
    let broker = start(Limits::default()).await;
    // Level 5 with properties, as an MQTT 5 client sends it, and a level that does not exist.
    let connects = [
        &b"\x10\x15\x00\x04MQTT\x05\x02\x00\x0a\x05\x11\x00\x00\x00\x0a\x00\x03abc"[..],
        b"\x10\x0f\x00\x04MQTT\x09\x02\x00\x0a\x00\x03abc",
    ];
    for bytes in connects {
        let mut raw = Raw::open(broker.local_addr()).await;
        raw.send_bytes(bytes).await;
        let Some(Packet::ConnAck(answer)) = raw.receive().await else {
            panic!("no CONNACK")
        };
        assert_eq!(answer.code, ConnectReturnCode::RefusedProtocolVersion);
        assert_eq!(raw.receive().await, None);
    }
}

#[tokio::test]
async fn lasting_session_is_accepted_as_one_that_ends_with_its_connection() {
    let broker = start(Limits::default()).await;
    let address = broker.local_addr();
    let lasting = || Connect {
        clean_session: false,
        ..Connect::new("client")
    };
    let (mut first, answer) = Raw::connect(address, lasting()).await;
    assert_eq!(
        (answer.code, answer.session_present),
        (ConnectReturnCode::Success, false)
    );
    first
        .subscribe("news", QoS::AtLeastOnce)
        .await
        .expect("granted");
    drop(first);
    let (_second, answer) = Raw::connect(address, lasting()).await;
    assert_eq!(
        (answer.code, answer.session_present),
        (ConnectReturnCode::Success, false)
    );

    let nameless = Connect {
        clean_session: false,
        ..Connect::new("")
    };
    let (_, answer) = Raw::connect(address, nameless).await;
    assert_eq!(answer.code, ConnectReturnCode::BadClientId);
}

#[tokio::test]
async fn nameless_clients_do_not_take_each_other_over() {
    let broker = start(Limits::default()).await;
    let (mut first, _) = Raw::connect(broker.local_addr(), Connect::new("")).await;
    let (mut second, _) = Raw::connect(broker.local_addr(), Connect::new("")).await;
    for raw in [&mut first, &mut second] {
        let answer = raw
            .subscribe("news", QoS::ExactlyOnce)
            .await
            .expect("still connected");
        assert_eq!(
            answer.return_codes,
            [SubscribeReasonCode::Success(QoS::AtLeastOnce)]
        );
    }
}

#[tokio::test]
async fn shared_subscription_is_refused_and_the_connection_stays() {
    let broker = start(Limits::default()).await;
    let (mut raw, _) = Raw::connect(broker.local_addr(), Connect::new("client")).await;
    let answer = raw
        .subscribe("$share/group/news", QoS::AtMostOnce)
        .await
        .expect("connected");
    assert_eq!(answer.return_codes, [SubscribeReasonCode::Failure]);
    let answer = raw
        .subscribe("news", QoS::AtMostOnce)
        .await
        .expect("connected");
    assert_eq!(
        answer.return_codes,
        [SubscribeReasonCode::Success(QoS::AtMostOnce)]
    );
}
