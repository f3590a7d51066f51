//! The actors' promises, tested from outside over fakes and a paused clock.

mod captions;
mod outages;
mod outbox;
mod outbox_threads;
mod rooms;
mod script;
mod subscriptions;
mod subscriptions_model;
mod support;
