//! One viewer: a connection, the way its packets travel there, and the conversation.

mod polling;
mod talk;
mod websocket;

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use mio::net::TcpStream;
use switchboard_bench_wire::buffers::{Inbox, Outbox, ReadEnd, read_all};

use crate::tally::Tally;
use polling::Polling;
pub use talk::{Phase, Talk};
use websocket::WebSocket;

/// One viewer.
pub struct Client {
    /// Its connection.
    pub stream: TcpStream,
    /// The conversation on it.
    pub talk: Talk,
    /// Since when it is on its way, and up to which publications; `None` once it has caught up.
    pub arriving: Option<Arriving>,
    way: Way,
    inbox: Inbox,
    outbox: Outbox,
}

/// What a viewer on its way still has to reach.
#[derive(Debug, Clone, Copy)]
pub struct Arriving {
    /// When it was dialled, in nanoseconds of the load tool's clock.
    pub since: u64,
    /// How many partials and finals had been published by then.
    pub published: [u32; 2],
}

/// How packets travel.
enum Way {
    WebSocket(WebSocket),
    Polling(Polling),
}

impl Client {
    /// A viewer who will say `talk` over a `stream` that connects to `server`, by WebSocket or by polling.
    pub fn new(
        stream: TcpStream,
        server: SocketAddr,
        polls: bool,
        talk: Talk,
        arriving: Arriving,
    ) -> Self {
        let mut outbox = Outbox::default();
        let way = if polls {
            Way::Polling(Polling::begin(server, outbox.buffer()))
        } else {
            Way::WebSocket(WebSocket::begin(server, outbox.buffer()))
        };
        Self {
            stream,
            talk,
            arriving: Some(arriving),
            way,
            inbox: Inbox::default(),
            outbox,
        }
    }

    /// Sends what waits.
    ///
    /// # Errors
    /// When the connection has failed.
    pub fn flush(&mut self) -> Result<()> {
        self.outbox
            .flush(&mut self.stream)
            .context("writing to the server")
    }

    /// Says this packet as soon as the connection takes it; a poller says nothing of its own.
    ///
    /// # Errors
    /// When the connection has failed.
    pub fn say(&mut self, packet: &str) -> Result<()> {
        match self.way {
            Way::WebSocket(_) => WebSocket::say(packet, self.outbox.buffer()),
            Way::Polling(_) => bail!("a poller that is to speak"),
        }
        self.flush()
    }

    /// Reads all that waits, at `now` nanoseconds, notes its deliveries in `tally`, and answers.
    ///
    /// # Errors
    /// When the server closed, refused, or spoke nonsense; the viewer is of no use any more.
    pub fn read(&mut self, scratch: &mut [u8], now: u64, tally: &mut Tally) -> Result<()> {
        let Self {
            stream,
            talk,
            way,
            inbox,
            outbox,
            ..
        } = self;
        let out = outbox.buffer();
        let end = read_all::<anyhow::Error>(stream, scratch, |piece| {
            inbox.feed(piece, |bytes| {
                let hear = |text: &[u8], talk: &mut Talk| talk.text(text, now, tally);
                match way {
                    Way::WebSocket(socket) => socket.unit(bytes, talk, out, hear),
                    Way::Polling(polling) => polling.unit(bytes, talk, out, hear),
                }
            })
        })?;
        if end == ReadEnd::Closed {
            bail!("closed by the server while {:?}", self.talk.phase);
        }
        self.note_arrival(now, tally);
        self.flush()
    }

    fn note_arrival(&mut self, now: u64, tally: &mut Tally) {
        if let Some(arriving) = self.arriving
            && self.talk.phase == Phase::Joined
            && self.talk.lost(arriving.published) == 0
        {
            tally.note_arrival(now.saturating_sub(arriving.since));
            self.arriving = None;
        }
    }
}
