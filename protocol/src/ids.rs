//! Ids, checked where they enter and trusted everywhere else.
//!
//! An id of these types is safe in an MQTT topic (no `/`, `+`, `#` or NUL), in a log line and in a path.
//! All are cheap to clone and can be looked up in a map by `&str`.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// An id that was refused: which kind of id, and which rule it broke. It never repeats the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("invalid {what}: {why}")]
pub struct InvalidId {
    /// The kind of id, as a client would call it: `session id`, `room`, …
    pub what: &'static str,
    /// The rule that it broke.
    pub why: IdFault,
}

/// The rule that an id broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IdFault {
    /// Nothing was given.
    #[error("it is empty")]
    Empty,
    /// Longer than this many bytes.
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
    /// A character outside the allowed set.
    #[error("it has a character that is not allowed")]
    Character,
    /// `.` alone or `..` anywhere, which would walk a path.
    #[error("it is a path")]
    Dots,
    /// A room that is not two ids with one slash between them.
    #[error("it is not of the form session/channel")]
    NotARoom,
}

/// Letters, digits and `. _ : ~ -`, at most `max` of them, and nothing that walks a path.
fn check_token(id: &str, max: usize) -> Result<(), IdFault> {
    if id.is_empty() {
        return Err(IdFault::Empty);
    }
    if id.len() > max {
        return Err(IdFault::TooLong(max));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:~-".contains(&byte);
    if !id.bytes().all(allowed) {
        return Err(IdFault::Character);
    }
    if id == "." || id.contains("..") {
        return Err(IdFault::Dots);
    }
    Ok(())
}

fn check_session(id: &str) -> Result<(), IdFault> {
    check_token(id, 128)
}

fn check_channel(id: &str) -> Result<(), IdFault> {
    check_token(id, 64)
}

/// User ids come from tokens of other systems (addresses, URNs), so that only their size is bounded
/// and control characters are kept out of logs.
fn check_user(id: &str) -> Result<(), IdFault> {
    match id {
        "" => Err(IdFault::Empty),
        _ if id.len() > 256 => Err(IdFault::TooLong(256)),
        _ if id.chars().any(char::is_control) => Err(IdFault::Character),
        _ => Ok(()),
    }
}

/// What every id can do once it holds an `Arc<str>` and knows how to check a string.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(id: &str) -> Result<Self, InvalidId> {
                $check(id).map_err(|why| InvalidId { what: $what, why })?;
                Ok(Self(Arc::from(id)))
            }
        }

        conversions!($name, $what);
    };
}

/// The conversions that need no more than `FromStr` and `as_str`.
macro_rules! conversions {
    ($name:ident, $what:literal) => {
        impl TryFrom<&str> for $name {
            type Error = InvalidId;

            fn try_from(id: &str) -> Result<Self, InvalidId> {
                id.parse()
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(IdVisitor::<$name>($what, std::marker::PhantomData))
            }
        }
    };
}

/// Parses an id out of any serde format, without a copy of its own.
struct IdVisitor<T>(&'static str, std::marker::PhantomData<T>);

impl<T: FromStr<Err = InvalidId>> serde::de::Visitor<'_> for IdVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {} as a string", self.0)
    }

    fn visit_str<E: serde::de::Error>(self, id: &str) -> Result<T, E> {
        id.parse().map_err(E::custom)
    }
}

id! {
    /// A transcription session: 1 to 128 of `[A-Za-z0-9._:~-]`, neither `.` nor with `..`.
    SessionId, "session id", check_session
}
id! {
    /// An organization: the same rule as a [`SessionId`].
    OrganizationId, "organization id", check_session
}
id! {
    /// A channel of a session, by index or by database id: as a [`SessionId`], at most 64.
    ChannelId, "channel id", check_channel
}
id! {
    /// A user, as a token names them: 1 to 256 bytes without control characters.
    UserId, "user id", check_user
}

/// A room, one channel of one session: `session/channel`. It is what clients join, and the key of its
/// publications: a map of rooms can be looked up by the `&str` that
/// [`parse_transcript`](crate::topics::parse_transcript) cuts out of a topic.
#[derive(Clone)]
pub struct RoomId {
    /// Both ids and the slash, in one allocation.
    whole: Arc<str>,
    /// Where the slash is.
    slash: usize,
}

impl RoomId {
    /// The room of that channel.
    pub fn new(session: &SessionId, channel: &ChannelId) -> Self {
        let whole = Arc::from(format!("{session}/{channel}"));
        Self {
            whole,
            slash: session.as_str().len(),
        }
    }

    /// `session/channel`.
    pub fn as_str(&self) -> &str {
        &self.whole
    }

    /// The session's id as text.
    pub fn session_str(&self) -> &str {
        &self.whole[..self.slash]
    }

    /// The channel's id as text.
    pub fn channel_str(&self) -> &str {
        &self.whole[self.slash + 1..]
    }

    /// The session's id. Allocates; compare by [`session_str`](Self::session_str).
    pub fn session(&self) -> SessionId {
        SessionId(Arc::from(self.session_str()))
    }

    /// The channel's id. Allocates; compare by [`channel_str`](Self::channel_str).
    pub fn channel(&self) -> ChannelId {
        ChannelId(Arc::from(self.channel_str()))
    }
}

impl FromStr for RoomId {
    type Err = InvalidId;

    fn from_str(room: &str) -> Result<Self, InvalidId> {
        let fault = |why| InvalidId { what: "room", why };
        let (session, channel) = room.split_once('/').ok_or(fault(IdFault::NotARoom))?;
        if channel.contains('/') {
            return Err(fault(IdFault::NotARoom));
        }
        check_session(session)
            .and_then(|()| check_channel(channel))
            .map_err(fault)?;
        Ok(Self {
            whole: Arc::from(room),
            slash: session.len(),
        })
    }
}

conversions!(RoomId, "room");

// Equality, order and hash are those of the text, as `Borrow<str>` demands.

impl PartialEq for RoomId {
    fn eq(&self, other: &Self) -> bool {
        self.whole == other.whole
    }
}

impl Eq for RoomId {}

impl PartialOrd for RoomId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RoomId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.whole.cmp(&other.whole)
    }
}

impl Hash for RoomId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.whole.hash(state);
    }
}
