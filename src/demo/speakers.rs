//! The demo's transcriber: speaks each session's text at a person's pace, for ever, with a silence in between.

use std::time::{Duration, SystemTime};

use switchboard_protocol::ids::RoomId;

use super::statuses::Live;
use super::{Broker, DemoSession, RETRY};
use crate::transcript::{LinkError, Recording, Run, play, timeline};

/// Silence before a text begins again: long enough to be seen on the dashboard.
const BETWEEN_RUNS: Duration = Duration::from_secs(10);

/// Speaks one session's text until dropped, and tells `live` when it is spoken.
pub(super) async fn speak(session: &DemoSession, broker: &Broker, live: &Live) {
    let recordings = session.recordings();
    let mut first_segment = 0;
    loop {
        let ended = speak_until_lost(session, &recordings, &mut first_segment, broker, live).await;
        live.set(session, false);
        if let Err(error) = ended {
            log::warn!("demo transcriber of {}: {error}", session.id);
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn speak_until_lost(
    session: &DemoSession,
    recordings: &[(RoomId, Recording)],
    first_segment: &mut u64,
    broker: &Broker,
    live: &Live,
) -> Result<(), LinkError> {
    let link = broker.link().await?;
    loop {
        let run = Run {
            started: SystemTime::now(),
            first_segment: *first_segment,
        };
        let rooms = recordings.iter();
        let rooms = rooms.map(|(room, recording)| (room.clone(), recording.publications(run)));
        live.set(session, true);
        play(&link, &timeline(rooms.collect()), 1.0, |_, _| ()).await?;
        live.set(session, false);
        let segments = recordings.iter().map(|(_, recording)| recording.segments());
        *first_segment += segments.max().unwrap_or_default();
        tokio::time::sleep(BETWEEN_RUNS).await;
    }
}
