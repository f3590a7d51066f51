//! The whole program put together: bind, migrate, wire the actors, serve, stop. The only place that starts
//! actors which live as long as the program.

mod actors;
mod desk;
mod parts;
mod rehearsal;

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use actix_web::web;
use anyhow::Context as _;
use switchboard_actors::broker::BrokerStatus;
use switchboard_actors::chat::answers::{AnswerRegistry, StopAll};
use switchboard_actors::ports::Access;
use switchboard_actors::recovery::{Flush, RecoveryKeeper};
use switchboard_actors::registry::RoomRegistry;
use tokio::sync::watch;

use crate::access;
use crate::config::{Config, MqttTls, MqttUrl, Secret, mask_url};
use crate::demo;
use crate::documents::{Intake, Processor};
use crate::embedded_broker::EmbeddedBroker;
use crate::http::api::{self, ApiState};
use crate::http::health::{self, Health};
use crate::http::page::{self, DemoDocument};
use crate::recording::Recording;
use crate::session_commands::SessionCommands;
use crate::shutdown::Signals;
use crate::store::Store;
use crate::tokens::TokenIssuer;
use crate::transport::{self, Endpoint, Refresh, Server, Tls};

/// How long the start waits for the embedded broker, so that nobody hears `broker_ko` at the very beginning.
const EMBEDDED_DEADLINE: Duration = Duration::from_secs(2);
/// The same for an external broker, which may well be away.
const EXTERNAL_DEADLINE: Duration = Duration::from_millis(500);
/// How long open connections may take to end when the program stops: the longest drain, and a moment for the last to
/// read what is theirs. With those below it ends within 15 s.
const CONNECTIONS_DEADLINE: Duration = Duration::from_millis(10_500);
/// How long it may take to store which sockets may come back.
const RECOVERY_DEADLINE: Duration = Duration::from_millis(500);
/// How long it may take meanwhile to store what was said of answers that are stopped.
const ANSWERS_DEADLINE: Duration = RECOVERY_DEADLINE;
/// How long their rooms are kept then, so that nothing is lost until they are in them at another switchboard.
const HAND_OVER: Duration = Duration::from_millis(1_500);
/// How long it may take to give back the documents that are processed, while connections end.
const PROCESSING_DEADLINE: Duration = Duration::from_millis(1_500);
/// How long finals that wait may take to be stored then.
const FINALS_DEADLINE: Duration = Duration::from_millis(1_500);
/// How long the database may take to let go then.
const STORE_DEADLINE: Duration = Duration::from_millis(500);

/// The program that runs, even after its file was replaced by another version.
pub const THIS_PROGRAM: &str = "/proc/self/exe";

/// How to run.
#[derive(Clone, Copy, Debug)]
pub struct RunOptions {
    /// Whether to bring the database's schema up to date first.
    pub migrate: bool,
    /// Whether to serve the demo's sessions and feed them.
    pub demo: bool,
    /// Reads documents: switchboard itself, which is [`THIS_PROGRAM`] where it runs.
    pub program: &'static str,
}

/// A server that runs.
pub struct Application {
    server: Server,
    endpoint: Endpoint,
    /// Longest time over which connections are closed.
    drain: Duration,
    addresses: Vec<SocketAddr>,
    registry: Addr<RoomRegistry>,
    broker: watch::Receiver<BrokerStatus>,
    broker_url: MqttUrl,
    mqtt_tls: MqttTls,
    store: Store,
    /// Keeps sockets that may come back.
    recovery: Addr<RecoveryKeeper>,
    /// Runs answers.
    answers: Addr<AnswerRegistry>,
    /// Keeps finals; none without retention.
    recording: Option<Recording>,
    /// Processes documents; none in a rehearsal.
    processor: Option<Processor>,
    /// Keeps the certificate of HTTPS fresh, while it lives; none with plain HTTP.
    refresh: Option<Refresh>,
    /// Signs the demo's tokens; none outside the demo.
    demo: Option<TokenIssuer>,
    /// Ends when dropped.
    embedded: Option<EmbeddedBroker>,
    /// Threads that sockets and rooms run on.
    threads: Vec<Arbiter>,
    /// Ends when dropped.
    commands: SessionCommands,
}

/// Builds the application, says where it listens, and serves until a signal stops it.
pub async fn run(config: Config, options: RunOptions) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let application = tokio::select! {
        built = Application::build(&config, options) => built?,
        () = signals.next() => return Ok(()),
    };
    application.announce()?;
    log_start(&config, &application);
    application.run_until(signals.requested()).await
}

fn log_start(config: &Config, application: &Application) {
    let addresses = application.addresses.iter().map(SocketAddr::to_string);
    let addresses: Vec<String> = addresses.collect();
    log::info!(
        "switchboard runs version={} node={} addresses={} mqtt={} database={:?} workers={}",
        env!("CARGO_PKG_VERSION"),
        config.node,
        addresses.join(","),
        application.broker_url,
        mask_url(config.database_url.expose()),
        config.workers
    );
}

impl Application {
    /// Binds every address, opens the database, starts the actors. Nothing is served before all of it succeeded.
    pub async fn build(config: &Config, options: RunOptions) -> anyhow::Result<Self> {
        Self::assemble(config, options, None).await
    }

    /// Builds it with the configured source of rights and announces it at the broker, or with `rehearsal`'s and in silence.
    async fn assemble(
        config: &Config,
        options: RunOptions,
        rehearsal: Option<Arc<dyn Access>>,
    ) -> anyhow::Result<Self> {
        let certificate = parts::certificate(config)?;
        let listeners = parts::bind(&config.listen)?;
        let addresses = listeners
            .iter()
            .map(TcpListener::local_addr)
            .collect::<Result<_, _>>()?;
        let store = parts::open_store(config, options.migrate).await?;
        let secret = config.jwt_secret.as_ref().map(Secret::expose);
        let verifier = parts::verifier(config).await?;
        let is_announced = rehearsal.is_none();
        let access = match rehearsal {
            Some(access) => access,
            None => access::source(config, &store)?,
        };
        let issuer = secret.map(TokenIssuer::new).transpose()?;
        let demo = match options.demo {
            true => Some(
                issuer
                    .clone()
                    .context("the demo needs a signing key of its own")?,
            ),
            false => None,
        };
        if demo.is_some() {
            demo::seed(&store).await?;
        }
        let (embedded, broker_url) = parts::broker(&config.mqtt).await?;
        let mut mqtt = parts::mqtt_settings(config, &broker_url)?;
        mqtt.online.take_if(|_| !is_announced);

        let meaning = parts::meaning(config, &store).await?;
        let threads = parts::start_threads(config.workers);
        let handles: Vec<_> = threads.iter().map(Arbiter::handle).collect();
        let authenticator = Arc::clone(&verifier);
        let actors = actors::start(
            config,
            &mqtt,
            &store,
            authenticator,
            Arc::clone(&access),
            desk::desk(config, &store, meaning.clone())?,
            &handles,
        );
        let broker_status = actors.broker;
        let metrics = actors.metrics;
        let endpoint = parts::endpoint(config, actors.root, &metrics);
        let health = web::Data::new(Health::new(
            broker_status.clone(),
            store.clone(),
            endpoint.clone(),
            metrics.clone(),
            actors.load,
        ));
        // A rehearsal leaves documents to those that stay.
        let processor = is_announced.then(|| {
            let (events, program) = (actors.events.clone(), options.program);
            parts::processor(&store, events, program, meaning, &metrics)
        });
        let wake = processor.as_ref().map(Processor::waker);
        let api_state = web::Data::new(ApiState::new(
            store.clone(),
            verifier,
            access,
            issuer,
            actors.events,
            Intake::new(config.documents.max_bytes, wake.unwrap_or_default()),
        ));
        let chat_sockets = web::Data::new(actors.projects);
        let document = web::Data::new(DemoDocument(demo.clone()));
        let deadline = match &embedded {
            Some(_) => EMBEDDED_DEADLINE,
            None => EXTERNAL_DEADLINE,
        };
        parts::wait_for_broker(broker_status.clone(), deadline).await;
        let endpoints = vec![endpoint.clone()];
        let refresh = certificate.clone().map(Refresh::start).transpose()?;
        let admission = parts::admission(config, &metrics);
        let tls = certificate.map(|shown| Tls::new(shown, config.tls_timeout, metrics));
        let server = transport::start(
            listeners,
            &handles,
            &admission,
            endpoints,
            tls,
            move |app| {
                app.app_data(health.clone())
                    .app_data(chat_sockets.clone())
                    .app_data(api_state.clone())
                    .app_data(document.clone())
                    .configure(health::configure)
                    .configure(api::configure)
                    .configure(page::configure);
            },
        )?;
        Ok(Self {
            server,
            endpoint,
            drain: config.drain,
            addresses,
            registry: actors.rooms,
            broker: broker_status,
            broker_url,
            mqtt_tls: config.mqtt_tls.clone(),
            store,
            recovery: actors.recovery,
            answers: actors.answers,
            recording: actors.recording,
            processor,
            refresh,
            demo,
            embedded,
            threads,
            commands: actors.commands,
        })
    }

    /// Where HTTP and WebSocket are served.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where the embedded broker listens.
    pub fn mqtt_address(&self) -> Option<SocketAddr> {
        self.embedded.as_ref().map(EmbeddedBroker::local_addr)
    }

    /// The actor that knows every socket and room.
    pub fn registry(&self) -> &Addr<RoomRegistry> {
        &self.registry
    }

    /// Whether the broker is up.
    pub fn broker(&self) -> watch::Receiver<BrokerStatus> {
        self.broker.clone()
    }

    /// What this application keeps.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What clients speak with it.
    fn scheme(&self) -> &'static str {
        match self.refresh {
            Some(_) => "https",
            None => "http",
        }
    }

    /// Prints the addresses, one line each, and the demo's tokens.
    fn announce(&self) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        let scheme = self.scheme();
        for address in &self.addresses {
            writeln!(out, "listening on {scheme}://{address}")?;
        }
        if let Some(address) = self.mqtt_address() {
            writeln!(out, "mqtt on {address}")?;
        }
        if let (Some(issuer), Some(address)) = (&self.demo, self.addresses.first()) {
            writeln!(out, "{}", demo::announcement(scheme, *address, issuer))?;
        }
        out.flush()?;
        Ok(())
    }

    /// Waits until `stop` resolves, then ends every connection at its moment and returns.
    pub async fn run_until<E>(self, stop: impl Future<Output = Result<(), E>>) -> anyhow::Result<()>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        let feed = self
            .demo
            .is_some()
            .then(|| demo::feed(self.broker_url, self.mqtt_tls, self.store.clone()));
        stop.await?;
        log::info!("switchboard stops");
        if let Some(feed) = feed {
            feed.abort();
        }
        self.server.stop_accepting();
        // Meanwhile: nobody waits for it.
        let processor = self.processor;
        let processing = actix_rt::spawn(async move {
            if let Some(processor) = processor {
                processor.stop(PROCESSING_DEADLINE).await;
            }
        });
        self.endpoint.drain(self.drain, CONNECTIONS_DEADLINE).await;
        // Nobody is connected any more: what sockets have left behind is stored from here on.
        drop(self.server);
        let answers = self.answers.clone();
        let stopped = async move { answers.send(StopAll).await.ok()?.await.ok() };
        let stopped = tokio::time::timeout(ANSWERS_DEADLINE, stopped);
        let flushed = tokio::time::timeout(RECOVERY_DEADLINE, self.recovery.send(Flush));
        let (flushed, stopped) = futures_util::future::join(flushed, stopped).await;
        if stopped.is_err() {
            log::warn!("what was said of answers could not all be stored");
        }
        match flushed {
            Ok(Ok(Ok(0))) => {}
            // Nobody else is at our own broker.
            Ok(Ok(Ok(_))) if self.embedded.is_some() => {}
            Ok(Ok(Ok(_))) => tokio::time::sleep(HAND_OVER).await,
            _ => log::warn!("sockets that may come back could not all be stored"),
        }
        if let Some(recording) = self.recording {
            recording.stop(FINALS_DEADLINE).await;
        }
        for thread in &self.threads {
            thread.stop();
        }
        drop(self.commands);
        // It had all that time already.
        let _ = processing.await;
        if tokio::time::timeout(STORE_DEADLINE, self.store.close())
            .await
            .is_err()
        {
            log::warn!("the database is still busy");
        }
        Ok(())
    }
}
