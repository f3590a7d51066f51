//! What switchboard says on the wire, and the names it says it with.
//!
//! Engine.IO 4 and Socket.IO 5 packets, frames that are encoded once and shared by every socket, ids that
//! are checked at the edge and trusted inside, MQTT topics and event names. Everything here is a pure
//! function of its arguments: no I/O, no clock, no randomness. Decoding never panics, whatever is sent,
//! and never allocates for what it has not received.

pub mod engineio;
mod error;
pub mod events;
pub mod frame;
pub mod ids;
pub mod json;
pub mod socketio;
pub mod topics;

pub use error::DecodeError;
pub use frame::Frame;
pub use ids::{ChannelId, InvalidId, OrganizationId, RoomId, SessionId, UserId};
