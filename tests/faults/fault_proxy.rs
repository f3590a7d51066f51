//! A TCP proxy that can do to its connections what networks do: end them, reset them, let nothing pass. In front of a
//! broker it also notes which finals crossed the link, which is what a switchboard behind it can have got.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::mqttbytes::v4::Packet;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::support::mqtt::MAX_PACKET;

/// What a connection may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Everything passes.
    Open,
    /// Nothing is read from either side: half-open, and soon a window of 0.
    Stalled,
    /// Both sides are told of the end (FIN), and what was passed on is still read.
    Ended,
    /// Both sides are reset.
    Reset,
}

/// The numbers that crossed the link, by room, in order.
pub type Crossed = HashMap<String, Vec<u64>>;

/// A running proxy; ends when dropped, and its connections with it.
pub struct FaultProxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    serving: tokio::task::JoinHandle<()>,
}

struct State {
    /// What new connections may do; `Ended` and `Reset` ones are reset at once.
    new: Way,
    connections: Vec<watch::Sender<Way>>,
    crossed: Crossed,
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl FaultProxy {
    /// Starts in front of what listens at `upstream`.
    pub async fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("a bound listener");
        let state = Arc::new(Mutex::new(State {
            new: Way::Open,
            connections: Vec::new(),
            crossed: Crossed::new(),
        }));
        let serving = tokio::spawn(serve(listener, upstream, Arc::clone(&state)));
        Self {
            address,
            state,
            serving,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every connection, and those to come.
    pub fn all(&self, way: Way) {
        self.state.lock().unwrap().new = way;
        self.each(|_| Some(way));
    }

    /// Ends or resets every connection that there is; new ones pass.
    pub fn cut(&self, way: Way) {
        self.each(|_| Some(way));
    }

    /// Decides of each connection that there is, by its number from 0 in the order in which they came.
    pub fn each(&self, decide: impl Fn(usize) -> Option<Way>) {
        let state = self.state.lock().unwrap();
        for (number, connection) in state.connections.iter().enumerate() {
            // What is over stays over.
            let is_over = matches!(*connection.borrow(), Way::Ended | Way::Reset);
            if let (Some(way), false) = (decide(number), is_over) {
                connection.send_replace(way);
            }
        }
    }

    /// How many connections there have been.
    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections.len()
    }

    /// Cuts and passes in turn, each for `period`, for as long as this future is polled.
    pub async fn flap(&self, period: Duration) {
        let mut turn = tokio::time::interval(period);
        loop {
            turn.tick().await;
            self.all(Way::Ended);
            turn.tick().await;
            self.all(Way::Open);
        }
    }

    /// What crossed so far in a room.
    pub fn crossed(&self, room: &str) -> Vec<u64> {
        let state = self.state.lock().unwrap();
        state.crossed.get(room).cloned().unwrap_or_default()
    }

    /// The last number that crossed in a room, 0 for none.
    pub fn last_crossed(&self, room: &str) -> u64 {
        let state = self.state.lock().unwrap();
        let last = state.crossed.get(room).and_then(|numbers| numbers.last());
        last.copied().unwrap_or(0)
    }
}

async fn serve(listener: TcpListener, upstream: SocketAddr, state: Arc<Mutex<State>>) {
    let mut passing = JoinSet::new();
    loop {
        let Ok((near, _)) = listener.accept().await else {
            continue;
        };
        while passing.try_join_next().is_some() {}
        let mut now = state.lock().unwrap();
        if matches!(now.new, Way::Ended | Way::Reset) {
            reset(&near);
            continue;
        }
        let (sender, way) = watch::channel(now.new);
        now.connections.push(sender);
        passing.spawn(pass(near, upstream, way, Arc::clone(&state)));
    }
}

fn reset(stream: &TcpStream) {
    // Takes effect when the stream is dropped.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

async fn pass(
    mut near: TcpStream,
    upstream: SocketAddr,
    mut way: watch::Receiver<Way>,
    state: Arc<Mutex<State>>,
) {
    let Ok(mut far) = TcpStream::connect(upstream).await else {
        return reset(&near);
    };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let mut watcher = Watcher {
        buffer: BytesMut::new(),
        state,
    };
    let over = {
        let (mut up, mut down) = (way.clone(), way.clone());
        let ((near_in, near_out), (far_in, far_out)) = (near.split(), far.split());
        let both = async {
            tokio::join!(
                pump(near_in, far_out, &mut up, |_| {}),
                pump(far_in, near_out, &mut down, |bytes| watcher.note(bytes)),
            )
        };
        tokio::select! {
            _ = both => return,
            way = way.wait_for(|way| matches!(way, Way::Ended | Way::Reset)) => way.map(|way| *way),
        }
    };
    match over {
        Ok(Way::Ended) => {
            let _ = tokio::join!(near.shutdown(), far.shutdown());
            tokio::join!(drain(&mut near), drain(&mut far));
        }
        _ => {
            reset(&near);
            reset(&far);
        }
    }
}

/// Passes bytes on until `from` ends, and then that end. `see` gets exactly what was written.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    way: &mut watch::Receiver<Way>,
    mut see: impl FnMut(&[u8]),
) {
    let mut bytes = vec![0; 16 * 1024];
    let mut reads_on = true;
    while way.wait_for(|way| *way == Way::Open).await.is_ok() {
        let Ok(read @ 1..) = from.read(&mut bytes).await else {
            break;
        };
        // What was read while the way stalled waits for it, too.
        let _ = way.wait_for(|way| *way == Way::Open).await;
        let mut left = &bytes[..read];
        while reads_on && !left.is_empty() {
            // One write at a time, so that a cut between two knows what was written.
            match to.write(left).await {
                Ok(written @ 1..) => {
                    see(&left[..written]);
                    left = &left[written..];
                }
                // Whoever is gone does not keep the other side from being read.
                _ => reads_on = false,
            }
        }
    }
    let _ = to.shutdown().await;
}

async fn drain(stream: &mut TcpStream) {
    let mut bytes = vec![0; 4 * 1024];
    while matches!(stream.read(&mut bytes).await, Ok(1..)) {}
}

/// Takes apart what a broker sends on one connection.
struct Watcher {
    buffer: BytesMut,
    state: Arc<Mutex<State>>,
}

impl Watcher {
    /// What is not MQTT, or no numbered final, is passed over.
    fn note(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        while let Ok(packet) = Packet::read(&mut self.buffer, MAX_PACKET) {
            let Packet::Publish(publish) = packet else {
                continue;
            };
            let room = publish.topic.strip_prefix("transcriber/out/");
            let room = room.and_then(|rest| rest.strip_suffix("/final"));
            if let (Some(room), Some(number)) =
                (room, crate::publisher::number_of(&publish.payload))
            {
                let crossed = &mut self.state.lock().unwrap().crossed;
                crossed.entry(room.to_owned()).or_default().push(number);
            }
        }
    }
}
