//! The HTTP server: actix-web for everything that is a request, and the WebSocket upgrade beside it.
//!
//! Each thread accepts for itself and serves what it accepted. With one thread a connection, its session, its rooms and
//! the links to the broker share it, and nothing is handed from thread to thread.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use actix_codec::Framed;
use actix_http::error::DispatchError;
use actix_http::{Extensions, HttpService, Protocol, Request, h1};
use actix_rt::net::{TcpListener, TcpStream};
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config,
};
use actix_web::App;
use actix_web::dev::AppConfig;
use actix_web::web::ServiceConfig;
use futures_util::future::ready;
use futures_util::{FutureExt, TryFutureExt};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::either::Either;

use super::admission::Admission;
use super::refusal::Refused;
use super::requests::{self, HEAD_DEADLINE};
use super::tls::{Scheme, Stream, Tls};
use super::{Endpoint, configure, counts, websocket};

/// How long accepting pauses when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long an idle HTTP connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// A server that accepts; dropping it stops accepting and ends its HTTP connections.
pub struct Server {
    /// Whether it accepts; its end is what the threads wait for.
    accepting: watch::Sender<bool>,
}

impl Server {
    /// Closes the listeners; connections that are there are served on.
    pub fn stop_accepting(&self) {
        self.accepting.send_replace(false);
    }
}

/// Serves `endpoints`, and what `routes` adds, on the listeners, by HTTPS where there is `tls`. It accepts on
/// `threads`, or on the current one when there are none.
pub fn start(
    listeners: Vec<StdListener>,
    threads: &[ArbiterHandle],
    admission: &Arc<Admission>,
    endpoints: Vec<Endpoint>,
    tls: Option<Tls>,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> io::Result<Server> {
    let endpoints: Arc<[Endpoint]> = endpoints.into();
    let (accepting, accepts) = watch::channel(true);
    for listener in &listeners {
        listener.set_nonblocking(true)?;
    }
    let here = [Arbiter::current()];
    for thread in if threads.is_empty() { &here } else { threads } {
        let listeners = listeners
            .iter()
            .map(StdListener::try_clone)
            .collect::<Result<_, _>>()?;
        let (admission, endpoints) = (Arc::clone(admission), Arc::clone(&endpoints));
        let (tls, routes, accepts) = (tls.clone(), routes.clone(), accepts.clone());
        thread.spawn_fn(move || {
            actix_rt::spawn(serve(listeners, admission, endpoints, tls, routes, accepts));
        });
    }
    Ok(Server { accepting })
}

/// One thread's share: accepts on every listener until the server is dropped.
async fn serve(
    listeners: Vec<StdListener>,
    admission: Arc<Admission>,
    endpoints: Arc<[Endpoint]>,
    tls: Option<Tls>,
    routes: impl Fn(&mut ServiceConfig) + Clone + 'static,
    mut accepts: watch::Receiver<bool>,
) {
    let is_encrypted = tls.is_some();
    let service = http_service(Arc::clone(&admission), endpoints, tls, routes);
    let service = match service.new_service(()).await {
        Ok(service) => std::rc::Rc::new(service),
        Err(()) => return log::error!("the HTTP service cannot be made"),
    };
    let mut accepting = JoinSet::new();
    for listener in listeners {
        match TcpListener::from_std(listener) {
            Ok(listener) => {
                let admission = Arc::clone(&admission);
                let refused = Refused::new(is_encrypted);
                let (service, accepts) = (service.clone(), accepts.clone());
                accepting.spawn_local(accept(listener, admission, refused, service, accepts));
            }
            Err(e) => log::error!("connections cannot be accepted reason={:?}", e.to_string()),
        }
    }
    // Fails when the server is dropped; with the set go its tasks, and with them their connections.
    while accepts.changed().await.is_ok() {}
}

async fn accept<S>(
    listener: TcpListener,
    admission: Arc<Admission>,
    mut refused: Refused,
    service: std::rc::Rc<S>,
    mut accepts: watch::Receiver<bool>,
) where
    S: Service<TcpStream, Response = (), Error = DispatchError> + 'static,
{
    let mut connections = JoinSet::new();
    let mut is_pausing = false;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = accepts.wait_for(|accepts| !accepts) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                if std::mem::take(&mut is_pausing) {
                    log::info!("connections are accepted again");
                }
                let place = match admission.admit(peer.ip()) {
                    Ok(place) => place,
                    Err(limit) => {
                        refused.answer(stream, limit);
                        continue;
                    }
                };
                let served = service.call(stream);
                let admission = Arc::clone(&admission);
                // In a box of its own: a task is aligned to two cache lines, and what so large a one leaves behind glibc
                // gives to no other, but to the small things of sessions that stay. It cost 1.3 KiB a connection.
                connections.spawn_local(Box::pin(async move {
                    requests::serve(&admission, served).await;
                    drop(place);
                }));
                while connections.try_join_next().is_some() {}
            }
            Err(e) if is_of_one_connection(&e) => {}
            Err(e) => {
                admission.metrics().accepts_failed.inc();
                if !std::mem::replace(&mut is_pausing, true) {
                    log::error!(
                        "no connection can be accepted just now reason={:?}",
                        e.to_string()
                    );
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Whether only the connection that was to be accepted is lost.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

fn http_service(
    admission: Arc<Admission>,
    endpoints: Arc<[Endpoint]>,
    tls: Option<Tls>,
    routes: impl Fn(&mut ServiceConfig) + Clone + 'static,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>
{
    let (served, door) = (Arc::clone(&endpoints), Arc::clone(&admission));
    let app = App::new();
    let app = app.wrap_fn(move |request, service| {
        let metrics = door.metrics().clone();
        if !requests::fits(&door, request.head()) {
            let answer = requests::too_large();
            counts::answered(&metrics, answer.status());
            return ready(Ok(request.into_response(answer))).left_future();
        }
        let under_way = requests::begin();
        let answered = service.call(request);
        let sent = |_: &mut _, body| under_way.until_sent(body);
        answered
            .map_ok(move |answer| {
                counts::answered(&metrics, answer.status());
                answer.map_body(sent)
            })
            .right_future()
    });
    let app = app.configure(move |config| {
        served
            .iter()
            .for_each(|endpoint| configure(endpoint, config));
        routes(config);
    });
    let upgrade = fn_service(
        move |(request, framed): (Request, Framed<Stream, h1::Codec>)| {
            let (admission, endpoints) = (Arc::clone(&admission), Arc::clone(&endpoints));
            async move {
                let _under_way = requests::begin();
                websocket::serve(&admission, &endpoints, request, framed).await;
                Ok::<(), actix_web::Error>(())
            }
        },
    );
    let http = HttpService::build()
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_DEADLINE)
        // Whoever ends its half while a poll waits is gone, and its session with it.
        .h1_allow_half_closed(false)
        .on_connect_ext(|stream: &Stream, data: &mut Extensions| {
            data.insert(Scheme::of(stream));
        })
        .upgrade(upgrade)
        .finish(map_config(app.into_factory(), |()| AppConfig::default()));
    fn_service(move |stream| prepare(stream, tls.clone())).and_then(http)
}

/// What comes before HTTP. The handshake's future is large, and lives no longer than the handshake.
async fn prepare(
    stream: TcpStream,
    tls: Option<Tls>,
) -> Result<(Stream, Protocol, Option<SocketAddr>), DispatchError> {
    // It fails only when the client is gone already.
    let _ = stream.set_nodelay(true);
    let peer = stream.peer_addr().ok();
    let stream = match tls {
        Some(tls) => Box::pin(async move { tls.accept(stream).await }).await?,
        None => Either::Left(stream),
    };
    Ok((stream, Protocol::Http1, peer))
}
