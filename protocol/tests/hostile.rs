//! What hostile clients send, as far as decoding answers it: each is refused for its own reason, and
//! costs no more than its size.

use bytes::Bytes;
use bytestring::ByteString;
use switchboard_protocol::DecodeError;
use switchboard_protocol::engineio::{Packet as EnginePacket, payload};
use switchboard_protocol::socketio::{Body, Decoder, MAX_AUTH_BYTES, Packet, connect_error};

const MAX_BYTES: usize = 1000;

/// Decodes the first text message of a connection.
fn text(message: &str) -> Result<Option<Packet>, DecodeError> {
    Decoder::new(MAX_BYTES).text(ByteString::from(message))
}

fn refused(message: &str) -> Option<DecodeError> {
    text(message).err()
}

fn engine(packet: &str) -> Option<DecodeError> {
    EnginePacket::decode(ByteString::from(packet)).err()
}

fn placeholder(num: &str) -> String {
    format!(r#"{{"_placeholder":true,"num":{num}}}"#)
}

#[test]
fn a_payload_of_100_000_packets_is_refused_at_the_limit() {
    let empty = "\x1e".repeat(100_000);
    assert_eq!(
        payload::decode(empty.into(), 256).err(),
        Some(DecodeError::Empty)
    );
    let pings = "2\x1e".repeat(100_000);
    assert_eq!(
        payload::decode(pings.into(), 256).err(),
        Some(DecodeError::TooManyPackets)
    );
}

#[test]
fn invalid_base64_is_refused() {
    for packet in [
        "b!", "bAQI", "bAQID=", "bA Q=", "bAQID\n", "bAR==", "bé", "b-_8=",
    ] {
        assert_eq!(engine(packet), Some(DecodeError::Base64), "{packet:?}");
    }
}

#[test]
fn empty_and_unknown_engine_packets_are_refused() {
    assert_eq!(engine(""), Some(DecodeError::Empty));
    for packet in ["9", "7", "abc", " 2", "\u{feff}2", "é", "\0", "B"] {
        assert_eq!(engine(packet), Some(DecodeError::EngineType), "{packet:?}");
    }
}

#[test]
fn an_unknown_namespace_is_answered_in_the_words_of_the_reference_server() {
    let Ok(Some(packet)) = text("0/x") else {
        panic!("no packet")
    };
    let frame = connect_error(&packet.namespace, "Invalid namespace");
    assert_eq!(frame.payload(), br#"44/x,{"message":"Invalid namespace"}"#);
}

#[test]
fn namespaces_of_a_megabyte_or_with_control_characters_are_refused() {
    let long = format!("/{}", "x".repeat(1_000_000));
    for kind in ["0", "1", "2", "3", "50-", "60-"] {
        assert_eq!(
            refused(&format!("{kind}{long}")),
            Some(DecodeError::Namespace)
        );
        assert_eq!(
            refused(&format!("{kind}{long},[]")),
            Some(DecodeError::Namespace)
        );
    }
    assert_eq!(refused("0/a\nb,"), Some(DecodeError::Namespace));
}

#[test]
fn an_event_whose_namespace_lacks_its_comma_is_refused() {
    assert_eq!(refused(r#"2/x["a"]"#), Some(DecodeError::Json));
    assert_eq!(refused("2/x"), Some(DecodeError::Json));
}

#[test]
fn connects_with_anything_but_a_small_object_are_refused() {
    for auth in ["[]", "1", "null", "true", r#""token""#] {
        assert_eq!(
            refused(&format!("0{auth}")),
            Some(DecodeError::Payload),
            "{auth}"
        );
    }
    for auth in ["{", "{}{}", "{}x", "{a:1}", " ", "1{}"] {
        assert_eq!(
            refused(&format!("0{auth}")),
            Some(DecodeError::Json),
            "{auth}"
        );
    }
    let auth = |len: usize| format!(r#"0{{"token":"{}"}}"#, "x".repeat(len - 12));
    assert!(matches!(text(&auth(MAX_AUTH_BYTES)), Ok(Some(_))));
    assert_eq!(
        refused(&auth(MAX_AUTH_BYTES + 1)),
        Some(DecodeError::AuthTooLarge)
    );
    assert_eq!(refused(&auth(1_000_000)), Some(DecodeError::AuthTooLarge));
}

#[test]
fn malformed_events_are_refused() {
    for (message, error) in [
        ("", DecodeError::Empty),
        ("abc", DecodeError::SocketType),
        ("7", DecodeError::SocketType),
        ("é", DecodeError::SocketType),
        ("\u{feff}2[\"a\"]", DecodeError::SocketType),
        ("2", DecodeError::Json),
        ("2{}", DecodeError::Payload),
        ("2\"a\"", DecodeError::Payload),
        ("2abc[\"a\"]", DecodeError::Json),
        ("2[\"a\"]x", DecodeError::Json),
        ("2[\"a\"", DecodeError::Json),
        ("2\u{feff}[\"a\"]", DecodeError::Json),
        ("2[]", DecodeError::EventName),
        ("2[null]", DecodeError::EventName),
        ("2[{}]", DecodeError::EventName),
        ("2[1]", DecodeError::EventName),
        ("2[[\"a\"]]", DecodeError::EventName),
        ("1{}", DecodeError::Payload),
        ("1x", DecodeError::Payload),
    ] {
        assert_eq!(refused(message), Some(error), "{message:?}");
    }
}

#[test]
fn reserved_event_names_are_refused_however_they_are_written() {
    for name in [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
        r"\u0063onnect",
    ] {
        let message = format!(r#"2["{name}"]"#);
        assert_eq!(
            refused(&message),
            Some(DecodeError::ReservedEventName),
            "{name}"
        );
        let message = format!(r#"50-["{name}"]"#);
        assert_eq!(
            refused(&message),
            Some(DecodeError::ReservedEventName),
            "{name}"
        );
    }
}

#[test]
fn event_names_have_a_longest_length() {
    let named = |len| format!(r#"2["{}"]"#, "x".repeat(len));
    let escaped = |len| format!(r#"2["{}"]"#, r"\u0078".repeat(len));
    assert!(matches!(text(&named(256)), Ok(Some(_))));
    assert!(matches!(text(&escaped(256)), Ok(Some(_))));
    for message in [named(257), escaped(257), named(100_000)] {
        assert_eq!(refused(&message), Some(DecodeError::EventName));
    }
}

#[test]
fn ack_ids_are_plain_numbers_of_64_bits() {
    let id = |id: &str| match text(&format!(r#"2{id}["a"]"#)) {
        Ok(Some(Packet {
            body: Body::Event { ack, .. },
            ..
        })) => Ok(ack),
        Ok(_) => panic!("no event"),
        Err(error) => Err(error),
    };
    assert_eq!(id(""), Ok(None));
    assert_eq!(id("0"), Ok(Some(0)));
    assert_eq!(id("18446744073709551615"), Ok(Some(u64::MAX)));
    let zeros = "0".repeat(1_000_000);
    for bad in ["18446744073709551616", "-1", "00", "01", "-", &zeros] {
        assert_eq!(id(bad), Err(DecodeError::AckId), "{:.30}", bad);
    }
    for bad in ["1.5", "1e3", "+1", "0x1", "١"] {
        assert_eq!(id(bad), Err(DecodeError::Json), "{bad}");
    }
}

#[test]
fn acks_need_an_id_and_an_array() {
    assert_eq!(refused("3[]"), Some(DecodeError::MissingAckId));
    assert_eq!(refused("3"), Some(DecodeError::MissingAckId));
    assert_eq!(refused("31{}"), Some(DecodeError::Payload));
    assert_eq!(refused("31"), Some(DecodeError::Json));
    assert_eq!(refused("60-[]"), Some(DecodeError::MissingAckId));
}

#[test]
fn a_binary_header_alone_leaves_the_decoder_waiting_for_its_deadline() {
    let mut decoder = Decoder::new(MAX_BYTES);
    let message = format!(r#"51-["a",{}]"#, placeholder("0"));
    assert!(matches!(decoder.text(message.into()), Ok(None)));
    assert!(decoder.is_waiting());
}

#[test]
fn attachment_counts_are_plain_numbers_up_to_ten() {
    for count in [
        "", "-", "-1-", ".5-", "1.5-", "1e9-", "+1-", " 1-", "01-", "00-", "1", "/",
    ] {
        let message = format!(r#"5{count}["a"]"#);
        assert_eq!(
            refused(&message),
            Some(DecodeError::AttachmentCount),
            "{count}"
        );
    }
    for count in ["11", "99", "99999999999999999999"] {
        let message = format!(r#"5{count}-["a"]"#);
        assert_eq!(
            refused(&message),
            Some(DecodeError::TooManyAttachments),
            "{count}"
        );
    }
    let nums: Vec<String> = (0..10).map(|num| placeholder(&num.to_string())).collect();
    let message = format!(r#"510-["a",{}]"#, nums.join(","));
    assert!(matches!(text(&message), Ok(None)));
}

#[test]
fn a_packet_of_zero_attachments_does_not_open_the_way_for_a_flood() {
    let mut decoder = Decoder::new(MAX_BYTES);
    assert!(matches!(decoder.text(r#"50-["a"]"#.into()), Ok(Some(_))));
    assert!(!decoder.is_waiting());
    for _ in 0..3 {
        let flood = decoder.binary(Bytes::from_static(b"x"));
        assert_eq!(flood.err(), Some(DecodeError::UnexpectedBinary));
    }
}

#[test]
fn binary_without_a_header_is_refused() {
    let binary = Decoder::new(MAX_BYTES).binary(Bytes::new());
    assert_eq!(binary.err(), Some(DecodeError::UnexpectedBinary));
}

#[test]
fn text_inside_a_binary_sequence_is_refused_and_frees_what_came() {
    let mut decoder = Decoder::new(MAX_BYTES);
    let message = format!(r#"52-["a",{},{}]"#, placeholder("0"), placeholder("1"));
    assert!(matches!(decoder.text(message.into()), Ok(None)));
    assert!(matches!(decoder.binary(Bytes::from_static(b"x")), Ok(None)));
    assert_eq!(
        decoder.text(r#"2["a"]"#.into()).err(),
        Some(DecodeError::UnexpectedText)
    );
    assert!(!decoder.is_waiting());
}

#[test]
fn placeholders_that_name_no_attachment_are_refused() {
    for num in [
        "-1",
        "1.5",
        "\"0\"",
        "1",
        "2",
        "32",
        "64",
        "18446744073709551615",
        "null",
        "[0]",
        "1e400",
    ] {
        let message = format!(r#"51-["a",{}]"#, placeholder(num));
        assert_eq!(refused(&message), Some(DecodeError::Placeholder), "{num}");
    }
    let without = r#"51-["a",{"_placeholder":true}]"#;
    assert_eq!(refused(without), Some(DecodeError::Placeholder));
}

#[test]
fn placeholders_that_repeat_or_are_missing_are_refused() {
    let twice = format!(r#"51-["a",{0},[{0}]]"#, placeholder("0"));
    assert_eq!(refused(&twice), Some(DecodeError::Placeholder));
    let one_of_two = format!(r#"52-["a",{}]"#, placeholder("1"));
    assert_eq!(refused(&one_of_two), Some(DecodeError::Placeholder));
    assert_eq!(refused(r#"51-["a"]"#), Some(DecodeError::Placeholder));
    assert_eq!(refused("61-1[]"), Some(DecodeError::Placeholder));
    let none_announced = format!(r#"50-["a",{}]"#, placeholder("0"));
    assert_eq!(refused(&none_announced), Some(DecodeError::Placeholder));
}

#[test]
fn a_placeholder_in_a_text_event_is_plain_data() {
    let message = format!(r#"2["a",{}]"#, placeholder("7"));
    assert!(matches!(text(&message), Ok(Some(_))));
}

#[test]
fn attachments_are_bounded_by_their_sum() {
    let mut decoder = Decoder::new(MAX_BYTES);
    let message = format!(r#"52-["a",{},{}]"#, placeholder("0"), placeholder("1"));
    assert!(matches!(decoder.text(message.into()), Ok(None)));
    assert!(matches!(
        decoder.binary(vec![0; MAX_BYTES - 1].into()),
        Ok(None)
    ));
    let second = decoder.binary(vec![0; 2].into());
    assert_eq!(second.err(), Some(DecodeError::AttachmentsTooLarge));
    assert!(!decoder.is_waiting());
}

#[test]
fn json_nested_100_000_deep_is_refused_everywhere() {
    let arrays = "[".repeat(100_000) + &"]".repeat(100_000);
    let objects = r#"{"a":"#.repeat(100_000) + "1" + &"}".repeat(100_000);
    for deep in [&arrays, &objects] {
        for message in [
            format!("0{{\"a\":{deep}}}"),
            format!("0{deep}"),
            format!(r#"2["a",{deep}]"#),
            format!("2{deep}"),
            format!("31[{deep}]"),
            format!(r#"51-["a",{deep},{}]"#, placeholder("0")),
        ] {
            // A connect is refused for its size, whatever its shape.
            let expected = match &message[..1] {
                "0" => DecodeError::AuthTooLarge,
                _ => DecodeError::TooDeep,
            };
            assert_eq!(refused(&message), Some(expected), "{:.20}", message);
        }
    }
    let auth = format!("0{{\"a\":{}{}}}", "[".repeat(127), "]".repeat(127));
    assert_eq!(refused(&auth), Some(DecodeError::TooDeep));
    let unclosed = format!(r#"2["a",{}"#, "[".repeat(100_000));
    assert_eq!(refused(&unclosed), Some(DecodeError::TooDeep));
}

#[test]
fn odd_numbers_and_strings_are_plain_data_or_refused() {
    for arg in [
        "1e400",
        "-0",
        r#""\ud800""#,
        r#"{"a":1,"a":2}"#,
        r#""\ufeff""#,
    ] {
        let Ok(Some(Packet {
            body: Body::Event { event, .. },
            ..
        })) = text(&format!(r#"2["a",{arg}]"#))
        else {
            panic!("no event for {arg}")
        };
        assert_eq!(event.args[0].get(), arg);
    }
    assert_eq!(refused(r#"2["\ud800"]"#), Some(DecodeError::EventName));
    assert_eq!(refused("2[\"a\",\"\u{1e}\"]"), Some(DecodeError::Json));
    assert_eq!(refused(r#"2["a",NaN]"#), Some(DecodeError::Json));
}

#[test]
fn prototype_keys_are_plain_data() {
    let arg = r#"{"__proto__":{"admin":true},"constructor":1}"#;
    let Ok(Some(Packet {
        body: Body::Event { event, .. },
        ..
    })) = text(&format!(r#"2["a",{arg}]"#))
    else {
        panic!("no event")
    };
    assert_eq!(event.args[0].get(), arg);
}

#[test]
fn invalid_utf8_never_becomes_text() {
    assert!(ByteString::try_from(Bytes::from_static(b"42[\"a\xff\"]")).is_err());
    let json = switchboard_protocol::json::validate(b"\"\xc3\"");
    assert_eq!(json.err(), Some(DecodeError::Json));
}
