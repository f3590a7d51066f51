//! How an Engine.IO connection begins, or is refused.

use std::time::Duration;

use serde::Serialize;

/// What the server tells a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handshake<'a> {
    /// The connection's id, secret to its client: whoever knows it can speak for it over polling.
    pub sid: &'a str,
    /// The transports that it may change to: `["websocket"]` over polling, else none.
    pub upgrades: &'a [&'a str],
    /// The pause between two pings of the server.
    pub ping_interval: Duration,
    /// How long the server waits for the pong.
    pub ping_timeout: Duration,
    /// The largest packet, or polling body, that the server takes, in bytes.
    pub max_payload: usize,
}

impl Handshake<'_> {
    /// The open packet: `0{"sid":…,"upgrades":[…],"pingInterval":ms,"pingTimeout":ms,"maxPayload":bytes}`.
    pub fn to_packet(&self) -> String {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Open<'a> {
            sid: &'a str,
            upgrades: &'a [&'a str],
            ping_interval: u64,
            ping_timeout: u64,
            max_payload: usize,
        }
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let open = Open {
            sid: self.sid,
            upgrades: self.upgrades,
            ping_interval: millis(self.ping_interval),
            ping_timeout: millis(self.ping_timeout),
            max_payload: self.max_payload,
        };
        let json = serde_json::to_string(&open).expect("strings and numbers always serialize");
        format!("0{json}")
    }
}

/// Why a request was refused, before there was a connection to speak over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusalCode {
    /// `transport` is neither `polling` nor `websocket`.
    UnknownTransport = 0,
    /// `sid` names no connection.
    UnknownSid = 1,
    /// A first request that is not GET.
    BadHandshakeMethod = 2,
    /// Any other mistake.
    BadRequest = 3,
    /// Not allowed to connect.
    Forbidden = 4,
    /// `EIO` is not 4.
    UnsupportedProtocolVersion = 5,
}

impl RefusalCode {
    /// The number that clients know it by.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The text that clients know it by.
    pub fn message(self) -> &'static str {
        match self {
            Self::UnknownTransport => "Transport unknown",
            Self::UnknownSid => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden => "Forbidden",
            Self::UnsupportedProtocolVersion => "Unsupported protocol version",
        }
    }

    /// The HTTP status of the answer: 403 when forbidden, else 400.
    pub fn http_status(self) -> u16 {
        if self == Self::Forbidden { 403 } else { 400 }
    }

    /// The body of the answer: `{"code":1,"message":"Session ID unknown"}`.
    pub fn to_json(self) -> String {
        format!(
            r#"{{"code":{},"message":"{}"}}"#,
            self.code(),
            self.message()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_open_packet_has_the_keys_that_clients_read() {
        let handshake = Handshake {
            sid: "s\"1",
            upgrades: &["websocket"],
            ping_interval: Duration::from_millis(300),
            ping_timeout: Duration::from_secs(20),
            max_payload: 1_000_000,
        };
        assert_eq!(
            handshake.to_packet(),
            r#"0{"sid":"s\"1","upgrades":["websocket"],"pingInterval":300,"pingTimeout":20000,"maxPayload":1000000}"#
        );
    }

    #[test]
    fn refusals_read_as_the_reference_server_writes_them() {
        for (refusal, status, json) in [
            (
                RefusalCode::UnknownTransport,
                400,
                r#"{"code":0,"message":"Transport unknown"}"#,
            ),
            (
                RefusalCode::UnknownSid,
                400,
                r#"{"code":1,"message":"Session ID unknown"}"#,
            ),
            (
                RefusalCode::BadHandshakeMethod,
                400,
                r#"{"code":2,"message":"Bad handshake method"}"#,
            ),
            (
                RefusalCode::BadRequest,
                400,
                r#"{"code":3,"message":"Bad request"}"#,
            ),
            (
                RefusalCode::Forbidden,
                403,
                r#"{"code":4,"message":"Forbidden"}"#,
            ),
            (
                RefusalCode::UnsupportedProtocolVersion,
                400,
                r#"{"code":5,"message":"Unsupported protocol version"}"#,
            ),
        ] {
            assert_eq!(
                (refusal.http_status(), &refusal.to_json()[..]),
                (status, json)
            );
        }
    }
}
