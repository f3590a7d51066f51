//! The limits that a client can meet, by name: metrics, errors and docs/operations.md call them so.

use prometheus_client::encoding::EncodeLabelSet;

/// A metric's label: which limit. A closed set, [`Limit::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LimitLabel {
    /// Its name.
    pub limit: &'static str,
}

/// Declares [`Limit`]: each limit and its public name, once.
macro_rules! limits {
    ($($(#[$doc:meta])* $limit:ident = $name:literal,)*) => {
        /// A limit that a client can meet.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Limit {
            $($(#[$doc])* $limit,)*
        }

        impl Limit {
            /// Every limit.
            pub const ALL: &[Self] = &[$(Self::$limit,)*];

            /// A stable word for metrics, errors and close frames.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$limit => $name,)*
                }
            }
        }
    };
}

limits! {
    /// Connections in total.
    Connections = "connections",
    /// Connections from one address.
    ConnectionsPerAddress = "connections_per_address",
    /// Connections a second from one address.
    ConnectRate = "connect_rate",
    /// Bytes and number of a request's header fields.
    HeaderBytes = "header_bytes",
    /// Time for a request's head.
    HeaderTime = "header_time",
    /// Time until the first socket of a connection.
    ConnectTime = "connect_time",
    /// Time for a WebSocket to take over from polling.
    UpgradeTime = "upgrade_time",
    /// Bytes of one WebSocket message.
    MessageBytes = "message_bytes",
    /// Bytes of one polling POST.
    PollingBody = "polling_body",
    /// Packets in one polling POST.
    PollingPackets = "polling_packets",
    /// Time for one polling POST.
    PollingTime = "polling_time",
    /// Time for the attachments of a binary event.
    AttachmentTime = "attachment_time",
    /// Events a second on one connection.
    EventsPerSecond = "events_per_second",
    /// Packets that wait to be served.
    PendingEvents = "pending_events",
    /// Answers that wait for something outside.
    PendingAcks = "pending_acks",
    /// Namespaces of one connection.
    Namespaces = "namespaces",
    /// Refused CONNECT packets of one connection.
    RefusedConnects = "refused_connects",
    /// Rooms of one socket.
    RoomsPerSocket = "rooms_per_socket",
    /// Organizations that one socket follows.
    OrganizationsPerSocket = "organizations_per_socket",
    /// Conversations whose jobs one socket follows.
    ConversationsPerFollower = "conversations_per_follower",
    /// Bytes of one question.
    QuestionBytes = "question_bytes",
    /// Answers that one socket waits for.
    AnswersPerSocket = "answers_per_socket",
    /// Bytes of one answer.
    AnswerBytes = "answer_bytes",
    /// Answers in total.
    Answers = "answers",
}
