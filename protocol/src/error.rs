//! Why a packet was refused. One flat list for both protocols, because the answer is always the same: the
//! connection that sent it is closed, and the reason is counted under its `code`.

use thiserror::Error;

/// A packet that cannot be understood, or that goes beyond a limit. It never repeats what was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// An Engine.IO packet, or a Socket.IO one, without even a type.
    #[error("empty packet")]
    Empty,
    /// An Engine.IO packet type other than 0 to 6 and `b`.
    #[error("unknown Engine.IO packet type")]
    EngineType,
    /// An Engine.IO close, upgrade or noop packet that carries data.
    #[error("data in a packet that takes none")]
    UnexpectedData,
    /// A polling body with more packets than the limit.
    #[error("too many packets in one payload")]
    TooManyPackets,
    /// What follows `b` is not base64.
    #[error("invalid base64")]
    Base64,
    /// A Socket.IO packet type other than 0 to 6, or one that this side never receives.
    #[error("unknown Socket.IO packet type")]
    SocketType,
    /// The attachment count of a binary packet is not a plain number followed by `-`.
    #[error("malformed attachment count")]
    AttachmentCount,
    /// More than [`MAX_ATTACHMENTS`](crate::socketio::MAX_ATTACHMENTS).
    #[error("too many attachments")]
    TooManyAttachments,
    /// The attachments of one packet are together larger than the limit.
    #[error("attachments too large")]
    AttachmentsTooLarge,
    /// A namespace that does not start with `/`, is too long, or has a comma or control characters.
    #[error("malformed namespace")]
    Namespace,
    /// An ack id that is no decimal number of 64 bits, or has leading zeros.
    #[error("malformed ack id")]
    AckId,
    /// An ack without the id it answers.
    #[error("ack without an id")]
    MissingAckId,
    /// Not one JSON value, or not UTF-8.
    #[error("malformed JSON")]
    Json,
    /// JSON nested deeper than [`MAX_DEPTH`](crate::json::MAX_DEPTH).
    #[error("JSON nested too deep")]
    TooDeep,
    /// JSON of another shape than the packet type wants, or where none belongs.
    #[error("payload of the wrong shape")]
    Payload,
    /// The payload of a connect packet is larger than [`MAX_AUTH_BYTES`](crate::socketio::MAX_AUTH_BYTES).
    #[error("handshake data too large")]
    AuthTooLarge,
    /// An event without a name, or whose name is no string or too long.
    #[error("malformed event name")]
    EventName,
    /// An event with a name that clients and servers keep for themselves.
    #[error("reserved event name")]
    ReservedEventName,
    /// More than [`MAX_ARGUMENTS`](crate::socketio::MAX_ARGUMENTS).
    #[error("too many arguments")]
    TooManyArguments,
    /// A binary placeholder that names no attachment, or one that another names too, or a missing one.
    #[error("malformed binary placeholder")]
    Placeholder,
    /// A text packet while attachments were due.
    #[error("text where an attachment was due")]
    UnexpectedText,
    /// A binary packet while none was due.
    #[error("binary data without a header")]
    UnexpectedBinary,
}

impl DecodeError {
    /// A short stable name, fit for a metric's label: `too_deep`, `base64`, …
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::EngineType => "engine_type",
            Self::UnexpectedData => "unexpected_data",
            Self::TooManyPackets => "too_many_packets",
            Self::Base64 => "base64",
            Self::SocketType => "socket_type",
            Self::AttachmentCount => "attachment_count",
            Self::TooManyAttachments => "too_many_attachments",
            Self::AttachmentsTooLarge => "attachments_too_large",
            Self::Namespace => "namespace",
            Self::AckId => "ack_id",
            Self::MissingAckId => "missing_ack_id",
            Self::Json => "json",
            Self::TooDeep => "too_deep",
            Self::Payload => "payload",
            Self::AuthTooLarge => "auth_too_large",
            Self::EventName => "event_name",
            Self::ReservedEventName => "reserved_event_name",
            Self::TooManyArguments => "too_many_arguments",
            Self::Placeholder => "placeholder",
            Self::UnexpectedText => "unexpected_text",
            Self::UnexpectedBinary => "unexpected_binary",
        }
    }
}
