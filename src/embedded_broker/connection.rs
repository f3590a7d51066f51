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
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{
    ConnAck, Connect, ConnectReturnCode, Packet, PubAck, PubComp, PubRec, Publish,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::WriteHalf;
use tokio::time::timeout;

use super::outbox::Outbox;
use super::reader::{PacketReader, ReadError};
use super::router::Router;
use super::subscriptions::{ConnectionId, valid_filter, valid_topic};
use super::{Options, lock};

/// From accepting a connection to its whole CONNECT.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A CONNECT is no longer: five fields of up to 64 KiB each.
const CONNECT_BYTES: usize = 384 << 10;
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
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("cannot write: {0}")]
    Write(#[from] io::Error),
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
    let mut reader = PacketReader::new(read);
    let handshake = timeout(CONNECT_TIMEOUT, handshake(&mut reader, &shared.options)).await;
    let connect = match handshake.map_err(|_| Fault::NoConnect)? {
        Ok(connect) => connect,
        Err(fault) => {
            if let Fault::Refused(code) = fault {
                let mut answer = BytesMut::new();
                ConnAck::new(code, false)
                    .write(&mut answer)
                    .expect("a CONNACK is small");
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
        if reader.protocol_level().is_some_and(|level| level != LEVEL) {
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
