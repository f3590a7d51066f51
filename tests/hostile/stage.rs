//! What is there before a row's bytes are sent, and whether it is still there afterwards.

use std::net::SocketAddr;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::row::{On, text};
use crate::support::http::{self, Poller};
use crate::support::raw_websocket::{RawWebSocket, frame};
use crate::support::{DEADLINE, eventually, tokens, within};

/// What a row's bytes are sent on.
pub enum Line {
    Tcp(TcpStream),
    Socket(RawWebSocket),
}

/// One row's connections.
pub struct Stage {
    pub line: Line,
    /// The id of the session beside it; empty where there is none.
    pub sid: String,
    on: On,
    poller: Option<Poller>,
    socket: Option<RawWebSocket>,
    /// The poll or POST that is under way.
    _request: Option<TcpStream>,
}

impl Stage {
    pub async fn set(address: SocketAddr, on: &On) -> Self {
        let mut stage = Self {
            line: Line::Tcp(http::connect(address).await),
            sid: String::new(),
            on: on.clone(),
            poller: None,
            socket: None,
            _request: None,
        };
        match on {
            On::Tcp => {}
            On::Open => stage.line = Line::Socket(RawWebSocket::open(address, &[]).await),
            On::Cookie(cookie) => {
                let headers = [("cookie", &cookie[..])];
                stage.line = Line::Socket(RawWebSocket::open(address, &headers).await);
            }
            On::Connected => stage.line = Line::Socket(connected(address).await),
            On::BesideWebSocket => {
                let socket = connected(address).await;
                stage.sid.clone_from(&socket.sid);
                stage.socket = Some(socket);
            }
            _ => stage.set_polling(address, on).await,
        }
        stage
    }

    /// The stages with a polling session.
    async fn set_polling(&mut self, address: SocketAddr, on: &On) {
        let mut poller = Poller::open(address, "/socket.io/").await;
        poller.connect(&tokens::guest("S")).await;
        self.sid.clone_from(&poller.sid);
        let target = poller.target.replace("polling", "websocket");
        match on {
            On::PollWaits => self._request = Some(poller.begin_poll().await),
            On::PostWaits => self._request = Some(begin_post(&poller).await),
            On::PollBrokenOff(connection) => drop(poller.begin_poll_with(connection).await),
            On::Candidate => {
                let socket = RawWebSocket::upgrade(address, &target, &[]).await;
                self.line = Line::Socket(socket);
            }
            On::BesideProbe => {
                let mut socket = RawWebSocket::upgrade(address, &target, &[]).await;
                socket.send(&text("2probe")).await;
                assert_eq!(socket.frame().await, Some((0x81, b"3probe".to_vec())));
                self.socket = Some(socket);
            }
            _ => {}
        }
        self.poller = Some(poller);
    }

    /// Asserts that what the row was sent on, or beside, goes on, and that nothing more was said to it.
    pub async fn goes_on(&mut self) {
        let beside_probe = self.on == On::BesideProbe;
        let socket = match (&mut self.line, &mut self.socket) {
            (Line::Socket(socket), _) if self.on != On::Candidate => socket,
            (_, Some(socket)) => socket,
            _ => {
                if let Some(poller) = &self.poller {
                    poller.send("3").await;
                }
                return;
            }
        };
        if beside_probe {
            // It takes over, and its socket is there.
            socket.send(&text("5")).await;
        }
        if beside_probe || self.on == On::Connected {
            socket.send(&text(r#"429["leave_room","nowhere/0"]"#)).await;
            let answer = br#"439[{"ok":true}]"#.to_vec();
            assert_eq!(socket.frame().await, Some((0x81, answer)));
        } else {
            socket.send(&frame(0x89, b"there?")).await;
            assert_eq!(socket.frame().await, Some((0x8a, b"there?".to_vec())));
        }
    }

    /// Ends what is left of the session beside the row, as its client would.
    pub async fn leave(&self) {
        if let Some(poller) = &self.poller {
            poller.post("1").await;
        }
    }

    /// Waits until the session beside the row has ended.
    pub async fn is_gone(&self) {
        let poller = self.poller.as_ref().expect("a polling session");
        let look = async || poller.is_gone().await;
        eventually("the end of the session", DEADLINE, look, |gone| *gone).await;
    }
}

async fn connected(address: SocketAddr) -> RawWebSocket {
    RawWebSocket::connect(address, &tokens::guest("S")).await
}

/// A POST of which the head and one byte have reached the server.
async fn begin_post(poller: &Poller) -> TcpStream {
    let mut stream = http::connect(poller.address).await;
    let target = &poller.target;
    let start = format!("POST {target} HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n4");
    let sent = within("room to send", stream.write_all(start.as_bytes())).await;
    sent.expect("the server reads");
    // It was there before this question, which is answered by the same thread.
    http::get(poller.address, "/socket.io/").await;
    stream
}
