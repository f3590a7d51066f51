//! HTTP as bytes on a TCP connection, and Engine.IO polling on top of it, so that tests can also send what
//! no HTTP library would.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::viewer::GREETING;
use super::within;

/// What was answered.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// Reads one whole answer; the connection is to be closed behind it.
    pub fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, _) = text.split_once("\r\n\r\n").unwrap_or_else(|| {
            panic!("no whole HTTP answer: {text:?}");
        });
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let body = &bytes[head.len() + 4..];
        let is_chunked = |(name, value): &(String, String)| {
            (name.as_str(), value.as_str()) == ("transfer-encoding", "chunked")
        };
        let body = match headers.iter().any(is_chunked) {
            true => join_chunks(body),
            false => body.to_vec(),
        };
        let status = status
            .and_then(|status| status.parse().ok())
            .expect("a status");
        Self {
            status,
            headers,
            body,
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| &value[..])
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
}

/// Takes a chunked body (RFC 9112, section 7.1) out of its chunks; it must be whole.
fn join_chunks(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n");
        let end = end.expect("a chunk's size");
        let size = String::from_utf8_lossy(&rest[..end]);
        let size = usize::from_str_radix(&size, 16).expect("a hexadecimal size");
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
}

/// The bytes of a request that asks for the connection to be closed behind the answer.
pub fn request_bytes(
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Vec<u8> {
    let body = body.as_ref();
    let mut head = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        head += "host: switchboard.test\r\n";
    }
    if !body.is_empty() || method != "GET" {
        head += &format!("content-length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    [head.as_bytes(), body].concat()
}

/// The bytes of a request that asks for a WebSocket.
pub fn upgrade_bytes(target: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut head = format!(
        "GET {target} HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    );
    if !headers.iter().any(|(name, _)| *name == "host") {
        head += "host: switchboard.test\r\n";
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    (head + "\r\n").into_bytes()
}

/// One request and its answer.
pub async fn request(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Response {
    exchange(address, &request_bytes(method, target, headers, body))
        .await
        .unwrap_or_else(|| panic!("{method} {target} was not answered"))
}

/// `GET target`.
pub async fn get(address: SocketAddr, target: &str) -> Response {
    request(address, "GET", target, &[], "").await
}

/// The value of a metric, `switchboard_` left out: `rooms`, `publications_dropped_total{reason="no_room"}`; 0 while
/// there is none.
pub async fn metric(address: SocketAddr, name: &str) -> i64 {
    let text = get(address, "/metrics").await.text();
    let name = format!("switchboard_{name} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    line.map_or(0, |value| value.parse().expect("a whole number"))
}

/// Sends these bytes; the answer, or `None` if the connection is closed without one.
pub async fn exchange(address: SocketAddr, bytes: &[u8]) -> Option<Response> {
    let mut stream = connect(address).await;
    // The server may have answered and closed before it has read all of it.
    let _ = within("room to send", stream.write_all(bytes)).await;
    answer(stream).await
}

/// A TCP connection to the server.
pub async fn connect(address: SocketAddr) -> TcpStream {
    let connected = within("a TCP connection", TcpStream::connect(address)).await;
    connected.expect("the server listens")
}

/// Everything until the server ends the connection, in one way or another.
pub async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        match within("an answer", stream.read_buf(&mut bytes)).await {
            Ok(0) | Err(_) => return bytes,
            Ok(_) => {}
        }
    }
}

/// The answer to a request that was sent on `stream`, `None` if it is closed without one.
pub async fn answer(mut stream: TcpStream) -> Option<Response> {
    let answer = read_to_end(&mut stream).await;
    (!answer.is_empty()).then(|| Response::parse(&answer))
}

/// An Engine.IO session over long-polling.
pub struct Poller {
    pub address: SocketAddr,
    pub sid: String,
    /// What requests go to: path, version, transport and sid.
    pub target: String,
    /// The handshake's JSON.
    pub handshake: Value,
    /// Packets of a poll that were not asked for yet.
    early: std::collections::VecDeque<String>,
}

impl Poller {
    /// Opens a session at `path`, such as `/socket.io/`.
    pub async fn open(address: SocketAddr, path: &str) -> Self {
        let target = format!("{path}?EIO=4&transport=polling");
        let opened = get(address, &target).await;
        assert_eq!(opened.status, 200, "{opened:?}");
        let text = opened.text();
        let handshake = text.strip_prefix('0').expect("an open packet");
        let handshake: Value = serde_json::from_str(handshake).expect("JSON");
        let sid = handshake["sid"].as_str().expect("a sid").to_owned();
        Self {
            address,
            target: format!("{target}&sid={sid}"),
            sid,
            handshake,
            early: Default::default(),
        }
    }

    /// One GET.
    pub async fn poll(&self) -> Response {
        get(self.address, &self.target).await
    }

    /// A GET that has reached the server and is not answered yet.
    pub async fn begin_poll(&self) -> TcpStream {
        self.begin_poll_with("close").await
    }

    /// As [`begin_poll`](Self::begin_poll), over a connection that is to be closed or kept behind the answer.
    pub async fn begin_poll_with(&self, connection: &str) -> TcpStream {
        let mut stream = connect(self.address).await;
        let start = format!("GET {} HTTP/1.1\r\nhost: test\r\n", self.target);
        let bytes = format!("{start}connection: {connection}\r\n\r\n");
        let sent = stream.write_all(bytes.as_bytes()).await;
        sent.expect("the server reads");
        // The poll's bytes were there before this question, which is answered by the same thread.
        get(self.address, "/socket.io/").await;
        stream
    }

    /// One POST.
    pub async fn post(&self, body: impl AsRef<[u8]>) -> Response {
        request(self.address, "POST", &self.target, &[], body).await
    }

    /// One POST that must be taken.
    pub async fn send(&self, body: impl AsRef<[u8]>) {
        let answer = self.post(body).await;
        assert_eq!(
            (answer.status, &answer.text()[..]),
            (200, "ok"),
            "{answer:?}"
        );
    }

    /// The next packet that is no ping and no greeting; pings are answered.
    pub async fn packet(&mut self) -> String {
        loop {
            while let Some(packet) = self.early.pop_front() {
                match &packet[..] {
                    "2" => self.send("3").await,
                    GREETING => {}
                    _ => return packet,
                }
            }
            let answer = self.poll().await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let packets = answer.text();
            self.early
                .extend(packets.split('\x1e').map(ToOwned::to_owned));
        }
    }

    /// Connects to the root namespace.
    pub async fn connect(&mut self, token: &str) {
        self.send(format!(r#"40{{"token":"{token}"}}"#)).await;
        let answer = self.packet().await;
        assert!(answer.starts_with(r#"40{"sid":""#), "{answer}");
    }

    /// Ends the session as clients do: by a close packet, and a last poll that is released.
    pub async fn close(self) {
        self.send("1").await;
        let released = self.poll().await;
        assert_eq!((released.status, &released.text()[..]), (200, "6"));
    }

    /// Whether the session is gone: a request with its sid is refused as unknown.
    pub async fn is_gone(&self) -> bool {
        let body = request(self.address, "POST", &self.target, &[], "3").await;
        body.status == 400 && body.text().contains(r#""code":1"#)
    }
}
