//! A TCP proxy in front of an MQTT broker. It notes what switchboard asks of the broker, and can be cut or
//! frozen, as the way to a broker can.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::BytesMut;
use rumqttc::mqttbytes::v4::Packet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::mqtt::MAX_PACKET;
use super::{DEADLINE, eventually};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Everything passes.
    Open,
    /// Connections are accepted and stay, and nothing passes.
    Frozen,
    /// Nobody listens, and connections end.
    Cut,
}

/// What was asked of the broker, in order: `delivery subscribe transcriber/out/S/1/final`.
type Notes = Arc<Mutex<Vec<String>>>;

/// A running proxy; ends when dropped.
pub struct Tap {
    address: SocketAddr,
    way: watch::Sender<Way>,
    notes: Notes,
}

impl Tap {
    /// Starts in front of the broker at `upstream`.
    pub async fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("a bound listener");
        let (way, watched) = watch::channel(Way::Open);
        let notes = Notes::default();
        tokio::spawn(serve(listener, upstream, watched, Arc::clone(&notes)));
        Self {
            address,
            way,
            notes,
        }
    }

    /// `mqtt://…` of the proxy.
    pub fn url(&self) -> String {
        format!("mqtt://{}", self.address)
    }

    /// Ends every connection and refuses new ones.
    pub fn cut(&self) {
        self.way.send_replace(Way::Cut);
    }

    /// Accepts connections and keeps those that are there, but lets nothing pass.
    pub fn freeze(&self) {
        self.way.send_replace(Way::Frozen);
    }

    /// Lets everything pass again.
    pub fn open(&self) {
        self.way.send_replace(Way::Open);
    }

    /// What was asked of the broker so far.
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().expect("whole").clone()
    }

    /// How often this was asked of the broker.
    pub fn count(&self, note: &str) -> usize {
        self.notes().iter().filter(|seen| *seen == note).count()
    }

    /// Waits until something was asked `times` times.
    pub async fn sees(&self, note: &str, times: usize) {
        let look = async || (self.count(note), self.notes());
        eventually(note, DEADLINE, look, |(count, _)| *count == times).await;
    }
}

async fn serve(
    listener: TcpListener,
    upstream: SocketAddr,
    mut way: watch::Receiver<Way>,
    notes: Notes,
) {
    let address = listener.local_addr().expect("a bound listener");
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        let now = *way.borrow_and_update();
        if now == Way::Cut {
            listener = None;
            connections.shutdown().await;
        } else if listener.is_none() {
            listener = TcpListener::bind(address).await.ok();
        }
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            accepted = accepted => if let Ok((stream, _)) = accepted {
                connections.spawn(pass(stream, upstream, way.clone(), Arc::clone(&notes)));
            },
            changed = way.changed() => if changed.is_err() {
                return;
            },
        }
    }
}

async fn pass(
    near: TcpStream,
    upstream: SocketAddr,
    mut way: watch::Receiver<Way>,
    notes: Notes,
) -> Option<()> {
    let mut other_way = way.clone();
    way.wait_for(|way| *way == Way::Open).await.ok()?;
    let far = TcpStream::connect(upstream).await.ok()?;
    let ((mut near_in, near_out), (mut far_in, far_out)) = (near.into_split(), far.into_split());
    let mut noter = Noter {
        role: String::new(),
        buffer: BytesMut::new(),
        notes,
    };
    tokio::select! {
        _ = pump(&mut near_in, far_out, &mut way, |bytes| noter.note(bytes)) => {}
        _ = pump(&mut far_in, near_out, &mut other_way, |_| {}) => {}
    }
    Some(())
}

async fn pump(
    from: &mut OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: &mut watch::Receiver<Way>,
    mut see: impl FnMut(&[u8]),
) -> Option<()> {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        way.wait_for(|way| *way == Way::Open).await.ok()?;
        let read = from.read(&mut bytes).await.ok().filter(|read| *read > 0)?;
        // What was read while the way froze waits for it, too.
        way.wait_for(|way| *way == Way::Open).await.ok()?;
        see(&bytes[..read]);
        to.write_all(&bytes[..read]).await.ok()?;
    }
}

/// Takes apart what one connection asks.
struct Noter {
    /// The last but one part of the client id: `delivery`, `session`, `organization`.
    role: String,
    buffer: BytesMut,
    notes: Notes,
}

impl Noter {
    fn note(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        while let Ok(packet) = Packet::read(&mut self.buffer, MAX_PACKET) {
            let asked: Vec<String> = match packet {
                Packet::Connect(connect) => {
                    self.role = connect.client_id.rsplit('-').nth(1).unwrap_or("").into();
                    vec!["connect".to_owned()]
                }
                Packet::Subscribe(subscribe) => {
                    let filters = subscribe.filters.iter();
                    filters.map(|f| format!("subscribe {}", f.path)).collect()
                }
                Packet::Unsubscribe(unsubscribe) => {
                    let topics = unsubscribe.topics.iter();
                    topics.map(|topic| format!("unsubscribe {topic}")).collect()
                }
                _ => Vec::new(),
            };
            let asked = asked.iter().map(|what| format!("{} {what}", self.role));
            self.notes.lock().expect("whole").extend(asked);
        }
    }
}
