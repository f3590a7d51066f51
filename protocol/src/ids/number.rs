//! Ids that are numbers: those of chats and what belongs to them.

use std::fmt;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{IdFault, InvalidId};

/// The largest number that JavaScript reads exactly.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// What every numbered id can do. In JSON it is a whole number and nothing else: no text, and no fraction of zero.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// The number.
            pub fn get(self) -> u64 {
                self.0
            }
        }

        impl TryFrom<u64> for $name {
            type Error = InvalidId;

            fn try_from(number: u64) -> Result<Self, InvalidId> {
                match number {
                    1..=MAX_NUMBER => Ok(Self(number)),
                    _ => Err(invalid($what)),
                }
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Digits alone, and none too many: neither `+1` nor `01` is an id.
            fn from_str(id: &str) -> Result<Self, InvalidId> {
                let is_plain = id.bytes().all(|byte| byte.is_ascii_digit()) && !id.starts_with('0');
                let number = id.parse().ok().filter(|_| is_plain);
                Self::try_from(number.unwrap_or(0_u64))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_u64(self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::try_from(u64::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }
    };
}

fn invalid(what: &'static str) -> InvalidId {
    InvalidId {
        what,
        why: IdFault::NotANumber,
    }
}

number! {
    /// A project: documents and the chats about them. 1 to 2^53 - 1.
    ProjectId, "project id"
}
number! {
    /// A chat of a project. 1 to 2^53 - 1.
    ChatId, "chat id"
}
number! {
    /// A document of a project. 1 to 2^53 - 1.
    DocumentId, "document id"
}
number! {
    /// A message of a chat. 1 to 2^53 - 1; in a chat, what is said later has the greater one.
    MessageId, "message id"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_positive_and_exact_in_every_client() {
        for number in [1, 7, MAX_NUMBER] {
            let id = ProjectId::try_from(number).expect("an id");
            assert_eq!((id.get(), id.to_string()), (number, number.to_string()));
            assert_eq!(number.to_string().parse(), Ok(id));
            let json = serde_json::to_string(&id).expect("a number");
            assert_eq!(serde_json::from_str::<ProjectId>(&json).ok(), Some(id));
        }
        for number in [0, MAX_NUMBER + 1, u64::MAX] {
            let refused = ChatId::try_from(number).map_err(|error| error.why);
            assert_eq!(refused, Err(IdFault::NotANumber), "{number}");
        }
    }

    #[test]
    fn what_is_no_plain_number_is_no_id() {
        for text in [
            "",
            "0",
            "00",
            "01",
            "+1",
            "-1",
            " 1",
            "1 ",
            "1.0",
            "1e3",
            "0x1",
            "١",
            "9007199254740992",
            "18446744073709551617",
        ] {
            assert!(text.parse::<ChatId>().is_err(), "{text:?}");
        }
        for json in [
            "0",
            "-1",
            "1.0",
            "1.5",
            "1e3",
            "\"1\"",
            "true",
            "null",
            "[1]",
            "{}",
            "9007199254740992",
            "18446744073709551616",
        ] {
            assert!(serde_json::from_str::<ChatId>(json).is_err(), "{json}");
        }
    }
}
