//! The actors' promises, tested from outside over fakes and a paused clock.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod captions;
mod chat_answers;
mod chat_faults;
mod chat_projects;
mod deadlines;
mod delivery_links;
mod drain;
mod handshake;
mod history;
mod limits;
mod namespaces;
mod organization_events;
mod organization_jobs;
mod organization_media;
mod organization_media_loop;
mod organization_media_news;
mod organization_sessions;
mod organization_sessions_access;
mod organization_sessions_ends;
mod organization_sessions_guests;
mod organization_sessions_lists;
mod outages;
mod outbox;
mod polling;
mod publications;
mod recorded_rooms;
mod recorder;
mod recovery;
mod rights;
mod room_calls;
mod rooms;
mod script;
mod session;
mod session_order;
mod subscriptions;
mod subscriptions_model;
mod support;
mod tokens;
