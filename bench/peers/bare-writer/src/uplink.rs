//! The connection to the broker.

use std::net::SocketAddr;

use anyhow::{Result, bail};
use mio::net::TcpStream;
use switchboard_bench_wire::buffers::{Inbox, Outbox, ReadEnd, read_all};
use switchboard_bench_wire::mqtt::{
    Packet, put_connect, put_subscribe, put_unsubscribe, whole_packet,
};

/// The connection and what waits on it.
pub struct Uplink {
    /// The connection itself, for the poll.
    pub stream: TcpStream,
    inbox: Inbox,
    outbox: Outbox,
}

impl Uplink {
    /// Connects; a broker that does not want us closes the connection later.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(broker: SocketAddr) -> Result<Self> {
        let stream = std::net::TcpStream::connect(broker)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut uplink = Self {
            stream: TcpStream::from_std(stream),
            inbox: Inbox::default(),
            outbox: Outbox::default(),
        };
        put_connect(uplink.outbox.buffer(), "bare-writer");
        uplink.flush()?;
        Ok(uplink)
    }

    /// Asks for `topics`; the broker's grant will carry `id`.
    pub fn subscribe(&mut self, id: u16, topics: &[String]) {
        put_subscribe(self.outbox.buffer(), id, topics);
    }

    /// Wants `topics` no more.
    pub fn unsubscribe(&mut self, id: u16, topics: &[String]) {
        put_unsubscribe(self.outbox.buffer(), id, topics);
    }

    /// Sends what waits.
    ///
    /// # Errors
    /// When the broker is gone.
    pub fn flush(&mut self) -> Result<()> {
        Ok(self.outbox.flush(&mut self.stream)?)
    }

    /// Reads all that waits and hands over each packet.
    ///
    /// # Errors
    /// When the broker is gone or speaks nonsense.
    pub fn read(&mut self, scratch: &mut [u8], mut hear: impl FnMut(Packet<'_>)) -> Result<()> {
        let Self { stream, inbox, .. } = self;
        let end = read_all::<anyhow::Error>(stream, scratch, |piece| {
            inbox.feed(piece, |bytes| {
                let Some((packet, length)) = whole_packet(bytes)? else {
                    return Ok(0);
                };
                hear(packet);
                Ok(length)
            })
        })?;
        if end == ReadEnd::Closed {
            bail!("the broker closed the connection")
        } else {
            Ok(())
        }
    }
}
