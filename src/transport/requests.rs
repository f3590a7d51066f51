//! What goes on on an HTTP connection: whether a request is under way, and whether its head fits.
//!
//! actix-http bounds the time of a connection's first head alone: behind a first request, a head without an end or an
//! answer that nobody reads would stay for ever. So a connection is ended that has had no request under way for long.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::RequestHead;
use actix_http::error::{DispatchError, ParseError};
use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;
use switchboard_actors::limits::Limit;
use tokio::time::Instant;

use super::admission::Admission;

/// How long a client may take to send its first request's head.
pub(super) const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// How long a connection may stay with neither a whole head nor an answer to give: much longer than the pause between two
/// requests, because a slow client may still be reading the last answer.
const SILENCE: Duration = Duration::from_secs(300);

/// The body of the answer to a head that does not fit.
pub(super) const TOO_LARGE: &str =
    r#"{"error":{"code":"header_bytes","message":"the header fields are too large"}}"#;

tokio::task_local! {
    /// The connection that this task serves.
    static CONNECTION: Rc<Connection>;
}

/// One HTTP connection.
struct Connection {
    /// Requests whose head is there and whose answer is not.
    under_way: Cell<usize>,
    /// Whether there was one at all.
    has_asked: Cell<bool>,
    /// When the last began or ended.
    changed: Cell<Instant>,
}

/// A request that is under way as long as this lives.
pub(super) struct UnderWay(Option<Rc<Connection>>);

/// Serves a connection to its end, and counts the limits that end it.
pub(super) async fn serve(
    admission: &Admission,
    served: impl Future<Output = Result<(), DispatchError>>,
) {
    let since = Instant::now();
    let connection = Rc::new(Connection {
        under_way: Cell::new(0),
        has_asked: Cell::new(false),
        changed: Cell::new(since),
    });
    tokio::select! {
        ended = CONNECTION.scope(Rc::clone(&connection), served) => match ended {
            Err(DispatchError::Parse(ParseError::TooLarge)) => admission.reached(Limit::HeaderBytes),
            Ok(()) if !connection.has_asked.get() && since.elapsed() >= HEAD_DEADLINE => {
                admission.reached(Limit::HeaderTime);
            }
            // A client's fault, answered already or gone with the connection.
            _ => {}
        },
        () = connection.silence() => admission.reached(Limit::HeaderTime),
    }
}

/// A request begins, on the connection that this task serves.
pub(super) fn begin() -> UnderWay {
    let connection = CONNECTION.try_with(Rc::clone).ok();
    if let Some(connection) = &connection {
        connection.has_asked.set(true);
        connection.change(connection.under_way.get() + 1);
    }
    UnderWay(connection)
}

/// Whether a request's target and header fields fit; what does not is counted.
pub(super) fn fits(admission: &Admission, head: &RequestHead) -> bool {
    // As they stand on the wire, with `: ` and the end of the line.
    let field = |name: &str, value: &[u8]| name.len() + value.len() + 4;
    let headers = head.headers.iter();
    let headers: usize = headers.map(|(n, v)| field(n.as_str(), v.as_bytes())).sum();
    let target = head.uri.path_and_query().map_or(0, |t| t.as_str().len());
    let fits = target + headers <= admission.header_bytes();
    if !fits {
        admission.reached(Limit::HeaderBytes);
    }
    fits
}

/// The answer to one that does not fit.
pub(super) fn too_large() -> HttpResponse {
    HttpResponse::RequestHeaderFieldsTooLarge()
        .force_close()
        .content_type("application/json")
        .body(TOO_LARGE)
}

impl Connection {
    fn change(&self, under_way: usize) {
        self.under_way.set(under_way);
        self.changed.set(Instant::now());
    }

    /// Resolves when no request has been under way for too long.
    async fn silence(&self) {
        loop {
            let end = self.changed.get() + SILENCE;
            if self.under_way.get() == 0 && end <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(end.max(Instant::now() + HEAD_DEADLINE)).await;
        }
    }
}

impl UnderWay {
    /// The same body; the request is under way until it has been handed over or is given up.
    pub(super) fn until_sent(self, body: BoxBody) -> BoxBody {
        BoxBody::new(Sent {
            body,
            _request: self,
        })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(connection) = &self.0 {
            connection.change(connection.under_way.get() - 1);
        }
    }
}

/// See [`UnderWay::until_sent`].
struct Sent {
    body: BoxBody,
    _request: UnderWay,
}

impl MessageBody for Sent {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}
