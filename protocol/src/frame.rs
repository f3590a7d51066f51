//! Bytes ready to write, encoded once and shared by every socket.
//!
//! A frame is an unmasked, unfragmented WebSocket frame in one piece of memory: header, then the Engine.IO
//! packet. A WebSocket writer sends it as it is; the polling transport takes the payload.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::socketio::Namespace;

/// FIN and the text opcode.
const TEXT: u8 = 0x81;
/// FIN and the binary opcode.
const BINARY: u8 = 0x82;
/// FIN and the close opcode.
const CLOSE: u8 = 0x88;
/// FIN and the pong opcode.
const PONG: u8 = 0x8a;
/// The largest payload of a control frame, in bytes.
const MAX_CONTROL: usize = 125;

/// One Engine.IO packet, framed. Cloning shares the memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame(Bytes);

impl Frame {
    /// Frames a text packet, its type digit included: `42["final",…]`.
    pub fn text(packet: impl AsRef<str>) -> Self {
        Self::concat(&[packet.as_ref().as_bytes()])
    }

    /// Frames a binary message, which over WebSocket has no type digit.
    pub fn binary(message: &[u8]) -> Self {
        Self::build(BINARY, message.len(), |out| out.extend_from_slice(message))
    }

    /// Frames a text packet given in parts, which together must be UTF-8. Copies each part once.
    pub fn concat(parts: &[&[u8]]) -> Self {
        let len = parts.iter().map(|part| part.len()).sum();
        Self::build(TEXT, len, |out| {
            parts.iter().for_each(|part| out.extend_from_slice(part))
        })
    }

    /// Frames `42["name",arg,…]`, or `42/ns,["name",arg,…]`, in one allocation of the exact size.
    /// Each argument must be one valid JSON value ([`json::validate`](crate::json::validate)); its bytes
    /// are not touched.
    pub fn event(namespace: &Namespace, name: &str, json_args: &[&[u8]]) -> Self {
        let [path, comma] = namespace.prefix();
        let name = escape(name);
        let head = [b"42", path, comma, b"[\"", name.as_bytes(), b"\""];
        let args = json_args.iter().map(|arg| arg.len() + 1).sum::<usize>();
        let len = head.iter().map(|part| part.len()).sum::<usize>() + args + 1;
        Self::build(TEXT, len, |out| {
            head.iter().for_each(|part| out.extend_from_slice(part));
            for arg in json_args {
                out.push(b',');
                out.extend_from_slice(arg);
            }
            out.push(b']');
        })
    }

    /// Whether it is an event that asks for no acknowledgement: `42[…]`, or `42/ns,[…]`.
    pub fn is_event(&self) -> bool {
        let after = |prefix: &[u8]| self.payload().strip_prefix(prefix);
        !self.is_binary()
            && after(b"42").is_some_and(|rest| matches!(rest.first(), Some(b'[' | b'/')))
    }

    /// The event with one more argument behind its own, which must be one JSON value; `None` for what is no event.
    pub fn with_argument(&self, json: &[u8]) -> Option<Self> {
        let event = self
            .payload()
            .strip_suffix(b"]")
            .filter(|_| self.is_event())?;
        Some(Self::concat(&[event, b",", json, b"]"]))
    }

    /// A WebSocket close frame (RFC 6455 section 5.5.1) with `code` and a reason, cut to what fits.
    pub fn close(code: u16, reason: &str) -> Self {
        let end = reason.floor_char_boundary(MAX_CONTROL - 2);
        let reason = &reason.as_bytes()[..end];
        Self::build(CLOSE, 2 + reason.len(), |out| {
            out.extend_from_slice(&code.to_be_bytes());
            out.extend_from_slice(reason);
        })
    }

    /// A WebSocket pong frame with a ping's data (RFC 6455 section 5.5.3).
    pub fn pong(data: &[u8]) -> Self {
        let data = &data[..data.len().min(MAX_CONTROL)];
        Self::build(PONG, data.len(), |out| out.extend_from_slice(data))
    }

    /// The whole WebSocket frame, ready to write.
    pub fn websocket(&self) -> &Bytes {
        &self.0
    }

    /// The packet without the WebSocket header.
    pub fn payload(&self) -> &[u8] {
        let header = match self.0[1] {
            127 => 10,
            126 => 4,
            _ => 2,
        };
        &self.0[header..]
    }

    /// Whether it is a binary message.
    pub fn is_binary(&self) -> bool {
        self.0[0] == BINARY
    }

    /// The size on a WebSocket in bytes, header included: what it counts for in an outbox.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a frame has a header, so it is never empty"
    )]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Appends the packet in its polling form: text as it is, binary as `b` and base64. Separators are
    /// [`payload::append`](crate::engineio::payload::append)'s.
    pub fn append_polling(&self, out: &mut Vec<u8>) {
        let payload = self.payload();
        if !self.is_binary() {
            out.extend_from_slice(payload);
            return;
        }
        out.push(b'b');
        let start = out.len();
        out.resize(start + payload.len().div_ceil(3) * 4, 0);
        let written = STANDARD.encode_slice(payload, &mut out[start..]);
        debug_assert_eq!(
            written,
            Ok(out.len() - start),
            "padded base64 has an exact size"
        );
    }

    /// Writes the header for `len` bytes, and lets `fill` append exactly as many.
    fn build(opcode: u8, len: usize, fill: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut header = [opcode, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let header = if len < 126 {
            header[1] = len as u8;
            &header[..2]
        } else if let Ok(len) = u16::try_from(len) {
            header[1] = 126;
            header[2..4].copy_from_slice(&len.to_be_bytes());
            &header[..4]
        } else {
            header[1] = 127;
            header[2..].copy_from_slice(&(len as u64).to_be_bytes());
            &header[..]
        };
        let total = header.len() + len;
        let mut out = Vec::with_capacity(total);
        out.extend_from_slice(header);
        fill(&mut out);
        debug_assert_eq!(out.len(), total, "the header says how much follows");
        Self(Bytes::from(out))
    }
}

/// The name as it stands between the quotes of a JSON string. Ours need no escape, so this rarely copies.
fn escape(name: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if name.bytes().all(plain) {
        return Cow::Borrowed(name);
    }
    let quoted = serde_json::Value::from(name).to_string();
    Cow::Owned(quoted[1..quoted.len() - 1].to_owned())
}

impl fmt::Debug for Frame {
    /// Type and size only: a frame may carry what nobody should read in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_binary() { "binary" } else { "text" };
        write!(f, "Frame({kind}, {} bytes)", self.payload().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_say_how_much_follows() {
        for (len, header) in [
            (0, &[0x81, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (0xffff, &[0x81, 126, 0xff, 0xff]),
            (0x1_0000, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let text = "a".repeat(len);
            let frame = Frame::text(&text);
            assert_eq!(&frame.websocket()[..header.len()], header);
            assert_eq!(frame.payload(), text.as_bytes());
            assert_eq!(
                (frame.len(), frame.is_binary()),
                (header.len() + len, false)
            );
            let frame = Frame::binary(text.as_bytes());
            assert_eq!(
                (frame.websocket()[0], frame.websocket()[1]),
                (0x82, header[1])
            );
            assert_eq!(
                (frame.payload(), frame.is_binary()),
                (text.as_bytes(), true)
            );
        }
    }

    #[test]
    fn clones_share_the_bytes() {
        let frame = Frame::text("42[\"final\",1]");
        let clone = frame.clone();
        assert_eq!(frame.websocket().as_ptr(), clone.websocket().as_ptr());
    }

    #[test]
    fn events_carry_their_arguments_untouched() {
        let arg = br#" {"start":1.50,"text":"\u00e9 \/"} "#;
        let frame = Frame::event(&Namespace::root(), "final", &[arg]);
        let text = r#"42["final", {"start":1.50,"text":"\u00e9 \/"} ]"#;
        assert_eq!(frame, Frame::text(text));
        let voice = "/voice".parse().expect("a namespace");
        assert_eq!(
            Frame::event(&voice, "a", &[]),
            Frame::text(r#"42/voice,["a"]"#)
        );
        assert_eq!(
            Frame::event(&voice, "a", &[b"1", b"[]"]),
            Frame::text(r#"42/voice,["a",1,[]]"#)
        );
    }

    #[test]
    fn event_names_cannot_break_out_of_their_string() {
        for (name, json) in [
            ("a\",\"b", r#"42["a\",\"b"]"#),
            ("\\", r#"42["\\"]"#),
            ("a\n", r#"42["a\n"]"#),
            ("\u{1e}é", r#"42["\u001eé"]"#),
        ] {
            assert_eq!(
                Frame::event(&Namespace::root(), name, &[]),
                Frame::text(json)
            );
        }
    }

    #[test]
    fn an_event_can_be_given_one_more_argument_and_nothing_else_can() {
        let more = |text: &str| Frame::text(text).with_argument(b"7");
        assert_eq!(more(r#"42["a"]"#), Some(Frame::text(r#"42["a",7]"#)));
        assert_eq!(
            more(r#"42/ns,["a",[]]"#),
            Some(Frame::text(r#"42/ns,["a",[],7]"#))
        );
        for text in [
            "42",
            "421[\"a\"]",
            "43[\"a\"]",
            "40{}",
            "451-[\"a\"]",
            "2",
            "",
        ] {
            assert_eq!(more(text), None, "{text}");
        }
        assert_eq!(Frame::binary(b"42[]").with_argument(b"7"), None);
    }

    #[test]
    fn parts_make_one_frame() {
        assert_eq!(Frame::concat(&[b"4", b"", b"hello"]), Frame::text("4hello"));
        assert_eq!(Frame::concat(&[]), Frame::text(""));
    }

    #[test]
    fn polling_gets_text_as_it_is_and_binary_in_base64() {
        for (frame, polled) in [
            (Frame::text("4hello"), "4hello"),
            (Frame::binary(&[]), "b"),
            (Frame::binary(&[1]), "bAQ=="),
            (Frame::binary(&[1, 2]), "bAQI="),
            (Frame::binary(&[1, 2, 3]), "bAQID"),
            (Frame::binary(&[1, 2, 3, 0xff]), "bAQID/w=="),
        ] {
            let mut out = b"x".to_vec();
            frame.append_polling(&mut out);
            assert_eq!(out, format!("x{polled}").into_bytes());
        }
    }

    #[test]
    fn debug_output_keeps_the_content_to_itself() {
        assert_eq!(
            format!("{:?}", Frame::text("4secret")),
            "Frame(text, 7 bytes)"
        );
    }
}
