//! switchboard: an actor-model event router between MQTT and Socket.IO clients.

pub mod config;
pub mod transcript;
