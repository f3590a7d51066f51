//! A viewer's side of the conversation, without the socket: text frames in, what they mean and what to answer out.

use std::time::Duration;

use bytestring::ByteString;
use serde_json::{Value, json};
use switchboard_protocol::engineio::{Message, Packet};
use switchboard_protocol::events;
use switchboard_protocol::ids::RoomId;
use switchboard_protocol::socketio::{Body, Decoder, Event};

use super::screen::Caption;

/// Longest silence that is waited for, whatever the handshake says.
const LONGEST_SILENCE: Duration = Duration::from_secs(600);

/// What a frame means to a viewer.
#[derive(Debug, PartialEq)]
pub(in crate::cli) enum Heard {
    /// The server is there: the longest silence to expect, and what to answer.
    Opened {
        /// After this the connection is lost.
        silence: Duration,
        /// The text to send.
        answer: String,
    },
    /// This text is to be sent.
    Answer(String),
    /// Captions come from now on.
    Joined,
    /// A caption.
    Caption(Caption),
    /// The broker came or went.
    Broker {
        /// Whether it is there.
        up: bool,
    },
    /// The server is about to stop, and may be called again after this time.
    Draining(Duration),
    /// The server says no.
    Refused(String),
    /// The connection is over.
    Closed(String),
    /// Nothing that matters.
    Nothing,
}

/// One connection's conversation.
pub(in crate::cli) struct Viewer {
    room: RoomId,
    token: String,
    decoder: Decoder,
}

impl Viewer {
    pub(in crate::cli) fn new(room: RoomId, token: String) -> Self {
        Self {
            room,
            token,
            decoder: Decoder::for_client(0),
        }
    }

    /// Takes a text frame.
    pub(in crate::cli) fn hear(&mut self, frame: &str) -> Heard {
        match Packet::decode(ByteString::from(frame)) {
            Ok(Packet::Open(handshake)) => self.opened(&handshake),
            Ok(Packet::Ping(data)) => Heard::Answer(format!("3{data}")),
            Ok(Packet::Close) => Heard::Closed("the server closed the connection".to_owned()),
            Ok(Packet::Message(Message::Text(text))) => self.message(text),
            Ok(_) => Heard::Nothing,
            Err(error) => Heard::Closed(format!("not understood: {error}")),
        }
    }

    fn opened(&self, handshake: &str) -> Heard {
        let figures: Value = serde_json::from_str(handshake).unwrap_or_default();
        let millis = |name: &str| figures.get(name).and_then(Value::as_u64).unwrap_or(30_000);
        let silence = millis("pingInterval").saturating_add(millis("pingTimeout"));
        Heard::Opened {
            silence: Duration::from_millis(silence).min(LONGEST_SILENCE),
            answer: format!("40{}", json!({ "token": self.token })),
        }
    }

    fn message(&mut self, text: ByteString) -> Heard {
        match self
            .decoder
            .text(text)
            .map(|packet| packet.map(|packet| packet.body))
        {
            Ok(Some(Body::Connect(_))) => Heard::Answer(format!(
                "420{}",
                json!([events::JOIN_ROOM, self.room.as_str()])
            )),
            Ok(Some(Body::ConnectError(data))) => Heard::Refused(text_of(data.get(), "message")),
            Ok(Some(Body::Disconnect)) => {
                Heard::Closed("the server ended the connection".to_owned())
            }
            Ok(Some(Body::Ack { args, .. })) => {
                joined(args.first().map_or("null", |arg| arg.get()))
            }
            Ok(Some(Body::Event { event, .. })) => happened(&event),
            Ok(None) => Heard::Nothing,
            Err(error) => Heard::Closed(format!("not understood: {error}")),
        }
    }
}

/// Reads the ack of `join_room`.
fn joined(ack: &str) -> Heard {
    let ack: Value = serde_json::from_str(ack).unwrap_or_default();
    match ack.get("ok").and_then(Value::as_bool) {
        Some(false) => Heard::Refused(text_of(&ack.to_string(), "error")),
        _ => Heard::Joined,
    }
}

fn happened(event: &Event) -> Heard {
    let data = event.args.first().map_or("null", |arg| arg.get());
    match event.name.as_str() {
        events::PARTIAL | events::FINAL | events::TRANSLATION => {
            Caption::read(&event.name, data).map_or(Heard::Nothing, Heard::Caption)
        }
        events::BROKER_OK => Heard::Broker { up: true },
        events::BROKER_KO => Heard::Broker { up: false },
        events::UNAUTHORIZED => {
            Heard::Refused("unauthorized: the token may not watch this room".to_owned())
        }
        events::DRAINING => {
            let data: Value = serde_json::from_str(data).unwrap_or_default();
            let pause = data.get("reconnect_in_ms").and_then(Value::as_u64);
            Heard::Draining(Duration::from_millis(pause.unwrap_or_default()))
        }
        _ => Heard::Nothing,
    }
}

/// Returns a text of a JSON object, made fit for a terminal.
fn text_of(data: &str, name: &str) -> String {
    let data: Value = serde_json::from_str(data).unwrap_or_default();
    let text = data.get(name).and_then(Value::as_str).unwrap_or("refused");
    super::screen::plain(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn viewer() -> Viewer {
        Viewer::new("s/1".parse().unwrap(), "a.b.c".to_owned())
    }

    #[test]
    fn a_viewer_connects_joins_and_answers_pings() {
        let mut viewer = viewer();
        let opened = viewer.hear(r#"0{"sid":"x","pingInterval":300,"pingTimeout":200}"#);
        let answer = r#"40{"token":"a.b.c"}"#.to_owned();
        assert_eq!(
            opened,
            Heard::Opened {
                silence: Duration::from_millis(500),
                answer
            }
        );
        let join = Heard::Answer(r#"420["join_room","s/1"]"#.to_owned());
        assert_eq!(viewer.hear(r#"40{"sid":"y"}"#), join);
        assert_eq!(viewer.hear(r#"430[{"ok":true}]"#), Heard::Joined);
        assert_eq!(viewer.hear("2"), Heard::Answer("3".to_owned()));
        assert_eq!(
            viewer.hear(r#"42["broker_ko"]"#),
            Heard::Broker { up: false }
        );
        assert_eq!(
            viewer.hear(r#"42["broker_ok"]"#),
            Heard::Broker { up: true }
        );
        assert_eq!(
            viewer.hear(r#"42["draining",{"reconnect_in_ms":70}]"#),
            Heard::Draining(Duration::from_millis(70))
        );
        assert!(matches!(
            viewer.hear(r#"42["final",{"text":"hello"}]"#),
            Heard::Caption(_)
        ));
    }

    #[test]
    fn every_refusal_says_why() {
        let reason = |frame| match viewer().hear(frame) {
            Heard::Refused(reason) => reason,
            other => panic!("{frame} is a refusal, not {other:?}"),
        };
        assert_eq!(reason(r#"44{"message":"Invalid token"}"#), "Invalid token");
        assert_eq!(
            reason(r#"430[{"ok":false,"error":"no\u001b[31m room"}]"#),
            "no room"
        );
        assert!(reason(r#"42["unauthorized"]"#).starts_with("unauthorized"));
    }

    #[test]
    fn nonsense_from_the_server_ends_the_connection_or_is_passed_over() {
        for frame in ["", "x", "4", "42", "42{}", "49", "1", "41"] {
            assert!(matches!(viewer().hear(frame), Heard::Closed(_)), "{frame}");
        }
        for frame in [
            "6",
            "0{}",
            r#"42["final"]"#,
            r#"42["final",7]"#,
            r#"42["unheard_of",{}]"#,
        ] {
            assert!(!matches!(viewer().hear(frame), Heard::Closed(_)), "{frame}");
        }
    }
}
