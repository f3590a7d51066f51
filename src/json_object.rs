//! JSON objects, and nothing else. What serde derives for a struct also takes an array with the fields in their order,
//! which no document of ours describes.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A `T` that was written as an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields)).map(Object)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Named {
        name: String,
        raw: Option<Box<RawValue>>,
    }

    #[test]
    fn an_object_is_read_as_ever_and_an_array_is_not() {
        let read = |text: &str| serde_json::from_str::<Object<Named>>(text);
        let Object(named) = read(r#"{"name":"x","raw":{"a" :1.0}}"#).unwrap();
        assert_eq!(
            (&named.name[..], named.raw.unwrap().get()),
            ("x", r#"{"a" :1.0}"#)
        );
        assert!(serde_json::from_str::<Named>(r#"["x",1]"#).is_ok());
        for text in [
            r#"["x",1]"#,
            "[]",
            "1",
            "null",
            r#""x""#,
            r#"{"name":"x","more":1}"#,
        ] {
            assert!(read(text).unwrap_err().is_data(), "{text}");
        }
    }
}
