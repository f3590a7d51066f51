//! JSON that travels untouched: what passes is exactly one value, bounded in depth, and cannot break a packet.

use bytestring::ByteString;
use serde_json::Value;
use switchboard_protocol::frame::Frame;
use switchboard_protocol::json::{self, MAX_DEPTH};
use switchboard_protocol::socketio::{Body, Decoder, Namespace};

/// A payload, such as a transcriber publishes it.
pub fn validate(input: &[u8]) {
    let Ok(raw) = json::validate(input) else {
        let parsed = serde_json::from_slice::<Value>(input);
        assert!(parsed.is_err(), "JSON was refused");
        return;
    };
    let text = std::str::from_utf8(input).expect("what passes is UTF-8");
    let white: &[char] = &[' ', '\t', '\n', '\r'];
    assert_eq!(raw, text.trim_matches(white), "its bytes have changed");
    let mut other_controls = text
        .bytes()
        .filter(|b| *b < 0x20 && !b" \t\n\r".contains(&{ *b }));
    assert_eq!(other_controls.next(), None);
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        assert!(depth(&value) <= MAX_DEPTH);
    }
    check_event(input, raw);
}

/// As an event's argument it is one argument, with the same bytes.
fn check_event(input: &[u8], value: &str) {
    let frame = Frame::event(&Namespace::root(), "final", &[input]);
    let packet = std::str::from_utf8(frame.payload()).expect("UTF-8");
    let message = packet.strip_prefix('4').expect("an Engine.IO message");
    let read = Decoder::for_client(0).text(ByteString::from(message));
    match read {
        Ok(Some(packet)) => {
            let Body::Event { event, ack } = packet.body else {
                panic!("an event became something else")
            };
            assert_eq!((event.name.as_str(), ack), ("final", None));
            assert_eq!(event.args.len(), 1);
            assert_eq!(event.args[0].get(), value);
        }
        // The array around it is one level more.
        Err(switchboard_protocol::DecodeError::TooDeep) => {}
        other => panic!("an event cannot be read: {other:?}"),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
