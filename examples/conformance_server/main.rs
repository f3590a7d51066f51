//! What the public Engine.IO 4 and Socket.IO 5 test suites ask of a server, built from the same library.
//!
//! On port 3000: an Engine.IO echo at `/engine.io/`; Socket.IO at `/socket.io/` with the namespaces `/` and
//! `/custom`, where `message` is answered by `message-back` and `message-with-ack` by its acknowledgement.
//! Run `cargo run --example conformance_server`, then the suites (docs/protocol.md says how).

mod suite;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use switchboard::transport::{self, Admission, AllowedOrigins, Endpoint};
use switchboard_actors::session::{Above, SessionSettings};

use suite::Suite;

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "3000".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    println!("listening on http://{}", listener.local_addr()?);
    let settings = SessionSettings {
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        connect_timeout: Duration::from_secs(1),
        upgrade_timeout: Duration::from_secs(10),
        max_payload: 1_000_000,
        max_events_per_second: 0,
        ids: Default::default(),
        metrics: Default::default(),
    };
    let endpoint = |path, above| Endpoint::new(path, settings.clone(), above, AllowedOrigins::Any);
    let endpoints = vec![
        endpoint("/engine.io/", Above::Messages(Some)),
        endpoint("/socket.io/", Above::SocketIo(Arc::new(Suite))),
    ];
    let admission = Admission::new(Default::default(), settings.metrics.clone());
    let _server = transport::start(vec![listener], &[], &admission, endpoints, None, |_| {})?;
    std::future::pending().await
}
