//! Bounds on JSON that came from elsewhere.
//!
//! serde_json's recursion limit does not apply to what it skips or keeps raw
//! ([`RawValue`](serde_json::value::RawValue)): it walks those without recursion, at any depth. The depth is therefore
//! checked here, before serde_json looks.

mod scan;

use crate::error::DecodeError;

/// The deepest nesting accepted, in arrays and objects: as much as serde_json reads into a value.
pub const MAX_DEPTH: usize = 127;

/// Checks that these bytes are exactly one JSON value in UTF-8, no deeper than [`MAX_DEPTH`], and returns
/// it as it is, without white space around it. What passes can be put into a packet untouched: it holds no control
/// character but whitespace, so that neither a packet nor a polling payload can be broken from within.
///
/// One pass without allocation: every publication goes through it.
pub fn validate(bytes: &[u8]) -> Result<&str, DecodeError> {
    let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::Json)?;
    let value = scan::value(bytes)?;
    Ok(&text[value])
}

/// Parses text of bounded depth.
pub(crate) fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, DecodeError> {
    scan::value(text.as_bytes())?;
    serde_json::from_str(text).map_err(|_| DecodeError::Json)
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn nested(depth: usize) -> String {
        "[".repeat(depth) + &"]".repeat(depth)
    }

    #[test]
    fn depth_is_bounded_where_serde_json_gives_up_too() {
        let deepest = nested(MAX_DEPTH);
        assert!(validate(deepest.as_bytes()).is_ok());
        assert!(serde_json::from_str::<serde_json::Value>(&deepest).is_ok());
        let deeper = nested(MAX_DEPTH + 1);
        assert_eq!(
            validate(deeper.as_bytes()).err(),
            Some(DecodeError::TooDeep)
        );
        assert!(serde_json::from_str::<serde_json::Value>(&deeper).is_err());
    }

    #[test]
    fn serde_json_alone_does_not_bound_raw_values() {
        // The reason for counting. If this fails, the count has become superfluous.
        assert!(serde_json::from_str::<&RawValue>(&nested(100_000)).is_ok());
    }

    #[test]
    fn brackets_in_strings_and_side_by_side_do_not_nest() {
        let text = format!(r#"["\"{}\\",{}1]"#, "[{".repeat(1000), "[{}],".repeat(1000));
        assert_eq!(validate(text.as_bytes()), Ok(&text[..]));
    }

    #[test]
    fn what_passes_is_one_value_in_utf8_without_control_characters() {
        for bytes in [
            &b""[..],
            b" ",
            b"1 2",
            b"1,2",
            b"\xef\xbb\xbf1",
            b"\"\xff\"",
            b"\"\xed\xa0\x80\"",
            b"\"\x1e\"",
            b"\x1e1",
            b"\"\0\"",
            b"{\"a\":1",
            b"{a:1}",
            b"[1,]",
            b"]",
            b"01",
            b"NaN",
            b"'a'",
        ] {
            assert_eq!(validate(bytes).err(), Some(DecodeError::Json), "{bytes:?}");
        }
        for text in [
            "null",
            "-1.50",
            "1e400",
            r#""\ud800""#,
            r#"{"a":1,"a":2}"#,
            "\"é\"",
        ] {
            assert_eq!(validate(text.as_bytes()), Ok(text));
        }
    }
}
