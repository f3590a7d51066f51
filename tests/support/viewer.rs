//! A raw WebSocket client that speaks Socket.IO's framing as text, as a viewer without any library would.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use serde_json::value::RawValue;
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, Response};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{DEADLINE, within};

/// What the message of a failing test shows of what came last.
const REMEMBERED: usize = 8;

/// One event: its name, and its arguments as they stood in the frame, without the brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub name: String,
    pub arguments: String,
}

impl Event {
    pub fn new(name: &str, arguments: &str) -> Self {
        Self {
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        }
    }

    fn parse(packet: &str) -> Self {
        let array = packet
            .strip_prefix("42")
            .unwrap_or_else(|| panic!("an event, not {packet:?}"));
        let items: Vec<&RawValue> = serde_json::from_str(array).expect("an event is an array");
        let name: String = serde_json::from_str(items[0].get()).expect("its name is a string");
        let rest = &array[1 + items[0].get().len()..array.len() - 1];
        let arguments = rest.strip_prefix(',').unwrap_or(rest).to_owned();
        Self { name, arguments }
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By a close frame with this code.
    Closed(u16),
    /// Without one.
    Cut,
}

/// A connection that was upgraded to a WebSocket.
pub struct Viewer {
    socket: WebSocketStream<TcpStream>,
    /// Packets that came while an acknowledgement was awaited.
    early: VecDeque<String>,
    /// What came last.
    seen: VecDeque<String>,
    acks: u64,
}

/// Opens a WebSocket; an HTTP answer of another kind is the error.
pub async fn websocket(
    address: SocketAddr,
    target: &str,
    headers: &[(&str, &str)],
) -> Result<Viewer, Box<Response<Option<Vec<u8>>>>> {
    let stream = within("a TCP connection", TcpStream::connect(address)).await;
    let stream = stream.expect("the server listens");
    stream.set_nodelay(true).expect("an open socket");
    over(stream, target, headers).await
}

/// As [`websocket`], over a stream that is there.
pub async fn over(
    stream: TcpStream,
    target: &str,
    headers: &[(&str, &str)],
) -> Result<Viewer, Box<Response<Option<Vec<u8>>>>> {
    let address = stream.peer_addr().expect("a connected socket");
    let mut request = format!("ws://{address}{target}")
        .into_client_request()
        .expect("a good address");
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        let value = HeaderValue::from_str(value).expect("a header's value");
        request.headers_mut().insert(name, value);
    }
    let upgraded = within(
        "the WebSocket handshake",
        tokio_tungstenite::client_async(request, stream),
    );
    match upgraded.await {
        Ok((socket, _)) => Ok(Viewer {
            socket,
            early: VecDeque::new(),
            seen: VecDeque::new(),
            acks: 0,
        }),
        Err(Error::Http(response)) => Err(response),
        Err(e) => panic!("WebSocket handshake: {e}"),
    }
}

/// What a socket of the root namespace is told with the answer to its CONNECT. Viewers pass it over; the chat's tests see
/// to it that it comes.
pub const GREETING: &str = r#"42["connection_status",{"status":"connected"}]"#;

impl Viewer {
    /// Opens a connection to `/socket.io/` with more of a query (`&token=…`) and these headers.
    pub async fn open(address: SocketAddr, query: &str, headers: &[(&str, &str)]) -> Self {
        let target = format!("/socket.io/?EIO=4&transport=websocket{query}");
        let opened = websocket(address, &target, headers).await;
        let mut viewer = opened.unwrap_or_else(|r| panic!("refused: {r:?}"));
        let handshake = viewer.packet().await;
        assert!(handshake.starts_with(r#"0{"sid":""#), "{handshake}");
        viewer
    }

    /// Connects to the root namespace with this token.
    pub async fn connect(address: SocketAddr, token: &str) -> Self {
        let mut viewer = Self::open(address, "", &[]).await;
        viewer
            .enter(&format!(r#"{{"token":"{token}"}}"#))
            .await
            .expect("the token is good");
        viewer
    }

    /// Connects with a small receive buffer, and does not read afterwards unless asked to.
    pub async fn connect_narrow(address: SocketAddr, token: &str) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small buffer");
        let stream = within("a TCP connection", socket.connect(address)).await;
        let target = format!("/socket.io/?EIO=4&transport=websocket&token={token}");
        let opened = over(stream.expect("the server listens"), &target, &[]).await;
        let mut viewer = opened.unwrap_or_else(|r| panic!("refused: {r:?}"));
        viewer.packet().await;
        viewer.enter("").await.expect("the token is good");
        viewer
    }

    /// Sends CONNECT with `auth` (JSON, or nothing); the refusal's text is the error.
    pub async fn enter(&mut self, auth: &str) -> Result<(), String> {
        self.send(&format!("40{auth}")).await;
        let answer = self.packet().await;
        if answer.starts_with(r#"40{"sid":""#) {
            return Ok(());
        }
        let refused = answer
            .strip_prefix("44")
            .unwrap_or_else(|| panic!("{answer}"));
        let refused: Value = serde_json::from_str(refused).expect("JSON");
        Err(refused["message"].as_str().expect("a message").to_owned())
    }

    pub async fn send(&mut self, packet: &str) {
        let sent = within("room to send", self.socket.send(Message::text(packet))).await;
        sent.unwrap_or_else(|e| panic!("sending {packet:.80}: {e}; last seen: {:?}", self.seen));
    }

    pub async fn send_binary(&mut self, bytes: &[u8]) {
        let message = Message::binary(bytes.to_vec());
        within("room to send", self.socket.send(message))
            .await
            .expect("the server reads");
    }

    /// Sends an event; `arguments` is JSON without brackets.
    pub async fn emit(&mut self, name: &str, arguments: &str) {
        let comma = if arguments.is_empty() { "" } else { "," };
        self.send(&format!(r#"42["{name}"{comma}{arguments}]"#))
            .await;
    }

    /// Sends an event and returns its acknowledgement's only argument; what comes before it waits.
    pub async fn ask(&mut self, name: &str, arguments: &str) -> Value {
        self.acks += 1;
        let prefix = format!("43{}", self.acks);
        let comma = if arguments.is_empty() { "" } else { "," };
        self.send(&format!(r#"42{}["{name}"{comma}{arguments}]"#, self.acks))
            .await;
        let mut before = VecDeque::new();
        let answer = loop {
            let packet = self.packet().await;
            match packet.strip_prefix(&prefix) {
                Some(answer) => break answer.to_owned(),
                None => before.push_back(packet),
            }
        };
        self.early = before;
        let [answer]: [Value; 1] = serde_json::from_str(&answer).expect("one argument");
        answer
    }

    /// Joins a room, which must succeed.
    pub async fn join(&mut self, room: &str) {
        let answer = self.ask("join_room", &format!("{room:?}")).await;
        assert_eq!(answer, serde_json::json!({"ok": true}), "{room}");
    }

    /// Leaves a room, which must succeed.
    pub async fn leave(&mut self, room: &str) {
        let answer = self.ask("leave_room", &format!("{room:?}")).await;
        assert_eq!(answer, serde_json::json!({"ok": true}), "{room}");
    }

    /// The next event.
    pub async fn event(&mut self) -> Event {
        Event::parse(&self.packet().await)
    }

    /// The next event, which may take until an outage is noticed or over.
    pub async fn event_within(&mut self, deadline: Duration) -> Event {
        Event::parse(&self.packet_within(deadline).await)
    }

    /// Asserts that the next event is this one: nothing else came before it.
    pub async fn expect(&mut self, name: &str, arguments: &str) {
        assert_eq!(self.event().await, Event::new(name, arguments));
    }

    /// Asserts that nothing waits: what the server sent before it answered this is to be nothing.
    pub async fn expect_silence(&mut self) {
        self.ask("leave_room", r#""nowhere/0""#).await;
        assert_eq!(self.early, [] as [String; 0]);
    }

    /// The next packet that is no ping and no greeting; pings are answered.
    pub async fn packet(&mut self) -> String {
        self.packet_within(DEADLINE).await
    }

    pub async fn packet_within(&mut self, deadline: Duration) -> String {
        if let Some(packet) = self.early.pop_front() {
            return packet;
        }
        loop {
            let message = tokio::time::timeout(deadline, self.socket.next()).await;
            let message = message.unwrap_or_else(|_| {
                panic!(
                    "waited {deadline:?} in vain for a packet; last seen: {:?}",
                    self.seen
                )
            });
            match message {
                Some(Ok(Message::Text(text))) if text.as_str() == "2" => self.send("3").await,
                Some(Ok(Message::Text(text))) if text.as_str() == GREETING => {}
                Some(Ok(Message::Text(text))) => {
                    self.remember(text.as_str());
                    return text.as_str().to_owned();
                }
                other => panic!("a packet, not {other:?}; last seen: {:?}", self.seen),
            }
        }
    }

    /// The next frame as it is, pings of Engine.IO included.
    pub async fn message(&mut self) -> Option<Message> {
        let message = within("a frame", self.socket.next()).await;
        message.and_then(Result::ok)
    }

    /// Reads on until the connection ends: what came before that, and how it ended.
    pub async fn ended(&mut self) -> (Vec<String>, End) {
        self.ended_within(DEADLINE).await
    }

    /// As [`ended`](Self::ended), with the time that each frame may take.
    pub async fn ended_within(&mut self, deadline: Duration) -> (Vec<String>, End) {
        let mut packets = Vec::from(std::mem::take(&mut self.early));
        loop {
            let message = tokio::time::timeout(deadline, self.socket.next()).await;
            match message {
                Ok(Some(Ok(Message::Text(text)))) if ["2", GREETING].contains(&text.as_str()) => {}
                Ok(Some(Ok(Message::Text(text)))) => packets.push(text.as_str().to_owned()),
                Ok(Some(Ok(Message::Close(Some(frame))))) => {
                    // Reading on answers the close frame.
                    let _ = within("the end of the stream", self.socket.next()).await;
                    return (packets, End::Closed(frame.code.into()));
                }
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(_)) | None) => return (packets, End::Cut),
                Err(_) => panic!("the connection does not end; last seen: {packets:?}"),
            }
        }
    }

    /// Cuts the TCP connection by a reset.
    pub fn reset(self) {
        let linger = Some(Duration::ZERO);
        SockRef::from(self.socket.get_ref())
            .set_linger(linger)
            .expect("an open socket");
    }

    fn remember(&mut self, packet: &str) {
        if self.seen.len() == REMEMBERED {
            self.seen.pop_front();
        }
        self.seen.push_back(packet.chars().take(200).collect());
    }
}
