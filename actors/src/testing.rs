//! Fakes of everything the actors touch, for their own tests and for those of programs that embed them.
//!
//! [`paused`] runs a test on an actix system whose clock only moves when nothing else can happen, so that no
//! test ever waits in real time: [`quiet`] returns when everything that can happen has happened, [`pass`]
//! lets time go by, timer after timer. [`Harness`] wires registry, broker and sessions over the fakes.

mod broker;
mod chat;
mod client;
mod frames;
mod harness;
mod media;
mod ports;
mod recoverables;
mod storage;
mod transcripts;
mod wire;

use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

pub use broker::FakeBroker;
pub use chat::{ChatStage, FakeChats, FakeModel, FakeRetrieval};
pub use client::Client;
pub use frames::{ServerFrame, frames};
pub use harness::{Harness, Setup};
pub use media::FakeMedia;
pub use ports::{FakeAccess, FakeDirectory, FakeTokens};
pub use recoverables::FakeRecoverables;
pub use transcripts::FakeTranscripts;
pub use wire::FakeWire;

/// How long [`eventually`] waits, in real time.
const DEADLINE: Duration = Duration::from_secs(10);

/// Runs a test on an actix system of one thread, whose clock jumps to the next timer when all tasks wait.
pub fn paused<F: Future>(test: F) -> F::Output {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime needs no more than threads")
    };
    actix::System::with_tokio_rt(runtime).block_on(test)
}

/// Lets `time` go by on the paused clock; every timer within it fires at its own moment.
pub async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Returns when everything that can happen without time going by has happened: the paused clock moves, by
/// this millisecond, only once every task waits. What has not been said then is not going to be.
pub async fn quiet() {
    pass(Duration::from_millis(1)).await;
}

/// Waits until `probe` returns what `is_wanted`, while other tasks (and threads) go on and the paused clock
/// stands still; panics with the last state after ten seconds.
pub async fn eventually<S: Debug>(
    mut probe: impl FnMut() -> S,
    is_wanted: impl Fn(&S) -> bool,
) -> S {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let state = probe();
        if is_wanted(&state) {
            return state;
        }
        assert!(
            Instant::now() < deadline,
            "not reached in {DEADLINE:?}, last seen: {state:?}"
        );
        std::thread::yield_now();
        tokio::task::yield_now().await;
    }
}
