//! What a chunk's score means: how much of a question it contains, from 0 to 1, its words weighted by how rare they are in
//! the project. docs/chat.md explains it to users. Pure.

use super::terms::{self, Term};
use crate::store::{FoundChunk, Frequencies};

/// Chunks that the database may go through for one question, counted once for each term.
const MAX_HITS: u64 = 50_000;
/// What all weights are together, as the database is told them.
const WHOLE: f64 = 1_000_000.0;

/// A question, its terms weighted.
#[derive(Debug)]
pub(super) struct Question {
    terms: Vec<Weighted>,
}

#[derive(Debug)]
struct Weighted {
    term: Term,
    /// Its share in the question; together they are 1.
    share: f64,
    /// Chunks that contain it.
    containing: u64,
}

/// How well a chunk fits; more is better.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(super) struct Fit {
    /// The score.
    pub(super) score: f64,
    /// Among chunks of one score: how much of the chunk is about the question.
    density: f64,
}

impl Question {
    /// Weighs the terms of a question by how often they occur.
    pub(super) fn new(terms: Vec<Term>, frequencies: &Frequencies) -> Self {
        let weight = |containing: u64| rarity(frequencies.chunks, containing);
        let whole: f64 = frequencies.containing.iter().copied().map(weight).sum();
        let weighted = |(term, containing): (Term, u64)| Weighted {
            term,
            share: weight(containing) / whole,
            containing,
        };
        let counted = frequencies.containing.iter().copied();
        Self {
            terms: terms.into_iter().zip(counted).map(weighted).collect(),
        }
    }

    /// The terms to look for, with their weights: the rarest, as many as the database may go through. The others weigh
    /// little, and count once a chunk is found.
    pub(super) fn rarest(&self) -> Vec<(&Term, u32)> {
        let mut found: Vec<_> = self
            .terms
            .iter()
            .filter(|term| term.containing > 0)
            .collect();
        found.sort_by_key(|term| term.containing);
        let (mut near, mut hits) = (Vec::new(), 0);
        for Weighted {
            term,
            share,
            containing,
        } in found
        {
            hits += containing;
            if hits > MAX_HITS && !near.is_empty() {
                break;
            }
            near.push((term, ((share * WHOLE) as u32).max(1)));
        }
        near
    }

    /// How well a chunk of these words fits.
    fn fit(&self, content: &str) -> Fit {
        let words = terms::terms(content);
        let (mut score, mut said) = (0.0, 0.0);
        for Weighted { term, share, .. } in &self.terms {
            let times = words.iter().filter(|word| term.stands_for(word)).count();
            if times > 0 {
                score += share;
                said += share * times as f64;
            }
        }
        Fit {
            // Shares that do not quite add up to 1.
            score: score.min(1.0),
            density: said / words.len().max(1) as f64,
        }
    }

    /// The chunks that fit best, best first: at most `limit`, none with a score below `min_score`.
    pub(super) fn best(
        &self,
        found: Vec<FoundChunk>,
        min_score: f64,
        limit: usize,
    ) -> Vec<(Fit, FoundChunk)> {
        let fits = found
            .into_iter()
            .map(|chunk| (self.fit(&chunk.content), chunk));
        let mut fits: Vec<_> = fits.filter(|(fit, _)| fit.score >= min_score).collect();
        let order = |fit: &Fit, other: &Fit| {
            let by_score = other.score.total_cmp(&fit.score);
            by_score.then(other.density.total_cmp(&fit.density))
        };
        fits.sort_by(|(fit, chunk), (other, another)| {
            order(fit, other).then(chunk.id.cmp(&another.id))
        });
        fits.truncate(limit);
        fits
    }
}

/// How much it says that a chunk contains a term: the less, the more of all chunks do. A term in no chunk weighs as much as
/// one in a single chunk.
fn rarity(chunks: u64, containing: u64) -> f64 {
    let (all, with) = (chunks as f64, containing.clamp(1, chunks.max(1)) as f64);
    (1.0 + (all - with + 0.5).max(0.0) / (with + 0.5)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(text: &str, chunks: u64, containing: &[u64]) -> Question {
        let containing = containing.to_vec();
        Question::new(
            terms::of_question(text),
            &Frequencies { chunks, containing },
        )
    }

    fn scores(question: &Question, contents: &[&str]) -> Vec<f64> {
        contents
            .iter()
            .map(|content| question.fit(content).score)
            .collect()
    }

    #[test]
    fn a_score_is_the_share_of_the_question_that_a_chunk_contains() {
        let question = question("red green blue", 100, &[5, 5, 5]);
        let found = scores(
            &question,
            &["", "Blue!", "blue blue red", "green, red: blue"],
        );
        for (score, expected) in found.iter().zip([0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0]) {
            assert!((score - expected).abs() < 1e-9, "{found:?}");
            assert!((0.0..=1.0).contains(score));
        }
    }

    #[test]
    fn a_rare_word_counts_for_more_than_a_common_one_and_one_that_is_nowhere_as_much_as_the_rarest()
    {
        let asked = question("budget meeting unicorn", 100, &[1, 90, 0]);
        let found = scores(&asked, &["budget", "meeting", "unicorn"]);
        assert!(found[0] > 0.45 && found[1] < 0.05, "{found:?}");
        assert_eq!(found[0], found[2]);
    }

    #[test]
    fn chunks_of_one_score_are_ordered_by_how_much_of_them_is_about_the_question() {
        let asked = question("budget", 3, &[3]);
        let place = switchboard_actors::ports::SourceMetadata {
            document_id: 1.try_into().unwrap(),
            filename: "f".to_owned(),
            chunk_index: 0,
            page: None,
        };
        let chunk = |(id, content): (u64, &str)| FoundChunk {
            id,
            content: content.to_owned(),
            place: place.clone(),
        };
        let contents = [
            "a budget of words",
            "the budget",
            "no",
            "budgets, budget",
            "the budget",
        ];
        let found = (1..).zip(contents).map(chunk).collect();
        let best = asked.best(found, 0.3, 3);
        let ids: Vec<u64> = best.iter().map(|(_, chunk)| chunk.id).collect();
        assert_eq!(ids, [4, 2, 5]);
    }

    #[test]
    fn the_database_is_asked_for_the_rarest_terms_and_for_one_at_least() {
        let words = |question: &Question| -> Vec<String> {
            let terms = question.rarest();
            assert!(
                terms
                    .iter()
                    .all(|(_, weight)| (1..=1_000_000).contains(weight))
            );
            terms
                .iter()
                .map(|(term, _)| term.as_str().to_owned())
                .collect()
        };
        let asked = question(
            "common rare nowhere usual",
            90_000,
            &[80_000, 10, 0, 49_990],
        );
        assert_eq!(words(&asked), ["rare", "usual"]);
        let asked = question("common usual", 90_000, &[80_000, 70_000]);
        assert_eq!(words(&asked), ["usual"]);
        // Counted while chunks were added or removed.
        let asked = question("common", 0, &[7]);
        assert_eq!(words(&asked), ["common"]);
        assert!(asked.fit("common").score.is_finite());
    }
}
