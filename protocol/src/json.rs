//! Bounds on JSON that came from elsewhere.
//!
//! serde_json's recursion limit does not apply to what it skips or keeps raw ([`RawValue`]): it walks
//! those without recursion, at any depth. The depth is therefore counted here, before serde_json looks.

use serde_json::value::RawValue;

use crate::error::DecodeError;

/// The deepest nesting accepted, in arrays and objects: as much as serde_json reads into a value.
pub const MAX_DEPTH: usize = 127;

/// Checks that these bytes are exactly one JSON value in UTF-8, no deeper than [`MAX_DEPTH`], and returns
/// it as it is. What passes can be put into a packet untouched: it holds no control character but
/// whitespace, so that neither a packet nor a polling payload can be broken from within.
pub fn validate(bytes: &[u8]) -> Result<&RawValue, DecodeError> {
    parse(std::str::from_utf8(bytes).map_err(|_| DecodeError::Json)?)
}

/// Parses text of bounded depth.
pub(crate) fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, DecodeError> {
    check_depth(text.as_bytes())?;
    serde_json::from_str(text).map_err(|_| DecodeError::Json)
}

/// Counts brackets outside strings. Only the count matters: whether they match is the parser's business.
fn check_depth(json: &[u8]) -> Result<(), DecodeError> {
    let mut depth = 0_usize;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' if depth == MAX_DEPTH => return Err(DecodeError::TooDeep),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    Ok(())
}

fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}
