//! Ids, checked where they enter and trusted everywhere else.
//!
//! An id of these types is safe in an MQTT topic (no `/`, `+`, `#` or NUL), in a log line and in a path.
//! All are cheap to clone and can be looked up in a map by `&str`.

use std::borrow::Borrow;
use std::fmt;
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
    /// Not a whole number within [`MAX_NUMBER`].
    #[error("it is not a whole number from 1 to {MAX_NUMBER}")]
    NotANumber,
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

mod number;
mod room;

pub use number::{ChatId, DocumentId, MAX_NUMBER, MessageId, ProjectId};
pub use room::RoomId;

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
    /// A conversation (an uploaded recording and its transcript): the same rule as a [`SessionId`].
    ConversationId, "conversation id", check_session
}
id! {
    /// A user, as a token names them: 1 to 256 bytes without control characters.
    UserId, "user id", check_user
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::*;

    fn fault<T: FromStr<Err = InvalidId>>(id: &str) -> Option<IdFault> {
        id.parse::<T>().err().map(|error| error.why)
    }

    #[test]
    fn ids_take_exactly_their_characters() {
        assert_eq!(fault::<SessionId>("aZ09._:~-"), None);
        for byte in 0..=127_u8 {
            let c = char::from(byte);
            let allowed = c.is_ascii_alphanumeric() || "._:~-".contains(c);
            assert_eq!(
                fault::<SessionId>(&format!("a{c}")).is_none(),
                allowed,
                "{c:?}"
            );
        }
        assert_eq!(fault::<OrganizationId>("é"), Some(IdFault::Character));
        assert_eq!(fault::<ChannelId>("1/2"), Some(IdFault::Character));
    }

    #[test]
    fn ids_have_a_longest_length() {
        assert_eq!(fault::<SessionId>(&"a".repeat(128)), None);
        assert_eq!(
            fault::<SessionId>(&"a".repeat(129)),
            Some(IdFault::TooLong(128))
        );
        assert_eq!(
            fault::<OrganizationId>(&"a".repeat(129)),
            Some(IdFault::TooLong(128))
        );
        assert_eq!(fault::<ChannelId>(&"a".repeat(64)), None);
        assert_eq!(
            fault::<ChannelId>(&"a".repeat(65)),
            Some(IdFault::TooLong(64))
        );
        assert_eq!(fault::<UserId>(&"é".repeat(128)), None);
        assert_eq!(
            fault::<UserId>(&"é".repeat(129)),
            Some(IdFault::TooLong(256))
        );
        assert_eq!(fault::<UserId>(""), Some(IdFault::Empty));
        assert_eq!(fault::<SessionId>(""), Some(IdFault::Empty));
    }

    #[test]
    fn ids_never_walk_a_path() {
        for id in [".", "..", "a..b", "..."] {
            assert_eq!(fault::<SessionId>(id), Some(IdFault::Dots), "{id}");
            assert_eq!(fault::<ChannelId>(id), Some(IdFault::Dots), "{id}");
        }
        assert_eq!(fault::<SessionId>("a.b."), None);
    }

    #[test]
    fn user_ids_take_what_other_systems_call_their_users() {
        assert_eq!(fault::<UserId>("urn:user/jo e@example.org+#é"), None);
        for id in ["a\nb", "a\0", "\u{85}"] {
            assert_eq!(fault::<UserId>(id), Some(IdFault::Character), "{id:?}");
        }
    }

    #[test]
    fn maps_of_ids_are_looked_up_by_text() {
        let room: RoomId = "S/1".parse().expect("a room");
        let hashed = HashMap::from([(room.clone(), 1)]);
        let ordered = BTreeMap::from([(room, 1)]);
        assert_eq!((hashed.get("S/1"), hashed.get("S/2")), (Some(&1), None));
        assert_eq!((ordered.get("S/1"), ordered.get("S")), (Some(&1), None));
        let user: UserId = "u".parse().expect("a user");
        assert_eq!(HashMap::from([(user, 1)]).get("u"), Some(&1));
    }

    #[test]
    fn errors_name_the_rule_and_never_the_input() {
        let error = SessionId::try_from("sec ret").expect_err("a space");
        assert_eq!(
            error.to_string(),
            "invalid session id: it has a character that is not allowed"
        );
        let error = RoomId::try_from("secret").expect_err("no slash");
        assert_eq!(
            error.to_string(),
            "invalid room: it is not of the form session/channel"
        );
    }

    #[test]
    fn serde_checks_what_it_reads() {
        let ids: Vec<ChannelId> = serde_json::from_str(r#"["1","\u0062"]"#).expect("two ids");
        assert_eq!(
            serde_json::to_string(&ids).expect("strings"),
            r#"["1","b"]"#
        );
        let room: RoomId = serde_json::from_str(r#""S/1""#).expect("a room");
        assert_eq!(
            format!("{room} {room:?} {room:>5}"),
            "S/1 RoomId(S/1)   S/1"
        );
        for json in [r#""a b""#, "1", "null", r#"["a"]"#] {
            assert!(serde_json::from_str::<SessionId>(json).is_err(), "{json}");
        }
    }
}
