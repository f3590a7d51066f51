//! HTTP long-polling: GET waits for frames, POST brings packets.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Bytes, BytesMut, Payload};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use bytestring::ByteString;
use futures_util::StreamExt;
use switchboard_actors::limits::Limit;
use switchboard_actors::session::{Close, CloseReason, Opening, Posted, Session};
use switchboard_protocol::DecodeError;
use switchboard_protocol::engineio::{Packet, RefusalCode, payload};
use switchboard_protocol::frame::Frame;

use super::origin::Verdict;
use super::query::{Query, TransportKind};
use super::table::{Entry, Phase};
use super::tls::Scheme;
use super::{Endpoint, counts};

/// Packets in one POST.
const PACKETS_PER_POST: usize = 16_384;
/// How long a POST's body may take.
const POST_DEADLINE: Duration = Duration::from_secs(30);

/// Adds the endpoint's polling routes to an actix-web application.
pub fn configure(endpoint: &Endpoint, config: &mut web::ServiceConfig) {
    let path = endpoint.0.path.trim_end_matches('/').to_owned();
    for path in [format!("{path}/"), path] {
        let endpoint = endpoint.clone();
        let handle = move |request: HttpRequest, body: Payload| {
            let endpoint = endpoint.clone();
            async move { respond(&endpoint, &request, body).await }
        };
        config.route(&path, web::route().to(handle));
    }
}

/// Answers one request, with the CORS headers that its origin calls for.
async fn respond(endpoint: &Endpoint, request: &HttpRequest, body: Payload) -> HttpResponse {
    let scheme = request.conn_data::<Scheme>().copied().unwrap_or_default();
    let origin = match endpoint.0.origins.check(request.head(), scheme) {
        Verdict::Refused => return counted(endpoint, refuse(RefusalCode::Forbidden)),
        Verdict::NotABrowser => None,
        Verdict::Allowed(origin) => Some(origin.clone()),
    };
    let mut response = match request.method().as_str() {
        "OPTIONS" => preflight(),
        _ => counted(endpoint, exchange(endpoint, request, body).await),
    };
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
            header::HeaderValue::from_static("true"),
        );
        headers.insert(header::VARY, header::HeaderValue::from_static("origin"));
    }
    response
}

/// Counts a refusal.
fn counted(endpoint: &Endpoint, response: HttpResponse) -> HttpResponse {
    let code = response.extensions().get::<RefusalCode>().copied();
    if let Some(code) = code {
        counts::refused(&endpoint.0.settings.metrics, counts::word(code));
    }
    response
}

fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"))
        .insert_header((
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type",
        ))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
        .finish()
}

async fn exchange(endpoint: &Endpoint, request: &HttpRequest, body: Payload) -> HttpResponse {
    let query = match Query::parse(request.query_string()) {
        Ok(query) => query,
        Err(code) => return refuse(code),
    };
    let method = request.method().as_str();
    if let Some(sid) = &query.sid {
        return match (endpoint.0.table.get(sid), method) {
            (None, _) => refuse(RefusalCode::UnknownSid),
            (Some(entry), _)
                if query.transport != TransportKind::Polling
                    || entry.phase() == Phase::WebSocket =>
            {
                refuse(RefusalCode::BadRequest)
            }
            (Some(entry), "GET") => poll(entry).await,
            (Some(entry), "POST") => post(endpoint, entry, request, body).await,
            _ => refuse(RefusalCode::BadRequest),
        };
    }
    match (method, query.transport) {
        // A WebSocket handshake that asks for no upgrade.
        ("GET", TransportKind::WebSocket) => refuse(RefusalCode::BadRequest),
        ("GET", TransportKind::Polling) => open(endpoint, request, query).await,
        _ => refuse(RefusalCode::BadHandshakeMethod),
    }
}

/// Starts a session and answers with its handshake.
async fn open(endpoint: &Endpoint, request: &HttpRequest, query: Query) -> HttpResponse {
    let sid = switchboard_actors::random_id();
    let outbox = endpoint.new_outbox();
    outbox.send(endpoint.handshake(&sid, &["websocket"]));
    let entry = Entry::new(sid, Arc::clone(&outbox), Phase::Polling);
    let Some(lease) = endpoint.0.table.insert(Arc::clone(&entry)) else {
        return HttpResponse::ServiceUnavailable().finish();
    };
    let opening = Opening {
        connection: query.connection(request.head()),
        outbox,
        incoming: None,
        lease: Box::new(lease),
    };
    let settings = Arc::clone(&endpoint.0.settings);
    entry.set_session(&Session::open(settings, endpoint.0.above.clone(), opening));
    poll(entry).await
}

/// Waits for frames. A poll that is broken off ends its session: what it was to carry is lost.
async fn poll(entry: Arc<Entry>) -> HttpResponse {
    let Some(turn) = entry.take_turn(true) else {
        close(&entry, CloseReason::Overlap);
        return refuse(RefusalCode::BadRequest);
    };
    let mut aborted = AbortGuard(Some(Arc::clone(&entry)));
    let frames = poll_fn(|cx| match entry.outbox.poll_take(cx) {
        // The client waits for this poll to end before it moves to its WebSocket.
        Poll::Pending if entry.phase() == Phase::Proven => {
            Poll::Ready(Some(vec![Packet::Noop.encode()]))
        }
        other => other,
    })
    .await;
    aborted.0 = None;
    drop(turn);
    match frames {
        Some(frames) => answer(&frames),
        None => refuse(RefusalCode::UnknownSid),
    }
}

struct AbortGuard(Option<Arc<Entry>>);

impl Drop for AbortGuard {
    fn drop(&mut self) {
        if let Some(entry) = &self.0 {
            close(entry, CloseReason::TransportClosed);
        }
    }
}

fn answer(frames: &[Frame]) -> HttpResponse {
    let size = frames.iter().map(|frame| frame.len() + 1).sum();
    let mut body = Vec::with_capacity(size);
    for frame in frames {
        payload::append(&mut body, frame);
    }
    HttpResponse::Ok()
        .content_type("text/plain; charset=UTF-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(body)
}

async fn post(
    endpoint: &Endpoint,
    entry: Arc<Entry>,
    request: &HttpRequest,
    mut body: Payload,
) -> HttpResponse {
    let Some(_turn) = entry.take_turn(false) else {
        close(&entry, CloseReason::Overlap);
        return refuse(RefusalCode::BadRequest);
    };
    let is_binary = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/octet-stream"));
    if is_binary {
        // Engine.IO 3 sent binary that way; 4 sends base64 as text.
        close(&entry, CloseReason::Protocol("content_type"));
        return refuse(RefusalCode::BadRequest);
    }
    let limit = endpoint.0.settings.max_payload;
    let packets = match read(&mut body, announced(request), limit).await {
        Ok(packets) => packets,
        Err(fault) => {
            if let Some(limit) = fault.limit {
                endpoint.0.settings.metrics.limit_reached(limit);
            }
            close(&entry, fault.reason);
            return fault.answer(body);
        }
    };
    let Some(session) = entry.session() else {
        return refuse(RefusalCode::UnknownSid);
    };
    match session.send(Posted(packets)).await {
        Ok(()) => HttpResponse::Ok().content_type("text/html").body("ok"),
        Err(_) => refuse(RefusalCode::UnknownSid),
    }
}

/// Why a POST is not taken, and its session ends.
struct Fault {
    status: StatusCode,
    reason: CloseReason,
    limit: Option<Limit>,
}

impl Fault {
    fn new(status: StatusCode, reason: CloseReason) -> Self {
        Self {
            status,
            reason,
            limit: None,
        }
    }

    fn at(self, limit: Limit) -> Self {
        Self {
            limit: Some(limit),
            ..self
        }
    }

    /// The answer, with which the connection ends; `rest` is what was not read.
    fn answer(self, rest: Payload) -> HttpResponse {
        let text = self.limit.map_or_else(Bytes::new, |limit| {
            let code = limit.name();
            let message = "a limit on polling is met";
            Bytes::from(format!(
                r#"{{"error":{{"code":"{code}","message":"{message}"}}}}"#
            ))
        });
        HttpResponseBuilder::new(self.status)
            .force_close()
            .content_type("application/json")
            .body(Unread {
                text,
                _payload: rest,
            })
    }
}

/// A body beside which the request's own is kept: actix-http would read a dropped chunked one to its end, however long,
/// where it closes the connection on one that is only left unread.
struct Unread {
    text: Bytes,
    _payload: Payload,
}

impl MessageBody for Unread {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.text.len() as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let text = std::mem::take(&mut self.text);
        Poll::Ready((!text.is_empty()).then_some(Ok(text)))
    }
}

/// The size of the body, where the request says it.
fn announced(request: &HttpRequest) -> Option<u64> {
    let size = request.headers().get(header::CONTENT_LENGTH)?;
    size.to_str().ok()?.parse().ok()
}

/// Reads a body of at most `limit` bytes and decodes it. One that announces more is not read at all.
async fn read(
    body: &mut Payload,
    announced: Option<u64>,
    limit: usize,
) -> Result<Vec<Packet>, Fault> {
    let too_large =
        || Fault::new(StatusCode::PAYLOAD_TOO_LARGE, CloseReason::TooLarge).at(Limit::PollingBody);
    if announced.is_some_and(|size| size > limit as u64) {
        return Err(too_large());
    }
    let mut bytes = BytesMut::new();
    let gather = async {
        while let Some(chunk) = body.next().await {
            let chunk = chunk
                .map_err(|_| Fault::new(StatusCode::BAD_REQUEST, CloseReason::TransportClosed))?;
            if bytes.len() + chunk.len() > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(())
    };
    tokio::time::timeout(POST_DEADLINE, gather)
        .await
        .map_err(|_| {
            Fault::new(StatusCode::REQUEST_TIMEOUT, CloseReason::BodyTimeout).at(Limit::PollingTime)
        })??;
    let text = ByteString::try_from(bytes.freeze())
        .map_err(|_| Fault::new(StatusCode::BAD_REQUEST, CloseReason::NotUtf8))?;
    payload::decode(text, PACKETS_PER_POST).map_err(|e| {
        let fault = Fault::new(StatusCode::BAD_REQUEST, CloseReason::Protocol(e.code()));
        match e {
            DecodeError::TooManyPackets => fault.at(Limit::PollingPackets),
            _ => fault,
        }
    })
}

fn close(entry: &Entry, reason: CloseReason) {
    if let Some(session) = entry.session() {
        session.do_send(Close(reason));
    }
}

fn refuse(code: RefusalCode) -> HttpResponse {
    let status = StatusCode::from_u16(code.http_status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = HttpResponse::build(status)
        .content_type("application/json")
        .body(code.to_json());
    response.extensions_mut().insert(code);
    response
}
