//! Which rooms have members, and what the broker has granted for them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

use rumqttc::{AsyncClient, QoS, SubscribeFilter};
use tokio::sync::watch;

/// One room.
struct Room {
    members: usize,
    granted: watch::Receiver<bool>,
}

#[derive(Default)]
struct Table {
    rooms: HashMap<String, Room>,
    /// Subscriptions on their way, oldest first: the broker grants them in this order.
    asked: VecDeque<watch::Sender<bool>>,
}

/// The rooms and the way to the broker.
pub struct Rooms {
    client: AsyncClient,
    table: Mutex<Table>,
}

impl Rooms {
    /// No room yet.
    pub fn new(client: AsyncClient) -> Self {
        Self {
            client,
            table: Mutex::default(),
        }
    }

    /// One more member of `name`; the answer turns true once the broker has granted its topics.
    pub fn enter(&self, name: &str) -> watch::Receiver<bool> {
        let mut table = self.table();
        if let Some(room) = table.rooms.get_mut(name) {
            room.members += 1;
            return room.granted.clone();
        }
        let (sender, granted) = watch::channel(false);
        let filters = topics(name).map(|topic| SubscribeFilter::new(topic, QoS::AtMostOnce));
        // A queue of 1,024 requests is never full here; if it is, the sender is dropped and the join fails.
        if self.client.try_subscribe_many(filters).is_ok() {
            table.asked.push_back(sender);
        }
        table.rooms.insert(
            name.to_owned(),
            Room {
                members: 1,
                granted: granted.clone(),
            },
        );
        granted
    }

    /// One member less.
    pub fn leave(&self, name: &str) {
        let mut table = self.table();
        let Some(room) = table.rooms.get_mut(name) else {
            return;
        };
        room.members -= 1;
        if room.members == 0 {
            table.rooms.remove(name);
            for topic in topics(name) {
                // Only a full queue or an ended link can refuse this.
                let _ = self.client.try_unsubscribe(topic);
            }
        }
    }

    /// The broker has granted the oldest subscription.
    pub fn granted(&self) {
        if let Some(oldest) = self.table().asked.pop_front() {
            oldest.send_replace(true);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("no holder of this lock panics")
    }
}

fn topics(room: &str) -> [String; 2] {
    ["partial", "final"].map(|kind| format!("transcriber/out/{room}/{kind}"))
}
