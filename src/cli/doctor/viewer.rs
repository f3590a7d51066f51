//! The doctor's viewer: a plain WebSocket client that joins a room and says what it sees, with the time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::{SinkExt, StreamExt};
use switchboard_protocol::ids::RoomId;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::cli::watch::screen::Kind;
use crate::cli::watch::viewer::{Heard, Viewer};

/// How long the connection's beginning may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// What may wait to be looked at; then nothing more is read.
const WAITING: usize = 1_024;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What the viewer has seen.
#[derive(Debug)]
pub(super) enum Seen {
    /// Captions come from now on.
    Joined,
    /// The final with this number.
    Final(u64),
    /// `broker_ok` or `broker_ko`.
    Broker {
        /// Which of the two.
        is_up: bool,
    },
    /// The connection is over.
    Ended(String),
}

/// A viewer that runs until it is dropped.
pub(super) struct Client {
    seen: mpsc::Receiver<(Instant, Seen)>,
    task: JoinHandle<()>,
}

impl Client {
    /// Connects with `token` and asks to join `room`.
    pub(super) async fn connect(
        address: SocketAddr,
        room: RoomId,
        token: String,
    ) -> anyhow::Result<Self> {
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let opened = tokio::time::timeout(PATIENCE, connect_async(url)).await;
        let (socket, _) = opened.context("the WebSocket handshake takes too long")??;
        let (sender, seen) = mpsc::channel(WAITING);
        let task = tokio::spawn(async move {
            let reason = match watch(socket, Viewer::new(room, token), &sender).await {
                Ok(reason) => reason,
                Err(error) => crate::cli::one_line(&error),
            };
            // Nobody waits any more when the doctor is through.
            let _ = sender.send((Instant::now(), Seen::Ended(reason))).await;
        });
        Ok(Self { seen, task })
    }

    /// What it saw next, and when.
    pub(super) async fn next(&mut self) -> (Instant, Seen) {
        let over = || {
            (
                Instant::now(),
                Seen::Ended("the viewer has ended".to_owned()),
            )
        };
        self.seen.recv().await.unwrap_or_else(over)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Talks until the connection ends, and returns why it did.
async fn watch(
    mut socket: Socket,
    mut viewer: Viewer,
    sender: &mpsc::Sender<(Instant, Seen)>,
) -> anyhow::Result<String> {
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else {
            continue;
        };
        let at = Instant::now();
        let seen = match viewer.hear(text.as_str()) {
            Heard::Opened { answer, .. } | Heard::Answer(answer) => {
                socket.send(Message::text(answer)).await?;
                continue;
            }
            Heard::Joined => Seen::Joined,
            Heard::Caption(caption) if caption.kind == Kind::Final => {
                let number = caption.text.parse();
                Seen::Final(number.context("a final that the doctor did not publish")?)
            }
            Heard::Broker { up } => Seen::Broker { is_up: up },
            Heard::Refused(reason) | Heard::Closed(reason) => return Ok(reason),
            Heard::Caption(_) | Heard::Draining(_) | Heard::Nothing => continue,
        };
        sender.send((at, seen)).await?;
    }
    Ok("the connection ended".to_owned())
}
