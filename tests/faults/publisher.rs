//! A transcriber that numbers its finals from 1, with QoS 1, and goes on after each loss of its link. It never sends a
//! number twice: what its broker took with it is gone, and shows in the ledger as never having crossed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::scene::PATIENCE;
use crate::support::eventually;
use crate::support::mqtt::MAX_PACKET;

/// Requests that may wait for a publisher's link.
const WAITING: usize = 8;
/// Pause before a publisher tries its broker again.
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// The number in a final's payload.
pub fn number_of(payload: &[u8]) -> Option<u64> {
    let payload: Value = serde_json::from_slice(payload).ok()?;
    payload["n"].as_u64()
}

/// A publisher of one room; ends when dropped.
pub struct Publisher {
    numbers: Arc<Numbers>,
    task: JoinHandle<()>,
}

struct Numbers {
    /// The last number that was handed to the link.
    published: Arc<AtomicU64>,
    /// The number after which it pauses.
    until: AtomicU64,
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How a publisher speaks.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Pause between two finals.
    pub every: Duration,
    /// Bytes of each final's text.
    pub text: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            every: Duration::from_millis(20),
            text: 0,
        }
    }
}

impl Publisher {
    /// Starts one at the broker; it publishes nothing until it is [let go](Self::go_on).
    pub fn start(broker: SocketAddr, room: &str, pace: Pace) -> Self {
        let numbers = Arc::new(Numbers {
            published: Arc::default(),
            until: AtomicU64::new(0),
        });
        let topic = format!("transcriber/out/{room}/final");
        let task = tokio::spawn(publish(broker, topic, pace, Arc::clone(&numbers)));
        Self { numbers, task }
    }

    /// Publishes without end.
    pub fn go_on(&self) {
        self.numbers.until.store(u64::MAX, Ordering::Relaxed);
    }

    /// Publishes so many more, and then pauses.
    pub fn pause_after(&self, more: u64) {
        let until = self.published() + more;
        self.numbers.until.store(until, Ordering::Relaxed);
    }

    /// Waits until it has paused, which it must have been told; returns its last number.
    pub async fn paused(&self) -> u64 {
        let until = self.numbers.until.load(Ordering::Relaxed);
        let look = async || self.published();
        eventually("the publisher to pause", PATIENCE, look, |n| *n >= until).await
    }

    /// What [`published`](Self::published) reads.
    pub fn counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.numbers.published)
    }

    /// The last number that was handed to its link.
    pub fn published(&self) -> u64 {
        self.numbers.published.load(Ordering::Relaxed)
    }
}

async fn publish(broker: SocketAddr, topic: String, pace: Pace, numbers: Arc<Numbers>) {
    let text = "x".repeat(pace.text);
    let mut turn = tokio::time::interval(pace.every);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let (requests, _polling) = connected(broker).await;
        loop {
            turn.tick().await;
            let number = numbers.published.load(Ordering::Relaxed) + 1;
            if number > numbers.until.load(Ordering::Relaxed) {
                continue;
            }
            let payload = match pace.text {
                0 => format!(r#"{{"n":{number}}}"#),
                _ => format!(r#"{{"n":{number},"text":"{text}"}}"#),
            };
            let sent = requests.publish(&topic, QoS::AtLeastOnce, false, payload);
            if sent.await.is_err() {
                break;
            }
            numbers.published.store(number, Ordering::Relaxed);
        }
    }
}

/// Ends its task when dropped.
struct Polling(JoinHandle<()>);

impl Drop for Polling {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A link that was granted; its requests fail once it is lost.
async fn connected(broker: SocketAddr) -> (AsyncClient, Polling) {
    loop {
        let id = format!("transcriber-{}", uuid::Uuid::new_v4());
        let mut options = MqttOptions::new(id, broker.ip().to_string(), broker.port());
        options.set_max_packet_size(MAX_PACKET, MAX_PACKET);
        let (requests, mut event_loop) = AsyncClient::new(options, WAITING);
        if let Ok(Event::Incoming(Packet::ConnAck(_))) = event_loop.poll().await {
            let polling = tokio::spawn(async move { while event_loop.poll().await.is_ok() {} });
            return (requests, Polling(polling));
        }
        tokio::time::sleep(TRY_AGAIN).await;
    }
}
