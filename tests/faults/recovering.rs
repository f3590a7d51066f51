//! A viewer that comes back by itself, as the official client does: it backs off up to a second, and then recovers by
//! pid and offset, or joins its room again with a history. One task each, so that ten thousand are no burden.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use serde_json::value::RawValue;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// How long a connection may take to be there, as with the official client.
const CONNECT_DEADLINE: Duration = Duration::from_secs(20);
/// Longest pause before a viewer comes back.
const BACKOFF: Duration = Duration::from_secs(1);
/// Finals that a viewer asks for when it joins again without recovery: as many as it may.
pub const HISTORY: u16 = 500;
/// Bytes of each client's buffers: there may be ten thousand.
const BUFFER: usize = 2 * 1024;

/// What is asked of a viewer.
#[derive(Clone)]
pub struct Part {
    /// Where it connects: the server, or a proxy in front of it.
    pub address: SocketAddr,
    pub token: Arc<str>,
    pub room: String,
    /// How many finals it asks for when it joins for the first time.
    pub history: u16,
    /// Whether it asks for recovery; else it joins again with a history.
    pub recovers: bool,
    /// How often it cuts its own link, at a random phase.
    pub cut_every: Option<Duration>,
    /// The last number published in its room, where the times of replays are wanted.
    pub published: Option<Arc<AtomicU64>>,
}

/// What a viewer has seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The finals' numbers as they came. What a history repeats is not counted again.
    pub numbers: Vec<u64>,
    /// Names of other events: `broker_ko`, `gap` and the like.
    pub told: Vec<String>,
    /// Connections that got as far as the namespace.
    pub connects: u32,
    /// Of them, those that were recovered.
    pub recovered: u32,
    /// Whether it is in its room now.
    pub is_in: bool,
    /// From the TCP connect to the last final that was missed, for each return that had missed one.
    pub replays: Vec<Duration>,
    /// Why the last connection failed.
    pub failure: String,
}

impl Seen {
    pub fn last(&self) -> u64 {
        self.numbers.last().copied().unwrap_or(0)
    }
}

/// A viewer that watches; gone when dropped.
pub struct Viewer {
    pub recovers: bool,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Viewer {
    pub fn start(part: Part) -> Self {
        let recovers = part.recovers;
        let seen = Arc::default();
        let life = Life {
            part,
            seen: Arc::clone(&seen),
            session: None,
            newest: 0,
            skips_to: 0,
        };
        Self {
            recovers,
            seen,
            task: tokio::spawn(life.run()),
        }
    }

    /// A copy of what it has seen so far.
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// Looks at what it has seen without a copy.
    pub fn look<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap())
    }
}

/// Why a connection is over.
type Over = String;

struct Life {
    part: Part,
    seen: Arc<Mutex<Seen>>,
    /// The pid, and the offset of the last event.
    session: Option<(String, String)>,
    /// The highest number that came.
    newest: u64,
    /// Numbers up to this one are a history's repetition, until a newer one comes.
    skips_to: u64,
}

/// One connection of a viewer.
struct Link {
    socket: WebSocketStream<TcpStream>,
    /// When TCP connected.
    since: Instant,
    /// The number that ends the replay, while there is one.
    catches_up_to: Option<u64>,
    /// Longest silence before the server counts as gone.
    silence: Duration,
}

impl Life {
    async fn run(mut self) {
        let seen = Arc::clone(&self.seen);
        let mut cut = self.part.cut_every.map(|every| {
            let phase = every.mul_f64(rand_share());
            tokio::time::interval_at(Instant::now() + phase, every)
        });
        loop {
            let over = match timeout(CONNECT_DEADLINE, Link::open(&self.part)).await {
                Ok(Ok(mut link)) => {
                    let over = tokio::select! {
                        over = self.live(&mut link) => over,
                        () = time_to_cut(&mut cut, &seen) => "cut by itself".to_owned(),
                    };
                    if rand_share() < 0.5 {
                        let stream = SockRef::from(link.socket.get_ref());
                        let _ = stream.set_linger(Some(Duration::ZERO));
                    }
                    over
                }
                Ok(Err(over)) => over,
                Err(_) => "no connection in time".to_owned(),
            };
            self.left(over);
            tokio::time::sleep(BACKOFF.mul_f64(rand_share())).await;
        }
    }

    fn left(&self, over: Over) {
        let mut seen = self.seen.lock().unwrap();
        seen.is_in = false;
        seen.failure = over;
    }

    /// From the Engine.IO handshake to the end.
    async fn live(&mut self, link: &mut Link) -> Over {
        match self.converse(link).await {
            Ok(never) => match never {},
            Err(over) => over,
        }
    }

    async fn converse(&mut self, link: &mut Link) -> Result<std::convert::Infallible, Over> {
        if let Some(published) = &self.part.published {
            let goal = published.load(Ordering::Relaxed);
            link.catches_up_to = (goal > self.newest && self.newest > 0).then_some(goal);
        }
        loop {
            let packet = link.packet().await?;
            let rest = packet.get(2..).unwrap_or("");
            match packet.get(..2) {
                _ if packet == "2" => link.send("3").await?,
                Some("0{") => {
                    link.heed(&packet[1..])?;
                    link.send(&format!("40{}", self.credentials())).await?;
                }
                Some("40") => self.connected(link, rest).await?,
                Some("42") => self.event(link, rest)?,
                Some("43") => self.acknowledged(rest)?,
                _ => return Err(packet),
            }
        }
    }

    fn credentials(&self) -> Value {
        let mut auth = serde_json::json!({ "token": &*self.part.token });
        if self.part.recovers {
            auth["recovery"] = true.into();
            if let Some((pid, offset)) = &self.session {
                auth["pid"] = pid.as_str().into();
                if !offset.is_empty() {
                    auth["offset"] = offset.as_str().into();
                }
            }
        }
        auth
    }

    /// The namespace is there: what was recovered needs nothing more, else the room is joined.
    async fn connected(&mut self, link: &mut Link, answer: &str) -> Result<(), Over> {
        let answer: Value = serde_json::from_str(answer).map_err(|e| e.to_string())?;
        let pid = answer["pid"].as_str();
        let before = self.session.take();
        let is_recovered = pid.is_some() && before.as_ref().map(|(pid, _)| &pid[..]) == pid;
        let offset = before
            .filter(|_| is_recovered)
            .map_or(String::new(), |(_, o)| o);
        self.session = pid.map(|pid| (pid.to_owned(), offset));
        self.entered(is_recovered);
        if is_recovered {
            return Ok(());
        }
        self.skips_to = self.newest;
        let (room, first) = (&self.part.room, self.part.history);
        let history = if self.newest > 0 { HISTORY } else { first };
        let join = format!(r#"421["join_room","{room}",{{"history":{history}}}]"#);
        link.send(&join).await
    }

    fn entered(&self, is_recovered: bool) {
        let mut seen = self.seen.lock().unwrap();
        seen.connects += 1;
        seen.recovered += u32::from(is_recovered);
        seen.is_in = is_recovered;
    }

    fn acknowledged(&mut self, packet: &str) -> Result<(), Over> {
        if !packet.contains(r#""ok":true"#) {
            return Err(format!("join refused: {packet}"));
        }
        self.seen.lock().unwrap().is_in = true;
        Ok(())
    }

    fn event(&mut self, link: &mut Link, array: &str) -> Result<(), Over> {
        let items: Vec<&RawValue> = serde_json::from_str(array).map_err(|e| e.to_string())?;
        let name = items[0].get().trim_matches('"');
        // As the official client: with a pid, a string as the last argument is the offset.
        let offset = items.last().filter(|_| items.len() > 1);
        let offset = offset.and_then(|last| serde_json::from_str::<String>(last.get()).ok());
        if let (Some((_, held)), Some(offset)) = (&mut self.session, offset) {
            *held = offset;
        }
        if name != "final" {
            self.seen.lock().unwrap().told.push(name.to_owned());
            return Ok(());
        }
        let payload = items.get(1).map_or("", |payload| payload.get());
        let number = crate::publisher::number_of(payload.as_bytes());
        self.record(link, number.ok_or_else(|| format!("no number in {array}"))?);
        Ok(())
    }

    fn record(&mut self, link: &mut Link, number: u64) {
        if number <= self.skips_to {
            return;
        }
        // What follows the first new number is no repetition any more.
        self.skips_to = 0;
        self.newest = self.newest.max(number);
        let mut seen = self.seen.lock().unwrap();
        seen.numbers.push(number);
        if link.catches_up_to.is_some_and(|goal| number >= goal) {
            link.catches_up_to = None;
            seen.replays.push(link.since.elapsed());
        }
    }
}

impl Link {
    async fn open(part: &Part) -> Result<Self, Over> {
        let since = Instant::now();
        let stream = TcpStream::connect(part.address).await;
        let stream = stream.map_err(|e| e.to_string())?;
        stream.set_nodelay(true).map_err(|e| e.to_string())?;
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", part.address);
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER)
            .write_buffer_size(0);
        let upgraded = tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await;
        let (socket, _) = upgraded.map_err(|e| e.to_string())?;
        Ok(Self {
            socket,
            since,
            catches_up_to: None,
            silence: CONNECT_DEADLINE,
        })
    }

    /// Takes the heartbeat's figures from the open packet.
    fn heed(&mut self, open: &str) -> Result<(), Over> {
        let open: Value = serde_json::from_str(open).map_err(|e| e.to_string())?;
        let figure = |name: &str| open[name].as_u64().map(Duration::from_millis);
        let (Some(interval), Some(patience)) = (figure("pingInterval"), figure("pingTimeout"))
        else {
            return Err(format!("no heartbeat in {open}"));
        };
        self.silence = interval + patience;
        Ok(())
    }

    async fn packet(&mut self) -> Result<String, Over> {
        let message = timeout(self.silence, self.socket.next()).await;
        match message.map_err(|_| "the server is silent".to_owned())? {
            Some(Ok(Message::Text(text))) => Ok(text.as_str().to_owned()),
            Some(Ok(other)) => Err(format!("{other:?}")),
            Some(Err(e)) => Err(e.to_string()),
            None => Err("ended".to_owned()),
        }
    }

    async fn send(&mut self, packet: &str) -> Result<(), Over> {
        let sent = self.socket.send(Message::text(packet)).await;
        sent.map_err(|e| e.to_string())
    }
}

/// Waits for the next turn to cut the link, which begins once something was heard.
async fn time_to_cut(cut: &mut Option<tokio::time::Interval>, seen: &Mutex<Seen>) {
    let Some(cut) = cut else {
        return std::future::pending().await;
    };
    loop {
        cut.tick().await;
        if seen.lock().unwrap().last() > 0 {
            return;
        }
    }
}

/// Anything from 0 up to 1.
fn rand_share() -> f64 {
    let number = getrandom::u64().expect("the system has randomness");
    (number >> 11) as f64 / (1_u64 << 53) as f64
}
