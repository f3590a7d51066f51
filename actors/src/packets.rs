//! One log line for each packet, by the filter `switchboard::packets=trace`: direction, connection, kind, event, size.
//!
//! Never says what is in a packet: tokens and captions stay out of logs. Names of events come from clients and are
//! written with their control characters escaped. Costs a comparison while the filter is off.

use std::fmt;

use log::Level::Trace;
use switchboard_protocol::engineio::{Message, Packet};
use switchboard_protocol::frame::Frame;
use switchboard_protocol::ids::RoomId;

/// What the filter names.
const TARGET: &str = "switchboard::packets";
/// Characters of an event's name that are shown.
const LONGEST_NAME: usize = 64;

/// A packet came from a client.
pub(crate) fn received(connection: u64, packet: &Packet) {
    if !log::log_enabled!(target: TARGET, Trace) {
        return;
    }
    let described = Described::of_packet(packet);
    log::trace!(target: TARGET, "in connection={connection} {described}");
}

/// Frames go to one client; its connection has no number before its session has begun.
pub(crate) fn sent(connection: Option<&u64>, frames: &[Frame]) {
    if !log::log_enabled!(target: TARGET, Trace) {
        return;
    }
    let connection = connection.map_or("none".to_owned(), u64::to_string);
    for described in frames.iter().map(Described::of_frame) {
        log::trace!(target: TARGET, "out connection={connection} {described}");
    }
}

/// Frames go to all members of a room.
pub(crate) fn delivered(room: &RoomId, frames: &[Frame], members: u64) {
    if !log::log_enabled!(target: TARGET, Trace) {
        return;
    }
    for described in frames.iter().map(Described::of_frame) {
        log::trace!(target: TARGET, "out room={room} members={members} {described}");
    }
}

/// What is told of a packet.
struct Described {
    kind: &'static str,
    event: Option<String>,
    /// Of its payload, without a WebSocket header.
    bytes: usize,
}

impl Described {
    fn of_packet(packet: &Packet) -> Self {
        let (kind, text) = match packet {
            Packet::Message(Message::Text(text)) => return Self::of_message(text.as_bytes()),
            Packet::Message(Message::Binary(bytes)) => return Self::plain("binary", bytes.len()),
            Packet::Open(data) => ("open", data),
            Packet::Ping(data) => ("ping", data),
            Packet::Pong(data) => ("pong", data),
            Packet::Close => return Self::plain("close", 0),
            Packet::Upgrade => return Self::plain("upgrade", 0),
            Packet::Noop => return Self::plain("noop", 0),
        };
        Self::plain(kind, text.len())
    }

    fn of_frame(frame: &Frame) -> Self {
        let payload = frame.payload();
        let kind = match (frame.websocket()[0] & 0x0f, payload.first()) {
            (0x1, Some(b'4')) => return Self::of_message(&payload[1..]),
            (0x1, Some(b'0')) => "open",
            (0x1, Some(b'1')) => "close",
            (0x1, Some(b'2')) => "ping",
            (0x1, Some(b'3')) => "pong",
            (0x1, _) => "noop",
            (0x2, _) => "binary",
            (0x8, _) => "websocket_close",
            _ => "websocket_pong",
        };
        Self::plain(kind, payload.len())
    }

    /// Describes what stands behind the `4` of an Engine.IO message.
    fn of_message(text: &[u8]) -> Self {
        let (kind, names_event) = match text.first() {
            Some(b'0') => ("connect", false),
            Some(b'1') => ("disconnect", false),
            Some(b'2') => ("event", true),
            Some(b'3') => ("ack", false),
            Some(b'4') => ("connect_error", false),
            Some(b'5') => ("binary_event", true),
            Some(b'6') => ("binary_ack", false),
            _ => ("unknown", false),
        };
        let event = names_event.then(|| event_name(text)).flatten();
        Self {
            event,
            ..Self::plain(kind, text.len())
        }
    }

    fn plain(kind: &'static str, bytes: usize) -> Self {
        Self {
            kind,
            event: None,
            bytes,
        }
    }
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "packet={}", self.kind)?;
        if let Some(event) = &self.event {
            write!(f, " event={event:?}")?;
        }
        write!(f, " bytes={}", self.bytes)
    }
}

/// The first item of the array, where that is a text: `2/ns,13["name",…]`.
fn event_name(packet: &[u8]) -> Option<String> {
    let array = packet.iter().position(|byte| *byte == b'[')?;
    let mut items =
        serde_json::Deserializer::from_slice(&packet[array + 1..]).into_iter::<String>();
    let name = items.next()?.ok()?;
    Some(name.chars().take(LONGEST_NAME).collect())
}

#[cfg(test)]
mod tests {
    use switchboard_protocol::socketio::Namespace;

    use super::*;

    fn of_text(text: &str) -> String {
        let packet = Packet::decode(text.into()).unwrap();
        Described::of_packet(&packet).to_string()
    }

    #[test]
    fn a_packet_is_described_by_kind_event_and_size_alone() {
        for (text, described) in [
            ("2", "packet=ping bytes=0"),
            ("3probe", "packet=pong bytes=5"),
            (r#"40{"token":"hush"}"#, "packet=connect bytes=17"),
            (
                r#"420["join_room","S/1"]"#,
                r#"packet=event event="join_room" bytes=21"#,
            ),
            (r#"42/voice,["a"]"#, r#"packet=event event="a" bytes=13"#),
            (
                r#"451-["up",{"_placeholder":true,"num":0}]"#,
                r#"packet=binary_event event="up" bytes=39"#,
            ),
            (r#"431["hush"]"#, "packet=ack bytes=10"),
            ("42", "packet=event bytes=1"),
            (r#"42[{"hush":1}]"#, "packet=event bytes=13"),
            ("4x", "packet=unknown bytes=1"),
        ] {
            assert_eq!(of_text(text), described, "{text}");
        }
    }

    #[test]
    fn a_frame_is_described_as_its_packet() {
        let event = Frame::event(&Namespace::root(), "final", &[b"{}"]);
        assert_eq!(
            Described::of_frame(&event).to_string(),
            r#"packet=event event="final" bytes=13"#
        );
        for (frame, described) in [
            (Packet::Noop.encode(), "packet=noop bytes=1"),
            (Frame::binary(b"abc"), "packet=binary bytes=3"),
            (
                Frame::close(1001, "shutdown"),
                "packet=websocket_close bytes=10",
            ),
            (Frame::pong(b""), "packet=websocket_pong bytes=0"),
        ] {
            assert_eq!(Described::of_frame(&frame).to_string(), described);
        }
    }

    #[test]
    fn hostile_80_an_events_name_stays_short_and_on_its_line() {
        let name = "a\\nb\\u001b[31m";
        assert_eq!(
            of_text(&format!(r#"42["{name}"]"#)),
            format!(
                r#"packet=event event="a\nb\u{{1b}}[31m" bytes={}"#,
                name.len() + 5
            )
        );
        let long = of_text(&format!(r#"42["{}"]"#, "é".repeat(500)));
        assert_eq!(long.chars().filter(|c| *c == 'é').count(), LONGEST_NAME);
    }
}
