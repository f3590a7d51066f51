//! The HTTP server: actix-web for everything that is a request, and the WebSocket upgrade beside it.
//!
//! Each thread accepts for itself and serves what it accepted. With one thread a connection, its session, its rooms and
//! the links to the broker share it, and nothing is handed from thread to thread.

use std::io;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use actix_codec::Framed;
use actix_http::{HttpService, Request, h1};
use actix_rt::net::{TcpListener, TcpStream};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, fn_service, map_config};
use actix_web::App;
use actix_web::dev::AppConfig;
use actix_web::web::ServiceConfig;
use switchboard_actors::metrics::Metrics;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Endpoint, configure, counts, websocket};

/// How long accepting pauses when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a client may take to send a request's head.
const REQUEST_DEADLINE: Duration = Duration::from_secs(10);
/// How long an idle HTTP connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// A server that accepts; dropping it stops accepting and ends its HTTP connections.
pub struct Server {
    /// Never sends; its end is what the threads wait for.
    _running: watch::Sender<()>,
}

/// Serves `endpoints`, and what `routes` adds, on the listeners. It accepts on `threads`, or on the current one when
/// there are none.
pub fn start(
    listeners: Vec<StdListener>,
    threads: &[ArbiterHandle],
    endpoints: Vec<Endpoint>,
    routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> io::Result<Server> {
    let endpoints: Arc<[Endpoint]> = endpoints.into();
    let (running, stopped) = watch::channel(());
    for listener in &listeners {
        listener.set_nonblocking(true)?;
    }
    let here = [Arbiter::current()];
    for thread in if threads.is_empty() { &here } else { threads } {
        let listeners = listeners
            .iter()
            .map(StdListener::try_clone)
            .collect::<Result<_, _>>()?;
        let (endpoints, routes, stopped) =
            (Arc::clone(&endpoints), routes.clone(), stopped.clone());
        thread.spawn_fn(move || {
            actix_rt::spawn(serve(listeners, endpoints, routes, stopped));
        });
    }
    Ok(Server { _running: running })
}

/// One thread's share: accepts on every listener until the server is dropped.
async fn serve(
    listeners: Vec<StdListener>,
    endpoints: Arc<[Endpoint]>,
    routes: impl Fn(&mut ServiceConfig) + Clone + 'static,
    mut stopped: watch::Receiver<()>,
) {
    let metrics = counts::metrics_of(&endpoints);
    let service = match http_service(endpoints, routes).new_service(()).await {
        Ok(service) => std::rc::Rc::new(service),
        Err(()) => return log::error!("the HTTP service cannot be made"),
    };
    let mut accepting = JoinSet::new();
    for listener in listeners {
        match TcpListener::from_std(listener) {
            Ok(listener) => {
                let (service, metrics) = (service.clone(), metrics.clone());
                accepting.spawn_local(accept(listener, service, metrics));
            }
            Err(e) => log::error!("connections cannot be accepted reason={:?}", e.to_string()),
        }
    }
    // Fails when the server is dropped; with the set go its tasks, and with them their connections.
    let _ = stopped.changed().await;
}

async fn accept<S>(listener: TcpListener, service: std::rc::Rc<S>, metrics: Metrics)
where
    S: Service<TcpStream, Response = ()> + 'static,
{
    let mut connections = JoinSet::new();
    let mut is_pausing = false;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if std::mem::take(&mut is_pausing) {
                    log::info!("connections are accepted again");
                }
                let served = service.call(stream);
                connections.spawn_local(async {
                    // A client's fault, answered already or gone with the connection.
                    let _ = served.await;
                });
                while connections.try_join_next().is_some() {}
            }
            Err(e) if is_of_one_connection(&e) => {}
            Err(e) => {
                metrics.accepts_failed.inc();
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
    endpoints: Arc<[Endpoint]>,
    routes: impl Fn(&mut ServiceConfig) + Clone + 'static,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), InitError = ()> {
    let served = Arc::clone(&endpoints);
    let metrics = counts::metrics_of(&endpoints);
    let counting = App::new().wrap_fn(move |request, service| {
        let (metrics, answer) = (metrics.clone(), service.call(request));
        async move {
            let answer = answer.await?;
            counts::answered(&metrics, answer.status());
            Ok(answer)
        }
    });
    let app = counting.configure(move |config| {
        served
            .iter()
            .for_each(|endpoint| configure(endpoint, config));
        routes(config);
    });
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
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(REQUEST_DEADLINE)
        .tcp_nodelay(true)
        // Whoever ends its half while a poll waits is gone, and its session with it.
        .h1_allow_half_closed(false)
        .upgrade(upgrade)
        .finish(map_config(app.into_factory(), |()| AppConfig::default()))
        .tcp()
}
