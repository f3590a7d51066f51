//! The terms that chunks are found by: words, folded so that spellings of one word meet. Made here and not by the
//! databases, so that both index the same, and so that nothing of a question reaches their languages of queries.
//!
//! A term is of letters, digits and the marks on them, never empty: no quote, no space, no operator.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::stop_words;

/// Characters of a term; what is longer is cut.
const MAX_CHARACTERS: usize = 64;
/// From so many letters on a term also stands for the longer words that begin with it.
const PREFIX_CHARACTERS: usize = 4;
/// Terms of a question; the others do not count.
pub const MAX_QUESTION_TERMS: usize = 64;

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Term(String);

impl Term {
    /// The folded word.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether, asked for, it also stands for the longer words that begin with it.
    pub fn is_prefix(&self) -> bool {
        self.0.chars().nth(PREFIX_CHARACTERS - 1).is_some()
    }

    /// Whether, asked for, it stands for this word.
    pub fn stands_for(&self, word: &Term) -> bool {
        match self.is_prefix() {
            true => word.0.starts_with(&self.0),
            false => self == word,
        }
    }
}

/// The terms of a text in their order, as often as they stand there.
pub fn terms(text: &str) -> Vec<Term> {
    let mut cutter = Cutter::default();
    fold(text).chars().for_each(|c| cutter.take(c));
    cutter.end();
    cutter.terms
}

/// The terms of a text, each once, separated by spaces: what a chunk is stored with.
pub fn indexed(text: &str) -> String {
    let mut seen = HashSet::new();
    let mut terms = terms(text);
    terms.retain(|term| seen.insert(term.clone()));
    let words: Vec<&str> = terms.iter().map(Term::as_str).collect();
    words.join(" ")
}

/// The terms of a question that count, each once. Words without a meaning of their own do not, unless there is no other.
pub fn of_question(text: &str) -> Vec<Term> {
    let mut seen = HashSet::new();
    let mut terms = terms(text);
    terms.retain(|term| seen.insert(term.clone()));
    let (mut idle, mut telling): (Vec<_>, Vec<_>) = terms
        .into_iter()
        .partition(|term| stop_words::contains(term.as_str()));
    if telling.is_empty() {
        telling.append(&mut idle);
    }
    telling.truncate(MAX_QUESTION_TERMS);
    telling
}

/// Takes away what tells spellings of a word apart: case, marks on letters, ligatures, widths of characters.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let plain = text.nfkd().filter(|c| !is_diacritic(*c));
    for c in plain.flat_map(char::to_lowercase) {
        match letters(c) {
            Some(letters) => folded.push_str(letters),
            None => folded.push(c),
        }
    }
    // Syllables and vowel signs together again, each one character where there is one.
    folded.nfc().collect()
}

/// A mark that is often left out in writing. Vowel signs of Indic scripts are none: without them it is another word.
fn is_diacritic(c: char) -> bool {
    let is_in_a_block = matches!(c,
        '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{64b}'..='\u{65f}' | '\u{670}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}');
    is_in_a_block && is_combining_mark(c)
}

/// What is written for a letter that Unicode takes for one without a mark.
fn letters(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ł' => "l",
        'ı' => "i",
        'ς' => "σ",
        _ => return None,
    })
}

/// Whether words of its script are not separated: Han, Kana, Thai, Lao, Burmese, Khmer.
fn is_unseparated(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3005}'..='\u{3007}'
        | '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
        && (c.is_alphanumeric() || is_combining_mark(c))
}

/// Cuts folded text into terms, a character at a time.
#[derive(Default)]
struct Cutter {
    terms: Vec<Term>,
    /// The word so far.
    word: String,
    /// Its characters.
    length: usize,
    /// The last character of an unseparated script, and whether a pair of it is there.
    last: Option<(char, bool)>,
}

impl Cutter {
    fn take(&mut self, c: char) {
        if is_unseparated(c) {
            self.end_word();
            // Each pair of neighbours: what is two characters or longer is found wherever it stands.
            if let Some((before, _)) = self.last {
                self.terms.push(Term(String::from_iter([before, c])));
            }
            self.last = Some((c, self.last.is_some()));
        } else if c.is_alphanumeric() || is_combining_mark(c) {
            self.end_run();
            if self.length < MAX_CHARACTERS {
                self.word.push(c);
            }
            self.length += 1;
        } else {
            self.end();
        }
    }

    fn end(&mut self) {
        self.end_word();
        self.end_run();
    }

    fn end_word(&mut self) {
        if !self.word.is_empty() {
            self.terms.push(Term(std::mem::take(&mut self.word)));
        }
        self.length = 0;
    }

    fn end_run(&mut self) {
        if let Some((alone, false)) = self.last.take() {
            self.terms.push(Term(alone.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        terms(text).into_iter().map(|term| term.0).collect()
    }

    #[test]
    fn spellings_of_one_word_are_one_term() {
        for (text, expected) in [
            ("Été ÉTÉ e\u{301}te\u{301} ete", ["ete"; 4]),
            ("Straße STRASSE strasse ﬆrasse", ["strasse"; 4]),
            ("İstanbul istanbul ıstanbul ISTANBUL", ["istanbul"; 4]),
            ("Ἀθῆναι αθηναι ΑΘΗΝΑΙ ἀθῆναι", ["αθηναι"; 4]),
            ("ｆｉｎ ﬁn FIN 𝐟in", ["fin"; 4]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
        assert_eq!(words("λόγος ΛΟΓΟΣ"), ["λογοσ"; 2]);
        assert_eq!(words("한국 한국"), ["한국"; 2]);
    }

    #[test]
    fn words_are_letters_digits_and_their_marks_and_nothing_else() {
        assert_eq!(
            words("a\"b' OR *c-d\0e_f"),
            ["a", "b", "or", "c", "d", "e", "f"]
        );
        assert_eq!(words("  #17 \t\n ; -- 3.14"), ["17", "3", "14"]);
        assert_eq!(words("हिन्दी में"), ["हिन्दी", "में"]);
        assert_eq!(words("..."), [""; 0]);
    }

    #[test]
    fn scripts_without_spaces_are_cut_into_pairs() {
        assert_eq!(words("東京都 a本"), ["東京", "京都", "a", "本"]);
        assert_eq!(words("ガ"), ["ガ"]);
    }

    #[test]
    fn a_long_word_is_cut_and_a_question_has_a_bounded_number_of_terms() {
        assert_eq!(words(&"é".repeat(100)), ["e".repeat(64)]);
        let many: Vec<String> = (0..10_000).map(|n| format!("w{n}")).collect();
        assert_eq!(of_question(&many.join(" ")).len(), MAX_QUESTION_TERMS);
    }

    #[test]
    fn a_term_of_four_letters_stands_for_what_begins_with_it() {
        let stands = |asked: &str, word: &str| terms(asked)[0].stands_for(&terms(word)[0]);
        assert!(stands("bill", "Billing") && stands("été9", "Ete90"));
        assert!(!stands("bil", "billing") && !stands("billing", "bill"));
        assert!(stands("bil", "BIL"));
    }

    #[test]
    fn words_without_a_meaning_count_only_when_there_is_no_other() {
        let asked = |text: &str| indexed_of(of_question(text));
        assert_eq!(asked("What is the budget of the school?"), "budget school");
        assert_eq!(
            asked("Wie hoch ist die Miete, und die Kaution?"),
            "hoch miete kaution"
        );
        assert_eq!(asked("To be or not to be"), "to be or not");
        assert_eq!(asked("?!"), "");
    }

    fn indexed_of(terms: Vec<Term>) -> String {
        let words: Vec<&str> = terms.iter().map(Term::as_str).collect();
        words.join(" ")
    }

    #[test]
    fn a_chunk_is_indexed_by_each_of_its_terms_once() {
        assert_eq!(indexed("The cat, the CAT and the dog"), "the cat and dog");
    }
}
