//! What integration tests share: a running server, its viewers, brokers and databases that come and go, raw HTTP and
//! WebSocket connections.

pub mod broker;
pub mod echo;
pub mod http;
pub mod model_server;
pub mod mosquitto;
pub mod mqtt;
pub mod neighbour;
pub mod pdf;
pub mod postgres;
pub mod program;
pub mod raw_websocket;
pub mod server;
pub mod tap;
pub mod tls;
pub mod tokens;
pub mod viewer;

use std::fmt::Debug;
use std::time::Duration;

/// How long anything may take before a test fails: longer than the server's longest deadline, 30 s for a POST's body.
pub const DEADLINE: Duration = Duration::from_secs(60);
/// How long an outage may take to be noticed or to be over, and what follows from it.
pub const OUTAGE_DEADLINE: Duration = Duration::from_secs(25);
/// Pause between two looks at something that tells nobody of its changes.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Waits for `future`, and panics with `what` and the last `state` when it does not come.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {DEADLINE:?} in vain for {what}"),
    }
}

/// Looks until what is seen satisfies `done`; panics with what was seen last.
pub async fn eventually<T: Debug>(
    what: &str,
    deadline: Duration,
    mut look: impl AsyncFnMut() -> T,
    done: impl Fn(&T) -> bool,
) -> T {
    let end = tokio::time::Instant::now() + deadline;
    loop {
        let seen = look().await;
        if done(&seen) {
            return seen;
        }
        assert!(
            tokio::time::Instant::now() < end,
            "waited {deadline:?} in vain for {what}; last seen: {seen:?}"
        );
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
