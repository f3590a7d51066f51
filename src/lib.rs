//! The standalone program switchboard: wiring and edges around the protocol and the actors.

pub mod embedded_broker;
