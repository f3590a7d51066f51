//! Both protocols as bytes: requests in, heads and events out.

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::script::{Act, Script};
use super::{Asked, Ending};

/// The form in which an answer is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    OpenAi,
    Anthropic,
}

impl Form {
    /// By the path of a request; none for what asks for no answer.
    pub(super) fn of(path: &str) -> Option<Self> {
        match path {
            "/v1/chat/completions" => Some(Self::OpenAi),
            "/v1/messages" => Some(Self::Anthropic),
            _ => None,
        }
    }

    /// What the form's protocol sends for this; acts that send none are not its business.
    pub(super) fn render(self, act: &Act) -> Vec<u8> {
        match self {
            Self::OpenAi => openai(act),
            Self::Anthropic => anthropic(act),
        }
        .into_bytes()
    }
}

fn openai(act: &Act) -> String {
    let chunk = |delta: Value, finish: Value| {
        let chunk = json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "fake",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }],
        });
        format!("data: {chunk}\n\n")
    };
    match act {
        Act::Begin => chunk(json!({ "role": "assistant", "content": "" }), Value::Null),
        Act::Token(token) => chunk(json!({ "content": token }), Value::Null),
        Act::Finish => chunk(json!({}), "stop".into()),
        Act::Done => "data: [DONE]\n\n".to_owned(),
        Act::Ping => ": still here\n\n".to_owned(),
        Act::Error(kind) => {
            let error = json!({ "error": { "message": "the fake failed", "type": kind } });
            format!("data: {error}\n\n")
        }
        other => unreachable!("{other:?} is no event"),
    }
}

fn anthropic(act: &Act) -> String {
    let event = |data: Value| {
        let name = data["type"].as_str().expect("a type");
        format!("event: {name}\ndata: {data}\n\n")
    };
    match act {
        Act::Begin => {
            let message =
                json!({ "id": "msg_1", "type": "message", "role": "assistant", "content": [] });
            let block = json!({ "type": "text", "text": "" });
            let start = event(json!({ "type": "message_start", "message": message }));
            start
                + &event(
                    json!({ "type": "content_block_start", "index": 0, "content_block": block }),
                )
        }
        Act::Token(token) => {
            let delta = json!({ "type": "text_delta", "text": token });
            event(json!({ "type": "content_block_delta", "index": 0, "delta": delta }))
        }
        Act::Finish => {
            let delta = json!({ "stop_reason": "end_turn" });
            event(json!({ "type": "content_block_stop", "index": 0 }))
                + &event(json!({ "type": "message_delta", "delta": delta }))
        }
        Act::Done => event(json!({ "type": "message_stop" })),
        Act::Ping => event(json!({ "type": "ping" })),
        Act::Error(kind) => {
            let error = json!({ "type": kind, "message": "the fake failed" });
            event(json!({ "type": "error", "error": error }))
        }
        other => unreachable!("{other:?} is no event"),
    }
}

/// The head of an answer whose body comes in chunks.
pub(super) fn head(script: &Script) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {} Scripted\r\n", script.status);
    let is_type = |(name, _): &(String, String)| name == "content-type";
    if !script.headers.iter().any(is_type) {
        head += "content-type: text/event-stream\r\n";
    }
    for (name, value) in &script.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "connection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    head.into_bytes()
}

/// One request whose body has a `content-length`; none if the client goes before.
pub(super) async fn read_request(
    stream: &mut TcpStream,
) -> Option<(Asked, oneshot::Sender<Ending>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: Vec<_> = headers
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().expect("a length"));
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    let (ended, ending) = oneshot::channel();
    let asked = Asked {
        path,
        headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        ending,
    };
    Some((asked, ended))
}
