//! Keeping finals: batches, outages, bounds, age.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use switchboard_actors::limits::{
    FINALS_PER_BATCH, FINALS_WAITING, PURGE_CHUNK, PURGE_INTERVAL, STORE_DEADLINE, STORE_INTERVAL,
};
use switchboard_actors::metrics::{Metrics, Reason};
use switchboard_actors::ports::Final;
use switchboard_actors::recorder::{Archive, Flush, Keep};
use switchboard_actors::testing::{FakeTranscripts, Harness, Setup, pass, paused, quiet};
use tokio::sync::Semaphore;

use crate::support::{logged, record_log};

const DAY: Duration = Duration::from_secs(24 * 3600);
const SECOND: Duration = Duration::from_secs(1);

struct Stage {
    transcripts: Arc<FakeTranscripts>,
    archive: Archive,
    metrics: Metrics,
}

impl Stage {
    fn new() -> Self {
        let (transcripts, metrics) = (Arc::new(FakeTranscripts::default()), Metrics::default());
        Self {
            archive: Archive::start(transcripts.clone(), DAY, metrics.clone()),
            transcripts,
            metrics,
        }
    }

    /// Gives the Recorder finals of these numbers.
    fn keep(&self, numbers: std::ops::Range<u64>) {
        let one = |number: u64| Final {
            room: "S/1".parse().unwrap(),
            number,
            occurrence: 0,
            payload: Bytes::from(number.to_string()),
        };
        self.archive.recorder.do_send(Keep {
            finals: numbers.map(one).collect(),
            credit: None,
        });
    }

    fn numbers(&self) -> Vec<u64> {
        let finals = self.transcripts.finals("S/1");
        finals.iter().map(|one| one.number).collect()
    }

    fn dropped(&self) -> u64 {
        let reason = Reason { reason: "finals" };
        self.metrics.finals_dropped.get_or_create(&reason).get()
    }
}

#[test]
fn finals_are_stored_within_a_second_in_order_and_one_batch() {
    paused(async {
        let stage = Stage::new();
        for number in 1..=20 {
            stage.keep(number..number + 1);
        }
        quiet().await;
        assert_eq!(stage.transcripts.appends(), 0, "others may come");
        pass(SECOND).await;
        assert_eq!(stage.numbers(), (1..=20).collect::<Vec<_>>());
        assert_eq!(stage.transcripts.batches(), [20]);
        assert_eq!(stage.metrics.finals_stored.get(), 20);
    });
}

#[test]
fn a_full_batch_does_not_wait_and_a_burst_is_stored_batch_after_batch() {
    paused(async {
        let stage = Stage::new();
        stage.keep(0..1_200);
        quiet().await;
        let full = FINALS_PER_BATCH;
        assert_eq!(stage.transcripts.batches(), [full, full]);
        pass(SECOND).await;
        assert_eq!(stage.transcripts.batches(), [full, full, 200]);
    });
}

#[test]
fn one_batch_is_under_way_at_a_time() {
    paused(async {
        let stage = Stage::new();
        stage.transcripts.set_held(true);
        for from in 0..5 {
            stage.keep(from * 500..from * 500 + 500);
            pass(SECOND).await;
        }
        assert_eq!(stage.transcripts.appends(), 1);
        stage.transcripts.set_held(false);
        quiet().await;
        assert_eq!(stage.transcripts.batches(), [500; 5]);
    });
}

#[test]
fn a_failed_batch_is_kept_and_tried_again_with_growing_pauses() {
    paused(async {
        let stage = Stage::new();
        stage.transcripts.set_away(true);
        stage.keep(0..3);
        let mut pauses = Vec::new();
        let mut last = tokio::time::Instant::now();
        while pauses.len() < 9 {
            let appends = stage.transcripts.appends();
            while stage.transcripts.appends() == appends {
                pass(Duration::from_millis(10)).await;
            }
            pauses.push(last.elapsed().as_millis() / 50 * 50);
            last = tokio::time::Instant::now();
            stage.keep(3..4);
        }
        let expected = [500, 500, 1000, 2000, 4000, 5000, 5000, 5000, 5000];
        assert_eq!(pauses, expected);
        assert_eq!(stage.metrics.storage_failures.get(), 9);
        stage.transcripts.set_away(false);
        pass(5 * SECOND).await;
        assert_eq!(stage.numbers(), [0, 1, 2, 3]);
    });
}

#[test]
fn storage_that_never_answers_is_an_outage_too() {
    paused(async {
        let stage = Stage::new();
        stage.transcripts.set_held(true);
        stage.keep(0..1);
        pass(STORE_INTERVAL + STORE_DEADLINE + STORE_INTERVAL / 5).await;
        assert_eq!(stage.metrics.storage_failures.get(), 1);
        assert_eq!(stage.metrics.finals_waiting.get(), 1);
        assert!(stage.metrics.finals_waiting_bytes.get() > 0);
        stage.transcripts.set_held(false);
        pass(SECOND).await;
        assert_eq!(stage.numbers(), [0]);
        assert_eq!(stage.metrics.finals_waiting.get(), 0);
        assert_eq!(stage.metrics.finals_waiting_bytes.get(), 0);
    });
}

#[test]
fn beyond_the_bound_the_oldest_are_dropped_and_counted_and_logged_once_an_outage() {
    record_log();
    paused(async {
        let stage = Stage::new();
        let lines = || logged("too many finals wait").len();
        let before = lines();
        stage.transcripts.set_away(true);
        let bound = FINALS_WAITING as u64;
        stage.keep(0..bound);
        quiet().await;
        assert_eq!(stage.dropped(), 0);
        stage.keep(bound..bound + 10);
        stage.keep(bound + 10..bound + 20);
        pass(10 * SECOND).await;
        assert_eq!(stage.dropped(), 20);
        assert_eq!(lines() - before, 1);
        stage.transcripts.set_away(false);
        pass(10 * SECOND).await;
        assert_eq!(stage.numbers(), (20..bound + 20).collect::<Vec<_>>());
        // The next outage is news again.
        stage.transcripts.set_away(true);
        stage.keep(0..bound + 1);
        pass(SECOND).await;
        assert_eq!((stage.dropped(), lines() - before), (21, 2));
    });
}

#[test]
fn a_flush_resolves_when_everything_that_waited_is_stored() {
    paused(async {
        let stage = Stage::new();
        let flush = || stage.archive.recorder.send(Flush);
        assert!(flush().await.unwrap().is_ok(), "nothing waits");
        stage.keep(0..1_700);
        assert!(flush().await.unwrap().is_ok());
        assert_eq!(stage.numbers().len(), 1_700);
        stage.transcripts.set_away(true);
        stage.keep(2_000..2_001);
        assert!(flush().await.unwrap().is_err());
        assert!(!stage.archive.drain(SECOND).await);
        // However many flush, storage that fails is not asked more often than it would be with news.
        assert!(stage.transcripts.appends() <= 10);
        stage.transcripts.set_away(false);
        assert!(stage.archive.drain(SECOND).await);
        assert_eq!(stage.numbers().len(), 1_701);
    });
}

#[test]
fn finals_older_than_the_retention_are_purged_every_minute_chunk_after_chunk() {
    paused(async {
        let stage = Stage::new();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let oldest = (now - DAY - 2 * SECOND).as_micros() as u64;
        let old = 2 * u64::from(PURGE_CHUNK) + 5;
        for number in oldest..oldest + old {
            stage.transcripts.put("S/1", number, &number.to_string());
        }
        let young = (now - DAY + 600 * SECOND).as_micros() as u64;
        stage.transcripts.put("S/1", young, "1");
        pass(PURGE_INTERVAL + SECOND).await;
        assert_eq!(stage.numbers(), [young]);
        assert_eq!(stage.transcripts.purges().len(), 3);
        stage.transcripts.set_away(true);
        pass(PURGE_INTERVAL).await;
        assert_eq!(stage.metrics.storage_failures.get(), 1);
        stage.transcripts.set_away(false);
        pass(PURGE_INTERVAL).await;
        assert_eq!(stage.transcripts.purges().len(), 4);
    });
}

#[test]
fn a_publications_credit_is_held_until_its_finals_are_in_the_bounded_queue() {
    paused(async {
        let stage = Stage::new();
        stage.transcripts.set_held(true);
        let semaphore = Arc::new(Semaphore::new(1));
        let permit = Arc::clone(&semaphore).try_acquire_owned().unwrap();
        let keep = Keep {
            finals: Vec::new(),
            credit: Some(Arc::new(permit)),
        };
        stage.archive.recorder.do_send(keep);
        assert_eq!(semaphore.available_permits(), 0);
        quiet().await;
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn storage_trouble_never_holds_up_live_delivery() {
    paused(async {
        let setup = Setup {
            retention: Some(DAY),
            ..Setup::default()
        };
        let harness = Harness::start_with(setup).await;
        let client = harness.connected("alice").await;
        client.join("S/1").await;
        for (is_away, is_held) in [(true, false), (false, true)] {
            harness.transcripts.set_away(is_away);
            harness.transcripts.set_held(is_held);
            let before = client.times(r#"42["final""#);
            for number in 0..50 {
                let payload = number.to_string();
                let topic = "transcriber/out/S/1/final";
                harness.broker.publish(&[(topic, &payload)]);
            }
            quiet().await;
            assert_eq!(client.times(r#"42["final""#), before + 50);
        }
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}
