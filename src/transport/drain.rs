//! Ends an endpoint's sessions one after the other, each at the moment that its client was told, so that they do
//! not all come back at once.

use std::time::Duration;

use switchboard_actors::session::{Close, CloseReason, Drain};
use tokio::time::Instant;

use super::Endpoint;

/// Sessions closed in a second: so many handshakes a switchboard that takes them over serves beside its viewers.
const CLOSED_PER_SECOND: u32 = 1_000;
/// How often it is looked whether the last sessions have gone.
const GONE_CHECK: Duration = Duration::from_millis(20);

impl Endpoint {
    /// Whether it ends its sessions and admits no new one.
    pub fn is_draining(&self) -> bool {
        self.0.table.is_closed()
    }

    /// Admits no new session, tells each when it will be closed, delivers to it until then, and closes it; over at
    /// most `longest`. Returns when they have gone or `deadline` has passed.
    pub async fn drain(&self, longest: Duration, deadline: Duration) {
        let started = Instant::now();
        let metrics = &self.0.settings.metrics;
        let (table, sessions) = (&self.0.table, self.0.table.close());
        metrics.draining.set(1);
        let count = u32::try_from(sessions.len()).expect("fewer than file descriptors");
        let window = window(count, longest);
        let window_ms = window.as_millis();
        log::info!("draining begins connections={count} window_ms={window_ms}");
        let moments = (0..count).map(|index| delay(index, count, window));
        for (session, closes_in) in sessions.iter().zip(moments.clone()) {
            session.do_send(Drain { closes_in });
        }
        let ending = async {
            for (session, moment) in sessions.iter().zip(moments) {
                tokio::time::sleep_until(started + moment).await;
                session.do_send(Close(CloseReason::Draining));
            }
            // Those whose handshake was under way at the beginning.
            for session in table.close() {
                session.do_send(Close(CloseReason::Draining));
            }
            while table.len() > 0 {
                tokio::time::sleep(GONE_CHECK).await;
            }
        };
        // What is left then is cut off when the worker threads stop.
        let _ = tokio::time::timeout(deadline, ending).await;
        let (took, left) = (started.elapsed().as_millis(), table.len());
        log::info!("drained took_ms={took} cut_off={left}");
    }
}

/// Over which time `count` sessions are closed.
fn window(count: u32, longest: Duration) -> Duration {
    longest.min(Duration::from_secs(1) * count / CLOSED_PER_SECOND)
}

/// When, of `count` sessions over `window`, the one with this index is closed: the first at once, the others at even
/// distances.
fn delay(index: u32, count: u32, window: Duration) -> Duration {
    window * index / count
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(8);

    fn delays(count: u32) -> Vec<Duration> {
        let window = window(count, LONGEST);
        (0..count).map(|i| delay(i, count, window)).collect()
    }

    #[test]
    fn one_session_is_closed_at_once_and_nobody_is_waited_for() {
        assert_eq!(delays(1), [Duration::ZERO]);
        assert!(delays(0).is_empty());
        assert_eq!(window(0, LONGEST), Duration::ZERO);
    }

    #[test]
    fn a_thousand_sessions_a_second_are_closed_each_at_a_moment_of_its_own() {
        for count in [2, 100, 200, 8_000] {
            let expected: Vec<_> = (0..u64::from(count)).map(Duration::from_millis).collect();
            assert_eq!(delays(count), expected, "{count}");
        }
    }

    #[test]
    fn more_sessions_than_the_longest_window_takes_are_closed_faster_but_evenly() {
        let delays = delays(100_000);
        assert_eq!(delays.last(), Some(&Duration::from_micros(7_999_920)));
        let step = Duration::from_micros(80);
        assert!(delays.windows(2).all(|two| two[1] - two[0] == step));
    }

    #[test]
    fn without_a_window_all_are_closed_at_once() {
        let window = window(1_000_000, Duration::ZERO);
        assert_eq!(delay(999_999, 1_000_000, window), Duration::ZERO);
        assert_eq!(window, Duration::ZERO);
    }
}
