//! The whole way at once: the application on a free port, a viewer in a room of its own, and a publisher at the broker.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::Bytes;
use switchboard_actors::broker::BrokerStatus;
use switchboard_actors::ports::{Access, Action, BoxFuture, Identity, Unavailable};
use switchboard_protocol::ids::{RoomId, SessionId};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::viewer::{Client, Seen};
use crate::application::Application;
use crate::config::{Config, Mqtt, MqttUrl, Recovery, Secret};
use crate::tokens::TokenIssuer;
use crate::transcript::BrokerLink;

/// How long anything that has to come may take.
pub(super) const DEADLINE: Duration = Duration::from_secs(15);
/// How long the viewer's token lives: longer than any drill.
const TOKEN_LIFE: Duration = Duration::from_secs(86_400);

/// What the viewer has seen so far.
#[derive(Debug, Default)]
pub(super) struct Diary {
    pub(super) is_joined: bool,
    /// Finals in the order of their arrival, and when they arrived.
    pub(super) finals: Vec<(u64, Instant)>,
    /// `broker_ok` (true) and `broker_ko` (false), in their order.
    pub(super) told: Vec<bool>,
}

/// See the module's documentation.
pub(super) struct Stage {
    client: Client,
    publisher: BrokerLink,
    topic: String,
    /// When each final was published; the first has the number 1.
    published: Vec<Instant>,
    diary: Diary,
    running: JoinHandle<anyhow::Result<()>>,
    stop: oneshot::Sender<()>,
}

impl Stage {
    /// Starts all of it. The application reaches the broker at `link`, the publisher at `broker`.
    pub(super) async fn open(
        config: &Config,
        link: MqttUrl,
        broker: &MqttUrl,
    ) -> anyhow::Result<Self> {
        let name = format!("doctor-{}", super::random()?);
        let session: SessionId = name.parse()?;
        let (config, secret) = configure(config, link, &name)?;
        let access = Arc::new(OwnSession(session.clone()));
        let application = Application::rehearse(&config, access).await?;
        let address = *application.addresses().first().context("no address")?;
        let mut status = application.broker();
        let (stop, stopped) = oneshot::channel();
        let running = actix_rt::spawn(application.run_until(stopped));
        let up = status.wait_for(|status| *status == BrokerStatus::Up);
        let up = timeout(DEADLINE, up).await;
        up.context("the application does not reach the broker")??;
        let publisher = BrokerLink::connect(broker, &config.mqtt_tls, DEADLINE).await?;
        let room: RoomId = format!("{session}/1").parse()?;
        let topic = format!("transcriber/out/{room}/final");
        let token = TokenIssuer::new(secret.expose())?;
        let token = token.issue_guest(&session, &"doctor".parse()?, TOKEN_LIFE);
        let client = Client::connect(address, room, token).await?;
        let mut stage = Self {
            client,
            publisher,
            topic,
            published: Vec::new(),
            diary: Diary::default(),
            running,
            stop,
        };
        stage
            .until("the room to be joined", |diary| diary.is_joined)
            .await?;
        Ok(stage)
    }

    /// Publishes the next final and waits until the broker has it.
    pub(super) async fn publish(&mut self) -> anyhow::Result<u64> {
        self.published.push(Instant::now());
        let number = self.published.len() as u64;
        let payload = Bytes::from(format!(r#"{{"text":"{number}"}}"#));
        let sent = timeout(DEADLINE, self.publisher.publish(&self.topic, payload)).await;
        sent.context("the broker does not acknowledge a publication")??;
        Ok(number)
    }

    /// Watches until the diary is as it should be.
    pub(super) async fn until(
        &mut self,
        what: &str,
        done: impl Fn(&Diary) -> bool,
    ) -> anyhow::Result<()> {
        let end = Instant::now() + DEADLINE;
        while !done(&self.diary) {
            let left = end.saturating_duration_since(Instant::now());
            let Ok((at, seen)) = timeout(left, self.client.next()).await else {
                bail!("waited {} s in vain for {what}", DEADLINE.as_secs());
            };
            match seen {
                Seen::Joined => self.diary.is_joined = true,
                Seen::Final(number) => self.diary.finals.push((number, at)),
                Seen::Broker { is_up } => self.diary.told.push(is_up),
                Seen::Ended(reason) => bail!("the viewer was disconnected: {reason}"),
            }
        }
        Ok(())
    }

    pub(super) fn diary(&self) -> &Diary {
        &self.diary
    }

    /// How long each final that arrived was on its way.
    pub(super) fn latencies(&self) -> Vec<Duration> {
        let finals = self.diary.finals.iter();
        let took = |(number, at): &(u64, Instant)| {
            let published = self.published.get(*number as usize - 1)?;
            Some(at.duration_since(*published))
        };
        finals.filter_map(took).collect()
    }

    /// Ends all of it.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        drop(self.client);
        // It has ended by itself if nobody listens.
        let _ = self.stop.send(());
        let ended = timeout(DEADLINE, self.running).await;
        ended.context("the application does not stop")??
    }
}

/// The user's configuration, but for what would be seen outside or would keep something. Returns the key of its tokens, too:
/// the user's, or one of its own where there is none.
fn configure(config: &Config, link: MqttUrl, name: &str) -> anyhow::Result<(Config, Secret)> {
    let own_secret = || Ok::<_, anyhow::Error>(Secret::new(super::random()?.repeat(2)));
    let secret = match &config.jwt_secret {
        Some(secret) => secret.clone(),
        None => own_secret()?,
    };
    let config = Config {
        listen: vec![([127, 0, 0, 1], 0).into()],
        mqtt: Mqtt::External(link),
        jwt_secret: Some(secret.clone()),
        jwks: None,
        tls: None,
        recovery: Recovery::Off,
        retention: None,
        node: name.to_owned(),
        ..config.clone()
    };
    Ok((config, secret))
}

/// Grants the rooms of one session, which no database and no backend has to know.
struct OwnSession(SessionId);

impl Access for OwnSession {
    fn may(&self, _: Identity, action: Action) -> BoxFuture<Result<bool, Unavailable>> {
        let is_own = matches!(&action, Action::JoinSession(session) if *session == self.0);
        Box::pin(std::future::ready(Ok(is_own)))
    }
}
