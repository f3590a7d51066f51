//! A publisher's connection to the broker: connects, publishes with QoS 1, sees each publication acknowledged.
//!
//! A task of its own does nothing but poll rumqttc. One publication is under way at a time: order is kept, and one
//! that an outage swallows is sent again (rumqttc forgets what it holds when it reconnects).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rumqttc::{
    AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS, TlsConfiguration, Transport,
};
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::{MqttTls, MqttUrl, Secret};
use crate::pem::{self, PemError};

/// How often the broker is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// Largest packet in bytes; rumqttc's own 10 KiB would end the link.
const LARGEST_PACKET: usize = 16 << 20;
/// Pause before the first attempt to reconnect, doubled up to `LONGEST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The broker cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It refused, or could not be reached.
    #[error("{broker}: {reason}")]
    Connect {
        /// Its address, without credentials.
        broker: String,
        /// What happened.
        reason: String,
    },
    /// It did not answer in time.
    #[error("{broker}: no answer within {} s", .deadline.as_secs())]
    Deadline {
        /// Its address, without credentials.
        broker: String,
        /// How long it had.
        deadline: Duration,
    },
    /// A certificate or key cannot be read.
    #[error(transparent)]
    File(#[from] PemError),
    /// The certificates cannot be used.
    #[error("{0}")]
    Certificates(String),
    /// The polling task is gone.
    #[error("the link to the broker has ended")]
    Ended,
}

/// What the polling task has seen.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// Whether the broker is there.
    up: bool,
    /// Number of connections so far.
    connections: u64,
    /// Number of publications acknowledged so far.
    acknowledged: u64,
}

/// A connected publisher. Dropping it ends the connection.
pub struct BrokerLink {
    client: AsyncClient,
    seen: watch::Receiver<Seen>,
    task: JoinHandle<()>,
}

impl BrokerLink {
    /// Connects to `broker`, with its credentials, and waits for it to accept. `tls` is used with `mqtts`.
    pub async fn connect(
        broker: &MqttUrl,
        tls: &MqttTls,
        deadline: Duration,
    ) -> Result<Self, LinkError> {
        let options = client_options(broker, tls, "publisher")?;
        let (client, mut event_loop) = AsyncClient::new(options, 1);
        let accepted = tokio::time::timeout(deadline, event_loop.poll()).await;
        let accepted = accepted.map_err(|_| LinkError::Deadline {
            broker: broker.to_string(),
            deadline,
        })?;
        accepted.map_err(|error| LinkError::Connect {
            broker: broker.to_string(),
            reason: error.to_string(),
        })?;
        let (sender, seen) = watch::channel(Seen {
            up: true,
            connections: 1,
            acknowledged: 0,
        });
        let task = tokio::spawn(poll(event_loop, sender, broker.to_string()));
        Ok(Self { client, seen, task })
    }

    /// Publishes and waits for the acknowledgement, for as long as the broker is away.
    pub async fn publish(&self, topic: &str, payload: Bytes) -> Result<(), LinkError> {
        self.send(topic, payload, false).await
    }

    /// Publishes what the broker keeps for those who subscribe later; otherwise as [`Self::publish`].
    pub async fn retain(&self, topic: &str, payload: Bytes) -> Result<(), LinkError> {
        self.send(topic, payload, true).await
    }

    async fn send(&self, topic: &str, payload: Bytes, retain: bool) -> Result<(), LinkError> {
        let mut seen = self.seen.clone();
        loop {
            let before = *seen
                .wait_for(|seen| seen.up)
                .await
                .map_err(|_| LinkError::Ended)?;
            let sent = self
                .client
                .publish_bytes(topic, QoS::AtLeastOnce, retain, payload.clone());
            sent.await.map_err(|_| LinkError::Ended)?;
            let changed = |seen: &Seen| {
                seen.acknowledged > before.acknowledged || seen.connections > before.connections
            };
            let after = *seen.wait_for(changed).await.map_err(|_| LinkError::Ended)?;
            if after.acknowledged > before.acknowledged {
                return Ok(());
            }
        }
    }
}

impl Drop for BrokerLink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Polls until the link is dropped; `poll` returns errors at once, so the pauses are here.
async fn poll(mut event_loop: EventLoop, sender: watch::Sender<Seen>, broker: String) {
    let mut pause = FIRST_PAUSE;
    loop {
        match event_loop.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                log::info!("the publisher's broker is back broker={broker}");
                pause = FIRST_PAUSE;
                sender.send_modify(|seen| {
                    seen.up = true;
                    seen.connections += 1;
                });
            }
            Ok(Event::Incoming(Packet::PubAck(_))) => {
                sender.send_modify(|seen| seen.acknowledged += 1);
            }
            Ok(_) => {}
            Err(error) => {
                if sender.borrow().up {
                    log::warn!(
                        "the publisher's broker is away broker={broker} reason={:?}",
                        error.to_string()
                    );
                    sender.send_modify(|seen| seen.up = false);
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// How a client of that role connects: with the URL's credentials and TLS, and an id that nobody else has.
pub(crate) fn client_options(
    broker: &MqttUrl,
    tls: &MqttTls,
    role: &str,
) -> Result<MqttOptions, LinkError> {
    let random = getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()));
    let id = format!("switchboard-{role}-{random:016x}");
    let mut options = MqttOptions::new(id, broker.host.clone(), broker.port);
    options
        .set_keep_alive(KEEP_ALIVE)
        .set_clean_session(true)
        .set_max_packet_size(LARGEST_PACKET, LARGEST_PACKET);
    if let Some(user) = &broker.username {
        let password = broker.password.as_ref().map_or("", Secret::expose);
        options.set_credentials(user, password);
    }
    if broker.tls {
        let tls = TlsConfiguration::Rustls(tls_config(tls)?);
        options.set_transport(Transport::tls_with_config(tls));
    }
    Ok(options)
}

/// Returns the TLS configuration for `mqtts`.
pub fn tls_config(tls: &MqttTls) -> Result<Arc<ClientConfig>, LinkError> {
    let certificates = match &tls.ca {
        Some(file) => pem::certificates(file)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        let place = match &tls.ca {
            Some(file) => file.display().to_string(),
            None => "the system".to_owned(),
        };
        return Err(LinkError::Certificates(format!(
            "no certificate that can be trusted in {place}"
        )));
    }
    let unusable = |error: rustls::Error| LinkError::Certificates(error.to_string());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_root_certificates(roots);
    let config = match &tls.identity {
        None => config.with_no_client_auth(),
        Some(files) => {
            let chain = pem::certificates(&files.certificate)?;
            let key = pem::private_key(&files.key)?;
            config.with_client_auth_cert(chain, key).map_err(unusable)?
        }
    };
    Ok(Arc::new(config))
}
