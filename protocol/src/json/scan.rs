//! The grammar of JSON (RFC 8259), checked in one pass and by a loop: nothing is built, allocated or called by itself.
//!
//! Takes exactly what serde_json passes over; tests/json.rs compares the two.

use std::ops::Range;

use super::MAX_DEPTH;
use crate::error::DecodeError;

/// Finds where the one value of this text begins and ends; white space around it is all that may be left.
pub(super) fn value(json: &[u8]) -> Result<Range<usize>, DecodeError> {
    let mut scan = Scan { json, at: 0 };
    scan.skip_white();
    let start = scan.at;
    let mut open = Open::default();
    loop {
        scan.skip_white();
        let is_whole = match scan.next()? {
            b'{' => {
                open.push(true)?;
                scan.skip_white();
                match scan.take(b'}') {
                    true => open.pop(),
                    false => scan.key()?,
                }
            }
            b'[' => {
                open.push(false)?;
                scan.skip_white();
                scan.take(b']') && open.pop()
            }
            first => scan.scalar(first)?,
        };
        if is_whole && scan.ends(&mut open)? {
            break;
        }
    }
    let end = scan.at;
    scan.skip_white();
    match scan.at == json.len() {
        true => Ok(start..end),
        false => Err(DecodeError::Json),
    }
}

/// The arrays and objects around where the scan is.
#[derive(Default)]
struct Open {
    depth: usize,
    /// One bit for each, the innermost lowest: whether it is an object.
    objects: u128,
}

const _: () = assert!(MAX_DEPTH <= u128::BITS as usize);

impl Open {
    fn push(&mut self, is_object: bool) -> Result<(), DecodeError> {
        if self.depth == MAX_DEPTH {
            return Err(DecodeError::TooDeep);
        }
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(is_object);
        Ok(())
    }

    /// Closes the innermost, which is a whole value now: true.
    fn pop(&mut self) -> bool {
        self.depth -= 1;
        self.objects >>= 1;
        true
    }

    fn is_object(&self) -> bool {
        self.objects & 1 == 1
    }
}

struct Scan<'a> {
    json: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }

    fn next(&mut self) -> Result<u8, DecodeError> {
        let next = self.peek().ok_or(DecodeError::Json)?;
        self.at += 1;
        Ok(next)
    }

    /// Whether `wanted` comes next; then it is passed.
    fn take(&mut self, wanted: u8) -> bool {
        let is_there = self.peek() == Some(wanted);
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, wanted: u8) -> Result<(), DecodeError> {
        self.take(wanted).then_some(()).ok_or(DecodeError::Json)
    }

    fn skip_white(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// What follows a whole value: a further one, whose key is passed, or the ends of what is around it. Says whether
    /// nothing is open any more.
    fn ends(&mut self, open: &mut Open) -> Result<bool, DecodeError> {
        while open.depth > 0 {
            self.skip_white();
            match (self.next()?, open.is_object()) {
                (b',', true) => return self.key(),
                (b',', false) => return Ok(false),
                (b'}', true) | (b']', false) => open.pop(),
                _ => return Err(DecodeError::Json),
            };
        }
        Ok(true)
    }

    /// A field's name and the colon; never a whole value: false.
    fn key(&mut self) -> Result<bool, DecodeError> {
        self.skip_white();
        self.expect(b'"')?;
        self.string()?;
        self.skip_white();
        self.expect(b':')?;
        Ok(false)
    }

    /// A value without others in it, behind its first byte; always a whole one: true.
    fn scalar(&mut self, first: u8) -> Result<bool, DecodeError> {
        match first {
            b'"' => self.string()?,
            b'-' => {
                let first = self.next()?;
                self.number(first)?;
            }
            b'0'..=b'9' => self.number(first)?,
            b't' => self.word(b"rue")?,
            b'f' => self.word(b"alse")?,
            b'n' => self.word(b"ull")?,
            _ => return Err(DecodeError::Json),
        }
        Ok(true)
    }

    fn word(&mut self, rest: &[u8]) -> Result<(), DecodeError> {
        rest.iter().try_for_each(|byte| self.expect(*byte))
    }

    /// Behind its first digit.
    fn number(&mut self, first: u8) -> Result<(), DecodeError> {
        match first {
            b'0' => {}
            b'1'..=b'9' => self.skip_digits(),
            _ => return Err(DecodeError::Json),
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), DecodeError> {
        if !self.next()?.is_ascii_digit() {
            return Err(DecodeError::Json);
        }
        self.skip_digits();
        Ok(())
    }

    fn skip_digits(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    /// Behind its first quote. Most of a caption is text, so that eight bytes are looked at together.
    fn string(&mut self) -> Result<(), DecodeError> {
        loop {
            while let Some(bytes) = self.json.get(self.at..).and_then(<[u8]>::first_chunk) {
                let plain = plain_bytes(u64::from_le_bytes(*bytes));
                self.at += plain;
                if plain < 8 {
                    break;
                }
            }
            match self.next()? {
                b'"' => return Ok(()),
                b'\\' => self.escape()?,
                ..0x20 => return Err(DecodeError::Json),
                _ => {}
            }
        }
    }

    fn escape(&mut self) -> Result<(), DecodeError> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => {
                for _ in 0..4 {
                    if !self.next()?.is_ascii_hexdigit() {
                        return Err(DecodeError::Json);
                    }
                }
                Ok(())
            }
            _ => Err(DecodeError::Json),
        }
    }
}

/// How many of these bytes, from the lowest on, stand for themselves in a string: no quote, backslash or control character.
fn plain_bytes(word: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // The highest bit of each byte below `bound` (at most 128). A borrow may set it above such a byte too, never below
    // the first of them, and only the first counts.
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & HIGH;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let special = below(word, 0x20) | equal(b'"') | equal(b'\\');
    (special.trailing_zeros() / 8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_bytes_end_before_whatever_does_not_stand_for_itself() {
        for place in 0..8 {
            for byte in 0..=u8::MAX {
                for around in [b'a', b'!', b']', 0x7f, 0x80, 0xa0, 0xff] {
                    let mut bytes = [around; 8];
                    bytes[place] = byte;
                    let is_plain = byte >= 0x20 && byte != b'"' && byte != b'\\';
                    let expected = if is_plain { 8 } else { place };
                    let found = plain_bytes(u64::from_le_bytes(bytes));
                    assert_eq!(found, expected, "{byte:#x} among {around:#x}");
                }
            }
        }
    }
}
