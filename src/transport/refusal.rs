//! The answer to a connection that is not let in: one short write, and the end.
//!
//! Nothing of the request is looked at. A socket that is closed while something of its client's is unread resets the
//! connection, and the client may lose the answer; so a few of them are read for a moment, and thrown away.

use std::time::Duration;

use actix_rt::net::TcpStream;
use switchboard_actors::limits::Limit;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

/// Refused connections of one listener and thread that are read from; others are closed at once.
const LINGERING: usize = 64;
/// How long one is read from.
const LINGER: Duration = Duration::from_secs(1);
/// Bytes that are read of one.
const LINGER_BYTES: u64 = 16 * 1024;

/// Those that were refused and may still read their answer.
pub(super) struct Refused {
    lingering: JoinSet<()>,
    /// An answer before the handshake of TLS would be no answer.
    is_encrypted: bool,
}

impl Refused {
    /// Nobody yet, of a listener that speaks TLS or not.
    pub(super) fn new(is_encrypted: bool) -> Self {
        Self {
            lingering: JoinSet::new(),
            is_encrypted,
        }
    }

    /// Answers `stream` that it met `limit`, and ends it.
    pub(super) fn answer(&mut self, stream: TcpStream, limit: Limit) {
        if self.is_encrypted {
            return;
        }
        let answer = response(limit);
        // The buffer of a fresh socket takes it whole; one that does not is not waited for.
        let is_written = stream.try_write(answer.as_bytes()).ok() == Some(answer.len());
        while self.lingering.try_join_next().is_some() {}
        if is_written && self.lingering.len() < LINGERING {
            self.lingering.spawn_local(linger(stream));
        }
    }
}

/// Reads until the client ends the connection, but not for long.
async fn linger(mut stream: TcpStream) {
    let reading = async {
        stream.shutdown().await?;
        let mut rest = stream.take(LINGER_BYTES);
        let mut scratch = [0; 1024];
        while rest.read(&mut scratch).await? != 0 {}
        Ok::<(), std::io::Error>(())
    };
    // However it ends, so does the connection.
    let _ = tokio::time::timeout(LINGER, reading).await;
}

fn response(limit: Limit) -> String {
    let (status, retry_after, message) = match limit {
        Limit::ConnectRate => (
            "429 Too Many Requests",
            1,
            "too many connections a second from this address",
        ),
        Limit::ConnectionsPerAddress => (
            "429 Too Many Requests",
            10,
            "too many connections from this address",
        ),
        _ => (
            "503 Service Unavailable",
            10,
            "the server has as many connections as it takes",
        ),
    };
    let code = limit.name();
    let body = format!(r#"{{"error":{{"code":"{code}","message":"{message}"}}}}"#);
    let size = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n\
         retry-after: {retry_after}\r\nconnection: close\r\n\r\n{body}"
    )
}
