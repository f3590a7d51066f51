//! One input: where it is sent, its bytes, and what must come of it.

use crate::support::http::request_bytes;
use crate::support::raw_websocket;

/// Where handshakes go.
pub const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
/// Where requests of the session beside a row go.
pub const OF_SESSION: &str = "/socket.io/?EIO=4&transport=polling&sid={sid}";

/// An input. `{sid}` in bytes that go over plain TCP becomes the id of the session beside it, `{host}` the server's address.
pub struct Row {
    /// Its group in the list of hostile inputs.
    pub group: u8,
    pub name: String,
    pub on: On,
    pub send: Vec<u8>,
    /// Sent again and again behind it, until something is answered.
    pub trickle: Option<u8>,
    pub expect: Expect,
}

/// What is there before a row's bytes are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// A TCP connection.
    Tcp,
    /// A TCP connection, beside a polling session.
    Polling,
    /// The same, and a poll of that session waits.
    PollWaits,
    /// The same, and a POST of that session is under way.
    PostWaits,
    /// A polling session whose waiting poll was broken off, by a client that keeps connections or closes them.
    PollBrokenOff(&'static str),
    /// A TCP connection, beside a session on a WebSocket.
    BesideWebSocket,
    /// A TCP connection, beside a polling session and a WebSocket that has answered the probe for it.
    BesideProbe,
    /// A WebSocket that may take over a polling session.
    Candidate,
    /// A WebSocket before its CONNECT.
    Open,
    /// The same, with this cookie in its handshake.
    Cookie(String),
    /// A WebSocket, connected to the root namespace as a guest of the session `S`.
    Connected,
}

/// What must come of a row.
#[derive(Clone, Debug)]
pub enum Expect {
    /// This status, and this code in the body; the session beside it goes on.
    Http(u16, Option<u8>),
    /// This status, and this code in the body; the session beside it has ended.
    Ends(u16, Option<u8>),
    /// An error of HTTP, or the end of the connection.
    NoHttp,
    /// 200, and a page of this origin may read the answer.
    Readable(String),
    /// 101, without any extension.
    Upgraded,
    /// The session beside it has ended.
    Gone,
    /// A close frame with this code; before it, nothing but errors for what was whole.
    Closed(u16),
    /// The end of the connection without a close frame.
    Cut,
    /// CONNECT_ERROR in these words; another CONNECT may follow.
    Refused(&'static str),
    /// Connected.
    Accepted,
    /// These packets, and the socket stays.
    Answered(Vec<String>),
    /// The acknowledgement 1 says that it failed, and the socket stays.
    ErrorAck,
    /// An `error` event with this code, and the socket stays.
    ErrorEvent(&'static str),
    /// `unauthorized`, a disconnect, and the end.
    Denied,
    /// Nothing, and the socket stays.
    Nothing,
    /// Anything: what counts is what the neighbour and the memory say.
    Harmless,
}

pub fn row(
    group: u8,
    name: impl Into<String>,
    on: On,
    send: impl Into<Vec<u8>>,
    expect: Expect,
) -> Row {
    Row {
        group,
        name: name.into(),
        on,
        send: send.into(),
        trickle: None,
        expect,
    }
}

impl Row {
    pub fn trickling(mut self, byte: u8) -> Self {
        self.trickle = Some(byte);
        self
    }

    /// Whether the server is to end a session for it, on its own account.
    pub fn ends_a_session(&self) -> bool {
        match self.expect {
            Expect::Ends(..) | Expect::Denied | Expect::Cut => true,
            Expect::Closed(_) => matches!(self.on, On::Connected | On::Open),
            _ => false,
        }
    }
}

/// A text message, as a client sends it.
pub fn text(packet: impl AsRef<str>) -> Vec<u8> {
    raw_websocket::text(packet.as_ref())
}

/// A binary message, as a client sends it.
pub fn binary(bytes: &[u8]) -> Vec<u8> {
    raw_websocket::frame(0x82, bytes)
}

/// The beginning of a text, for the name of a row.
pub fn short(text: &str) -> String {
    let shown: String = text.chars().take(40).collect();
    match shown.len() < text.len() {
        true => format!("{}… of {} bytes", shown.escape_debug(), text.len()),
        false => shown.escape_debug().to_string(),
    }
}

/// A GET whose answer ends its connection.
pub fn get(target: &str) -> Vec<u8> {
    request_bytes("GET", target, &[], "")
}

/// A POST for the session beside the row.
pub fn post(body: impl AsRef<[u8]>) -> Vec<u8> {
    request_bytes("POST", OF_SESSION, &[], body)
}
