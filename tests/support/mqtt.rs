//! MQTT clients for tests: a rumqttc client that keeps what it receives, and a raw TCP one.

#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::v4::{ConnAck, Connect, Packet, Publish, SubAck};
use rumqttc::{AsyncClient, Event, MqttOptions, QoS};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How long anything may take before a test fails.
pub const DEADLINE: Duration = Duration::from_secs(20);
/// The largest packet that these clients send or take.
pub const MAX_PACKET: usize = 16 << 20;

/// Waits for `what`, and panics with its name when it does not come.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {DEADLINE:?} in vain for {what}"),
    }
}

/// A rumqttc client whose event loop runs in a task. Dropping it kills its TCP link.
pub struct Client {
    requests: AsyncClient,
    packets: mpsc::UnboundedReceiver<Packet>,
    polling: JoinHandle<()>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.polling.abort();
    }
}

impl Client {
    /// Connects with a clean session, and waits for the broker's answer.
    pub async fn connect(address: SocketAddr, client_id: &str) -> Self {
        Self::connect_as(address, client_id, None).await
    }

    /// As [`connect`](Self::connect), with user name and password.
    pub async fn connect_as(
        address: SocketAddr,
        client_id: &str,
        credentials: Option<(&str, &str)>,
    ) -> Self {
        let mut options = MqttOptions::new(client_id, address.ip().to_string(), address.port());
        options.set_max_packet_size(MAX_PACKET, MAX_PACKET);
        if let Some((user, password)) = credentials {
            options.set_credentials(user, password);
        }
        let (requests, mut event_loop) = AsyncClient::new(options, 100);
        let (sender, packets) = mpsc::unbounded_channel();
        let polling = tokio::spawn(async move {
            while let Ok(event) = event_loop.poll().await {
                if let Event::Incoming(packet) = event
                    && sender.send(packet).is_err()
                {
                    return;
                }
            }
        });
        let mut client = Self {
            requests,
            packets,
            polling,
        };
        match client.next("CONNACK").await {
            Packet::ConnAck(ConnAck {
                code: rumqttc::ConnectReturnCode::Success,
                ..
            }) => client,
            other => panic!("{client_id} got {other:?} for its CONNECT"),
        }
    }

    /// Subscribes and waits until it is granted. What arrives before that is lost.
    pub async fn subscribe(&mut self, filter: &str, qos: QoS) {
        self.requests
            .subscribe(filter, qos)
            .await
            .expect("the client runs");
        while !matches!(self.next("SUBACK").await, Packet::SubAck(_)) {}
    }

    /// Unsubscribes and waits for the answer. What arrives before that is lost.
    pub async fn unsubscribe(&mut self, filter: &str) {
        self.requests
            .unsubscribe(filter)
            .await
            .expect("the client runs");
        while !matches!(self.next("UNSUBACK").await, Packet::UnsubAck(_)) {}
    }

    pub async fn publish(&self, topic: &str, qos: QoS, payload: impl Into<Vec<u8>>) {
        self.requests
            .publish(topic, qos, false, payload)
            .await
            .expect("the client runs");
    }

    /// As [`publish`](Self::publish); false when the link is lost.
    pub async fn try_publish(&self, topic: &str, qos: QoS, payload: impl Into<Vec<u8>>) -> bool {
        let published = self.requests.publish(topic, qos, false, payload).await;
        published.is_ok()
    }

    /// Publishes with QoS 1, as transcribers do.
    pub async fn send(&self, topic: &str, payload: impl AsRef<[u8]>) {
        self.publish(topic, QoS::AtLeastOnce, payload.as_ref())
            .await;
    }

    /// Publishes a retained message with QoS 1 and waits until the broker has it.
    pub async fn retain(&mut self, topic: &str, payload: &str) {
        let published = self
            .requests
            .publish(topic, QoS::AtLeastOnce, true, payload);
        published.await.expect("the client runs");
        while !matches!(self.next("PUBACK").await, Packet::PubAck(_)) {}
    }

    /// The next publication that arrives.
    pub async fn publication(&mut self) -> Publish {
        loop {
            if let Packet::Publish(publication) = self.next("a publication").await {
                return publication;
            }
        }
    }

    /// The next publication's topic and payload, as text.
    pub async fn text(&mut self) -> (String, String) {
        let publication = self.publication().await;
        let payload = String::from_utf8_lossy(&publication.payload).into_owned();
        (publication.topic, payload)
    }

    /// Waits until the connection is gone.
    pub async fn lost(&mut self) {
        within("the end of the connection", async {
            while self.packets.recv().await.is_some() {}
        })
        .await;
    }

    async fn next(&mut self, what: &str) -> Packet {
        within(what, self.packets.recv())
            .await
            .unwrap_or_else(|| panic!("link lost before {what}"))
    }
}

/// A TCP connection that sends and takes single packets, and nothing on its own.
pub struct Raw {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Raw {
    pub async fn open(address: SocketAddr) -> Self {
        let stream = within("a TCP connection", TcpStream::connect(address)).await;
        Self {
            stream: stream.expect("the port is open"),
            buffer: BytesMut::new(),
        }
    }

    /// Opens a connection, sends this CONNECT and returns it with the broker's answer.
    pub async fn connect(address: SocketAddr, connect: Connect) -> (Self, ConnAck) {
        let mut raw = Self::open(address).await;
        raw.send(&Packet::Connect(connect)).await;
        match raw.receive().await {
            Some(Packet::ConnAck(answer)) => (raw, answer),
            other => panic!("{other:?} instead of CONNACK"),
        }
    }

    pub async fn send(&mut self, packet: &Packet) {
        let mut bytes = BytesMut::new();
        packet
            .write(&mut bytes, MAX_PACKET)
            .expect("a packet that can be written");
        self.send_bytes(&bytes).await;
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        within("room to send", self.stream.write_all(bytes))
            .await
            .expect("the peer reads");
    }

    /// The next packet, `None` when the broker has closed the connection.
    pub async fn receive(&mut self) -> Option<Packet> {
        loop {
            if let Ok(packet) = Packet::read(&mut self.buffer, MAX_PACKET) {
                return Some(packet);
            }
            let read = self.stream.read_buf(&mut self.buffer);
            // A reset is an end like any other.
            if within("a packet or the end", read).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// Subscribes one filter and returns the broker's answer, `None` if it is to hang up.
    pub async fn subscribe(&mut self, filter: &str, qos: QoS) -> Option<SubAck> {
        let mut request = rumqttc::mqttbytes::v4::Subscribe::new(filter, qos);
        request.pkid = 1;
        self.send(&Packet::Subscribe(request)).await;
        match self.receive().await? {
            Packet::SubAck(answer) => Some(answer),
            other => panic!("{other:?} instead of SUBACK"),
        }
    }
}
