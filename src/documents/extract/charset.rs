//! From the bytes of a text to its characters.

use encoding_rs::{Encoding, UTF_8};

use super::ExtractError;

/// Of so many characters, at most one may be a control character that texts do not have.
const CONTROLS: usize = 100;

/// Decodes a text: by its byte order mark; as UTF-8, if it is that; else by the charset that was `named`, if that is
/// known. UTF-8 comes first because names are often wrong, and no text of another charset happens to be UTF-8,
/// except in the few charsets that write everything in ASCII's bytes.
pub(super) fn decode(content: &[u8], named: Option<&str>) -> Result<String, ExtractError> {
    let named = named.and_then(|label| Encoding::for_label(label.trim().as_bytes()));
    let (encoding, content) = match (Encoding::for_bom(content), named) {
        (Some((encoding, mark)), _) => (encoding, &content[mark..]),
        (None, Some(named)) if !named.is_ascii_compatible() => (named, content),
        (None, _) if std::str::from_utf8(content).is_ok() => (UTF_8, content),
        (None, Some(named)) => (named, content),
        (None, None) => (UTF_8, content),
    };
    let text = encoding.decode_without_bom_handling_and_without_replacement(content);
    let text = text.ok_or(ExtractError::NotUtf8)?;
    if is_rubbish(&text) {
        return Err(ExtractError::NotText);
    }
    Ok(text.into_owned())
}

/// Whether these are other data than a text, which happen to be decodable.
fn is_rubbish(text: &str) -> bool {
    let is_strange =
        |letter: &char| letter.is_control() && !"\t\n\r\u{b}\u{c}\u{85}".contains(*letter);
    let strange = text.chars().filter(is_strange).count();
    strange > text.chars().count() / CONTROLS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(content: &[u8], named: Option<&str>) -> Result<String, ExtractError> {
        decode(content, named)
    }

    fn utf_16(text: &str, mark: bool) -> Vec<u8> {
        let mark = mark.then_some(0xfeff);
        let units = mark.into_iter().chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_byte_order_mark_decides() {
        for content in [utf_16("Grüße", true), "\u{feff}Grüße".as_bytes().to_vec()] {
            assert_eq!(decoded(&content, Some("windows-1251")).unwrap(), "Grüße");
        }
        let big = [0xfe, 0xff, 0x00, b'h', 0x00, b'i'];
        assert_eq!(decoded(&big, None).unwrap(), "hi");
    }

    #[test]
    fn what_is_utf_8_is_read_as_that_whatever_was_named() {
        for named in [None, Some("utf-8"), Some("latin1"), Some("nonsense")] {
            assert_eq!(decoded("Grüße".as_bytes(), named).unwrap(), "Grüße");
        }
    }

    #[test]
    fn what_is_not_utf_8_needs_its_charset_named() {
        let latin = b"Gr\xfc\xdfe";
        assert_eq!(decoded(latin, Some("ISO-8859-1")).unwrap(), "Grüße");
        for named in [None, Some("utf-8"), Some("nonsense")] {
            assert_eq!(decoded(latin, named), Err(ExtractError::NotUtf8));
        }
        let kanji = b"\x93\xfa\x96\x7b";
        assert_eq!(decoded(kanji, Some("shift_jis")).unwrap(), "日本");
        assert_eq!(
            decoded(b"\xff\xfe\x00\xd8", None),
            Err(ExtractError::NotUtf8)
        );
    }

    #[test]
    fn a_charset_that_writes_in_bytes_of_ascii_is_believed() {
        let kanji = b"\x1b$BF|K\\\x1b(B";
        assert_eq!(decoded(kanji, Some("iso-2022-jp")).unwrap(), "日本");
        assert_eq!(
            decoded(&utf_16("hi", false), Some("utf-16le")).unwrap(),
            "hi"
        );
    }

    #[test]
    fn other_data_is_no_text() {
        let noise: Vec<u8> = (0..4096u32).map(|at| (at * 37 % 128) as u8).collect();
        for content in [&[0; 64][..], &noise, b"PK\x03\x04\x14\x00\x00\x00"] {
            assert_eq!(decoded(content, None), Err(ExtractError::NotText));
        }
        let log = format!("{}\u{1b}[0m", "a line of a log\n".repeat(100));
        assert!(decoded(log.as_bytes(), None).is_ok(), "a stray one is none");
    }
}
