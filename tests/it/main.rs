//! The integration ring: the real application on a free port, real brokers, a fresh database, raw
//! clients.
//!
//! One file for each family of promises; a test's name is its promise, with the row of the feature list that
//! it keeps in front (`l13_…`) or the line of the list of hostile inputs (`hostile_22_…`). Every server is
//! ended by `TestServer::stop`, which fails when a socket, member, room or subscription is left.

#![allow(
    clippy::unwrap_used,
    reason = "a test that fails here says where and why"
)]

#[path = "../support/mod.rs"]
mod support;

mod access;
mod backend_access;
mod broker_link;
mod burst;
mod chat;
mod conversations;
mod corpus;
mod delivery_links;
mod doctor;
mod documents;
mod documents_text;
mod drain;
mod engineio;
mod expiry;
mod handshake;
mod limits;
mod logs;
mod memberships;
mod metrics;
mod models;
mod origins;
mod outage;
mod payloads;
mod postgres;
mod program;
mod projects;
mod promises;
mod rest;
mod rights;
mod rooms;
mod session_commands;
mod socketio;
mod tls;
mod transcripts;
mod upgrade;

/// Makes two tests of each promise: `embedded::…` and `mosquitto::…`, against a broker outside the server that
/// can go and come back. The latter is skipped where Mosquitto is not installed.
macro_rules! on_both_brokers {
    ($($promise:ident)*) => {
        mod embedded {
            use crate::support::broker::{Broker, Kind};
            $(#[actix_web::test]
            async fn $promise() {
                let broker = Broker::start(Kind::Embedded).await;
                super::$promise(broker.expect("it is always there")).await;
            })*
        }
        mod mosquitto {
            use crate::support::broker::{Broker, Kind};
            $(#[actix_web::test]
            async fn $promise() {
                if let Some(broker) = Broker::start(Kind::Mosquitto).await {
                    super::$promise(broker).await;
                }
            })*
        }
    };
}
pub(crate) use on_both_brokers;
