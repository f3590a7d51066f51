//! Answers without a language model: the sentences of the sources that share most with the question, word for word, each with
//! the place where it stands. No network, no guessing: it says what it is, and when nothing was found.

use futures_util::stream::{self, BoxStream, StreamExt as _};
use switchboard_actors::ports::{LanguageModel, ModelError, Prompt, Settled, WishRefused, Wishes};

use super::prompt::place_of;
use sentences::{Sentence, sentences};
use words::Words;

mod sentences;
mod words;

/// Its name, as clients see it.
const NAME: &str = "extractive";
/// Sentences in an answer.
const MAX_SENTENCES: usize = 5;
/// Part of the question's weight that a sentence must have to fit.
const LEAST_FIT: f64 = 0.2;
/// Part of the best sentence's fit that another one must have to stand beside it.
const LEAST_SHARE: f64 = 0.3;
/// The whole answer where nothing fits.
const NOTHING: &str = "Nothing was found in the documents that answers this question.";

/// See the module's documentation.
pub(super) struct Extractive;

impl LanguageModel for Extractive {
    /// Whatever is wished: there is one model, and it chooses no words of its own.
    fn settle(&self, _: &Wishes) -> Result<Settled, WishRefused> {
        Ok(Settled {
            model: NAME.to_owned(),
            temperature: 0.0,
        })
    }

    fn answer(&self, prompt: Prompt) -> BoxStream<'static, Result<String, ModelError>> {
        let pieces = async move {
            let answer = answer(&prompt);
            let words = answer.split_inclusive([' ', '\n']);
            stream::iter(words.map(|word| Ok(word.to_owned())).collect::<Vec<_>>())
        };
        stream::once(pieces).flatten().boxed()
    }
}

/// The whole answer, one sentence a line.
fn answer(prompt: &Prompt) -> String {
    let lines: Vec<String> = best(prompt)
        .into_iter()
        .map(|(sentence, source)| {
            let place = place_of(&prompt.sources[source]);
            format!("{} ({place})", sentence.text)
        })
        .collect();
    match lines.is_empty() {
        true => NOTHING.to_owned(),
        false => lines.join("\n"),
    }
}

/// The sentences that fit, best first, each with the number of its source.
fn best(prompt: &Prompt) -> Vec<(Sentence, usize)> {
    let contents = prompt.sources.iter().map(|source| &source.content[..]);
    let all: Vec<(Sentence, usize)> = contents
        .zip(0..)
        .flat_map(|(content, source)| sentences(content).map(move |sentence| (sentence, source)))
        .collect();
    let asked = Words::asked(&prompt.question, all.iter().map(|(sentence, _)| sentence));
    let mut fitting: Vec<(f64, (Sentence, usize))> = all
        .into_iter()
        .map(|(sentence, source)| (asked.fit(&sentence), (sentence, source)))
        .filter(|(fit, _)| *fit >= LEAST_FIT)
        .collect();
    // Stable: of equal ones, that of the better source comes first.
    fitting.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let least = fitting.first().map_or(0.0, |(best, _)| best * LEAST_SHARE);
    let mut chosen: Vec<(Sentence, usize)> = Vec::new();
    for (fit, (sentence, source)) in fitting {
        // Chunks overlap: the same sentence may stand in two, in one of them cut.
        let is_said = chosen
            .iter()
            .any(|(said, _)| said.text.contains(&sentence.text));
        if fit >= least && !is_said && chosen.len() < MAX_SENTENCES {
            chosen.push((sentence, source));
        }
    }
    chosen
}

#[cfg(test)]
mod tests;
