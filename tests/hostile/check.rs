//! Whether what came of a row is what it expects. Every fault is a panic, which the rig names by its row.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::row::{Expect, Row};
use crate::stage::{Line, Stage};
use crate::support::http::{self, Response};
use crate::support::raw_websocket::RawWebSocket;
use crate::support::viewer::End;
use crate::support::within;

/// Pause between two bytes of a trickle.
const TRICKLE: Duration = Duration::from_millis(250);

/// Sends a row's bytes and checks what comes of them.
pub async fn check(row: &Row, host: &str, mut stage: Stage) {
    match &mut stage.line {
        Line::Socket(socket) => {
            socket.send(&row.send).await;
            on_socket(&row.expect, socket).await;
        }
        Line::Tcp(stream) => {
            let bytes = replace(&row.send, "{sid}", &stage.sid);
            let bytes = replace(&bytes, "{host}", host);
            // It may have answered and closed before it has read all of it.
            let _ = within("room to send", stream.write_all(&bytes)).await;
            on_tcp(row, stream).await;
        }
    }
    match row.expect {
        Expect::Ends(..) | Expect::Gone => stage.is_gone().await,
        Expect::Closed(_) | Expect::Cut | Expect::Denied if row.ends_a_session() => {}
        Expect::Harmless => {}
        _ => stage.goes_on().await,
    }
    stage.leave().await;
}

async fn on_tcp(row: &Row, stream: &mut TcpStream) {
    match &row.expect {
        Expect::Http(status, code) | Expect::Ends(status, code) => {
            let answer = answer(stream, row.trickle).await.expect("an answer");
            assert_eq!(answer.status, *status, "{}", answer.text());
            if let Some(code) = code {
                assert_eq!(answer.json()["code"], *code, "{}", answer.text());
            }
            let readable = answer.header("access-control-allow-origin");
            assert_eq!(readable, None, "of an origin that was refused, or none");
        }
        Expect::NoHttp => {
            if let Some(answer) = answer(stream, row.trickle).await {
                assert!((400..500).contains(&answer.status), "{answer:?}");
            }
        }
        Expect::Readable(origin) => {
            let answer = answer(stream, None).await.expect("an answer");
            assert_eq!(answer.status, 200, "{}", answer.text());
            for (name, value) in [
                ("access-control-allow-origin", &origin[..]),
                ("access-control-allow-credentials", "true"),
                ("vary", "origin"),
            ] {
                assert_eq!(answer.header(name), Some(value), "{name}");
            }
        }
        Expect::Upgraded | Expect::Closed(_) => upgraded(&row.expect, stream).await,
        Expect::Gone => {}
        other => panic!("nothing that HTTP would answer: {other:?}"),
    }
}

/// What an accepted WebSocket says first.
async fn upgraded(expect: &Expect, stream: &mut TcpStream) {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break String::from_utf8_lossy(&bytes[..at]).to_lowercase();
        }
        let read = within("the handshake", stream.read_buf(&mut bytes)).await;
        assert!(read.is_ok_and(|read| read > 0), "{bytes:?}");
    };
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    assert!(!head.contains("extensions"), "{head}");
    if let Expect::Closed(code) = expect {
        let rest = http::read_to_end(stream).await;
        let close = [&bytes[head.len() + 4..], &rest].concat();
        assert_eq!(close.first(), Some(&0x88), "{close:?}");
        assert_eq!(close[2..4], code.to_be_bytes());
    }
}

async fn on_socket(expect: &Expect, socket: &mut RawWebSocket) {
    match expect {
        Expect::Closed(code) => {
            let (packets, end) = ended(socket).await;
            // What was whole before the fault may have been answered by an error.
            let is_error = |p: &String| {
                p.starts_with(r#"42["error","#) || p.starts_with("44") || p == "3probe"
            };
            assert!(packets.iter().all(is_error), "{packets:?}");
            assert_eq!(end, End::Closed(*code));
        }
        Expect::Cut => assert_eq!(ended(socket).await.1, End::Cut),
        Expect::Denied => {
            let said = vec![r#"42["unauthorized"]"#.to_owned(), "41".to_owned()];
            assert_eq!(ended(socket).await, (said, End::Closed(1000)));
        }
        Expect::Refused(message) => {
            let refused = format!(r#"44{{"message":"{message}"}}"#);
            assert_eq!(packet(socket).await, refused);
        }
        Expect::Accepted => {
            let answer = packet(socket).await;
            assert!(answer.starts_with(r#"40{"sid":""#), "{answer}");
        }
        Expect::Answered(packets) => {
            for expected in packets {
                assert_eq!(&packet(socket).await, expected);
            }
        }
        Expect::ErrorAck => {
            let answer = packet(socket).await;
            assert!(answer.len() < 200, "repeats what was sent: {answer}");
            let acknowledged = answer
                .strip_prefix("431")
                .unwrap_or_else(|| panic!("{answer}"));
            let [argument]: [Value; 1] = serde_json::from_str(acknowledged).unwrap();
            assert_eq!(argument["ok"], false, "{answer}");
            assert!(!argument["error"].as_str().unwrap().is_empty(), "{answer}");
        }
        Expect::ErrorEvent(code) => expect_error_event(&packet(socket).await, code),
        Expect::Nothing | Expect::Harmless => {}
        other => panic!("nothing that a WebSocket would answer: {other:?}"),
    }
}

fn expect_error_event(packet: &str, code: &str) {
    let array = packet
        .strip_prefix("42")
        .unwrap_or_else(|| panic!("{packet}"));
    let (name, error): (String, Value) = serde_json::from_str(array).unwrap();
    assert_eq!(name, "error");
    assert_eq!(error["errorCode"], code, "{packet}");
    assert_eq!(error["retryable"], false, "{packet}");
    for text in ["message", "errorMessage"] {
        let text = error[text].as_str().unwrap();
        assert!(!text.is_empty() && text.len() < 200, "{packet}");
    }
    assert!(error["timestamp"].as_u64().unwrap() > 1_600_000_000_000);
}

/// The next packet.
async fn packet(socket: &mut RawWebSocket) -> String {
    let (first, payload) = socket.frame().await.expect("a packet, not the end");
    let payload = String::from_utf8_lossy(&payload).into_owned();
    assert_eq!(first, 0x81, "{payload}");
    payload
}

/// Everything until the end, pings and pongs left out, and how it ended.
async fn ended(socket: &mut RawWebSocket) -> (Vec<String>, End) {
    let mut packets = Vec::new();
    while let Some((first, payload)) = socket.frame().await {
        match (first, &payload[..]) {
            (0x88, [high, low, ..]) => {
                return (packets, End::Closed(u16::from_be_bytes([*high, *low])));
            }
            (0x81, b"2") | (0x8a, _) => {}
            _ => packets.push(String::from_utf8_lossy(&payload).into_owned()),
        }
    }
    (packets, End::Cut)
}

/// The answer on a connection that is closed behind it; `None` if it is closed without one.
async fn answer(stream: &mut TcpStream, trickle: Option<u8>) -> Option<Response> {
    let (mut reader, mut writer) = stream.split();
    let mut bytes = Vec::new();
    let mut ticks = tokio::time::interval(TRICKLE);
    loop {
        let read = within("an answer", async {
            loop {
                tokio::select! {
                    read = reader.read_buf(&mut bytes) => return read,
                    _ = ticks.tick(), if trickle.is_some() => {
                        let _ = writer.write_all(trickle.as_slice()).await;
                    }
                }
            }
        });
        match read.await {
            Ok(0) | Err(_) if bytes.is_empty() => return None,
            Ok(0) | Err(_) => {
                // What follows a fault is not read as another request.
                let answers = String::from_utf8_lossy(&bytes).matches("HTTP/1.1 ").count();
                assert_eq!(answers, 1, "{bytes:?}");
                return Some(Response::parse(&bytes));
            }
            Ok(_) => {}
        }
    }
}

fn replace(bytes: &[u8], name: &str, value: &str) -> Vec<u8> {
    let name = name.as_bytes();
    let Some(at) = bytes.windows(name.len()).position(|window| window == name) else {
        return bytes.to_vec();
    };
    [&bytes[..at], value.as_bytes(), &bytes[at + name.len()..]].concat()
}
