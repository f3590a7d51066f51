//! Text to sentences. Lines that were only broken to fit a page are joined; headings, list items and paragraphs are not.

use unicode_segmentation::UnicodeSegmentation as _;

use super::words;

/// Longest sentence that is quoted, in characters; a longer one is cut there.
const MAX_SENTENCE: usize = 600;

/// A sentence of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sentence {
    /// As it stands there, on one line.
    pub(super) text: String,
    /// Its words, folded; at least one.
    pub(super) words: Vec<String>,
}

/// The sentences of a chunk, in order.
pub(super) fn sentences(content: &str) -> impl Iterator<Item = Sentence> {
    paragraphs(content).into_iter().flat_map(|paragraph| {
        let sentences: Vec<Sentence> = paragraph
            .unicode_sentences()
            .map(|text| sentence(text.trim()))
            .filter(|sentence| !sentence.words.is_empty())
            .collect();
        sentences
    })
}

fn sentence(text: &str) -> Sentence {
    let mut cut: String = text.chars().take(MAX_SENTENCE).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    Sentence {
        words: words::fold(&cut).collect(),
        text: cut,
    }
}

/// Each on one line, its spaces evened out.
fn paragraphs(content: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    for line in content.lines() {
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_heading = line.starts_with('#');
        if line.is_empty() || begins_anew(&line) {
            paragraphs.push(String::new());
        }
        if let Some(paragraph) = paragraphs.last_mut() {
            if !paragraph.is_empty() {
                paragraph.push(' ');
            }
            paragraph.push_str(&line);
        }
        if is_heading {
            paragraphs.push(String::new());
        }
    }
    paragraphs
}

/// Whether a line is a heading, an item of a list, a quotation or a table's row.
fn begins_anew(line: &str) -> bool {
    ["#", "- ", "* ", "+ ", "• ", "> ", "|"]
        .iter()
        .any(|mark| line.starts_with(mark))
}
