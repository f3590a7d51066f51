//! The standalone program around switchboard's actors: transports, configuration, storage, HTTP.

pub mod access;
pub mod config;
pub mod embedded_broker;
pub mod store;
pub mod tokens;
pub mod transcript;
pub mod transport;
