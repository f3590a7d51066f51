//! A publisher's link, when the broker misbehaves.

use bytes::BytesMut;
use rumqttc::{ConnAck, ConnectReturnCode, Packet, PubAck, Publish};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::config::{MqttTls, MqttUrl};

/// The broker's side of one connection, taking and giving packets as the test says.
struct FakeBroker {
    stream: TcpStream,
    buffer: BytesMut,
}

impl FakeBroker {
    async fn accept(listener: &TcpListener, code: ConnectReturnCode) -> Self {
        let (stream, _) = listener.accept().await.unwrap();
        let mut broker = Self {
            stream,
            buffer: BytesMut::new(),
        };
        let Packet::Connect(_) = broker.packet().await else {
            panic!("CONNECT comes first")
        };
        let mut answer = BytesMut::new();
        ConnAck::new(code, false).write(&mut answer).unwrap();
        broker.stream.write_all(&answer).await.unwrap();
        broker
    }

    async fn packet(&mut self) -> Packet {
        loop {
            if let Ok(packet) = Packet::read(&mut self.buffer, 1 << 20) {
                return packet;
            }
            assert_ne!(
                self.stream.read_buf(&mut self.buffer).await.unwrap(),
                0,
                "closed"
            );
        }
    }

    async fn publish(&mut self) -> Publish {
        loop {
            if let Packet::Publish(publish) = self.packet().await {
                return publish;
            }
        }
    }

    async fn acknowledge(&mut self, publish: &Publish) {
        let mut answer = BytesMut::new();
        PubAck::new(publish.pkid).write(&mut answer).unwrap();
        self.stream.write_all(&answer).await.unwrap();
    }
}

async fn listener() -> (TcpListener, MqttUrl) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut url = MqttUrl::plain(listener.local_addr().unwrap());
    url.username = Some("ann".to_owned());
    url.password = Some(crate::config::Secret::new("hush"));
    (listener, url)
}

#[tokio::test]
async fn a_publication_that_an_outage_swallows_is_sent_again() {
    let (listener, url) = listener().await;
    let broker = async {
        let mut first = FakeBroker::accept(&listener, ConnectReturnCode::Success).await;
        first.publish().await;
        drop(first);
        let mut second = FakeBroker::accept(&listener, ConnectReturnCode::Success).await;
        let again = second.publish().await;
        second.acknowledge(&again).await;
        (again.topic, again.payload, second)
    };
    let publisher = async {
        let link = BrokerLink::connect(&url, &MqttTls::default(), LONG)
            .await
            .unwrap();
        link.publish("a/b", Bytes::from_static(b"{}"))
            .await
            .unwrap();
    };
    let both = async { tokio::join!(broker, publisher) };
    let ((topic, payload, _second), ()) = tokio::time::timeout(LONG, both)
        .await
        .expect("published again in time");
    assert_eq!((topic.as_str(), &payload[..]), ("a/b", &b"{}"[..]));
}

#[tokio::test]
async fn a_refused_login_says_so_without_the_password() {
    let (listener, url) = listener().await;
    let broker = FakeBroker::accept(&listener, ConnectReturnCode::BadUserNamePassword);
    let tls = MqttTls::default();
    let (_broker, link) = tokio::join!(broker, BrokerLink::connect(&url, &tls, LONG));
    let error = link.err().expect("the login was refused").to_string();
    assert!(
        error.contains("BadUserNamePassword") && !error.contains("hush"),
        "{error}"
    );
}

#[tokio::test]
async fn a_broker_that_never_answers_ends_at_the_deadline() {
    let (_listener, url) = listener().await;
    let tls = MqttTls::default();
    let link = BrokerLink::connect(&url, &tls, Duration::from_millis(20)).await;
    assert!(matches!(link.err(), Some(LinkError::Deadline { .. })));
}

#[test]
fn a_file_without_certificates_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let tls = MqttTls {
        ca: Some(file.path().to_owned()),
        identity: None,
    };
    let error = tls_config(&tls).unwrap_err().to_string();
    assert!(error.contains("no certificate in PEM found"), "{error}");
}

proptest! {
    #[test]
    fn reading_a_recording_never_panics(text in ".{0,400}") {
        for format in [Format::JsonLines, Format::Subtitles] {
            if let Ok(recording) = Recording::parse(format, &text) {
                recording.publications(RUN);
            }
        }
    }

    #[test]
    fn reading_something_like_cues_never_panics(
        text in "([0-9:.,]{0,12} --> [0-9:.,]{0,12}( x)?\n[<>{}\\\\a-zv &;é]{0,20}\n\n?){0,6}"
    ) {
        if let Ok(recording) = Recording::parse(Format::Subtitles, &text) {
            let out = recording.publications(RUN);
            prop_assert!(out.is_sorted_by_key(|one| one.at));
        }
    }

    #[test]
    fn reading_something_like_payloads_never_panics(
        start in any::<f64>(), end in any::<f64>(), second in any::<bool>(), astart in any::<bool>()
    ) {
        let astart = if astart { r#","astart":"2026-01-31T20:15:00Z""# } else { "" };
        let key = if second { "at_ms" } else { "start" };
        let line = format!(r#"{{"{key}":{start:e},"end":{end:e},"kind":"final","payload":{{}}{astart}}}"#);
        if let Ok(out) = lines(&format!("{line}\n{line}")) {
            prop_assert!(out.is_sorted_by_key(|one| one.at));
        }
    }
}
