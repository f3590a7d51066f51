//! Socket.IO 5: namespaces, events and acks, carried by Engine.IO messages.
//!
//! A packet is a text message, `2/ns,12["name",arg]`, followed by a binary message for each attachment.
//! JSON is kept as it came: what a handler does not read is never parsed into a tree.

use bytes::Bytes;
use serde_json::value::RawValue;

mod decode;
mod encode;
mod namespace;
mod placeholder;

pub use decode::Decoder;
pub use encode::{ack, connect_error, connect_ok, connect_recoverable, disconnect, encode};
pub use namespace::Namespace;

/// The most attachments of one packet, as in the reference parser.
pub const MAX_ATTACHMENTS: usize = 10;
/// The most values in the array of one event or ack, an event's name included. Each costs an allocation of
/// its own, far larger than the two bytes that it can be sent in.
pub const MAX_ARGUMENTS: usize = 64;
/// The longest event name, in bytes.
pub const MAX_EVENT_NAME_BYTES: usize = 256;
/// The largest payload of a connect packet, in bytes: a token is a few kilobytes.
pub const MAX_AUTH_BYTES: usize = 64 * 1024;

/// Names an event that waits for an ack, within one connection and one direction.
pub type AckId = u64;

/// A whole packet, its attachments included.
#[derive(Debug, Clone)]
pub struct Packet {
    /// Whom it concerns.
    pub namespace: Namespace,
    /// What it says.
    pub body: Body,
}

/// What a packet says.
#[derive(Debug, Clone)]
pub enum Body {
    /// Connect to the namespace, from a client with its `auth`; connected, from a server with the `sid`.
    /// A JSON object when present.
    Connect(Option<Box<RawValue>>),
    /// Leave the namespace.
    Disconnect,
    /// An event.
    Event {
        /// What happened.
        event: Event,
        /// Present when the sender wants an ack.
        ack: Option<AckId>,
    },
    /// The answer to an event.
    Ack {
        /// JSON values; placeholders of attachments stay as they came.
        args: Vec<Box<RawValue>>,
        /// What the placeholders stand for, by their `num`.
        attachments: Vec<Bytes>,
        /// The event that it answers.
        id: AckId,
    },
    /// The namespace refuses, from a server: a JSON object with a `message`.
    ConnectError(Box<RawValue>),
}

impl Body {
    /// The binary messages that belong to it; empty for all but events and acks.
    pub fn attachments(&self) -> &[Bytes] {
        match self {
            Self::Event { event, .. } => &event.attachments,
            Self::Ack { attachments, .. } => attachments,
            Self::Connect(_) | Self::Disconnect | Self::ConnectError(_) => &[],
        }
    }

    /// Where they are to be put; `None` for all but events and acks.
    fn attachments_mut(&mut self) -> Option<&mut Vec<Bytes>> {
        match self {
            Self::Event { event, .. } => Some(&mut event.attachments),
            Self::Ack { attachments, .. } => Some(attachments),
            Self::Connect(_) | Self::Disconnect | Self::ConnectError(_) => None,
        }
    }
}

/// An event: a name, arguments and attachments.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its name, never a reserved one.
    pub name: String,
    /// JSON values, without the name; placeholders of attachments stay as they came.
    pub args: Vec<Box<RawValue>>,
    /// What the placeholders stand for, by their `num`.
    pub attachments: Vec<Bytes>,
}
