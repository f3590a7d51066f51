//! Every capacity, size and deadline of the actors, in one place.
//!
//! A number that an operator may want to turn is a field of a settings struct and has its default here.

mod names;

use std::time::Duration;

pub use names::{Limit, LimitLabel};

/// Bytes that may wait for one socket before it is cut off.
pub const OUTBOX_BYTES: usize = 1024 * 1024;
/// Frames that may wait for one socket before it is cut off.
pub const OUTBOX_FRAMES: usize = 4_096;
/// Events that a recoverable socket may have missed.
pub const JOURNAL_FRAMES: usize = OUTBOX_FRAMES / 2;
/// Bytes of them; half an outbox, so that what was missed never overflows it.
pub const JOURNAL_BYTES: usize = OUTBOX_BYTES / 2;
/// Recoverable sockets that may be away; beyond it, those that have been away longest end.
pub const RECOVERABLES_AWAY: usize = 20_000;
/// How long storage remembers a recoverable socket since its rooms changed last.
pub const RECOVERABLES_KEPT: Duration = Duration::from_secs(24 * 3600);
/// Pause between two looks for those that storage remembers for longer.
pub const RECOVERABLES_PURGE: Duration = Duration::from_secs(3600);
/// Slices handed to one vectored write; Linux takes at most 1,024 (`UIO_MAXIOV`).
pub const SLICES_PER_WRITE: usize = 64;
/// Writes of one room in a row; then others on its thread have their turn. At some 10 µs each that is 2 to 3 ms.
pub const WRITES_PER_TURN: usize = 256;
/// Packets in one polling answer; python-engineio refuses more by default.
pub const PACKETS_PER_POLL: usize = 16;
/// How long a closing socket may take to read what is still queued for it.
pub const CLOSE_LINGER: Duration = Duration::from_secs(5);

/// Bytes that may wait in the encryption of one WebSocket over TLS, beside those of its outbox.
pub const TLS_BUFFER_BYTES: usize = 64 * 1024;

/// Packets of one session that wait for an earlier one to be served; then nothing more is read. A polling
/// POST counts as one, so that what waits is bounded by this and the largest payload.
pub const PENDING_EVENTS: usize = 64;
/// Answers of one socket that wait for something outside (a broker's grant).
pub const PENDING_ANSWERS: usize = 256;
/// Namespaces one connection may hold.
pub const NAMESPACES_PER_SESSION: usize = 8;
/// Refused CONNECT packets one connection may send before it is cut off.
pub const REFUSED_CONNECTS: u32 = 16;
/// Seconds of `max_events_per_second` that a connection may have served at once: a client that comes back joins all of its
/// rooms and watches in one go, or sends what it has kept meanwhile.
pub const EVENT_BURST_SECONDS: u32 = 5;
/// A connection that sends so many times as many events as it may is cut off.
pub const EVENT_FLOOD_FACTOR: u32 = 10;
/// Rooms one socket may be in.
pub const ROOMS_PER_SOCKET: usize = 100;
/// How long a binary packet's attachments may take to arrive.
pub const ATTACHMENTS_DEADLINE: Duration = Duration::from_secs(10);
/// How long before a token's end its sockets are told.
pub const TOKEN_NOTICE: Duration = Duration::from_secs(60);
/// Longest timer that a thread sets for its sessions; who waits for longer, for a token's end, is looked at again then.
pub const LONGEST_TIMER: Duration = Duration::from_secs(24 * 3600);

/// MQTT packets up to this size are read: a long list of sessions must never end the link.
pub const MQTT_PACKET_BYTES: usize = 16 * 1024 * 1024;
/// MQTT keep-alive. A silent broker is noticed after at most two of them, so within 10 s.
pub const MQTT_KEEP_ALIVE: Duration = Duration::from_secs(4);
/// Seconds for TCP connect, TLS and CONNACK together.
pub const MQTT_CONNECT_SECONDS: u64 = 5;
/// Requests that may wait for the task that polls the MQTT connection.
pub const MQTT_REQUESTS: usize = 1_024;
/// Publications handed on in one batch.
pub const PUBLICATIONS_PER_BATCH: usize = 256;
/// KiB of publications between the MQTT socket and the rooms; beyond it the link stops reading.
pub const PUBLICATION_KIB_IN_FLIGHT: usize = 64 * 1024;
/// Most connections that transcripts come by.
pub const DELIVERY_LINKS: usize = 8;
/// Filters in one SUBSCRIBE packet.
pub const FILTERS_PER_PACKET: usize = 256;
/// SUBSCRIBE and UNSUBSCRIBE packets that wait for their answer, per connection. One: what is asked for meanwhile goes
/// together in the next, and a broker without TCP_NODELAY (Mosquitto's default) would hold a second answer back until
/// the first is acknowledged, which takes up to 40 ms.
pub const PACKETS_UNANSWERED: usize = 1;
/// Events that wait to be published while the broker is away.
pub const PUBLISHES_WAITING: usize = 1_000;
/// First pause before reconnecting to the broker.
pub const RECONNECT_FIRST: Duration = Duration::from_millis(100);
/// Longest pause before reconnecting to the broker.
pub const RECONNECT_LONGEST: Duration = Duration::from_secs(2);
/// A link counts as steady, and its backoff starts anew, after this long.
pub const LINK_STEADY: Duration = Duration::from_secs(5);
/// How long all links must hold before viewers hear `broker_ok`, so that a flapping broker is told once.
pub const BROKER_SETTLE: Duration = Duration::from_millis(300);

/// Finals that a room holds in memory.
pub const RECENT_FINALS: usize = 256;
/// Bytes of them.
pub const RECENT_BYTES: usize = 256 * 1024;
/// Finals that a joining client may ask for.
pub const HISTORY_FINALS: u16 = 500;
/// Bytes of finals that one is sent first; half an outbox, so that no history overflows it.
pub const HISTORY_BYTES: usize = OUTBOX_BYTES / 2;
/// How long storage may take to answer for a history.
pub const HISTORY_DEADLINE: Duration = Duration::from_secs(5);
/// Finals read from storage at a time.
pub const HISTORY_PAGE: u32 = 100;
/// Finals read from storage for one history at most.
pub const HISTORY_READ: usize = 2_000;
/// Bytes of them.
pub const HISTORY_READ_BYTES: usize = 4 * HISTORY_BYTES;
/// Frames held for a member that waits for storage; beyond it, it goes on live without.
pub const HISTORY_HELD_FRAMES: usize = OUTBOX_FRAMES / 2;
/// Bytes of them: with a history of the full size there is still room in an outbox.
pub const HISTORY_HELD_BYTES: usize = OUTBOX_BYTES / 2 - 128 * 1024;
/// How far the clocks of switchboards that share a database may be apart, in microseconds.
pub const CLOCK_SKEW_MICROS: u64 = 1_000_000;
/// After this, every switchboard has stored what was published before a room began.
pub const MEMORY_SETTLED: Duration = Duration::from_secs(2);

/// Finals that may wait to be stored.
pub const FINALS_WAITING: usize = 20_000;
/// Bytes of them.
pub const FINALS_WAITING_BYTES: usize = 32 * 1024 * 1024;
/// Finals stored at a time.
pub const FINALS_PER_BATCH: usize = 500;
/// Bytes of them, beyond the first.
pub const FINALS_BATCH_BYTES: usize = 4 * 1024 * 1024;
/// How long a final waits for others to be stored with.
pub const STORE_INTERVAL: Duration = Duration::from_millis(500);
/// How long storing a batch, or purging a chunk, may take.
pub const STORE_DEADLINE: Duration = Duration::from_secs(10);
/// Longest pause before storing is tried again.
pub const STORE_RETRY_LONGEST: Duration = Duration::from_secs(5);
/// Pause between two looks for finals that are older than the retention.
pub const PURGE_INTERVAL: Duration = Duration::from_secs(60);
/// Finals purged at a time, so that storing others is not held up.
pub const PURGE_CHUNK: u32 = 1_000;

/// Organizations whose sessions one socket may watch; as many again for each other thing to follow.
pub const ORGANIZATIONS_PER_SOCKET: usize = 50;
/// Events that wait for the acknowledgement of a watch; a socket that takes none for so long is cut off.
pub const HELD_FRAMES: usize = 256;
/// A longer list of sessions is refused.
pub const SNAPSHOT_BYTES: usize = 8 * 1024 * 1024;
/// Sessions whose organization is looked up at the same time.
pub const LOOKUPS_AT_ONCE: usize = 8;
/// How long such a look-up may take.
pub const LOOKUP_DEADLINE: Duration = Duration::from_secs(10);
/// First pause before a look-up that failed is tried again.
pub const LOOKUP_RETRY_FIRST: Duration = Duration::from_secs(1);
/// Longest pause before it is, and the pause before an unknown session is looked up again.
pub const LOOKUP_RETRY_LONGEST: Duration = Duration::from_secs(30);

/// Sockets whose rights are asked again at the same time.
pub const RECHECKS_AT_ONCE: usize = 64;
/// How long one of them may take; then it keeps what it has, and is asked for later.
pub const RECHECK_DEADLINE: Duration = Duration::from_secs(15);
/// Shares in which all sockets are asked for, one after the other.
pub const RECHECK_TURNS: u32 = 64;

/// A larger event of an organization is refused.
pub const ORGANIZATION_EVENT_BYTES: usize = 256 * 1024;
/// How long one poll of an organization's media may take.
pub const MEDIA_POLL_DEADLINE: Duration = Duration::from_secs(5);
/// Polls of an organization's media in a row, without a new watcher or conversation.
pub const MEDIA_POLLS_IN_A_ROW: u32 = 1_000;
/// Conversations of an organization that are remembered between polls, and told of in one list.
pub const CONVERSATIONS_TRACKED: usize = 1_000;
/// Conversations of one organization whose LLM jobs one socket may follow.
pub const CONVERSATIONS_PER_FOLLOWER: usize = 100;

/// Bytes of one question of a chat.
pub const QUESTION_BYTES: usize = 32 * 1024;
/// Answers that one socket may wait for at once, each in a chat of its own.
pub const ANSWERS_PER_SOCKET: usize = 8;
/// Answers at once.
pub const ANSWERS: usize = 1_000;
/// Bytes of one answer; what comes after them is cut off, and the answer kept as a partial one.
pub const ANSWER_BYTES: usize = 256 * 1024;
/// Turns of a chat before its question that a model is told.
pub const TURNS_TOLD: u32 = 5;
/// How long looking for sources may take.
pub const RETRIEVAL_DEADLINE: Duration = Duration::from_secs(10);
/// Times that storing an answer is tried.
pub const ANSWER_STORE_TRIES: u32 = 3;
/// Pause between two of them.
pub const ANSWER_STORE_PAUSE: Duration = Duration::from_millis(500);
