//! Where attachments belong in the JSON of a packet: objects like `{"_placeholder":true,"num":0}`.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::DecodeError;

/// Checks that each of `count` attachments has exactly one placeholder in these arguments, and that there
/// is no other. Builds nothing while it walks.
pub(super) fn check(args: &[Box<RawValue>], count: usize) -> Result<(), DecodeError> {
    let mut walk = Walk { count, seen: 0 };
    for arg in args {
        let mut json = serde_json::Deserializer::from_str(arg.get());
        walk.deserialize(&mut json)
            .map_err(|_| DecodeError::Placeholder)?;
    }
    if walk.seen.count_ones() as usize == count {
        Ok(())
    } else {
        Err(DecodeError::Placeholder)
    }
}

/// The placeholders met so far.
struct Walk {
    /// How many attachments there are, at most 32.
    count: usize,
    /// One bit for each attachment that has a placeholder.
    seen: u32,
}

/// As much of a value as decides whether an object is a placeholder.
#[derive(Clone, Copy, PartialEq)]
enum Value {
    True,
    Number(u64),
    Other,
}

impl Walk {
    fn mark<E: de::Error>(&mut self, num: Value) -> Result<(), E> {
        let Value::Number(num) = num else {
            return Err(E::custom("num"));
        };
        let bit = 1_u32
            .checked_shl(u32::try_from(num).unwrap_or(u32::MAX))
            .unwrap_or(0);
        if num >= self.count as u64 || self.seen & bit != 0 {
            return Err(E::custom("num"));
        }
        self.seen |= bit;
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for &mut Walk {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Walk {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(if value { Value::True } else { Value::Other })
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        while items.next_element_seed(&mut *self)?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let (mut marked, mut num) = (false, Value::Other);
        while let Some(key) = entries.next_key::<Cow<'de, str>>()? {
            let value = entries.next_value_seed(&mut *self)?;
            // The last of two equal keys counts, as in a browser.
            match key.as_ref() {
                "_placeholder" => marked = value == Value::True,
                "num" => num = value,
                _ => {}
            }
        }
        if marked {
            self.mark(num)?;
        }
        Ok(Value::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(arg: &str, count: usize) -> Result<(), DecodeError> {
        check(
            &[RawValue::from_string(arg.to_owned()).expect("JSON")],
            count,
        )
    }

    #[test]
    fn placeholders_are_found_anywhere() {
        let first = r#"{"_placeholder":true,"num":0}"#;
        let second = r#"{"num":1,"_placeholder":true}"#;
        for arg in [
            format!("[{first},{second}]"),
            format!(r#"{{"a":[null,-1.5,"x",false,{{"b":{second}}}],"c":{first}}}"#),
            format!(r#"{{"num":{first},"_placeholder":{second}}}"#),
            format!(r#"[{second},{{"\u005fplaceholder":true,"num":0,"more":[]}}]"#),
        ] {
            assert_eq!(check_text(&arg, 2), Ok(()), "{arg}");
            assert_eq!(check_text(&arg, 1), Err(DecodeError::Placeholder), "{arg}");
            assert_eq!(check_text(&arg, 3), Err(DecodeError::Placeholder), "{arg}");
        }
    }

    #[test]
    fn what_only_looks_like_one_is_plain_data() {
        for arg in [
            r#"{"_placeholder":false,"num":0}"#,
            r#"{"_placeholder":"true","num":0}"#,
            r#"{"_placeholder":1,"num":0}"#,
            r#"{"_placeholder":true,"_placeholder":null,"num":0}"#,
            r#"{"num":0}"#,
            r#"["_placeholder",true,"num",0]"#,
        ] {
            assert_eq!(check_text(arg, 0), Ok(()), "{arg}");
        }
    }
}
