//! The real application on a free port, with a database of its own, that must leave nothing behind.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use switchboard::application::{Application, RunOptions};
use switchboard::config::{Config, Layer};
use switchboard::store::{Channel, NewSession, Role, Store, Visibility};
use switchboard_actors::broker::BrokerStatus;
use switchboard_actors::registry::{Counts, GetCounts, RoomRegistry};
use tempfile::TempDir;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::http::{self, Response};
use super::mqtt::Client;
use super::viewer::Viewer;
use super::{DEADLINE, OUTAGE_DEADLINE, eventually, tokens, within};

/// Filters that are wanted while nobody is in any room: session commands, the list of sessions, organizations' events,
/// projects' events.
pub const STANDING_FILTERS: i64 = 4;

/// A running server. End it by [`stop`](Self::stop), which looks for leaks.
pub struct TestServer {
    pub address: SocketAddr,
    /// The embedded broker, where the server has one.
    pub mqtt_address: Option<SocketAddr>,
    registry: actix::Addr<RoomRegistry>,
    broker: watch::Receiver<BrokerStatus>,
    pub store: Store,
    running: JoinHandle<anyhow::Result<()>>,
    /// Taken when the server is stopped.
    stop: Option<oneshot::Sender<()>>,
    /// Holds the database; taken by the server that goes on with it. None where it is another server's.
    folder: Option<TempDir>,
}

impl TestServer {
    /// Starts on the embedded broker with defaults.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts with these settings (names as in the file) and waits for its broker.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        let server = Self::start_without_broker(settings).await;
        server.broker_becomes(BrokerStatus::Up).await;
        server
    }

    /// Starts with these settings; the broker may be away.
    pub async fn start_without_broker(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the database");
        let server = Self::start_in(folder, settings).await;
        server.seed().await;
        server
    }

    /// Ends the server as [`stop`](Self::stop) does and starts another on its database, with default settings.
    pub async fn restart(mut self) -> Self {
        let folder = self.folder.take().expect("it has a database");
        self.stop().await;
        let server = Self::start_in(folder, &[]).await;
        server.broker_becomes(BrokerStatus::Up).await;
        server
    }

    /// Starts another on the same database, with these settings, and waits for its broker.
    pub async fn beside(&self, settings: &[(&str, &str)]) -> Self {
        let folder = self.folder.as_ref().expect("it has a database").path();
        let server = Self::start_at(folder, settings).await;
        server.broker_becomes(BrokerStatus::Up).await;
        server
    }

    async fn start_in(folder: TempDir, settings: &[(&str, &str)]) -> Self {
        let mut server = Self::start_at(folder.path(), settings).await;
        server.folder = Some(folder);
        server
    }

    async fn start_at(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let database = format!("sqlite://{}", folder.join("it.db").display());
        let config = config(&database, settings);
        let options = RunOptions {
            migrate: true,
            demo: false,
            program: env!("CARGO_BIN_EXE_switchboard"),
        };
        let application = Application::build(&config, options).await;
        let application = application.expect("the application starts");
        let (stop, stopped) = oneshot::channel();
        Self {
            address: application.addresses()[0],
            mqtt_address: application.mqtt_address(),
            registry: application.registry().clone(),
            broker: application.broker(),
            store: application.store().clone(),
            running: actix_rt::spawn(application.run_until(stopped)),
            stop: Some(stop),
            folder: None,
        }
    }

    /// The organization `acme` with `member`, and its public session `S`.
    async fn seed(&self) {
        let acme = "acme".parse().expect("an organization");
        let put = self.store.put_organization(&acme, "Acme").await;
        put.expect("the organization is stored");
        let member = "member".parse().expect("a user");
        let put = self.store.put_member(&acme, &member, Role::Member).await;
        put.expect("the member is stored");
        self.add_session("S", Visibility::Public).await;
    }

    /// Adds a session of `acme`, owned by `owner`, with the channels 1 and 2.
    pub async fn add_session(&self, id: &str, visibility: Visibility) {
        let channel = |index| Channel {
            index,
            name: format!("channel {index}"),
            language: "en".to_owned(),
        };
        let new = NewSession {
            id: id.parse().expect("a session id"),
            name: id.to_owned(),
            organization: "acme".parse().expect("an organization"),
            visibility,
            owner: Some("owner".parse().expect("a user")),
            password: None,
            record: false,
            channels: vec![channel(1), channel(2)],
        };
        self.store
            .create_session(new)
            .await
            .expect("the session is stored");
    }

    /// A connected viewer, a guest of the session `S`.
    pub async fn viewer(&self) -> Viewer {
        Viewer::connect(self.address, &tokens::guest("S")).await
    }

    /// A connected viewer with the token of the user `id`.
    pub async fn user(&self, id: &str) -> Viewer {
        Viewer::connect(self.address, &tokens::user(id)).await
    }

    /// A transcriber at the embedded broker.
    pub async fn publisher(&self) -> Client {
        let address = self
            .mqtt_address
            .expect("only called with the embedded broker");
        Client::connect(address, "transcriber").await
    }

    /// A REST request with JSON, `body` null for none.
    pub async fn rest(&self, method: &str, path: &str, token: &str, body: Value) -> Response {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("content-type", "application/json")];
        if !token.is_empty() {
            headers.push(("authorization", &bearer));
        }
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let target = format!("/api/v1{path}");
        http::request(self.address, method, &target, &headers, body).await
    }

    /// Waits until the broker is up or down for the server.
    pub async fn broker_becomes(&self, status: BrokerStatus) {
        let mut broker = self.broker.clone();
        let waited = broker.wait_for(|now| *now == status);
        let waited = tokio::time::timeout(OUTAGE_DEADLINE, waited).await;
        assert!(waited.is_ok(), "waited in vain for the broker: {status:?}");
    }

    /// See [`http::metric`].
    pub async fn metric(&self, name: &str) -> i64 {
        http::metric(self.address, name).await
    }

    /// Waits until a metric has this value.
    pub async fn metric_becomes(&self, name: &str, value: i64) {
        self.metric_within(name, value, DEADLINE).await;
    }

    /// Waits that long until a metric has this value.
    pub async fn metric_within(&self, name: &str, value: i64, deadline: Duration) {
        let look = async || self.metric(name).await;
        eventually(name, deadline, look, |seen| *seen == value).await;
    }

    /// How many sockets, rooms and members the registry has.
    pub async fn counts(&self) -> Counts {
        self.registry
            .send(GetCounts)
            .await
            .expect("the registry runs")
    }

    /// Tells the server to stop while clients are connected; what it returns resolves when it has ended.
    pub fn drain(mut self) -> impl Future<Output = ()> {
        let stop = self.stop.take().expect("stopped once");
        stop.send(()).expect("the server runs");
        async move {
            let ended = within("the end of the server", &mut self.running).await;
            ended
                .expect("it does not panic")
                .expect("it ends without an error");
        }
    }

    /// Ends the server, after checking that no connection, socket, member, room or subscription is left.
    /// The viewers must be gone before.
    pub async fn stop(self) {
        let nothing = Counts {
            sockets: 0,
            rooms: 0,
            members: 0,
        };
        let look = async || self.counts().await;
        eventually("nobody to be left", DEADLINE, look, |c| *c == nothing).await;
        let recorded = 4 * self.metric("rooms_recorded").await;
        self.metric_becomes("filters_wanted", STANDING_FILTERS + recorded)
            .await;
        self.metric_becomes("connections", 0).await;
        self.drain().await;
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        assert!(
            self.stop.is_none() || std::thread::panicking(),
            "a test must stop its server"
        );
    }
}

/// The configuration of a test server; `settings` win over what every one has.
fn config(database: &str, settings: &[(&str, &str)]) -> Config {
    let every = [
        ("listen", "127.0.0.1:0"),
        ("mqtt_listen", "127.0.0.1:0"),
        ("database_url", database),
        ("jwt_secret", tokens::SECRET),
        ("node", "it"),
        ("workers", "1"),
    ];
    let environment = every.iter().chain(settings).map(|(name, value)| {
        let name = format!("SWITCHBOARD_{}", name.to_uppercase());
        (OsString::from(name), OsString::from(value))
    });
    Config::load(&Layer::default(), environment, None).expect("a good configuration")
}
