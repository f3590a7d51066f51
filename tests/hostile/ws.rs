//! One WebSocket at a time against an echo: what is sent, in which writes, every frame that must come back, and the end.
//!
//! The echo is of Engine.IO: a text message begins with `4`, its packet's type; a binary one is as it is.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::support::echo::EchoServer;
use crate::support::raw_websocket::{RawWebSocket, frame};

/// First bytes of whole messages and of fragments: FIN and the opcode.
pub const TEXT: u8 = 0x81;
pub const BINARY: u8 = 0x82;
pub const CLOSE: u8 = 0x88;
pub const PING: u8 = 0x89;
pub const PONG: u8 = 0x8a;
pub const FIRST_TEXT: u8 = 0x01;
pub const FIRST_BINARY: u8 = 0x02;
pub const MIDDLE: u8 = 0x00;
pub const LAST: u8 = 0x80;

/// The largest message that the echo takes.
pub const LIMIT: usize = 1_000_000;

pub struct Case {
    name: String,
    bytes: Vec<u8>,
    /// Bytes in one write to the TCP connection.
    write: usize,
    /// What must come back: first byte and payload of each frame.
    back: Vec<(u8, Vec<u8>)>,
    /// The close code in the end; `None` where the connection stays.
    end: Option<u16>,
}

impl Case {
    /// Sends these frames in one write.
    pub fn new(name: impl Into<String>, frames: &[Vec<u8>]) -> Self {
        Self {
            name: name.into(),
            bytes: frames.concat(),
            write: usize::MAX,
            back: Vec::new(),
            end: None,
        }
    }

    /// Sends a message that must come back.
    pub fn echoed(name: impl Into<String>, first: u8, payload: &[u8]) -> Self {
        Self::new(name, &[frame(first, payload)]).back(first, payload)
    }

    pub fn in_writes_of(mut self, bytes: usize) -> Self {
        self.write = bytes;
        self
    }

    pub fn back(mut self, first: u8, payload: impl AsRef<[u8]>) -> Self {
        self.back.push((first, payload.as_ref().to_vec()));
        self
    }

    pub fn closed(mut self, code: u16) -> Self {
        self.end = Some(code);
        self
    }

    async fn try_at(&self, server: &EchoServer) {
        let target = "/engine.io/?EIO=4&transport=websocket";
        let mut raw = RawWebSocket::upgrade(server.address, target, &[]).await;
        raw.frame().await.expect("an open packet");
        for write in self.bytes.chunks(self.write) {
            raw.send(write).await;
            // Lets the server read it before there is more.
            tokio::task::yield_now().await;
        }
        for (first, payload) in &self.back {
            let (got_first, got) = raw.frame().await.expect("a frame, not the end");
            let shown = String::from_utf8_lossy(&got[..got.len().min(60)]);
            assert!(
                (got_first, &got) == (*first, payload),
                "{got_first:x} {shown:?} of {} bytes",
                got.len()
            );
        }
        let Some(code) = self.end else {
            raw.send(&frame(BINARY, b"still there")).await;
            assert_eq!(raw.frame().await, Some((BINARY, b"still there".to_vec())));
            return;
        };
        let (first, payload) = raw.frame().await.expect("a close frame");
        assert_eq!(
            (first, payload.get(..2)),
            (CLOSE, Some(&code.to_be_bytes()[..]))
        );
        assert!(str::from_utf8(&payload[2..]).is_ok());
        assert_eq!(raw.frame().await, None, "behind the close frame");
    }
}

/// Tries all cases and names those that fail.
pub async fn run(cases: Vec<Case>) {
    let server = EchoServer::start_quiet().await;
    let mut failed = Vec::new();
    for case in &cases {
        if AssertUnwindSafe(case.try_at(&server))
            .catch_unwind()
            .await
            .is_err()
        {
            failed.push(&case.name);
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    println!("{} cases", cases.len());
    server.stop().await;
}
