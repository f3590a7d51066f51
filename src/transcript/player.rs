//! Plays recordings: several rooms' publications on one time line, each published when its time has come.

use std::time::Duration;

use bytes::Bytes;
use switchboard_protocol::ids::RoomId;
use switchboard_protocol::topics;
use tokio::time::Instant;

use super::{BrokerLink, LinkError, Publication};

/// One publication of a time line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Time since the beginning.
    pub at: Duration,
    /// The MQTT topic.
    pub topic: String,
    /// The payload.
    pub payload: Bytes,
}

/// Lays the rooms' publications on one time line. Those of one room keep their order.
pub fn timeline(rooms: Vec<(RoomId, Vec<Publication>)>) -> Vec<Item> {
    let mut items = Vec::new();
    for (room, publications) in rooms {
        items.extend(publications.into_iter().map(|publication| Item {
            at: publication.at,
            topic: topics::transcript(&room, publication.kind),
            payload: publication.payload,
        }));
    }
    items.sort_by_key(|item| item.at);
    items
}

/// Publishes `items` at their times, `speed` times as fast, from now on. After each, `progress` hears how many
/// have been published and the time of the last. Late ones, as after an outage, follow at once.
pub async fn play(
    link: &BrokerLink,
    items: &[Item],
    speed: f64,
    mut progress: impl FnMut(usize, Duration),
) -> Result<(), LinkError> {
    let begin = Instant::now();
    for (index, item) in items.iter().enumerate() {
        tokio::time::sleep_until(begin + item.at.div_f64(speed)).await;
        link.publish(&item.topic, item.payload.clone()).await?;
        progress(index + 1, item.at);
    }
    Ok(())
}
