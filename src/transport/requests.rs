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
/// By how much the clock that actix-http reads its deadlines from may lag.
const CLOCK: Duration = Duration::from_secs(1);
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
            Ok(()) if !connection.has_asked.get() && since.elapsed() >= HEAD_DEADLINE - CLOCK => {
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

#[cfg(test)]
mod tests {
    use std::future::pending;

    use switchboard_actors::limits::LimitLabel;
    use switchboard_actors::metrics::Metrics;

    use super::*;

    /// Serves a connection that does `work` and then nothing; returns after how long it is ended.
    async fn ended_after(work: impl Future<Output = ()>) -> Duration {
        let metrics = Metrics::default();
        let admission = Admission::new(Default::default(), metrics.clone());
        let start = Instant::now();
        let served = async {
            work.await;
            pending().await
        };
        serve(&admission, served).await;
        let label = LimitLabel {
            limit: Limit::HeaderTime.name(),
        };
        assert_eq!(metrics.limits_reached.get_or_create(&label).get(), 1);
        start.elapsed()
    }

    fn is_about(seen: Duration, wanted: Duration) -> bool {
        seen >= wanted && seen <= wanted + HEAD_DEADLINE
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_asks_for_nothing_more_is_ended() {
        let work = async { drop(begin()) };
        let lasted = ended_after(work).await;
        assert!(is_about(lasted, SILENCE), "{lasted:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_lives_as_long_as_a_request_is_under_way_or_its_answer_is_sent() {
        const POLL: Duration = Duration::from_secs(3600);
        let work = async {
            let request = begin();
            tokio::time::sleep(POLL).await;
            let body = request.until_sent(BoxBody::new("answer"));
            tokio::time::sleep(POLL).await;
            drop(body);
            tokio::time::sleep(SILENCE / 2).await;
            drop(begin());
        };
        let lasted = ended_after(work).await;
        assert!(
            is_about(lasted, 2 * POLL + SILENCE / 2 + SILENCE),
            "{lasted:?}"
        );
    }

    #[test]
    fn what_is_begun_beside_any_connection_is_no_error() {
        drop(begin());
    }
}
