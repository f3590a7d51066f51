//! The actors' promises, tested from outside over fakes and a paused clock.

mod outages;
mod outbox;
mod outbox_threads;
mod rooms;
mod subscriptions;
mod support;
