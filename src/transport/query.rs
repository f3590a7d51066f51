//! What the query of an Engine.IO request says: `EIO`, `transport`, `sid`, and a token.

use std::borrow::Cow;

use actix_http::RequestHead;
use actix_http::header::AUTHORIZATION;
use switchboard_actors::service::Connection;
use switchboard_protocol::engineio::RefusalCode;

/// How a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransportKind {
    Polling,
    WebSocket,
}

/// A query of the right shape.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) transport: TransportKind,
    pub(super) sid: Option<String>,
    token: Option<String>,
}

impl Query {
    /// Reads the query in the reference server's order: first the transport, then the version.
    /// Anything beyond what it knows is ignored, as clients add what busts caches.
    pub(super) fn parse(query: &str) -> Result<Self, RefusalCode> {
        let (mut eio, mut transport, mut sid, mut token) = (None, None, None, None);
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let slot: &mut Option<Cow<'_, str>> = match &*key {
                "EIO" => &mut eio,
                "transport" => &mut transport,
                "sid" => &mut sid,
                "token" => &mut token,
                _ => continue,
            };
            slot.get_or_insert(value);
        }
        let transport = match transport.as_deref() {
            Some("polling") => TransportKind::Polling,
            Some("websocket") => TransportKind::WebSocket,
            _ => return Err(RefusalCode::UnknownTransport),
        };
        if eio.as_deref() != Some("4") {
            return Err(RefusalCode::UnsupportedProtocolVersion);
        }
        Ok(Self {
            transport,
            sid: sid.map(Cow::into_owned),
            token: token.map(Cow::into_owned),
        })
    }

    /// What services need to know of the request that opens a connection.
    pub(super) fn connection(self, head: &RequestHead) -> Connection {
        let bearer = head
            .headers()
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .map(|token| token.trim().to_owned());
        Connection {
            query_token: self.token,
            bearer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_of_the_right_shape_is_read_and_the_rest_of_it_ignored() {
        let query = Query::parse("EIO=4&transport=polling&t=abc&sid=x%20y&EIO=3").unwrap();
        assert_eq!(query.transport, TransportKind::Polling);
        assert_eq!(query.sid.as_deref(), Some("x y"));
        assert_eq!(query.token, None);
    }

    #[test]
    fn a_missing_or_foreign_version_is_refused() {
        for query in [
            "transport=polling",
            "EIO=3&transport=polling",
            "EIO=abc&transport=websocket",
        ] {
            assert_eq!(
                Query::parse(query),
                Err(RefusalCode::UnsupportedProtocolVersion),
                "{query}"
            );
        }
    }

    #[test]
    fn a_missing_or_unknown_transport_is_refused() {
        for query in [
            "EIO=4",
            "EIO=4&transport=webtransport",
            "",
            "EIO=4&transport=__proto__",
        ] {
            assert_eq!(
                Query::parse(query),
                Err(RefusalCode::UnknownTransport),
                "{query}"
            );
        }
    }
}
