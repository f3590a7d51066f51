//! What the application is made of, each made from the configuration by itself.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix::prelude::*;
use anyhow::Context as _;
use switchboard_actors::broker::{BrokerStatus, Publish};
use switchboard_actors::metrics::Metrics;
use switchboard_actors::mqtt_client::MqttSettings;
use switchboard_actors::ports::Authenticator;
use switchboard_actors::root::Root;
use switchboard_actors::session::{Above, SessionSettings};
use switchboard_actors::stamp;
use tokio::sync::watch;

use crate::config::{AccessSource, Config, Mqtt, MqttUrl, Secret};
use crate::documents::extract::Extractor;
use crate::documents::{Meaning, Processor};
use crate::embedded_broker::{EmbeddedBroker, Options};
use crate::store::Store;
use crate::tokens::TokenVerifier;
use crate::transcript::tls_config;
use crate::transport::{Admission, AdmissionLimits, AllowedOrigins, Certificate, Endpoint};

/// Connections that the kernel holds until they are accepted.
const BACKLOG: i32 = 4_096;

pub(super) fn bind(addresses: &[SocketAddr]) -> anyhow::Result<Vec<TcpListener>> {
    let bind = |address: &SocketAddr| -> std::io::Result<TcpListener> {
        let domain = socket2::Domain::for_address(*address);
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&(*address).into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    addresses
        .iter()
        .map(|address| bind(address).with_context(|| format!("cannot listen on {address}")))
        .collect()
}

/// Reads what HTTPS shows, where it is configured.
pub(super) fn certificate(config: &Config) -> anyhow::Result<Option<Arc<Certificate>>> {
    let Some(files) = &config.tls else {
        return Ok(None);
    };
    let certificate = Certificate::read(files).context("the certificate cannot be used")?;
    log::info!("certificate in use sha256={}", certificate.fingerprint());
    Ok(Some(certificate))
}

pub(super) async fn open_store(config: &Config, migrate: bool) -> anyhow::Result<Store> {
    let store = Store::connect(config.database_url.expose()).await?;
    match migrate {
        true => store.migrate().await?,
        false => store.check_schema().await?,
    }
    store.ping().await?;
    if config.retention.is_some()
        && let Some(highest) = store.highest_number().await?
    {
        // The clock may have gone back since then: what comes follows what is stored all the same.
        stamp::begin_after(highest);
    }
    Ok(store)
}

/// Processes documents, which `program` reads.
pub(super) fn processor(
    store: &Store,
    events: Recipient<Publish>,
    program: &str,
    meaning: Option<Meaning>,
    metrics: &Metrics,
) -> Processor {
    let extractor = Extractor::new(program.into());
    Processor::start(store.clone(), events, extractor, meaning, metrics)
}

/// Vectors, where an embeddings server is configured.
pub(super) async fn meaning(config: &Config, store: &Store) -> anyhow::Result<Option<Meaning>> {
    Ok(match &config.embeddings {
        Some(embeddings) => Some(Meaning::prepare(embeddings, store).await?),
        None => None,
    })
}

pub(super) async fn verifier(config: &Config) -> anyhow::Result<Arc<dyn Authenticator>> {
    let secret = config.jwt_secret.as_ref().map(Secret::expose);
    let mut verifier = TokenVerifier::start(secret, config.jwks.as_deref()).await?;
    if let AccessSource::Http(_) = config.access {
        verifier.keep_tokens();
    }
    Ok(Arc::new(verifier))
}

pub(super) async fn broker(mqtt: &Mqtt) -> anyhow::Result<(Option<EmbeddedBroker>, MqttUrl)> {
    match mqtt {
        Mqtt::External(url) => Ok((None, url.clone())),
        Mqtt::Embedded { listen } => {
            let broker = EmbeddedBroker::bind(*listen, Options::default()).await?;
            let url = MqttUrl::plain(broker.local_addr());
            Ok((Some(broker), url))
        }
    }
}

pub(super) fn mqtt_settings(config: &Config, url: &MqttUrl) -> anyhow::Result<MqttSettings> {
    let password = url.password.as_ref().map_or("", Secret::expose).to_owned();
    let since = humantime::format_rfc3339_millis(SystemTime::now());
    Ok(MqttSettings {
        host: url.host.clone(),
        port: url.port,
        credentials: url.username.clone().map(|user| (user, password)),
        tls: url.tls.then(|| tls_config(&config.mqtt_tls)).transpose()?,
        node: config.node.clone(),
        delivery_links: config.mqtt_delivery_links,
        online: Some(serde_json::json!({ "online": true, "since": since.to_string() }).to_string()),
    })
}

/// Sockets and rooms share the main thread with the broker's links on one core, and have threads of their own on more.
pub(super) fn start_threads(workers: usize) -> Vec<Arbiter> {
    match workers {
        0 | 1 => Vec::new(),
        workers => (0..workers).map(|_| Arbiter::new()).collect(),
    }
}

pub(super) fn admission(config: &Config, metrics: &Metrics) -> Arc<Admission> {
    let limits = &config.limits;
    let limits = AdmissionLimits {
        connections: limits.connections,
        per_address: limits.connections_per_address,
        rate_per_address: limits.connect_rate_per_address,
        loopback: limits.loopback,
        header_bytes: limits.header_bytes,
    };
    Admission::new(limits, metrics.clone())
}

pub(super) fn endpoint(config: &Config, root: Root, metrics: &Metrics) -> Endpoint {
    let settings = SessionSettings {
        ping_interval: config.ping_interval,
        ping_timeout: config.ping_timeout,
        connect_timeout: config.connect_timeout,
        upgrade_timeout: config.limits.upgrade_timeout,
        max_payload: config.max_payload_bytes,
        max_events_per_second: config.limits.events_per_second,
        ids: Default::default(),
        metrics: metrics.clone(),
    };
    let origins = match &config.allowed_origins[..] {
        [] => AllowedOrigins::Same,
        list if list.iter().any(|origin| origin == "*") => AllowedOrigins::Any,
        list => AllowedOrigins::List(list.to_vec()),
    };
    Endpoint::new(
        "/socket.io/",
        settings,
        Above::SocketIo(Arc::new(root)),
        origins,
    )
}

pub(super) async fn wait_for_broker(mut status: watch::Receiver<BrokerStatus>, deadline: Duration) {
    let up = status.wait_for(|status| *status == BrokerStatus::Up);
    if tokio::time::timeout(deadline, up).await.is_err() {
        log::warn!("the broker is not there yet, sockets are told so");
    }
}
