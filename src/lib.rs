//! The standalone program around switchboard's actors: transports, configuration, storage, HTTP.

pub mod access;
pub mod application;
mod cache;
pub mod cli;
pub mod config;
pub mod demo;
mod descriptors;
pub mod documents;
pub mod embedded_broker;
pub mod http;
mod json_object;
pub mod model;
mod outgoing;
mod pem;
pub mod recording;
mod session_body;
pub mod session_commands;
pub mod shutdown;
pub mod store;
pub mod telemetry;
pub mod tokens;
pub mod transcript;
pub mod transport;
