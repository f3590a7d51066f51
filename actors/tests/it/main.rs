//! The actors' promises, tested from outside over fakes and a paused clock.

mod outbox;
mod outbox_threads;
