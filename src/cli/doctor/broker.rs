//! The broker, asked as switchboard asks it: connect, subscribe, publish, receive. One task, one question at a time.

use std::time::{Duration, Instant};

use rumqttc::mqttbytes::v4::{Packet, Publish, SubAck, SubscribeReasonCode};
use rumqttc::{AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, QoS};
use switchboard_protocol::topics;

use super::report::Finding;
use crate::config::{MqttTls, MqttUrl};
use crate::transcript::{LinkError, client_options};

/// How long each answer may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// Every room's topics at once: as wide as any switchboard's rights have to be.
const TRANSCRIPTS: &str = "transcriber/out/+/+/#";
/// Requests that wait for the event loop; one at a time is made.
const REQUESTS: usize = 8;

/// A connection to the broker.
pub(super) struct Probe {
    client: AsyncClient,
    event_loop: EventLoop,
    broker: MqttUrl,
    connected_in: Duration,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("{0}")]
    Lost(String),
    #[error("no answer within {} s", DEADLINE.as_secs())]
    TooLate,
}

impl Probe {
    /// Connects with the URL's credentials and TLS.
    pub(super) async fn connect(broker: &MqttUrl, tls: &MqttTls) -> Result<Self, Finding> {
        let options = client_options(broker, tls, "doctor").map_err(unusable)?;
        let (client, event_loop) = AsyncClient::new(options, REQUESTS);
        let begun = Instant::now();
        let mut probe = Self {
            client,
            event_loop,
            broker: broker.clone(),
            connected_in: Duration::ZERO,
        };
        let polled = tokio::time::timeout(DEADLINE, probe.event_loop.poll()).await;
        match polled {
            Ok(Ok(_)) => {
                probe.connected_in = begun.elapsed();
                Ok(probe)
            }
            Ok(Err(error)) => Err(refused(broker, &error)),
            Err(_) => Err(Finding::failed(
                format!("{broker}: {}", Fault::TooLate),
                "see that nothing between here and the broker swallows packets",
            )),
        }
    }

    /// Publishes to a topic of its own and waits for the publication.
    pub(super) async fn round_trip(&mut self) -> Finding {
        let broker = self.broker.clone();
        let connected = self.connected_in.as_secs_f64() * 1000.0;
        match self.try_round_trip().await {
            Ok(took) => {
                let ms = took.as_secs_f64() * 1000.0;
                let detail =
                    format!("{broker} accepts in {connected:.1} ms, round trip {ms:.1} ms");
                let finding = Finding::ok(detail);
                finding
                    .with("connect_ms", connected)
                    .with("round_trip_ms", ms)
            }
            Err(fault) => Finding::failed(
                format!(
                    "{broker} accepts, but a publication to switchboard/doctor/… did not come back: {fault}"
                ),
                "allow this user to read and write switchboard/#",
            ),
        }
    }

    async fn try_round_trip(&mut self) -> Result<Duration, Fault> {
        let name = super::random().map_err(|error| Fault::Lost(error.to_string()))?;
        let topic = format!("switchboard/doctor/{name}");
        if !self.subscribe(&topic).await? {
            return Err(Fault::Lost("the subscription was refused".to_owned()));
        }
        let begun = Instant::now();
        let sent = self
            .client
            .try_publish(&topic, QoS::AtLeastOnce, false, name);
        sent.map_err(|error| Fault::Lost(error.to_string()))?;
        self.until(|packet| match packet {
            Packet::Publish(Publish { topic: on, .. }) if *on == topic => Some(()),
            _ => None,
        })
        .await?;
        Ok(begun.elapsed())
    }

    /// Asks for every filter that the server asks for.
    pub(super) async fn rights(&mut self) -> Finding {
        let filters = [
            TRANSCRIPTS,
            topics::SESSION_COMMANDS,
            topics::SESSION_STATUSES,
            topics::ORGANIZATION_EVENTS,
        ];
        let mut refused = Vec::new();
        for filter in filters {
            match self.subscribe(filter).await {
                Ok(true) => {}
                Ok(false) => refused.push(filter),
                Err(fault) => {
                    let advice = "see the broker's log";
                    return Finding::failed(format!("{filter}: {fault}"), advice);
                }
            }
            // What flows there is not ours to read.
            let _ = self.client.try_unsubscribe(filter);
        }
        match &refused[..] {
            [] => Finding::ok(format!("may subscribe {}", filters.join(", "))),
            refused => Finding::failed(
                format!("the broker refuses {}", refused.join(", ")),
                "allow this user to read them",
            ),
        }
    }

    /// Subscribes; whether the broker granted it.
    async fn subscribe(&mut self, filter: &str) -> Result<bool, Fault> {
        let sent = self.client.try_subscribe(filter, QoS::AtLeastOnce);
        sent.map_err(|error| Fault::Lost(error.to_string()))?;
        self.until(|packet| match packet {
            Packet::SubAck(SubAck { return_codes, .. }) => {
                let granted = |code: &_| matches!(code, SubscribeReasonCode::Success(_));
                Some(return_codes.iter().all(granted))
            }
            _ => None,
        })
        .await
    }

    /// Reads on until `wanted` finds what it looks for.
    async fn until<T>(&mut self, wanted: impl Fn(&Packet) -> Option<T>) -> Result<T, Fault> {
        let found = async {
            loop {
                match self.event_loop.poll().await {
                    Ok(Event::Incoming(packet)) => {
                        if let Some(found) = wanted(&packet) {
                            return Ok(found);
                        }
                    }
                    Ok(Event::Outgoing(_)) => {}
                    Err(error) => return Err(Fault::Lost(error.to_string())),
                }
            }
        };
        let found = tokio::time::timeout(DEADLINE, found).await;
        found.unwrap_or(Err(Fault::TooLate))
    }
}

fn unusable(error: LinkError) -> Finding {
    Finding::failed(
        error.to_string(),
        "correct SWITCHBOARD_MQTT_CA, SWITCHBOARD_MQTT_CERT and SWITCHBOARD_MQTT_KEY",
    )
}

fn refused(broker: &MqttUrl, error: &ConnectionError) -> Finding {
    use ConnectReturnCode::{BadUserNamePassword, NotAuthorized};
    let advice = match error {
        ConnectionError::ConnectionRefused(BadUserNamePassword | NotAuthorized) => {
            "correct user and password in SWITCHBOARD_MQTT_URL"
        }
        ConnectionError::Tls(_) => {
            "see that the broker's certificate is for this name and trusted (SWITCHBOARD_MQTT_CA)"
        }
        _ => "see that SWITCHBOARD_MQTT_URL is right and the broker runs",
    };
    Finding::failed(format!("{broker}: {error}"), advice)
}
