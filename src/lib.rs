//! x
pub mod access;
pub mod store;
pub mod tokens;
