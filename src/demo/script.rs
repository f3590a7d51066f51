//! The form of the demo's texts: `@ Name` begins a speaker, `en …` is a sentence, `fr …` its translation, with the
//! languages' own tags. `{heard|said}` is one word that is misheard at first, `_` being a blank in `heard`.
//! Other lines are for the author.

use std::time::Duration;

use crate::transcript::{Translation, Utterance, Word};

/// Time that a letter takes, when each word counts two more: some 155 words a minute.
const LETTER: Duration = Duration::from_millis(62);
/// Pause between two sentences.
const BREATH: Duration = Duration::from_millis(450);
/// Pause before somebody else speaks.
const TURN: Duration = Duration::from_millis(1400);

/// Reads `text`, said in `language` and translated into `target`.
pub(super) fn parse(text: &str, language: &str, target: &str) -> Vec<Utterance> {
    let mut utterances: Vec<Utterance> = Vec::new();
    let mut speaker = None;
    let mut now = Duration::ZERO;
    for line in text.lines() {
        match line.trim().split_once(' ') {
            Some(("@", name)) => {
                speaker = Some(name.to_owned());
                now += TURN;
            }
            Some((tag, sentence)) if tag == language => {
                let words: Vec<Word> = sentence.split_whitespace().map(word).collect();
                let start = now + BREATH;
                now = start + duration(&words);
                let mut utterance = Utterance::new(start, now, speaker.clone(), "");
                utterance.language = Some(language.to_owned());
                utterance.words = words;
                utterances.push(utterance);
            }
            Some((tag, sentence)) if tag == target => {
                if let Some(last) = utterances.last_mut() {
                    let (language, text) = (target.to_owned(), sentence.to_owned());
                    last.translation = Some(Translation { language, text });
                }
            }
            _ => {}
        }
    }
    utterances
}

fn duration(words: &[Word]) -> Duration {
    let letters: usize = words.iter().map(|word| word.said.chars().count() + 2).sum();
    LETTER * letters as u32
}

/// Reads one word; `{heard|said},` keeps what follows the brace.
fn word(text: &str) -> Word {
    let marked = text.strip_prefix('{').and_then(|rest| rest.split_once('}'));
    let marked = marked.and_then(|(inner, rest)| Some((inner.split_once('|')?, rest)));
    match marked {
        Some(((heard, said), rest)) => Word {
            said: format!("{said}{rest}"),
            misheard: Some(format!("{}{rest}", heard.replace('_', " "))),
        },
        None => Word {
            said: text.to_owned(),
            misheard: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_names_speakers_sentences_translations_and_what_is_misheard() {
        let text = "# for the author\n@ Ann\nen The {tied|tide}, {so_on|soon}.\nfr Bientôt.\n\n@ Bo\nen Yes.\n";
        let read = parse(text, "en", "fr");
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].speaker.as_deref(), Some("Ann"));
        let words: Vec<(&str, Option<&str>)> = read[0]
            .words
            .iter()
            .map(|word| (word.said.as_str(), word.misheard.as_deref()))
            .collect();
        let expected = [
            ("The", None),
            ("tide,", Some("tied,")),
            ("soon.", Some("so on.")),
        ];
        assert_eq!(words, expected);
        assert_eq!(read[0].translation.as_ref().unwrap().text, "Bientôt.");
        assert!(read[1].start > read[0].end && read[1].translation.is_none());
        assert_eq!(read[1].speaker.as_deref(), Some("Bo"));
    }

    #[test]
    fn no_mark_is_left_in_the_demos_texts() {
        for text in [include_str!("lecture.txt"), include_str!("council.txt")] {
            for utterance in parse(text, "en", "fr") {
                for word in utterance.words {
                    let heard = word.misheard.unwrap_or_default();
                    assert!(!format!("{}{heard}", word.said).contains(['{', '}', '|', '_']));
                    assert_ne!(heard, word.said);
                }
            }
        }
    }
}
