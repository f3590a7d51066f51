//! Takes a JSON array of objects apart without parsing them.
//!
//! Only brackets and strings are looked at. That is enough, because every element is either the same bytes as one
//! that has been parsed before, or is parsed after this.

use std::ops::Range;

use super::Fault;

/// The elements of an array that are still to come.
pub struct List<'a> {
    text: &'a [u8],
    at: usize,
    is_first: bool,
}

impl<'a> List<'a> {
    /// Begins an array.
    pub fn open(text: &'a [u8]) -> Result<Self, Fault> {
        let mut list = Self {
            text,
            at: 0,
            is_first: true,
        };
        list.skip_space();
        match list.peek() {
            Some(b'[') => list.at += 1,
            _ => return Err(Fault::NotAnArray),
        }
        Ok(list)
    }

    /// Goes on to the next element; `false` at the end of the text.
    pub fn has_next(&mut self) -> Result<bool, Fault> {
        self.skip_space();
        match (self.peek(), self.is_first) {
            (Some(b']'), _) => return self.close(),
            (Some(b','), false) => self.at += 1,
            (_, true) => self.is_first = false,
            _ => return Err(Fault::NotJson),
        }
        self.skip_space();
        match self.peek() {
            Some(b'{') => Ok(true),
            Some(b',' | b']' | b'}') | None => Err(Fault::NotJson),
            Some(_) => Err(Fault::NotAnObject),
        }
    }

    /// Takes the next element if it is the object `raw`. An object ends with its own bracket, so that what begins with
    /// one is one.
    pub fn take_known(&mut self, raw: &[u8]) -> Option<Range<usize>> {
        let is_known = self.text[self.at..].starts_with(raw);
        is_known.then(|| self.advance(raw.len()))
    }

    /// Takes the next element: an object as far as its brackets tell.
    pub fn take(&mut self) -> Result<Range<usize>, Fault> {
        let mut depth = 0_usize;
        let mut bytes = self.text[self.at..].iter();
        let rest = bytes.len();
        while let Some(byte) = bytes.next() {
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth == 1 => return Ok(self.advance(rest - bytes.len())),
                b'}' | b']' => depth -= 1,
                b'"' => skip_string(&mut bytes),
                _ => {}
            }
        }
        Err(Fault::NotJson)
    }

    fn advance(&mut self, len: usize) -> Range<usize> {
        let start = self.at;
        self.at += len;
        start..self.at
    }

    fn close(&mut self) -> Result<bool, Fault> {
        self.at += 1;
        self.skip_space();
        match self.peek() {
            None => Ok(false),
            Some(_) => Err(Fault::NotJson),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }
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

/// What an object's id may be, if `"id"` comes first: a guess that saves parsing a session that has only moved.
pub fn hint(object: &[u8]) -> Option<&str> {
    let rest = object.strip_prefix(b"{")?.trim_ascii_start();
    let rest = rest.strip_prefix(b"\"id\"")?.trim_ascii_start();
    let rest = rest.strip_prefix(b":")?.trim_ascii_start();
    let rest = rest.strip_prefix(b"\"")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&rest[..end]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Result<Vec<&str>, Fault> {
        let mut list = List::open(text.as_bytes())?;
        let mut found = Vec::new();
        while list.has_next()? {
            found.push(&text[list.take()?]);
        }
        Ok(found)
    }

    #[test]
    fn elements_are_taken_as_they_stand() {
        assert_eq!(split(" [ ] "), Ok(vec![]));
        assert_eq!(split("[{}]"), Ok(vec!["{}"]));
        let text = r#"[ {"a":"]},\"{"} ,{"b":[{},[1]]}]"#;
        assert_eq!(
            split(text),
            Ok(vec![r#"{"a":"]},\"{"}"#, r#"{"b":[{},[1]]}"#])
        );
        let text = r#"[{"a":"\\"},{"é":"\\\""}]"#;
        assert_eq!(split(text), Ok(vec![r#"{"a":"\\"}"#, r#"{"é":"\\\""}"#]));
    }

    #[test]
    fn what_is_no_array_of_objects_is_refused() {
        for text in ["", " ", "null", "{}", "\"[]\"", "x[]", "]"] {
            assert_eq!(split(text), Err(Fault::NotAnArray), "{text}");
        }
        for text in [
            "[", "[{}", "[{},", "[{},]", "[,{}]", "[{}{}]", "[{}]]", "[{}] x", "[{]", "[{\"a]",
            "[}", "[[]", "[{\"\\",
        ] {
            assert!(
                matches!(split(text), Err(Fault::NotJson | Fault::NotAnObject)),
                "{text}"
            );
        }
        for text in ["[1]", "[null]", "[{},\"a\"]", "[[]]"] {
            assert_eq!(split(text), Err(Fault::NotAnObject), "{text}");
        }
    }

    #[test]
    fn a_known_object_is_taken_only_where_it_stands() {
        let mut list = List::open(br#"[{"a":1},{"a":12}]"#).unwrap();
        assert_eq!(list.has_next(), Ok(true));
        assert_eq!(list.take_known(br#"{"a":1}"#), Some(1..8));
        assert_eq!(list.has_next(), Ok(true));
        assert_eq!(list.take_known(br#"{"a":1}"#), None);
        assert_eq!(list.take(), Ok(9..17));
        assert_eq!(list.has_next(), Ok(false));
    }

    #[test]
    fn an_id_that_comes_first_is_a_hint() {
        for (object, id) in [
            (r#"{"id":"S","id":1}"#, Some("S")),
            (r#"{ "id" : "S" }"#, Some("S")),
            (r#"{"name":"x","id":"S"}"#, None),
            (r#"{"id":1}"#, None),
            (r#"{"id":"S"#, None),
            ("{}", None),
        ] {
            assert_eq!(hint(object.as_bytes()), id, "{object}");
        }
    }
}
