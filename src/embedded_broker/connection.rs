//! One client connection: the handshake, then a read loop and a write loop side by side, in one task.
//!
//! Whatever goes wrong here ends this connection alone. Dropping the task's future, for whatever
//! reason, takes the connection out of the router (see [`Registration`]).

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{
    ConnAck, Connect, ConnectReturnCode, Packet, PubAck, PubComp, PubRec, Publish,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::timeout;

use super::outbox::Outbox;
use super::router::Router;
use super::subscriptions::{ConnectionId, valid_filter, valid_topic};
use super::{Options, lock};

/// From accepting a connection to its whole CONNECT.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A CONNECT is no longer: five fields of up to 64 KiB each.
const CONNECT_BYTES: usize = 384 << 10;
/// Room made for each read.
const READ_BYTES: usize = 32 << 10;
/// The protocol level of MQTT 3.1.1.
const LEVEL: u8 = 4;

/// What all connections share.
pub(super) struct Shared {
    pub(super) options: Options,
    router: Mutex<Router>,
}

impl Shared {
    pub(super) fn new(options: Options) -> Self {
        let router = Mutex::new(Router::new(&options.limits));
        Self { options, router }
    }
}

/// Why a connection ended, other than by DISCONNECT.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("closed without DISCONNECT")]
    Closed,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("malformed packet: {0}")]
    Malformed(#[from] mqttbytes::Error),
    #[error("protocol violation: {0}")]
    Violation(&'static str),
    #[error("no CONNECT within {CONNECT_TIMEOUT:?}")]
    NoConnect,
    #[error("refused: {0:?}")]
    Refused(ConnectReturnCode),
    #[error("silent for 1.5 times its keep-alive")]
    Silent,
    #[error("ended by a newer connection with its client id, or because it does not read")]
    Evicted,
}

/// Serves one connection to its end.
pub(super) async fn serve(mut stream: TcpStream, peer: SocketAddr, shared: Arc<Shared>) {
    match run(&mut stream, &shared).await {
        Ok(()) => log::debug!("MQTT connection from {peer} ended by DISCONNECT"),
        Err(fault) => log::debug!("MQTT connection from {peer} ended: {fault}"),
    }
}

async fn run(stream: &mut TcpStream, shared: &Shared) -> Result<(), Fault> {
    stream.set_nodelay(true)?;
    let (read, mut write) = stream.split();
    let mut reader = PacketReader {
        read,
        buffer: BytesMut::new(),
    };
    let handshake = timeout(CONNECT_TIMEOUT, handshake(&mut reader, &shared.options)).await;
    let connect = match handshake.map_err(|_| Fault::NoConnect)? {
        Ok(connect) => connect,
        Err(fault) => {
            if let Fault::Refused(code) = fault {
                let mut answer = BytesMut::new();
                ConnAck::new(code, false).write(&mut answer)?;
                write.write_all(&answer).await?;
            }
            return Err(fault);
        }
    };
    let outbox = Arc::new(Outbox::new(&connect.client_id, &shared.options.limits));
    outbox.acknowledge(&Packet::ConnAck(ConnAck::new(
        ConnectReturnCode::Success,
        false,
    )));
    let keep_alive = u64::from(connect.keep_alive);
    let patience = (keep_alive > 0).then(|| Duration::from_millis(keep_alive * 1_500));
    let mut session = Session {
        registration: Registration::new(&shared.router, connect, &outbox),
        outbox: &outbox,
        unreleased: HashSet::new(),
    };
    tokio::select! {
        ended = session.read(&mut reader, patience, shared.options.limits.packet_bytes) => ended,
        ended = write_batches(&outbox, &mut write) => ended,
        () = outbox.closed() => Err(Fault::Evicted),
    }
}

/// Reads the CONNECT and decides on it.
async fn handshake(reader: &mut PacketReader<'_>, options: &Options) -> Result<Connect, Fault> {
    let connect = loop {
        if protocol_level(&reader.buffer).is_some_and(|level| level != LEVEL) {
            return Err(Fault::Refused(ConnectReturnCode::RefusedProtocolVersion));
        }
        match reader.next_buffered(CONNECT_BYTES)? {
            Some(Packet::Connect(connect)) => break connect,
            Some(_) => return Err(Fault::Violation("the first packet is not CONNECT")),
            None => reader.fill().await?,
        }
    };
    if connect
        .last_will
        .as_ref()
        .is_some_and(|will| !valid_topic(&will.topic))
    {
        return Err(Fault::Violation("the will's topic is not valid"));
    }
    if connect.client_id.is_empty() && !connect.clean_session {
        return Err(Fault::Refused(ConnectReturnCode::BadClientId));
    }
    match (&options.credentials, &connect.login) {
        (Some(_), None) => Err(Fault::Refused(ConnectReturnCode::NotAuthorized)),
        (Some((user, password)), Some(login))
            if (user, password) != (&login.username, &login.password) =>
        {
            Err(Fault::Refused(ConnectReturnCode::BadUserNamePassword))
        }
        _ => Ok(connect),
    }
}

/// The level in the first bytes of a CONNECT, once they are there. Looked up before parsing, as the
/// packet of another level has another form.
fn protocol_level(bytes: &[u8]) -> Option<u8> {
    let after_length = 2 + bytes
        .get(1..)?
        .iter()
        .take(3)
        .take_while(|&&byte| byte >= 0x80)
        .count();
    let name_and_level = bytes.get(after_length..)?;
    name_and_level
        .strip_prefix(b"\x00\x04MQTT")?
        .first()
        .copied()
}

/// A connection's place in the router, given up when dropped.
struct Registration<'a> {
    router: &'a Mutex<Router>,
    id: ConnectionId,
}

impl<'a> Registration<'a> {
    fn new(router: &'a Mutex<Router>, connect: Connect, outbox: &Arc<Outbox>) -> Self {
        let outbox = Arc::clone(outbox);
        let id = lock(router).connect(connect.client_id, connect.last_will, outbox);
        Self { router, id }
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        lock(self.router).disconnect(self.id);
    }
}

/// A connection whose handshake is done.
struct Session<'a> {
    registration: Registration<'a>,
    outbox: &'a Outbox,
    /// QoS 2 packet ids that the peer has yet to release: a repeated publication is not routed again.
    unreleased: HashSet<u16>,
}

impl Session<'_> {
    /// Handles packets until DISCONNECT, or until nothing came for as long as `patience`.
    async fn read(
        &mut self,
        reader: &mut PacketReader<'_>,
        patience: Option<Duration>,
        max_bytes: usize,
    ) -> Result<(), Fault> {
        loop {
            while let Some(packet) = reader.next_buffered(max_bytes)? {
                if packet == Packet::Disconnect {
                    lock(self.registration.router).forget_will(self.registration.id);
                    return Ok(());
                }
                self.handle(packet)?;
            }
            // A publisher in full flow must let the subscribers' tasks run too.
            tokio::task::yield_now().await;
            match patience {
                Some(patience) => {
                    timeout(patience, reader.fill())
                        .await
                        .map_err(|_| Fault::Silent)??;
                }
                None => reader.fill().await?,
            }
        }
    }

    fn handle(&mut self, packet: Packet) -> Result<(), Fault> {
        let id = self.registration.id;
        match packet {
            Packet::Publish(publication) => self.publish(publication)?,
            Packet::PubRel(release) => {
                self.unreleased.remove(&release.pkid);
                self.outbox
                    .acknowledge(&Packet::PubComp(PubComp::new(release.pkid)));
            }
            Packet::PubAck(ack) => self.outbox.acknowledged(ack.pkid),
            Packet::Subscribe(request) => {
                if request.pkid == 0 || !request.filters.iter().all(|f| valid_filter(&f.path)) {
                    return Err(Fault::Violation(
                        "SUBSCRIBE with packet id 0 or a bad filter",
                    ));
                }
                lock(self.registration.router).subscribe(id, request);
            }
            Packet::Unsubscribe(request) => {
                if request.pkid == 0 || request.topics.is_empty() {
                    return Err(Fault::Violation(
                        "UNSUBSCRIBE with packet id 0 or no filter",
                    ));
                }
                lock(self.registration.router).unsubscribe(id, &request);
            }
            Packet::PingReq => self.outbox.acknowledge(&Packet::PingResp),
            _ => {
                return Err(Fault::Violation(
                    "a packet that no client sends at this point",
                ));
            }
        }
        Ok(())
    }

    /// Routes a publication, then acknowledges it as its QoS asks.
    fn publish(&mut self, publication: Publish) -> Result<(), Fault> {
        if !valid_topic(&publication.topic) {
            return Err(Fault::Violation("PUBLISH to a topic that is not valid"));
        }
        let packet_id = publication.pkid;
        let answer = match publication.qos {
            QoS::AtMostOnce => None,
            QoS::AtLeastOnce => Some(Packet::PubAck(PubAck::new(packet_id))),
            QoS::ExactlyOnce => Some(Packet::PubRec(PubRec::new(packet_id))),
        };
        let first = publication.qos != QoS::ExactlyOnce || self.unreleased.insert(packet_id);
        if first {
            lock(self.registration.router).publish(publication);
        }
        if let Some(answer) = answer {
            self.outbox.acknowledge(&answer);
        }
        Ok(())
    }
}

/// Writes what the outbox holds, as much as there is at a time, until the peer goes away.
async fn write_batches(outbox: &Outbox, write: &mut WriteHalf<'_>) -> Result<(), Fault> {
    let mut batch = BytesMut::new();
    loop {
        let rest = outbox.next_batch(&mut batch).await;
        write.write_all(&batch).await?;
        write.write_all(&rest).await?;
        batch.clear();
    }
}

/// Cuts the packets out of what a peer sends.
struct PacketReader<'a> {
    read: ReadHalf<'a>,
    buffer: BytesMut,
}

impl PacketReader<'_> {
    /// The next packet, if all of it is here; a fault if it is malformed or over `max_bytes`.
    fn next_buffered(&mut self, max_bytes: usize) -> Result<Option<Packet>, Fault> {
        if self
            .buffer
            .first()
            .is_some_and(|&byte| !valid_first_byte(byte))
        {
            return Err(Fault::Violation("packet type or flags that do not exist"));
        }
        match Packet::read(&mut self.buffer, max_bytes) {
            Ok(packet) => Ok(Some(packet)),
            Err(mqttbytes::Error::InsufficientBytes(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits for more bytes. The buffer grows with what came, never with what a packet announces.
    async fn fill(&mut self) -> Result<(), Fault> {
        if self.buffer.is_empty() && self.buffer.capacity() > 4 * READ_BYTES {
            self.buffer = BytesMut::new();
        }
        self.buffer.reserve(READ_BYTES);
        match self.read.read_buf(&mut self.buffer).await? {
            0 => Err(Fault::Closed),
            _ => Ok(()),
        }
    }
}

/// Whether packet type and flags go together. The codec does not look at the flags.
fn valid_first_byte(byte: u8) -> bool {
    match byte >> 4 {
        3 => true,
        6 | 8 | 10 => byte & 0x0f == 0b0010,
        kind => kind != 0 && kind != 15 && byte & 0x0f == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocol_level_is_found_before_the_packet_is_whole() {
        assert_eq!(protocol_level(b"\x10\x0c\x00\x04MQTT\x04"), Some(4));
        assert_eq!(
            protocol_level(b"\x10\xff\xff\x03\x00\x04MQTT\x05\x02"),
            Some(5)
        );
        for bytes in [
            &b""[..],
            b"\x10",
            b"\x10\x0c\x00\x04MQTT",
            b"GET / HTTP/1.1",
            &[0xff; 9],
        ] {
            assert_eq!(protocol_level(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn reserved_types_and_flags_are_malformed() {
        for byte in [0x10, 0x30, 0x3f, 0x40, 0x50, 0x62, 0x82, 0xa2, 0xc0, 0xe0] {
            assert!(valid_first_byte(byte), "{byte:#x}");
        }
        for byte in [0x00, 0x11, 0x42, 0x60, 0x80, 0xa0, 0xc1, 0xe1, 0xf0, b'G'] {
            assert!(!valid_first_byte(byte), "{byte:#x}");
        }
    }
}
