//! The little WebSocket and MQTT 3.1.1 that the load tool and the bare writer need, without I/O of its own.
//!
//! Only what a benchmark meets is here: unfragmented frames, QoS 0. It shares nothing with
//! switchboard's own protocol crate, so that a fault there cannot hide here.

pub mod buffers;
pub mod mqtt;
pub mod websocket;

/// Why bytes from a peer cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WireError {
    /// A length above [`MAX_UNIT_BYTES`], or an impossible one.
    #[error("a frame or packet of {0} bytes, more than the {MAX_UNIT_BYTES} read here")]
    TooLong(u64),
    /// Something this reader does not speak.
    #[error("unreadable: {0}")]
    Unreadable(&'static str),
}

/// The longest frame or packet read, in bytes; it bounds every read buffer.
pub const MAX_UNIT_BYTES: u64 = 16 * 1024 * 1024;
