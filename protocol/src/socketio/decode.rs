//! From messages to packets. One [`Decoder`] for each connection: it keeps a packet whose attachments are
//! still on their way, and refuses everything that is out of place.

use std::fmt;

use bytes::Bytes;
use bytestring::ByteString;
use serde::Deserialize;
use serde::de::{self, IgnoredAny, SeqAccess};
use serde_json::value::RawValue;

use super::{
    AckId, Body, Event, MAX_ARGUMENTS, MAX_ATTACHMENTS, MAX_AUTH_BYTES, MAX_EVENT_NAME_BYTES,
    Namespace, Packet, placeholder,
};
use crate::error::DecodeError;
use crate::{events, json};

/// Decodes the messages of one connection, in order. After an error the connection is to be closed.
#[derive(Debug)]
pub struct Decoder {
    /// The most that the attachments of one packet may weigh together, in bytes.
    max_attachment_bytes: usize,
    /// Whether the packets come from a server, which may say more than a client.
    from_server: bool,
    /// The packet whose attachments are due; boxed, because a connection seldom has one.
    waiting: Option<Box<Waiting>>,
}

/// A packet whose attachments are on their way.
#[derive(Debug)]
struct Waiting {
    packet: Packet,
    /// How many attachments it has, at least one.
    due: usize,
    /// How many bytes more they may have together.
    bytes_left: usize,
}

impl Decoder {
    /// A decoder of what a client sends. `max_attachment_bytes` bounds the attachments of one packet
    /// together; the text is bounded by the transport.
    pub fn new(max_attachment_bytes: usize) -> Self {
        Self {
            max_attachment_bytes,
            from_server: false,
            waiting: None,
        }
    }

    /// A decoder for a client, of what a server sends: it takes a refused connect too.
    pub fn for_client(max_attachment_bytes: usize) -> Self {
        Self {
            max_attachment_bytes,
            from_server: true,
            waiting: None,
        }
    }

    /// Whether attachments are due, so that a deadline should run.
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Takes a text message, without Engine.IO's `4`. `None` when attachments must come first.
    pub fn text(&mut self, message: ByteString) -> Result<Option<Packet>, DecodeError> {
        if self.waiting.take().is_some() {
            return Err(DecodeError::UnexpectedText);
        }
        let (packet, due) = decode(&message)?;
        if matches!(packet.body, Body::ConnectError(_)) && !self.from_server {
            return Err(DecodeError::SocketType);
        }
        if due == 0 {
            return Ok(Some(packet));
        }
        self.waiting = Some(Box::new(Waiting {
            packet,
            due,
            bytes_left: self.max_attachment_bytes,
        }));
        Ok(None)
    }

    /// Takes a binary message. `None` while more attachments are due.
    pub fn binary(&mut self, message: Bytes) -> Result<Option<Packet>, DecodeError> {
        let mut waiting = self.waiting.take().ok_or(DecodeError::UnexpectedBinary)?;
        let left = waiting.bytes_left.checked_sub(message.len());
        waiting.bytes_left = left.ok_or(DecodeError::AttachmentsTooLarge)?;
        let attachments = waiting.packet.body.attachments_mut();
        let attachments = attachments.ok_or(DecodeError::UnexpectedBinary)?;
        attachments.push(message);
        if attachments.len() == waiting.due {
            return Ok(Some(waiting.packet));
        }
        self.waiting = Some(waiting);
        Ok(None)
    }
}

/// Decodes the text of a packet, and says how many attachments follow.
fn decode(text: &str) -> Result<(Packet, usize), DecodeError> {
    let kind = *text.as_bytes().first().ok_or(DecodeError::Empty)?;
    let rest = text.get(1..).ok_or(DecodeError::SocketType)?;
    let (attachments, rest) = match kind {
        b'0'..=b'4' => (None, rest),
        b'5' | b'6' => attachment_count(rest).map(|(count, rest)| (Some(count), rest))?,
        _ => return Err(DecodeError::SocketType),
    };
    let (namespace, rest) = namespace(rest)?;
    let body = match kind {
        b'0' => connect(rest)?,
        b'1' => disconnect(rest)?,
        b'2' | b'5' => event(rest, attachments)?,
        b'4' => connect_error(rest)?,
        _ => ack(rest, attachments)?,
    };
    Ok((Packet { namespace, body }, attachments.unwrap_or(0)))
}

/// `2-` before the namespace: one or two digits, no more than [`MAX_ATTACHMENTS`].
fn attachment_count(text: &str) -> Result<(usize, &str), DecodeError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, rest) = text.split_at(digits);
    let rest = rest.strip_prefix('-').ok_or(DecodeError::AttachmentCount)?;
    if digits == 0 || (digits > 1 && count.starts_with('0')) {
        return Err(DecodeError::AttachmentCount);
    }
    match count.parse() {
        Ok(count) if count <= MAX_ATTACHMENTS => Ok((count, rest)),
        // More than the limit, or than a number can hold.
        _ => Err(DecodeError::TooManyAttachments),
    }
}

/// `/ns,`, or `/ns` when nothing follows, or nothing for the root.
fn namespace(text: &str) -> Result<(Namespace, &str), DecodeError> {
    if !text.starts_with('/') {
        return Ok((Namespace::root(), text));
    }
    let (path, rest) = text.split_once(',').unwrap_or((text, ""));
    Ok((path.parse()?, rest))
}

fn ack_id(text: &str) -> Result<(Option<AckId>, &str), DecodeError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (id, rest) = text.split_at(digits);
    match id {
        "" if rest.starts_with('-') => Err(DecodeError::AckId),
        "" => Ok((None, rest)),
        _ if digits > 1 && id.starts_with('0') => Err(DecodeError::AckId),
        _ => Ok((Some(id.parse().map_err(|_| DecodeError::AckId)?), rest)),
    }
}

fn connect(text: &str) -> Result<Body, DecodeError> {
    if text.is_empty() {
        return Ok(Body::Connect(None));
    }
    if text.len() > MAX_AUTH_BYTES {
        return Err(DecodeError::AuthTooLarge);
    }
    let auth: Box<RawValue> = json::parse(text)?;
    if !auth.get().starts_with('{') {
        return Err(DecodeError::Payload);
    }
    Ok(Body::Connect(Some(auth)))
}

fn disconnect(text: &str) -> Result<Body, DecodeError> {
    if text.is_empty() {
        Ok(Body::Disconnect)
    } else {
        Err(DecodeError::Payload)
    }
}

fn connect_error(text: &str) -> Result<Body, DecodeError> {
    let data: Box<RawValue> = json::parse(text)?;
    match data.get().as_bytes() {
        [b'{' | b'"', ..] => Ok(Body::ConnectError(data)),
        _ => Err(DecodeError::Payload),
    }
}

fn event(text: &str, attachments: Option<usize>) -> Result<Body, DecodeError> {
    let (ack, text) = ack_id(text)?;
    let mut args = arguments(text)?;
    if args.is_empty() {
        return Err(DecodeError::EventName);
    }
    let name = event_name(&args.remove(0))?;
    check_placeholders(&args, attachments)?;
    let event = Event {
        name,
        args,
        attachments: Vec::new(),
    };
    Ok(Body::Event { event, ack })
}

fn ack(text: &str, attachments: Option<usize>) -> Result<Body, DecodeError> {
    let (id, text) = ack_id(text)?;
    let id = id.ok_or(DecodeError::MissingAckId)?;
    let args = arguments(text)?;
    check_placeholders(&args, attachments)?;
    Ok(Body::Ack {
        args,
        attachments: Vec::new(),
        id,
    })
}

/// In a packet that has no attachments by its type, what looks like a placeholder is plain data.
fn check_placeholders(
    args: &[Box<RawValue>],
    attachments: Option<usize>,
) -> Result<(), DecodeError> {
    attachments.map_or(Ok(()), |count| placeholder::check(args, count))
}

fn event_name(json: &RawValue) -> Result<String, DecodeError> {
    // An escape takes six bytes at most for one, so that a longer text cannot be a short enough name.
    if json.get().len() > 6 * MAX_EVENT_NAME_BYTES + 2 {
        return Err(DecodeError::EventName);
    }
    let name: String = serde_json::from_str(json.get()).map_err(|_| DecodeError::EventName)?;
    if name.len() > MAX_EVENT_NAME_BYTES {
        return Err(DecodeError::EventName);
    }
    if events::is_reserved(&name) {
        return Err(DecodeError::ReservedEventName);
    }
    Ok(name)
}

/// The JSON array of an event or ack.
fn arguments(text: &str) -> Result<Vec<Box<RawValue>>, DecodeError> {
    if text.trim_start().starts_with('[') {
        json::parse::<Arguments>(text)?
            .0
            .ok_or(DecodeError::TooManyArguments)
    } else {
        json::validate(text.as_bytes()).and(Err(DecodeError::Payload))
    }
}

/// The values of an array, or `None` if there are too many to keep.
struct Arguments(Option<Vec<Box<RawValue>>>);

impl<'de> Deserialize<'de> for Arguments {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ArgumentsVisitor)
    }
}

struct ArgumentsVisitor;

impl<'de> de::Visitor<'de> for ArgumentsVisitor {
    type Value = Arguments;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Arguments, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element()? {
            if values.len() == MAX_ARGUMENTS {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Arguments(None));
            }
            values.push(value);
        }
        Ok(Arguments(Some(values)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_BYTES: usize = 8;

    /// Decodes a packet that needs no attachment, as `kind namespace ack json`.
    fn read(text: &str) -> Result<String, DecodeError> {
        let packet = Decoder::new(MAX_BYTES)
            .text(text.into())?
            .expect("nothing is due");
        let body = match packet.body {
            Body::Connect(auth) => format!("connect {auth:?}"),
            Body::Disconnect => "disconnect".to_owned(),
            Body::Event { event, ack } => format!("event {ack:?} {} {:?}", event.name, event.args),
            Body::Ack { args, id, .. } => format!("ack {id} {args:?}"),
            Body::ConnectError(data) => format!("error {data:?}"),
        };
        Ok(format!("{} {body}", packet.namespace))
    }

    #[test]
    fn packets_of_the_reference_test_suite_are_read() {
        for (text, packet) in [
            ("0", "/ connect None"),
            (
                r#"0{"token":"123"}"#,
                r#"/ connect Some(RawValue({"token":"123"}))"#,
            ),
            ("0/custom,", "/custom connect None"),
            ("0/custom", "/custom connect None"),
            (
                r#"0/custom,{"a":1}"#,
                r#"/custom connect Some(RawValue({"a":1}))"#,
            ),
            ("1", "/ disconnect"),
            ("1/custom", "/custom disconnect"),
            ("1/custom,", "/custom disconnect"),
            (
                r#"2["m",1,"2"]"#,
                r#"/ event None m [RawValue(1), RawValue("2")]"#,
            ),
            (r#"2456["m"]"#, "/ event Some(456) m []"),
            (r#"2/custom,0["m"]"#, "/custom event Some(0) m []"),
            (r#"2["\u006d"]"#, "/ event None m []"),
            ("3456[]", "/ ack 456 []"),
            (
                r#"3/custom,1[{"ok":true}]"#,
                r#"/custom ack 1 [RawValue({"ok":true})]"#,
            ),
            (r#"50-["m"]"#, "/ event None m []"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(packet), "{text}");
        }
    }

    #[test]
    fn attachments_complete_their_packet() {
        let mut decoder = Decoder::new(MAX_BYTES);
        let text = r#"52-/x,7["m",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#;
        assert!(matches!(decoder.text(text.into()), Ok(None)));
        assert!(decoder.is_waiting());
        assert!(matches!(
            decoder.binary(Bytes::from_static(b"abcd")),
            Ok(None)
        ));
        let packet = decoder
            .binary(Bytes::from_static(b"efgh"))
            .expect("8 bytes")
            .expect("a packet");
        assert!(!decoder.is_waiting());
        assert_eq!(packet.body.attachments(), [&b"abcd"[..], b"efgh"]);
        let Body::Event { event, ack } = packet.body else {
            panic!("no event")
        };
        assert_eq!(
            (event.name.as_str(), event.args.len(), ack),
            ("m", 2, Some(7))
        );
        assert!(matches!(decoder.text("1".into()), Ok(Some(_))));
    }

    #[test]
    fn only_a_client_takes_a_refused_connect() {
        let text = r#"4{"message":"Invalid token"}"#;
        assert_eq!(read(text).err(), Some(DecodeError::SocketType));
        let packet = Decoder::for_client(MAX_BYTES).text(text.into());
        assert!(matches!(
            packet,
            Ok(Some(Packet {
                body: Body::ConnectError(_),
                ..
            }))
        ));
        let packet = Decoder::for_client(MAX_BYTES).text("4[]".into());
        assert_eq!(packet.err(), Some(DecodeError::Payload));
    }

    #[test]
    fn an_array_has_a_largest_number_of_values() {
        let array = |count| format!("31[{}]", vec!["0"; count].join(","));
        assert!(read(&array(MAX_ARGUMENTS)).is_ok());
        assert_eq!(
            read(&array(MAX_ARGUMENTS + 1)).err(),
            Some(DecodeError::TooManyArguments)
        );
        let broken = array(MAX_ARGUMENTS + 1).replace(']', ",");
        assert_eq!(read(&broken).err(), Some(DecodeError::Json));
    }
}
