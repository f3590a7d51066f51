//! Cuts the text of a document into pieces that are found and shown by themselves: about as long as a paragraph or
//! two, beginning and ending where a reader would pause, each with the end of the one before at its start. Every piece
//! is found in one look at its own letters, so the work grows with the text alone, whatever is in it.

use super::DocumentKind;
use super::extract::Page;

/// Most characters of a piece.
const LONGEST: usize = 1_000;
/// A piece that is followed by another is not cut before so many characters.
const SHORTEST: usize = 500;
/// The end of a piece that the next one repeats has at most so many characters, and at least half of them.
const OVERLAP: usize = 200;

/// A piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The page on which it is, from 1; `None` in a document without pages.
    pub page: Option<u32>,
    /// Its text: 1 to 1,000 characters, without white space around.
    pub text: String,
}

/// Where a text may be cut, from the worst place to the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cut {
    /// In a word.
    Letter,
    Word,
    /// After a part of a sentence, such as a comma ends.
    Clause,
    Sentence,
    Line,
    Paragraph,
    /// Before a heading.
    Heading,
}

/// Cuts a document into pieces, in its order. No piece is on two pages.
pub fn split(kind: DocumentKind, pages: &[Page]) -> Vec<Piece> {
    let has_headings = matches!(kind, DocumentKind::Markdown | DocumentKind::Html);
    let mut pieces = Vec::new();
    for page in pages {
        let mut rest = Splitter {
            text: &page.text,
            has_headings,
            start: 0,
        };
        while let Some(text) = rest.next_piece() {
            let (page, text) = (page.number, text.to_owned());
            pieces.push(Piece { page, text });
        }
    }
    pieces
}

struct Splitter<'a> {
    text: &'a str,
    has_headings: bool,
    /// Where the next piece begins, in bytes.
    start: usize,
}

impl<'a> Splitter<'a> {
    fn next_piece(&mut self) -> Option<&'a str> {
        let rest = self.text[self.start..].trim_start();
        self.start = self.text.len() - rest.len();
        if rest.is_empty() {
            return None;
        }
        let Some((end, cut)) = self.best(self.start, SHORTEST, LONGEST) else {
            self.start = self.text.len();
            return Some(rest.trim_end());
        };
        let piece = self.text[self.start..end].trim_end();
        self.start = match cut {
            // What is under another heading is another matter.
            Cut::Heading => end,
            _ => self.overlap(end),
        };
        Some(piece)
    }

    /// The best place to cut within so many characters from `start`, the last of the best; `None` where the text ends
    /// before the most of them.
    fn best(&self, start: usize, least: usize, most: usize) -> Option<(usize, Cut)> {
        let mut letters = self.text[start..].char_indices().skip(least);
        let mut best: Option<(usize, Cut)> = None;
        for _ in least..most {
            let at = start + letters.next()?.0;
            let cut = self.cut(at);
            if best.is_none_or(|(_, before)| cut >= before) {
                best = Some((at, cut));
            }
        }
        letters.next()?;
        best
    }

    /// Where the next piece begins, to repeat the end of this one.
    fn overlap(&self, end: usize) -> usize {
        let before = self.text[..end].char_indices().rev();
        let window = before.take(OVERLAP).skip(OVERLAP / 2);
        let best = window.max_by_key(|&(at, _)| self.cut(at));
        match best {
            Some((at, _)) if self.cut(at) > Cut::Letter => at,
            _ => end,
        }
    }

    /// What a cut before the character at this byte would be.
    fn cut(&self, at: usize) -> Cut {
        let (before, after) = self.text.split_at(at);
        if after.starts_with(char::is_whitespace) || !before.ends_with(char::is_whitespace) {
            return if before.ends_with(['。', '！', '？']) {
                Cut::Sentence
            } else {
                Cut::Letter
            };
        }
        let is_line = before.ends_with('\n');
        if is_line && self.has_headings && after.starts_with('#') {
            Cut::Heading
        } else if before.ends_with("\n\n") {
            Cut::Paragraph
        } else if is_line {
            Cut::Line
        } else {
            after_words(before.trim_end_matches([' ', '\t']))
        }
    }
}

/// What a cut after these words would be.
fn after_words(before: &str) -> Cut {
    match before
        .trim_end_matches(['"', '\'', ')', ']', '”', '’', '»'])
        .chars()
        .next_back()
    {
        Some('.' | '!' | '?' | '…') => Cut::Sentence,
        Some(',' | ';' | ':' | '–' | '—') => Cut::Clause,
        _ => Cut::Word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(texts: &[&str]) -> Vec<Page> {
        let numbered = (1..).zip(texts);
        let page = |(number, text): (u32, &&str)| Page {
            number: Some(number),
            text: (*text).to_owned(),
        };
        numbered.map(page).collect()
    }

    fn pieces(kind: DocumentKind, text: &str) -> Vec<String> {
        let pieces = split(kind, &pages(&[text]));
        pieces.into_iter().map(|piece| piece.text).collect()
    }

    fn sentences(count: usize) -> String {
        let sentence = |number| format!("Sentence number {number} is here, as it should be.");
        (0..count).map(sentence).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_short_text_is_one_piece_without_white_space_around() {
        assert_eq!(pieces(DocumentKind::Text, "\n One. Two.\n"), ["One. Two."]);
        assert!(pieces(DocumentKind::Text, " \n\t").is_empty());
        assert!(split(DocumentKind::Text, &[]).is_empty());
        let full = "x".repeat(LONGEST);
        assert_eq!(pieces(DocumentKind::Text, &full), [full]);
    }

    #[test]
    fn pieces_end_with_sentences_and_repeat_the_end_of_the_one_before() {
        let text = sentences(100);
        let pieces = pieces(DocumentKind::Text, &text);
        for piece in &pieces {
            assert!(
                piece.starts_with("Sentence") && piece.ends_with("be."),
                "{piece}"
            );
            assert!(piece.len() <= LONGEST, "{piece}");
        }
        for two in pieces.windows(2) {
            assert!(two[0].len() >= SHORTEST, "{two:?}");
            let shared = (OVERLAP / 2..=OVERLAP + 1).any(|length| {
                two[0]
                    .get(two[0].len() - length..)
                    .is_some_and(|end| two[1].starts_with(end))
            });
            assert!(shared, "{two:?}");
        }
        for number in 0..100 {
            let sentence = format!("Sentence number {number} is");
            assert!(
                pieces.iter().any(|piece| piece.contains(&sentence)),
                "{number}"
            );
        }
    }

    #[test]
    fn a_heading_begins_a_piece_of_its_own_where_there_are_headings() {
        let text = format!("{}\n\n# Next\n\n{}", sentences(14), sentences(14));
        let of = |kind| pieces(kind, &text);
        assert!(
            of(DocumentKind::Markdown)
                .iter()
                .any(|piece| piece.starts_with("# Next"))
        );
        assert!(
            !of(DocumentKind::Markdown)
                .iter()
                .any(|piece| piece.contains("be.\n\n# Next"))
        );
        let paragraph = format!("{}\n\n{}", sentences(14), sentences(14));
        assert!(
            pieces(DocumentKind::Text, &paragraph)[0]
                .ends_with("number 13 is here, as it should be.")
        );
    }

    #[test]
    fn no_piece_is_on_two_pages() {
        let long = sentences(30);
        let pieces = split(DocumentKind::Pdf, &pages(&["One.", &long, "Three."]));
        assert_eq!((pieces[0].page, pieces[0].text.as_str()), (Some(1), "One."));
        let last = pieces.last().expect("there are many");
        assert_eq!((last.page, last.text.as_str()), (Some(3), "Three."));
        let between = &pieces[1..pieces.len() - 1];
        assert!(between.len() > 1 && between.iter().all(|piece| piece.page == Some(2)));
    }

    #[test]
    fn texts_without_pauses_are_cut_all_the_same() {
        let count = 100_000;
        for letter in ["x", "ä", "日", "😀", "。", ")", "# ", "\n\n", "x ", ". "] {
            let text = letter.repeat(count);
            let pieces = pieces(DocumentKind::Markdown, &text);
            let letters = |piece: &String| piece.chars().count();
            assert!(
                pieces
                    .iter()
                    .all(|piece| (1..=LONGEST).contains(&letters(piece)))
            );
            let total: usize = pieces.iter().map(letters).sum();
            let written = text.trim().chars().count();
            assert!(
                total >= written - pieces.len() && total <= written * 2,
                "{letter}"
            );
        }
    }
}
