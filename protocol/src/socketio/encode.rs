//! From packets to frames.

use serde::Serialize;

use super::{AckId, Body, Namespace, Packet};
use crate::frame::Frame;

/// Encodes a packet: its text, then one binary frame for each attachment. Placeholders are expected to be
/// in the arguments already.
pub fn encode(packet: &Packet) -> Vec<Frame> {
    let namespace = &packet.namespace;
    let attachments = packet.body.attachments();
    let text = match &packet.body {
        Body::Connect(auth) => join("40", namespace, auth.as_ref().map_or("", |auth| auth.get())),
        Body::Disconnect => disconnect(namespace),
        Body::ConnectError(data) => join("44", namespace, data.get()),
        Body::Event { event, ack } => {
            let name = json(&event.name);
            let args = std::iter::once(name.as_str()).chain(event.args.iter().map(|arg| arg.get()));
            list(
                ["42", "45"],
                attachments.len(),
                namespace,
                *ack,
                args.map(str::as_bytes),
            )
        }
        Body::Ack { args, id, .. } => {
            let args = args.iter().map(|arg| arg.get().as_bytes());
            list(["43", "46"], attachments.len(), namespace, Some(*id), args)
        }
    };
    std::iter::once(text)
        .chain(attachments.iter().map(|bytes| Frame::binary(bytes)))
        .collect()
}

/// The server's answer to a connect: `40{"sid":"…"}`.
pub fn connect_ok(namespace: &Namespace, sid: &str) -> Frame {
    join("40", namespace, &format!(r#"{{"sid":{}}}"#, json(&sid)))
}

/// The same for a socket that may recover its state after a reconnect: `40{"sid":"…","pid":"…"}`.
pub fn connect_recoverable(namespace: &Namespace, sid: &str, pid: &str) -> Frame {
    join(
        "40",
        namespace,
        &format!(r#"{{"sid":{},"pid":{}}}"#, json(&sid), json(&pid)),
    )
}

/// The server's refusal of a connect: `44{"message":"…"}`.
pub fn connect_error(namespace: &Namespace, message: &str) -> Frame {
    join(
        "44",
        namespace,
        &format!(r#"{{"message":{}}}"#, json(&message)),
    )
}

/// The end of a namespace, from either side: `41`.
pub fn disconnect(namespace: &Namespace) -> Frame {
    join("41", namespace, "")
}

/// The answer to an event: `4312[arg,…]`. Each argument must be one valid JSON value.
pub fn ack(namespace: &Namespace, id: AckId, json_args: &[&[u8]]) -> Frame {
    list(
        ["43", "46"],
        0,
        namespace,
        Some(id),
        json_args.iter().copied(),
    )
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings always serialize")
}

fn join(kind: &str, namespace: &Namespace, data: &str) -> Frame {
    let [path, comma] = namespace.prefix();
    Frame::concat(&[kind.as_bytes(), path, comma, data.as_bytes()])
}

/// An event or ack: `kinds` are its type without and with attachments.
fn list<'a>(
    kinds: [&str; 2],
    attachments: usize,
    namespace: &'a Namespace,
    ack: Option<AckId>,
    args: impl Iterator<Item = &'a [u8]>,
) -> Frame {
    let kind = match attachments {
        0 => kinds[0].to_owned(),
        count => format!("{}{count}-", kinds[1]),
    };
    let [path, comma] = namespace.prefix();
    let ack = ack.map_or_else(String::new, |id| id.to_string());
    let mut parts = vec![kind.as_bytes(), path, comma, ack.as_bytes(), b"["];
    for (index, arg) in args.enumerate() {
        if index > 0 {
            parts.push(b",");
        }
        parts.push(arg);
    }
    parts.push(b"]");
    Frame::concat(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice() -> Namespace {
        "/voice".parse().expect("a namespace")
    }

    #[test]
    fn a_connect_is_answered_with_the_socket_id() {
        let root = Namespace::root();
        assert_eq!(connect_ok(&root, "a"), Frame::text(r#"40{"sid":"a"}"#));
        assert_eq!(
            connect_ok(&voice(), "a\""),
            Frame::text(r#"40/voice,{"sid":"a\""}"#)
        );
        let recoverable = connect_recoverable(&root, "a", "b");
        assert_eq!(recoverable, Frame::text(r#"40{"sid":"a","pid":"b"}"#));
    }

    #[test]
    fn a_connect_is_refused_with_a_message() {
        let frame = connect_error(&Namespace::root(), "Invalid token");
        assert_eq!(frame, Frame::text(r#"44{"message":"Invalid token"}"#));
        let frame = connect_error(&voice(), "say \"please\"");
        assert_eq!(
            frame,
            Frame::text(r#"44/voice,{"message":"say \"please\""}"#)
        );
    }

    #[test]
    fn disconnects_and_acks_name_their_namespace() {
        assert_eq!(disconnect(&Namespace::root()), Frame::text("41"));
        assert_eq!(disconnect(&voice()), Frame::text("41/voice,"));
        assert_eq!(ack(&Namespace::root(), 456, &[]), Frame::text("43456[]"));
        let frame = ack(&voice(), 0, &[br#"{"ok":true}"#, b"1"]);
        assert_eq!(frame, Frame::text(r#"43/voice,0[{"ok":true},1]"#));
    }
}
