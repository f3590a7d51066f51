//! x
pub mod access;
pub mod http;
pub mod store;
pub mod tokens;
