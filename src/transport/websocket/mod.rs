//! WebSockets: the handshake, a new session on one, or the takeover of a polling session.

mod frames;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use actix_codec::Framed;
use actix_http::h1::{Codec, SendResponse};
use actix_http::header::SEC_WEBSOCKET_KEY;
use actix_http::{Request, Response, StatusCode, ws};
use actix_rt::net::TcpStream;
use futures_util::StreamExt;
use switchboard_actors::outbox::{Outbox, Wire};
use switchboard_actors::service::Connection;
use switchboard_actors::session::{CloseReason, Incoming, Opening, Probed, Session, Upgraded};
use switchboard_protocol::engineio::{Packet, RefusalCode};
use switchboard_protocol::frame::Frame;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedReadHalf;

use super::origin::Verdict;
use super::query::{Query, TransportKind};
use super::table::{Entry, Phase, Probe};
use super::{Endpoint, counts};
use frames::Packets;
use wire::TcpWire;

/// How long a WebSocket may take to take over from polling.
const UPGRADE_DEADLINE: Duration = Duration::from_secs(10);

/// Serves a request that asks for a WebSocket; the stream belongs to it from here on.
pub(super) async fn serve(
    endpoints: &[Endpoint],
    request: Request,
    framed: Framed<TcpStream, Codec>,
) {
    let (endpoint, query, target) = match accept(endpoints, &request) {
        Ok(accepted) => accepted,
        Err(refusal) => {
            let (metrics, response) = (counts::metrics_of(endpoints), refusal.response());
            counts::refused(&metrics, refusal.word());
            counts::answered(&metrics, response.status());
            // The client that does not wait for the answer will not miss it.
            let _ = SendResponse::new(framed, response).await;
            return;
        }
    };
    let parts = framed.into_parts();
    let (mut stream, early) = (parts.io, parts.read_buf);
    let mut answer = switching_protocols(&request);
    let sid = switchboard_actors::random_id();
    if let Target::New = target {
        // The session's first packet leaves with the answer, in one write.
        answer.extend_from_slice(endpoint.handshake(&sid, &[]).websocket());
    }
    if stream.write_all(&answer).await.is_err() {
        return;
    }
    let (reader, writer) = stream.into_split();
    let wire = Arc::new(TcpWire::new(writer));
    match target {
        Target::New => {
            open(
                &endpoint,
                sid,
                query.connection(request.head()),
                reader,
                wire,
                &early,
            );
        }
        // Not awaited here: the HTTP machinery behind this call is to be freed.
        Target::Upgrade(probe) => {
            actix_rt::spawn(upgrade(endpoint, probe, reader, wire, early.to_vec()));
        }
        Target::Taken => {
            let outbox = endpoint.new_outbox();
            outbox.attach(wire);
            outbox.finish(&[Frame::close(CloseReason::Overlap.code(), "session taken")]);
        }
    }
}

/// The answer to a valid WebSocket handshake (RFC 6455 section 4.2.2).
fn switching_protocols(request: &Request) -> Vec<u8> {
    let key = request
        .head()
        .headers()
        .get(SEC_WEBSOCKET_KEY)
        .map_or(&b""[..], |key| key.as_bytes());
    let mut answer = Vec::with_capacity(512);
    answer.extend_from_slice(
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
          sec-websocket-accept: ",
    );
    answer.extend_from_slice(&ws::hash_key(key));
    answer.extend_from_slice(b"\r\n\r\n");
    answer
}

/// Why no WebSocket is opened.
enum Refusal {
    NotFound,
    Engine(RefusalCode),
    Handshake,
    Stopping,
}

impl Refusal {
    fn word(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Handshake => "handshake",
            Self::Stopping => "stopping",
            Self::Engine(code) => counts::word(*code),
        }
    }

    fn response(&self) -> Response<String> {
        let (status, body) = match self {
            Self::NotFound => (404, String::new()),
            Self::Handshake => (400, String::new()),
            Self::Stopping => (503, String::new()),
            Self::Engine(code) => (code.http_status(), code.to_json()),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        Response::build(status)
            .content_type("application/json")
            .finish()
            .set_body(body)
    }
}

/// What a WebSocket is for.
enum Target {
    /// A new session.
    New,
    /// A polling session that moves over.
    Upgrade(Probe),
    /// A session that has a WebSocket, or one on the way: this one is closed, the session unaffected.
    Taken,
}

fn accept(endpoints: &[Endpoint], request: &Request) -> Result<(Endpoint, Query, Target), Refusal> {
    let endpoint = endpoints
        .iter()
        .find(|e| e.serves(request.path()))
        .ok_or(Refusal::NotFound)?;
    if let Verdict::Refused = endpoint.0.origins.check(request.head()) {
        return Err(Refusal::Engine(RefusalCode::Forbidden));
    }
    let query = Query::parse(request.uri().query().unwrap_or_default()).map_err(Refusal::Engine)?;
    if query.transport != TransportKind::WebSocket {
        return Err(Refusal::Engine(RefusalCode::BadRequest));
    }
    ws::verify_handshake(request.head()).map_err(|_| Refusal::Handshake)?;
    let target = match &query.sid {
        None if endpoint.0.table.is_closed() => return Err(Refusal::Stopping),
        None => Target::New,
        Some(sid) => {
            let unknown = Refusal::Engine(RefusalCode::UnknownSid);
            let entry = endpoint.0.table.get(sid).ok_or(unknown)?;
            entry.begin_probe().map_or(Target::Taken, Target::Upgrade)
        }
    };
    Ok((endpoint.clone(), query, target))
}

fn open(
    endpoint: &Endpoint,
    sid: String,
    connection: Connection,
    reader: OwnedReadHalf,
    wire: Arc<dyn Wire>,
    early: &[u8],
) {
    let outbox = endpoint.new_outbox();
    let entry = Entry::new(Arc::clone(&outbox), Phase::WebSocket);
    // Closed since the handshake: dropping the stream says enough.
    let Some(lease) = endpoint.0.table.insert(sid, Arc::clone(&entry)) else {
        return;
    };
    outbox.attach(wire);
    let packets = Packets::new(
        reader,
        Arc::clone(&outbox),
        endpoint.0.settings.max_payload,
        early,
    );
    let opening = Opening {
        connection,
        outbox,
        incoming: Some(packets.boxed()),
        lease: Box::new(lease),
    };
    let settings = Arc::clone(&endpoint.0.settings);
    entry.set_session(Session::open(settings, endpoint.0.above.clone(), opening));
}

/// `2probe`, `3probe`, `5`: the client proves that the stream works, ends its poll, and moves over.
async fn upgrade(
    endpoint: Endpoint,
    probe: Probe,
    reader: OwnedReadHalf,
    wire: Arc<TcpWire>,
    early: Vec<u8>,
) {
    // The probe is answered on a way out of its own; the session's still belongs to polling.
    let probe_outbox = endpoint.new_outbox();
    probe_outbox.attach(Arc::clone(&wire) as Arc<dyn Wire>);
    let limit = endpoint.0.settings.max_payload;
    let mut packets = Packets::new(reader, Arc::clone(&probe_outbox), limit, &early);
    let taking_over = take_over(&probe, &mut packets, &probe_outbox);
    let is_over = tokio::time::timeout(UPGRADE_DEADLINE, taking_over)
        .await
        .is_ok_and(|done| done);
    let entry = &probe.0;
    match entry.session() {
        Some(session) if is_over && probe.complete() => {
            packets.answer_to(Arc::clone(&entry.outbox));
            let incoming = packets.boxed();
            session.do_send(Upgraded { wire, incoming });
        }
        _ => probe_outbox.finish(&[Frame::close(CloseReason::Protocol("").code(), "probe")]),
    }
}

async fn take_over(probe: &Probe, packets: &mut Packets, outbox: &Arc<Outbox>) -> bool {
    let Some(Incoming::Ok(Packet::Ping(data))) = packets.next().await else {
        return false;
    };
    if data != "probe" {
        return false;
    }
    outbox.send(Packet::Pong(data).encode());
    probe.proven();
    if let Some(session) = probe.0.session() {
        session.do_send(Probed);
    }
    matches!(packets.next().await, Some(Ok(Packet::Upgrade)))
}
