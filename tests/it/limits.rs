//! Each limit is met by one client alone: it is told which, the metric rises, and a neighbour notices nothing.

mod connections;
mod requests;
mod sessions;

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpSocket, TcpStream};

use crate::support::http::{self, Response};
use crate::support::server::TestServer;
use crate::support::within;

/// Where the offender comes from: loopback, too, but not the address of the test's other clients.
const OFFENDER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A TCP connection from the offender's address.
async fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((OFFENDER, 0).into()).unwrap();
    let connected = within("a TCP connection", socket.connect(address)).await;
    connected.expect("the server listens")
}

/// The answer to `GET /healthz` from the offender's address.
async fn ask(address: SocketAddr) -> Response {
    let mut stream = connect(address).await;
    send(
        &mut stream,
        &http::request_bytes("GET", "/healthz", &[], ""),
    )
    .await;
    http::answer(stream).await.expect("an answer")
}

/// Sends; that the server has answered and closed before it read all of it is no error.
async fn send(stream: &mut TcpStream, bytes: &[u8]) {
    use tokio::io::AsyncWriteExt;
    let _ = within("room to send", stream.write_all(bytes)).await;
}

/// How many times a limit was met.
async fn reached(server: &TestServer, limit: &str) -> i64 {
    let metric = format!(r#"limits_reached_total{{limit="{limit}"}}"#);
    server.metric(&metric).await
}

/// Asserts that an answer refuses, and names the limit.
fn expect_refusal(answer: &Response, status: u16, limit: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.json()["error"]["code"], limit, "{answer:?}");
    let message = answer.json()["error"]["message"].clone();
    assert!(!message.as_str().unwrap().is_empty());
}
