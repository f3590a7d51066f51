//! Socket.IO: the messages of one connection. Every packet is within the bounds, and survives being written and read.
//!
//! The input is messages with 0x1e between them; one that begins with `b` is binary, any other is text.

use bytes::Bytes;
use bytestring::ByteString;
use switchboard_protocol::events;
use switchboard_protocol::json::MAX_DEPTH;
use switchboard_protocol::socketio::{
    Body, Decoder, MAX_ARGUMENTS, MAX_ATTACHMENTS, MAX_AUTH_BYTES, MAX_EVENT_NAME_BYTES, Namespace,
    Packet, encode,
};

/// Bytes that the attachments of one packet may have here; few, so that the bound is met.
const MAX_BYTES: usize = 64;

/// The messages, as a server and as a client read them.
pub fn messages(input: &[u8]) {
    let (server, client) = (Decoder::new(MAX_BYTES), Decoder::for_client(MAX_BYTES));
    let at_server = read(input, server);
    let at_client = read(input, client);
    // A client takes one thing more: a refused connect.
    for (packet, other) in at_server.iter().zip(&at_client) {
        assert_eq!(shown(packet), shown(other));
        assert!(!matches!(packet.body, Body::ConnectError(_)));
    }
    assert!(at_server.len() <= at_client.len());
    at_client.iter().for_each(check);
}

/// The packets up to the first fault.
fn read(input: &[u8], mut decoder: Decoder) -> Vec<Packet> {
    let mut packets = Vec::new();
    for message in super::parts(input) {
        let read = match message {
            [b'b', data @ ..] => decoder.binary(Bytes::copy_from_slice(data)),
            _ => match ByteString::try_from(Bytes::copy_from_slice(message)) {
                Ok(text) => decoder.text(text),
                Err(_) => break,
            },
        };
        match read {
            Ok(Some(packet)) => {
                assert!(!decoder.is_waiting());
                packets.push(packet);
            }
            Ok(None) => assert!(decoder.is_waiting()),
            Err(fault) => {
                assert!(!fault.code().is_empty());
                break;
            }
        }
    }
    packets
}

fn check(packet: &Packet) {
    let attachments = packet.body.attachments();
    assert!(attachments.len() <= MAX_ATTACHMENTS);
    assert!(attachments.iter().map(Bytes::len).sum::<usize>() <= MAX_BYTES);
    assert!(packet.namespace.as_str().len() <= Namespace::MAX_BYTES);
    match &packet.body {
        Body::Event { event, .. } => {
            assert!(event.args.len() < MAX_ARGUMENTS);
            assert!(event.name.len() <= MAX_EVENT_NAME_BYTES);
            assert!(!events::is_reserved(&event.name));
            event.args.iter().for_each(|arg| check_json(arg.get()));
        }
        Body::Ack { args, .. } => {
            assert!(args.len() <= MAX_ARGUMENTS);
            args.iter().for_each(|arg| check_json(arg.get()));
        }
        Body::Connect(Some(auth)) => {
            assert!(auth.get().len() <= MAX_AUTH_BYTES && auth.get().starts_with('{'));
            check_json(auth.get());
        }
        Body::ConnectError(data) => check_json(data.get()),
        Body::Connect(None) | Body::Disconnect => {}
    }
    check_round_trip(packet);
}

/// An argument is JSON by itself, and has no control character that would end a packet within a polling body.
fn check_json(json: &str) {
    let valid = switchboard_protocol::json::validate(json.as_bytes());
    assert!(valid.is_ok(), "not deeper than {MAX_DEPTH}, and JSON");
    assert!(!json.as_bytes().contains(&super::SEPARATOR));
}

fn check_round_trip(packet: &Packet) {
    let mut decoder = Decoder::for_client(MAX_BYTES);
    let mut frames = encode(packet).into_iter();
    let text = frames.next().expect("every packet has its text");
    let text = std::str::from_utf8(text.payload()).expect("UTF-8");
    let text = text.strip_prefix('4').expect("an Engine.IO message");
    let text = ByteString::from(text);
    let mut again = decoder.text(text);
    for frame in frames {
        assert!(matches!(again, Ok(None)), "more attachments than due");
        again = decoder.binary(Bytes::copy_from_slice(frame.payload()));
    }
    let again = again.expect("what was read can be read again");
    let again = again.expect("all attachments are there");
    assert_eq!(shown(packet), shown(&again));
}

/// Everything that is in a packet; raw JSON knows no equality.
fn shown(packet: &Packet) -> String {
    format!("{packet:?}")
}
