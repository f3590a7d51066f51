//! What holds for every packet: it survives the way there and back, and nothing that is sent can make
//! decoding panic.

use bytes::Bytes;
use bytestring::ByteString;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use switchboard_protocol::engineio::{Message, Packet as EnginePacket, payload};
use switchboard_protocol::socketio::{Body, Decoder, Event, Namespace, Packet, encode};
use switchboard_protocol::{Frame, events, json as checked};

const MAX_BYTES: usize = 1 << 20;

/// Text as a polling payload can carry it.
fn unseparated() -> impl Strategy<Value = ByteString> {
    any::<String>().prop_map(|text| text.replace('\u{1e}', " ").into())
}

fn engine_packet() -> impl Strategy<Value = EnginePacket> {
    prop_oneof![
        unseparated().prop_map(EnginePacket::Open),
        Just(EnginePacket::Close),
        unseparated().prop_map(EnginePacket::Ping),
        unseparated().prop_map(EnginePacket::Pong),
        unseparated().prop_map(|text| EnginePacket::Message(Message::Text(text))),
        vec(any::<u8>(), 0..40)
            .prop_map(|bytes| EnginePacket::Message(Message::Binary(bytes.into()))),
        Just(EnginePacket::Upgrade),
        Just(EnginePacket::Noop),
    ]
}

/// A JSON value a few levels deep, in which objects may look like placeholders.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        (0..4_u64).prop_map(|num| json!({"_placeholder": true, "num": num})),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("_placeholder|num|[a-z]{0,3}|\\PC{1,3}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("a value is JSON")
}

fn args() -> impl Strategy<Value = Vec<Box<RawValue>>> {
    vec(value().prop_map(|value| raw(&value)), 0..4)
}

fn namespace() -> impl Strategy<Value = Namespace> {
    "/|/[a-z0-9/?=_-]{1,20}|/é".prop_map(|path| path.parse().expect("a namespace"))
}

fn event_name() -> impl Strategy<Value = String> {
    any::<String>().prop_filter("reserved or long", |name| {
        !events::is_reserved(name) && name.len() <= 256
    })
}

/// Packets without attachments.
fn text_packet() -> impl Strategy<Value = Packet> {
    let object = || value().prop_map(|value| raw(&json!({ "data": value })));
    let event = |(name, args)| Event {
        name,
        args,
        attachments: Vec::new(),
    };
    let body = prop_oneof![
        prop::option::of(object()).prop_map(Body::Connect),
        Just(Body::Disconnect),
        object().prop_map(Body::ConnectError),
        ((event_name(), args()).prop_map(event), any::<Option<u64>>())
            .prop_map(|(event, ack)| Body::Event { event, ack }),
        (args(), any::<u64>()).prop_map(|(args, id)| Body::Ack {
            args,
            attachments: Vec::new(),
            id
        }),
    ];
    (namespace(), body).prop_map(|(namespace, body)| Packet { namespace, body })
}

/// Events and acks with attachments, whose placeholders come in any order.
fn binary_packet() -> impl Strategy<Value = Packet> {
    let attachments = vec(vec(any::<u8>(), 0..40).prop_map(Bytes::from), 1..=10);
    let shuffled = attachments.prop_flat_map(|attachments| {
        let nums: Vec<usize> = (0..attachments.len()).collect();
        (Just(attachments), Just(nums).prop_shuffle())
    });
    let parts = (
        namespace(),
        shuffled,
        any::<Option<u64>>(),
        event_name(),
        any::<bool>(),
    );
    parts.prop_map(|(namespace, (attachments, nums), ack, name, is_event)| {
        let hold = |num| raw(&json!([{"at": {"_placeholder": true, "num": num}}, "x"]));
        let args = nums.into_iter().map(hold).collect();
        let body = if is_event {
            Body::Event {
                event: Event {
                    name,
                    args,
                    attachments,
                },
                ack,
            }
        } else {
            Body::Ack {
                args,
                attachments,
                id: ack.unwrap_or(0),
            }
        };
        Packet { namespace, body }
    })
}

/// Sends frames through Engine.IO into a decoder, as a WebSocket would.
fn receive(frames: &[Frame]) -> Vec<Packet> {
    let mut decoder = Decoder::for_client(MAX_BYTES);
    let feed = |frame: &Frame| {
        if frame.is_binary() {
            return decoder.binary(Bytes::copy_from_slice(frame.payload()));
        }
        let text = ByteString::try_from(frame.payload()).expect("text frames are UTF-8");
        match EnginePacket::decode(text).expect("a packet") {
            EnginePacket::Message(Message::Text(text)) => decoder.text(text),
            other => panic!("not a message: {other:?}"),
        }
    };
    frames
        .iter()
        .map(feed)
        .filter_map(|packet| packet.expect("a packet"))
        .collect()
}

/// The nums of all placeholders, as a plain walk over the tree finds them.
fn placeholders(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| placeholders(item, found)),
        Value::Object(map) => {
            map.values().for_each(|item| placeholders(item, found));
            if map.get("_placeholder") == Some(&Value::Bool(true)) {
                found.push(map.get("num").cloned().unwrap_or_default());
            }
        }
        _ => {}
    }
}

/// Text that comes near to a Socket.IO packet.
fn nearly_a_packet() -> impl Strategy<Value = String> {
    let parts = "[0-7]([0-9]{0,3}-?){0,2}(/[a-z]{0,3},?)?[0-9]{0,3}";
    let json = prop_oneof![
        value().prop_map(|value| json!(["a", value]).to_string()),
        "[\\[\\]{}\",:0-9a-z_\\\\]{0,20}",
        any::<String>(),
    ];
    (parts, json).prop_map(|(head, json)| head + &json)
}

/// A text message, or a binary one.
fn message() -> impl Strategy<Value = Result<String, Vec<u8>>> {
    let one = r#"51-["a",{"_placeholder":true,"num":0}]"#.to_owned();
    prop_oneof![
        nearly_a_packet().prop_map(Ok),
        any::<String>().prop_map(Ok),
        Just(Ok(one)),
        vec(any::<u8>(), 0..8).prop_map(Err),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn engine_packets_survive_a_polling_payload(packets in vec(engine_packet(), 1..16)) {
        let mut body = Vec::new();
        for packet in &packets {
            payload::append(&mut body, &packet.encode());
        }
        let body = ByteString::try_from(body).expect("payloads are UTF-8");
        prop_assert_eq!(payload::decode(body.clone(), 16), Ok(packets.clone()));
        let refused = payload::decode(body, packets.len() - 1);
        prop_assert_eq!(refused, Err(switchboard_protocol::DecodeError::TooManyPackets));
    }

    #[test]
    fn engine_packets_survive_a_websocket(packet in engine_packet()) {
        let frame = packet.encode();
        if let EnginePacket::Message(Message::Binary(bytes)) = packet {
            prop_assert!(frame.is_binary());
            prop_assert_eq!(frame.payload(), &bytes[..]);
        } else {
            let text = ByteString::try_from(frame.payload()).expect("text frames are UTF-8");
            prop_assert_eq!(EnginePacket::decode(text), Ok(packet));
        }
    }

    #[test]
    fn packets_survive_the_way_there_and_back(packet in prop_oneof![text_packet(), binary_packet()]) {
        let frames = encode(&packet);
        prop_assert_eq!(frames.len(), 1 + packet.body.attachments().len());
        let packets = receive(&frames);
        prop_assert_eq!(packets.len(), 1);
        prop_assert_eq!(format!("{:?}", packets[0]), format!("{packet:?}"));
    }

    #[test]
    fn event_frames_are_what_the_general_encoder_writes(
        namespace in namespace(), name in event_name(), args in args()
    ) {
        let slices: Vec<&[u8]> = args.iter().map(|arg| arg.get().as_bytes()).collect();
        let frame = Frame::event(&namespace, &name, &slices);
        let event = Event { name, args: args.clone(), attachments: Vec::new() };
        let packet = Packet { namespace, body: Body::Event { event, ack: None } };
        prop_assert_eq!(vec![frame], encode(&packet));
    }

    #[test]
    fn placeholders_are_judged_as_a_walk_over_the_tree_does(args in args(), count in 0..4_usize) {
        let mut found = Vec::new();
        for arg in &args {
            let value = serde_json::from_str(arg.get()).expect("JSON");
            placeholders(&value, &mut found);
        }
        found.sort_by_key(Value::to_string);
        let complete = found == (0..count).map(Value::from).collect::<Vec<_>>();
        let texts: Vec<&str> = args.iter().map(|arg| arg.get()).collect();
        let text = format!("6{count}-1[{}]", texts.join(","));
        prop_assert_eq!(Decoder::new(MAX_BYTES).text(text.into()).is_ok(), complete);
    }

    #[test]
    fn no_text_makes_engine_decoding_panic(text in any::<String>(), kind in "[0-6b]?", max in 0..4_usize) {
        let text = ByteString::from(kind + &text);
        let _ = payload::decode(text.clone(), max);
        if let Ok(packet) = EnginePacket::decode(text.clone()) {
            let mut polled = Vec::new();
            packet.encode().append_polling(&mut polled);
            prop_assert_eq!(polled, text.as_bytes().as_ref());
        }
    }

    #[test]
    fn no_sequence_of_messages_makes_decoding_panic(messages in vec(message(), 0..8)) {
        let mut decoder = Decoder::new(MAX_BYTES);
        for message in messages {
            let packet = match message {
                Ok(text) => decoder.text(text.into()),
                Err(bytes) => decoder.binary(bytes.into()),
            };
            let Ok(Some(packet)) = packet else { continue };
            prop_assert!(!decoder.is_waiting());
            let again = receive(&encode(&packet));
            prop_assert_eq!(format!("{again:?}"), format!("{:?}", [packet]));
        }
    }

    #[test]
    fn no_bytes_make_validation_panic(bytes in vec(any::<u8>(), 0..60), value in value()) {
        let _ = checked::validate(&bytes);
        let text = value.to_string();
        prop_assert_eq!(checked::validate(text.as_bytes()), Ok(&text[..]));
        prop_assert!(!text.as_bytes().contains(&payload::SEPARATOR));
        for end in 0..text.len() {
            let _ = checked::validate(&text.as_bytes()[..end]);
        }
    }
}
