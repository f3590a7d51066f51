//! What a fault happens to: a broker, a proxy in front of it, the program, a proxy in front of that, and in each of
//! some rooms a publisher and viewers that come back by themselves.

use std::collections::HashSet;
use std::time::Duration;

use crate::fault_proxy::{FaultProxy, Way};
use crate::ledger::Verdict;
use crate::publisher::{Pace, Publisher};
use crate::recovering::{HISTORY, Part, Viewer};
use crate::server::{self, Server};
use crate::support::broker::{Broker, Kind};
use crate::support::eventually;

/// How long anything may take: the machine may be busy, and each outage has its own timers to wait for.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// Finals that every room gets before a fault and after it.
pub const SOME: u64 = 25;

/// How viewers come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// By the recovery of their socket.
    ByRecovery,
    /// One half by recovery, the other by joining again with a history.
    EitherWay,
}

/// How a scene is set.
#[derive(Clone)]
pub struct Setting<'a> {
    pub rooms: usize,
    pub viewers_each: usize,
    pub pace: Pace,
    /// More of the server's environment.
    pub environment: &'a [(&'a str, &'a str)],
    /// How viewers come back.
    pub returns: Returns,
    /// Whether viewers connect without the proxy, which needs two descriptors more for each.
    pub is_direct: bool,
    /// Finals that every room says to end with.
    pub last_words: u64,
    /// How often each viewer cuts its own link; the times of replays are then kept.
    pub cut_every: Option<Duration>,
}

impl Default for Setting<'_> {
    fn default() -> Self {
        Self {
            rooms: 4,
            viewers_each: 5,
            pace: Pace::default(),
            environment: &[],
            returns: Returns::EitherWay,
            is_direct: false,
            last_words: SOME,
            cut_every: None,
        }
    }
}

/// See the module's documentation.
pub struct Scene {
    pub broker: Broker,
    /// Between switchboard and the broker.
    pub link: FaultProxy,
    pub server: Server,
    /// Between the viewers and switchboard.
    pub front: FaultProxy,
    pub rooms: Vec<Room>,
    last_words: u64,
}

pub struct Room {
    pub name: String,
    pub publisher: Publisher,
    pub viewers: Vec<Viewer>,
    /// What its viewers were asked.
    part: Part,
}

impl Room {
    /// Another viewer, who begins with a history.
    pub fn newcomer(&self) -> Viewer {
        Viewer::start(Part {
            history: HISTORY,
            ..self.part.clone()
        })
    }

    /// What its viewers got.
    fn ledgers(&self) -> Vec<Vec<u64>> {
        let ledgers = self.viewers.iter().map(|viewer| viewer.seen().numbers);
        ledgers.collect()
    }
}

impl Scene {
    /// With Mosquitto, and without it with the embedded broker, outside the server either way.
    pub async fn set(setting: Setting<'_>) -> Self {
        let broker = match Broker::start(Kind::Mosquitto).await {
            Some(broker) => broker,
            None => Broker::start(Kind::Embedded).await.expect("always there"),
        };
        Self::set_with(broker, setting).await
    }

    /// With Mosquitto; `None`, and a line on stderr, where it is not installed.
    pub async fn set_with_mosquitto(setting: Setting<'_>) -> Option<Self> {
        let broker = Broker::start(Kind::Mosquitto).await?;
        Some(Self::set_with(broker, setting).await)
    }

    async fn set_with(broker: Broker, setting: Setting<'_>) -> Self {
        let link = FaultProxy::start(broker.address()).await;
        let url = format!("mqtt://{}", link.address());
        let environment = [setting.environment, &[("SWITCHBOARD_MQTT_URL", &url[..])]].concat();
        let server = Server::start(&environment).await;
        let front = FaultProxy::start(server.address).await;
        let part = Part {
            address: match setting.is_direct {
                true => server.address,
                false => front.address(),
            },
            token: server::viewers_token().into(),
            room: String::new(),
            history: 0,
            recovers: true,
            cut_every: setting.cut_every,
            published: None,
        };
        let rooms = (1..=setting.rooms).map(|n| {
            let name = format!("S/{n}");
            let publisher = Publisher::start(broker.address(), &name, setting.pace);
            let part = Part {
                room: name.clone(),
                published: setting.cut_every.map(|_| publisher.counter()),
                ..part.clone()
            };
            let viewers = (0..setting.viewers_each).map(|n| {
                Viewer::start(Part {
                    recovers: setting.returns == Returns::ByRecovery || n % 2 == 0,
                    ..part.clone()
                })
            });
            Room {
                viewers: viewers.collect(),
                publisher,
                part,
                name,
            }
        });
        let rooms = rooms.collect();
        let scene = Self {
            broker,
            link,
            server,
            front,
            rooms,
            last_words: setting.last_words,
        };
        scene.all_are_in().await;
        scene
    }

    pub fn viewers(&self) -> impl Iterator<Item = &Viewer> {
        self.rooms.iter().flat_map(|room| &room.viewers)
    }

    /// Waits until every viewer is in its room.
    pub async fn all_are_in(&self) {
        let look = async || {
            let out = self.viewers().filter(|v| !v.look(|seen| seen.is_in));
            out.map(|v| v.look(|seen| seen.failure.clone()))
                .collect::<Vec<_>>()
        };
        eventually(
            "all viewers to be in their rooms",
            PATIENCE,
            look,
            Vec::is_empty,
        )
        .await;
    }

    /// Lets the publishers go on, and waits until every viewer has got some more finals of what is said now.
    pub async fn flows(&self) {
        let goals: Vec<u64> = self
            .rooms
            .iter()
            .map(|r| r.publisher.published() + SOME)
            .collect();
        self.rooms.iter().for_each(|room| room.publisher.go_on());
        let look = async || {
            let rooms = self.rooms.iter().zip(&goals);
            let behind = rooms.flat_map(|(room, goal)| {
                let lasts = room.viewers.iter().map(|v| v.look(|seen| seen.last()));
                lasts.filter(move |last| last < goal)
            });
            behind.collect::<Vec<_>>()
        };
        eventually("finals to flow", PATIENCE, look, Vec::is_empty).await;
    }

    /// Kills the program. The proxy's side of its links ends with it: what is written to a dead program's socket has
    /// not crossed.
    pub fn kill_server(&mut self) {
        self.server.kill();
        self.link.cut(Way::Ended);
    }

    /// Waits until each publisher has handed so much more to its link than has reached any viewer.
    pub async fn publishers_are_ahead_by(&self, count: u64) {
        let ahead = |room: &Room| {
            let lasts = room.viewers.iter().map(|v| v.look(|seen| seen.last()));
            let published = room.publisher.published();
            published.saturating_sub(lasts.max().unwrap_or(0))
        };
        let look = async || self.rooms.iter().map(ahead).min().unwrap_or(0);
        eventually("publishers to be ahead", PATIENCE, look, |n| *n >= count).await;
    }

    /// Waits until every viewer has heard `event` at least `times` times.
    pub async fn all_are_told(&self, event: &str, times: usize) {
        let heard = |viewer: &Viewer| {
            viewer.look(|seen| seen.told.iter().filter(|name| *name == event).count())
        };
        let look = async || self.viewers().map(heard).min().unwrap_or(0);
        eventually(event, PATIENCE, look, |heard| *heard >= times).await;
    }

    /// Lets each room say some more, and waits until its last word has reached every viewer. The fault is over.
    pub async fn settles(&self) {
        for room in &self.rooms {
            room.publisher.pause_after(self.last_words);
        }
        for room in &self.rooms {
            let last = room.publisher.paused().await;
            let look = async || self.link.last_crossed(&room.name);
            eventually("the last final to cross", PATIENCE, look, |n| *n == last).await;
            let look = async || {
                let lasts = room.viewers.iter().map(|v| v.look(|seen| seen.last()));
                lasts.min().unwrap_or(0)
            };
            eventually("the last final to arrive", PATIENCE, look, |n| *n == last).await;
        }
    }

    /// Lets each publisher say so much more, and waits until it has.
    pub async fn speak(&self, finals: u64) {
        for room in &self.rooms {
            room.publisher.pause_after(finals);
        }
        for room in &self.rooms {
            room.publisher.paused().await;
        }
    }

    /// How often each viewer has connected so far.
    pub fn connects(&self) -> Vec<u32> {
        let connects = self.viewers().map(|v| v.look(|seen| seen.connects));
        connects.collect()
    }

    /// Waits until every viewer has connected again since `before`, and is in its room.
    pub async fn all_came_back(&self, before: &[u32]) {
        let look = async || {
            let now = self.connects();
            now.iter()
                .zip(before)
                .filter(|(now, before)| now <= before)
                .count()
        };
        eventually("all to come back", PATIENCE, look, |late| *late == 0).await;
        self.all_are_in().await;
    }

    /// Asserts that each viewer that asks for recovery was recovered each time, that no other was, and that nobody was
    /// told of a gap.
    pub fn came_back_as_they_asked(&self) {
        for viewer in self.viewers() {
            let seen = viewer.seen();
            let expected = u32::from(viewer.recovers) * (seen.connects - 1);
            assert_eq!(seen.recovered, expected, "of {} connects", seen.connects);
            assert!(!seen.told.contains(&"gap".to_owned()), "{:?}", seen.told);
        }
    }

    /// Waits until all that crossed is stored.
    pub async fn all_is_stored(&self) {
        for room in &self.rooms {
            let crossed = self.link.crossed(&room.name);
            let look = async || self.server.stored(&room.name).await;
            let done = |stored: &Vec<u64>| {
                let stored: HashSet<_> = stored.iter().collect();
                crossed.iter().all(|n| stored.contains(n))
            };
            eventually("finals to be stored", PATIENCE, look, done).await;
        }
    }

    /// Settles, and holds what every viewer got against what crossed the link to switchboard.
    pub async fn holds(&self, fault: &str) {
        self.settles().await;
        self.compare(fault, |room| (self.link.crossed(&room.name), Vec::new()));
    }

    /// As [`holds`](Self::holds), where the fault takes nothing: all that was published is to arrive.
    pub async fn holds_everything(&self, fault: &str) {
        self.settles().await;
        let all = |room: &Room| ((1..=room.publisher.published()).collect(), Vec::new());
        self.compare(fault, all);
    }

    /// Holds what every viewer got against what it was to get, and what it may have got besides.
    pub fn compare(&self, fault: &str, due: impl Fn(&Room) -> (Vec<u64>, Vec<u64>)) {
        let mut verdict = Verdict::of(fault);
        for room in &self.rooms {
            let (expected, possible) = due(room);
            let published = room.publisher.published();
            verdict.add_room(published, &expected, &possible, &room.ledgers());
        }
        verdict.hold();
    }
}
