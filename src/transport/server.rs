//! The HTTP server: actix-web for everything that is a request, and the WebSocket upgrade beside it.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_codec::Framed;
use actix_http::{HttpService, Request, h1};
use actix_rt::net::TcpStream;
use actix_server::Server;
use actix_service::{fn_service, map_config};
use actix_web::App;
use actix_web::dev::AppConfig;
use actix_web::web::ServiceConfig;

use super::{Endpoint, configure, websocket};

/// How the server runs.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Worker threads.
    pub workers: usize,
    /// Connections that wait to be accepted by the kernel.
    pub backlog: u32,
    /// How long a client may take to send a request's head.
    pub request_deadline: Duration,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            workers: 1,
            backlog: 4_096,
            request_deadline: Duration::from_secs(10),
        }
    }
}

/// Serves `endpoints`, and what `routes` adds, on the listeners until the returned server is stopped.
pub fn start(
    listeners: Vec<TcpListener>,
    settings: &ServerSettings,
    endpoints: Vec<Endpoint>,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> io::Result<Server> {
    let endpoints: Arc<[Endpoint]> = endpoints.into();
    let mut server = Server::build()
        .workers(settings.workers)
        .backlog(settings.backlog)
        .max_concurrent_connections(1_000_000)
        .disable_signals();
    let deadline = settings.request_deadline;
    for listener in listeners {
        let (endpoints, routes) = (Arc::clone(&endpoints), routes.clone());
        let address = listener.local_addr()?;
        server = server.listen("switchboard", listener, move || {
            let (served, routes) = (Arc::clone(&endpoints), routes.clone());
            let app = App::new().configure(move |config| {
                served
                    .iter()
                    .for_each(|endpoint| configure(endpoint, config));
                routes(config);
            });
            let endpoints = Arc::clone(&endpoints);
            let upgrade = fn_service(
                move |(request, framed): (Request, Framed<TcpStream, h1::Codec>)| {
                    let endpoints = Arc::clone(&endpoints);
                    async move {
                        websocket::serve(&endpoints, request, framed).await;
                        Ok::<(), actix_web::Error>(())
                    }
                },
            );
            HttpService::build()
                .client_request_timeout(deadline)
                .tcp_nodelay(true)
                .local_addr(address)
                .upgrade(upgrade)
                .finish(map_config(app, |()| AppConfig::default()))
                .tcp()
        })?;
    }
    Ok(server.run())
}
