//! switchboard: an actor-model event router between MQTT and Socket.IO clients.

pub mod access;
pub mod application;
pub mod cli;
pub mod config;
pub mod demo;
pub mod store;
pub mod telemetry;
pub mod tokens;
pub mod transcript;
