//! Packets by HTTP long polling: a GET waits for them, a POST brings what there is to say before the next GET.
//!
//! One connection carries both, since a viewer speaks only when an answer gives it cause to.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use memchr::{memchr, memmem};

use super::Talk;

/// Between the packets of one answer.
const SEPARATOR: u8 = 0x1e;
/// The longest answer read, in bytes.
const MAX_ANSWER: usize = 2 * 1024 * 1024;

/// A poller.
pub struct Polling {
    server: SocketAddr,
    /// The Engine.IO session; empty until the first answer names it.
    sid: String,
    /// Whether the answer that comes next has packets, or acknowledges a POST.
    is_get: bool,
}

impl Polling {
    /// Asks `server` for a session.
    pub fn begin(server: SocketAddr, out: &mut Vec<u8>) -> Self {
        let polling = Self {
            server,
            sid: String::new(),
            is_get: true,
        };
        polling.get(out);
        polling
    }

    /// Takes one answer from the start of `bytes` and asks for the next; 0 while it is incomplete.
    ///
    /// # Errors
    /// When the server refuses, closes or speaks nonsense.
    pub fn unit(
        &mut self,
        bytes: &[u8],
        talk: &mut Talk,
        out: &mut Vec<u8>,
        mut hear: impl FnMut(&[u8], &mut Talk) -> Result<()>,
    ) -> Result<usize> {
        let Some((body, used)) = answer(bytes)? else {
            return Ok(0);
        };
        if self.is_get {
            if self.sid.is_empty() {
                self.sid = sid(body)?;
            }
            for packet in body.split(|&byte| byte == SEPARATOR) {
                hear(packet, talk)?;
            }
        }
        self.is_get = talk.says.is_empty();
        if self.is_get {
            self.get(out);
        } else {
            self.post(&talk.says.join("\u{1e}"), out);
            talk.says.clear();
        }
        Ok(used)
    }

    fn get(&self, out: &mut Vec<u8>) {
        self.head("GET", out);
        out.extend_from_slice(b"\r\n");
    }

    fn post(&self, body: &str, out: &mut Vec<u8>) {
        self.head("POST", out);
        let length = body.len();
        let rest = format!(
            "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        out.extend_from_slice(rest.as_bytes());
    }

    fn head(&self, method: &str, out: &mut Vec<u8>) {
        let Self { server, sid, .. } = self;
        let path = "/socket.io/?EIO=4&transport=polling";
        let session = if sid.is_empty() { "" } else { "&sid=" };
        let head = format!("{method} {path}{session}{sid} HTTP/1.1\r\nHost: {server}\r\n");
        out.extend_from_slice(head.as_bytes());
    }
}

/// The body of the answer at the start of `bytes`, and the bytes of the whole; `None` while it is incomplete.
fn answer(bytes: &[u8]) -> Result<Option<(&[u8], usize)>> {
    let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = str::from_utf8(&bytes[..end]).context("an HTTP answer")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then_some(value.trim())
    });
    let length: usize = length
        .context("an answer without Content-Length")?
        .parse()?;
    if length > MAX_ANSWER {
        bail!("an answer of {length} bytes");
    }
    let used = end + 4 + length;
    let Some(body) = bytes.get(end + 4..used) else {
        return Ok(None);
    };
    if !head.starts_with("HTTP/1.1 200") {
        let first = head.lines().next().unwrap_or_default();
        bail!("{first}: {}", String::from_utf8_lossy(body));
    }
    Ok(Some((body, used)))
}

/// The session that the handshake `0{"sid":"…",…}` names.
fn sid(handshake: &[u8]) -> Result<String> {
    let start = memmem::find(handshake, br#""sid":""#).context("a handshake without a sid")? + 7;
    let rest = &handshake[start..];
    let end = memchr(b'"', rest).context("a sid without an end")?;
    Ok(String::from_utf8_lossy(&rest[..end]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::talk::tests::talk;

    #[test]
    fn what_there_is_to_say_is_posted_before_the_next_get() {
        let mut out = Vec::new();
        let mut polling = Polling::begin(([127, 0, 0, 1], 80).into(), &mut out);
        assert!(out.starts_with(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n"));
        let mut talk = talk();
        let mut heard = Vec::new();
        let mut unit = |bytes: &[u8]| {
            let mut out = Vec::new();
            let used = polling.unit(bytes, &mut talk, &mut out, |packet, talk| {
                heard.push(String::from_utf8_lossy(packet).into_owned());
                if packet.starts_with(b"2") {
                    talk.says.push("3".to_owned());
                }
                Ok(())
            });
            (used.unwrap(), String::from_utf8(out).unwrap())
        };
        let handshake = b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n0{\"sid\":\"x\"}";
        assert_eq!(unit(&handshake[..45]), (0, String::new()), "cut short");
        let (used, asked) = unit(handshake);
        assert_eq!(used, handshake.len());
        assert!(asked.starts_with("GET ") && asked.contains("&sid=x HTTP/1.1"));
        let (_, said) = unit(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n42[\"a\"]\x1e2");
        assert!(
            said.starts_with("POST ") && said.ends_with("\r\n\r\n3"),
            "{said}"
        );
        let (_, asked) = unit(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        assert!(asked.starts_with("GET "), "{asked}");
        assert_eq!(heard.len(), 3, "the POST's answer is no packet: {heard:?}");
    }
}
