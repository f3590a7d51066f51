//! What a question asks for, as words with weights: long words weigh more than short ones, and words that stand in few sentences
//! more than those that stand in all.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation as _;

use super::sentences::Sentence;

/// Words of a question that are looked at, from its beginning.
const MAX_WORDS: usize = 64;
/// From this length on, in characters, a longer word weighs no more.
const FULL_LENGTH: usize = 10;
/// Shortest beginning that two forms of a word share.
const LEAST_STEM: usize = 4;

/// The words of a question.
pub(super) struct Words {
    /// Each with its part of the question's weight, which is 1 in all.
    weighed: Vec<(String, f64)>,
}

impl Words {
    /// The words of `question`, weighed by how they stand in these sentences.
    pub(super) fn asked<'a>(
        question: &str,
        sentences: impl Iterator<Item = &'a Sentence> + Clone,
    ) -> Self {
        let mut seen = HashSet::new();
        let words = fold(question).filter(|word| seen.insert(word.clone()));
        let count = sentences.clone().count() as f64;
        let mut weighed: Vec<(String, f64)> = words
            .take(MAX_WORDS)
            .map(|word| {
                let holding = sentences.clone().filter(|sentence| holds(sentence, &word));
                let rarity = (1.0 + count / (1.0 + holding.count() as f64)).ln();
                let length = word.chars().count().min(FULL_LENGTH) as f64;
                (word, length * length * rarity)
            })
            .collect();
        let whole: f64 = weighed.iter().map(|(_, weight)| weight).sum();
        for (_, weight) in &mut weighed {
            *weight /= whole;
        }
        Self { weighed }
    }

    /// How much of what is asked stands in a sentence, from 0 to 1.
    pub(super) fn fit(&self, sentence: &Sentence) -> f64 {
        let shared = self
            .weighed
            .iter()
            .filter(|(word, _)| holds(sentence, word));
        shared.map(|(_, weight)| weight).sum()
    }
}

/// The words of a text, without case and diacritics: `L'Élan` is `l` and `elan`.
pub(super) fn fold(text: &str) -> impl Iterator<Item = String> {
    let words = text
        .unicode_words()
        .flat_map(|word| word.split(['\'', '’']));
    let words = words.map(|word| {
        let letters = word.chars().flat_map(char::to_lowercase).nfkd();
        letters
            .filter(|letter| !is_combining_mark(*letter))
            .collect::<String>()
    });
    words.filter(|word| !word.is_empty())
}

fn holds(sentence: &Sentence, word: &str) -> bool {
    sentence.words.iter().any(|other| is_form_of(word, other))
}

/// Whether two words are the same, or forms of one: `period` and `periods`, `warranty` and `warranties`.
fn is_form_of(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    let pairs = one.chars().zip(other.chars());
    let shared = pairs.take_while(|(a, b)| a == b).count();
    let longer = one.chars().count().max(other.chars().count());
    shared >= LEAST_STEM && shared * 3 >= longer * 2
}
