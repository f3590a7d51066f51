//! TLS in front of HTTP: the handshake, with a deadline. What comes after it is HTTP as ever (`server`), or a WebSocket
//! that owns the encrypted stream (`websocket/tls.rs`).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::net::TcpStream;
use rustls::ServerConfig;
use rustls::crypto::ring;
use switchboard_actors::limits::TLS_BUFFER_BYTES;
use switchboard_actors::metrics::{Metrics, Reason};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use super::certificate::Certificate;

/// An accepted connection. What is behind TLS is large, and boxed so that what is not does not pay for it.
pub(super) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Speaks TLS 1.2 and 1.3 to whoever connects; cheap to clone.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    /// How long a handshake may take.
    deadline: Duration,
    metrics: Metrics,
}

impl Tls {
    /// Shows `certificate`, whichever it is at the time of a handshake.
    pub fn new(certificate: Arc<Certificate>, deadline: Duration, metrics: Metrics) -> Self {
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring knows TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(certificate);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            deadline,
            metrics,
        }
    }

    /// The handshake. A client that fails it has been told by an alert, and is counted.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<Stream> {
        let handshake = self.acceptor.accept_with(stream, |connection| {
            connection.set_buffer_limit(Some(TLS_BUFFER_BYTES));
        });
        let (reason, error) = match tokio::time::timeout(self.deadline, handshake).await {
            Ok(Ok(stream)) => return Ok(Either::Right(Box::new(stream))),
            Ok(Err(error)) => ("error", error),
            Err(_) => ("timeout", io::ErrorKind::TimedOut.into()),
        };
        log::debug!("TLS handshake failed reason={:?}", error.to_string());
        let failed = &self.metrics.tls_handshakes_failed;
        failed.get_or_create(&Reason { reason }).inc();
        Err(error)
    }
}

/// What a connection's requests came by; attached to each of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Scheme {
    #[default]
    Http,
    Https,
}

impl Scheme {
    pub(super) fn of(stream: &Stream) -> Self {
        match stream {
            Either::Left(_) => Self::Http,
            Either::Right(_) => Self::Https,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}
