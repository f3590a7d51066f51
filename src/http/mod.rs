//! What is served over plain HTTP beside the transports: health, metrics, the page, REST.

pub mod api;
pub mod health;
pub mod page;
mod process;
