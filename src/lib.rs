//! switchboard: an actor-model event router between MQTT and Socket.IO clients.

pub mod access;
pub mod config;
pub mod store;
pub mod tokens;
pub mod transcript;
