//! Engine.IO over HTTP: long-polling, WebSocket, and the upgrade from one to the other.
//!
//! An [`Endpoint`] is one path (`/socket.io/`) and what speaks above it. Polling is ordinary actix-web;
//! a WebSocket's TCP stream is handed over after the upgrade and belongs to its session from then on, so
//! that no HTTP machinery stands between an outbox and the kernel. The only module that names the
//! WebSocket crate.

mod admission;
mod certificate;
mod counts;
mod drain;
mod origin;
mod polling;
mod query;
mod refusal;
mod requests;
mod server;
mod table;
mod tls;
mod websocket;

use std::sync::Arc;

use switchboard_actors::outbox::{Outbox, OutboxLimits};
use switchboard_actors::session::{Above, SessionSettings};
use switchboard_protocol::engineio::Handshake;
use switchboard_protocol::frame::Frame;

pub use admission::{Admission, AdmissionLimits};
pub use certificate::{Certificate, CertificateError, Refresh};
pub use origin::AllowedOrigins;
pub use polling::configure;
pub use server::{Server, start};
use table::Table;
pub use tls::Tls;
pub use websocket::Packets;

/// One Engine.IO path; cheap to clone, shared by all worker threads.
#[derive(Clone)]
pub struct Endpoint(Arc<Inner>);

struct Inner {
    /// With both slashes: `/socket.io/`.
    path: String,
    settings: Arc<SessionSettings>,
    outbox_limits: OutboxLimits,
    above: Above,
    origins: AllowedOrigins,
    table: Table,
}

impl Endpoint {
    /// An endpoint at `path`, which starts and ends with a slash.
    pub fn new(
        path: impl Into<String>,
        settings: SessionSettings,
        above: Above,
        origins: AllowedOrigins,
    ) -> Self {
        Self(Arc::new(Inner {
            path: path.into(),
            settings: Arc::new(settings),
            outbox_limits: OutboxLimits::default(),
            above,
            origins,
            table: Table::default(),
        }))
    }

    /// Whether a request's path is this endpoint's; the last slash may be missing.
    fn serves(&self, path: &str) -> bool {
        path == self.0.path || path == self.0.path.trim_end_matches('/')
    }

    /// The first packet of a session.
    fn handshake(&self, sid: &str, upgrades: &[&str]) -> Frame {
        let settings = &self.0.settings;
        let handshake = Handshake {
            sid,
            upgrades,
            ping_interval: settings.ping_interval,
            ping_timeout: settings.ping_timeout,
            max_payload: settings.max_payload,
        };
        Frame::text(handshake.to_packet())
    }

    fn new_outbox(&self) -> Arc<Outbox> {
        Outbox::new(self.0.outbox_limits, self.0.settings.metrics.clone())
    }
}
