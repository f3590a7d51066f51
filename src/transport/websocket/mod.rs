//! WebSockets: the handshake, a new session on one, or the takeover of a polling session.

mod frames;
mod tls;
mod wire;

use std::sync::Arc;

use actix_codec::Framed;
use actix_http::h1::{Codec, SendResponse};
use actix_http::header::SEC_WEBSOCKET_KEY;
use actix_http::{Request, Response, StatusCode, ws};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use switchboard_actors::limits::Limit;
use switchboard_actors::outbox::{Outbox, Wire};
use switchboard_actors::service::Connection;
use switchboard_actors::session::{CloseReason, Incoming, Opening, Probed, Session, Upgraded};
use switchboard_protocol::engineio::{Packet, RefusalCode};
use switchboard_protocol::frame::Frame;
use tokio::io::AsyncWriteExt;

use super::admission::{Admission, Place};
use super::origin::Verdict;
use super::query::{Query, TransportKind};
use super::table::{Entry, Phase, Probe};
use super::tls::{Scheme, Stream};
use super::{Endpoint, counts, requests};
pub use frames::Packets;
use wire::Reader;

/// Serves a request that asks for a WebSocket; the stream belongs to it from here on.
pub(super) async fn serve(
    admission: &Arc<Admission>,
    endpoints: &[Endpoint],
    request: Request,
    framed: Framed<Stream, Codec>,
) {
    let (endpoint, query, target) = match accept(admission, endpoints, &request) {
        Ok(accepted) => accepted,
        Err(refusal) => {
            let (metrics, response) = (admission.metrics(), refusal.response());
            counts::refused(metrics, refusal.word());
            counts::answered(metrics, response.status());
            // The client that does not wait for the answer will not miss it.
            let _ = SendResponse::new(framed, response).await;
            return;
        }
    };
    let parts = framed.into_parts();
    let (mut stream, early) = (parts.io, parts.read_buf);
    let mut answer = switching_protocols(&request);
    let Some(peer) = request.peer_addr() else {
        return;
    };
    // The place that the request has goes with the HTTP machinery.
    let place = admission.keep(peer.ip());
    let sid = switchboard_actors::random_id();
    if let Target::New = target {
        // The session's first packet leaves with the answer, in one write.
        answer.extend_from_slice(endpoint.handshake(&sid, &[]).websocket());
    }
    // Flushed, because encryption may hold back what the kernel does not take.
    if stream.write_all(&answer).await.is_err() || stream.flush().await.is_err() {
        return;
    }
    let (reader, wire) = wire::split(stream);
    match target {
        Target::New => {
            open(
                &endpoint,
                sid,
                query.connection(request.head()),
                Streams {
                    reader,
                    wire,
                    place,
                },
                &early,
            );
        }
        // Not awaited here: the HTTP machinery behind this call is to be freed.
        Target::Upgrade(probe) => {
            let streams = Streams {
                reader,
                wire,
                place,
            };
            actix_rt::spawn(upgrade(endpoint, probe, streams, early.to_vec()));
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
    HeadTooLarge,
}

impl Refusal {
    fn word(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Handshake => "handshake",
            Self::HeadTooLarge => "head_too_large",
            Self::Stopping => "stopping",
            Self::Engine(code) => counts::word(*code),
        }
    }

    fn response(&self) -> Response<String> {
        let (status, body) = match self {
            Self::NotFound => (404, String::new()),
            Self::Handshake => (400, String::new()),
            Self::Stopping => (503, String::new()),
            Self::HeadTooLarge => (431, requests::TOO_LARGE.to_owned()),
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

/// The two halves of a connection, and its place.
struct Streams {
    reader: Reader,
    wire: Arc<dyn Wire>,
    place: Place,
}

fn accept(
    admission: &Admission,
    endpoints: &[Endpoint],
    request: &Request,
) -> Result<(Endpoint, Query, Target), Refusal> {
    if !requests::fits(admission, request.head()) {
        return Err(Refusal::HeadTooLarge);
    }
    let endpoint = endpoints
        .iter()
        .find(|e| e.serves(request.path()))
        .ok_or(Refusal::NotFound)?;
    let scheme = request.conn_data::<Scheme>().copied().unwrap_or_default();
    if let Verdict::Refused = endpoint.0.origins.check(request.head(), scheme) {
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

fn open(endpoint: &Endpoint, sid: String, connection: Connection, streams: Streams, early: &[u8]) {
    let outbox = endpoint.new_outbox();
    let entry = Entry::new(sid, Arc::clone(&outbox), Phase::WebSocket);
    // Closed since the handshake: dropping the stream says enough.
    let Some(lease) = endpoint.0.table.insert(Arc::clone(&entry)) else {
        return;
    };
    outbox.attach(streams.wire);
    let packets = Packets::new(
        streams.reader,
        Arc::clone(&outbox),
        endpoint.0.settings.max_payload,
        early,
    );
    let opening = Opening {
        connection,
        outbox,
        incoming: Some(placed(packets, streams.place)),
        lease: Box::new(lease),
    };
    let settings = Arc::clone(&endpoint.0.settings);
    entry.set_session(&Session::open(settings, endpoint.0.above.clone(), opening));
}

/// The packets of a connection, which has its place as long as they are read.
fn placed(packets: Packets<Reader>, place: Place) -> BoxStream<'static, Incoming> {
    let keep = move |_: &Incoming| {
        let _kept = &place;
    };
    packets.inspect(keep).boxed()
}

/// `2probe`, `3probe`, `5`: the client proves that the stream works, ends its poll, and moves over.
async fn upgrade(endpoint: Endpoint, probe: Probe, streams: Streams, early: Vec<u8>) {
    let wire = streams.wire;
    // The probe is answered on a way out of its own; the session's still belongs to polling.
    let probe_outbox = endpoint.new_outbox();
    probe_outbox.attach(Arc::clone(&wire));
    let limit = endpoint.0.settings.max_payload;
    let mut packets = Packets::new(streams.reader, Arc::clone(&probe_outbox), limit, &early);
    let taking_over = take_over(&probe, &mut packets, &probe_outbox);
    let settings = &endpoint.0.settings;
    let taken_over = tokio::time::timeout(settings.upgrade_timeout, taking_over).await;
    if taken_over.is_err() {
        settings.metrics.limit_reached(Limit::UpgradeTime);
    }
    let entry = &probe.0;
    match entry.session() {
        Some(session) if taken_over == Ok(true) && probe.complete() => {
            packets.answer_to(Arc::clone(&entry.outbox));
            let incoming = placed(packets, streams.place);
            session.do_send(Upgraded { wire, incoming });
        }
        _ => {
            let detail = match taken_over {
                Ok(_) => "probe",
                Err(_) => Limit::UpgradeTime.name(),
            };
            probe_outbox.finish(&[Frame::close(CloseReason::Protocol("").code(), detail)]);
        }
    }
}

async fn take_over(probe: &Probe, packets: &mut Packets<Reader>, outbox: &Arc<Outbox>) -> bool {
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
