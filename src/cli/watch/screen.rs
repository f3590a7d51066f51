//! What a viewer sees: on a terminal the partial line rewrites itself and finals scroll; elsewhere finals come as
//! plain lines. Text from outside never reaches the terminal with its control characters.

use std::io::{self, Write};

use serde_json::Value;
use switchboard_protocol::events;
use unicode_width::UnicodeWidthChar;

/// Goes to the line's beginning and erases it.
const ERASE: &str = "\r\x1b[K";
/// Most characters of a caption that are looked at.
const LONGEST: usize = 10_000;

/// What kind of line a caption is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Kind {
    /// Still being spoken.
    Partial,
    /// Finished.
    Final,
}

/// A caption, as text fit for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Caption {
    pub(in crate::cli) kind: Kind,
    pub(in crate::cli) text: String,
}

impl Caption {
    /// Reads the payload of the event `name`; none where it shows nothing. Of translations finals are shown.
    pub(in crate::cli) fn read(name: &str, payload: &str) -> Option<Self> {
        let payload: Value = serde_json::from_str(payload).ok()?;
        let text = |name: &str| payload.get(name).and_then(Value::as_str).map(plain);
        let said = text("text").filter(|text| !text.trim().is_empty())?;
        let (kind, who) = match name {
            events::TRANSLATION if payload.get("final") == Some(&Value::Bool(false)) => {
                return None;
            }
            events::TRANSLATION => {
                let language = text("targetLang").unwrap_or_default();
                (Kind::Final, Some(format!("  [{language}]")))
            }
            events::PARTIAL => (Kind::Partial, text("locutor").or(text("speaker"))),
            _ => (Kind::Final, text("locutor").or(text("speaker"))),
        };
        let text = match who {
            Some(who) if name == events::TRANSLATION => format!("{who} {said}"),
            Some(who) if !who.trim().is_empty() => format!("{who}: {said}"),
            _ => said,
        };
        Some(Self { kind, text })
    }
}

/// Where captions are shown.
pub(super) struct Screen<W> {
    out: W,
    /// Tells the terminal's width in columns; none where this is no terminal.
    width: Option<fn() -> usize>,
    /// Whether a partial line stands there, to be erased.
    partial: bool,
}

impl<W: Write> Screen<W> {
    pub(super) fn new(out: W, width: Option<fn() -> usize>) -> Self {
        Self {
            out,
            width,
            partial: false,
        }
    }

    /// Shows a caption.
    pub(super) fn caption(&mut self, caption: &Caption) -> io::Result<()> {
        match (caption.kind, self.width) {
            (Kind::Final, _) => self.line(&caption.text),
            (Kind::Partial, None) => Ok(()),
            (Kind::Partial, Some(width)) => {
                self.partial = true;
                let line = newest(&caption.text, width().saturating_sub(1));
                write!(self.out, "{ERASE}{line}")?;
                self.out.flush()
            }
        }
    }

    /// Shows what the viewer itself has to say.
    pub(super) fn note(&mut self, text: &str) -> io::Result<()> {
        self.line(&format!("-- {} --", plain(text)))
    }

    fn line(&mut self, text: &str) -> io::Result<()> {
        let erase = if std::mem::take(&mut self.partial) {
            ERASE
        } else {
            ""
        };
        writeln!(self.out, "{erase}{text}")?;
        self.out.flush()
    }
}

/// Returns the width of the terminal on stdout, in columns.
pub(super) fn terminal_width() -> usize {
    terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0))
}

/// Returns as much of the end of `text` as fits into `width` columns: the newest words matter.
fn newest(text: &str, width: usize) -> String {
    let columns = |c: char| c.width().unwrap_or(0);
    if text.chars().map(columns).sum::<usize>() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let mut kept: Vec<char> = Vec::new();
    for c in text.chars().rev() {
        if columns(c) > left {
            break;
        }
        left -= columns(c);
        kept.push(c);
    }
    std::iter::once('…')
        .chain(kept.into_iter().rev())
        .take(width.max(1))
        .collect()
}

/// Returns `text` without escape sequences, control characters and direction overrides; line ends and tabs become
/// spaces.
pub(in crate::cli) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len().min(LONGEST));
    let mut characters = text.chars().take(LONGEST).peekable();
    while let Some(c) = characters.next() {
        match c {
            '\x1b' => match characters.next() {
                Some('[') => skip_sequence(&mut characters),
                Some(']' | 'P' | 'X' | '^' | '_') => skip_string(&mut characters),
                _ => {}
            },
            '\u{9b}' => skip_sequence(&mut characters),
            '\n' | '\r' | '\t' => plain.push(' '),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            c if c.is_control() => {}
            c => plain.push(c),
        }
    }
    plain
}

/// Skips the rest of a control sequence (ECMA-48, 5.4): parameters, then one final character.
fn skip_sequence(characters: &mut impl Iterator<Item = char>) {
    characters.find(|c| !matches!(c, ' '..='?'));
}

/// Skips the rest of a control string: up to BEL or the string terminator.
fn skip_string(characters: &mut std::iter::Peekable<impl Iterator<Item = char>>) {
    while let Some(c) = characters.next() {
        let terminator = c == '\x1b' && characters.next_if_eq(&'\\').is_some();
        if terminator || matches!(c, '\x07' | '\u{9c}') {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(width: Option<fn() -> usize>, captions: &[(&str, &str)]) -> String {
        let mut screen = Screen::new(Vec::new(), width);
        for (name, payload) in captions {
            if let Some(caption) = Caption::read(name, payload) {
                screen.caption(&caption).unwrap();
            }
        }
        String::from_utf8(screen.out).unwrap()
    }

    #[test]
    fn on_a_terminal_the_partial_line_rewrites_itself_and_finals_scroll() {
        let captions = [
            ("partial", r#"{"text":"good","locutor":"Ann"}"#),
            ("partial", r#"{"text":"good morning","locutor":"Ann"}"#),
            ("final", r#"{"text":"Good morning.","locutor":"Ann"}"#),
            ("final", r#"{"text":"Bye.","speaker":"Bo"}"#),
        ];
        assert_eq!(
            shown(Some(|| 80), &captions),
            "\r\x1b[KAnn: good\r\x1b[KAnn: good morning\r\x1b[KAnn: Good morning.\nBo: Bye.\n"
        );
    }

    #[test]
    fn a_long_partial_shows_its_newest_words_within_the_width() {
        let captions = [("partial", r#"{"text":"one two three four"}"#)];
        assert_eq!(shown(Some(|| 11), &captions), "\r\x1b[K…hree four");
        // Each of these is two columns wide.
        assert_eq!(newest("漢字漢字", 5), "…漢字");
        assert_eq!(newest("漢字漢字", 8), "漢字漢字");
    }

    #[test]
    fn elsewhere_finals_and_notes_are_plain_lines() {
        let captions = [
            ("partial", r#"{"text":"good"}"#),
            ("final", r#"{"text":"Good morning."}"#),
            (
                "translation",
                r#"{"text":"Bon","targetLang":"fr","final":false}"#,
            ),
            (
                "translation",
                r#"{"text":"Bonjour.","targetLang":"fr","final":true}"#,
            ),
        ];
        assert_eq!(shown(None, &captions), "Good morning.\n  [fr] Bonjour.\n");
        let mut screen = Screen::new(Vec::new(), None);
        screen.note("broker_ko: the broker is away").unwrap();
        assert_eq!(screen.out, b"-- broker_ko: the broker is away --\n");
    }

    #[test]
    fn a_payload_without_text_shows_nothing() {
        for payload in [
            "null",
            "7",
            "{}",
            r#"{"text":""}"#,
            r#"{"text":5}"#,
            "broken",
        ] {
            assert_eq!(Caption::read("final", payload), None, "{payload}");
        }
    }

    #[test]
    fn escape_sequences_never_reach_the_terminal() {
        for (text, expected) in [
            ("a\x1b[31mb\x1b[0m", "ab"),
            ("a\x1b]0;title\x07b", "ab"),
            ("a\x1b]8;;http://x\x1b\\b", "ab"),
            ("a\u{9b}2Jb", "ab"),
            ("a\x1bcb", "ab"),
            ("a\r\nb\tc\x08\x00", "a  b c"),
            ("a\u{202e}b\u{2066}", "ab"),
            ("a\x1b[", "a"),
            ("naïve café 漢字 🎙", "naïve café 漢字 🎙"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }

    proptest! {
        #[test]
        fn no_text_leaves_a_control_character(text in "\\PC*|[\\x00-\\xff\u{200b}-\u{2070}]*") {
            prop_assert!(plain(&text).chars().all(|c| !c.is_control()));
        }

        #[test]
        fn a_cut_line_never_exceeds_the_width(text in "\\PC{0,60}", width in 1_usize..40) {
            let columns: usize = newest(&text, width).chars().filter_map(UnicodeWidthChar::width).sum();
            prop_assert!(columns <= width);
        }
    }
}
