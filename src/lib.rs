//! The standalone program around switchboard's actors: transports, configuration, storage, HTTP.

pub mod transport;
