//! Finds what a project's documents say to a question, by its words.

use switchboard_actors::ports::{BoxFuture, Retrieval, Source, Unavailable};
use switchboard_protocol::ids::ProjectId;

use super::score::Question;
use super::terms;
use crate::store::{Store, StoreError};

/// Sources of an answer at most.
const SOURCES: usize = 5;
/// Chunks that are looked at closely.
const CANDIDATES: u32 = 200;

/// Full-text search in a store; clones share it.
#[derive(Clone)]
pub struct DocumentSearch {
    store: Store,
    /// Chunks with a lower score are no sources.
    min_score: f64,
}

impl DocumentSearch {
    /// Searches `store`; `min_score` is from 0 to 1.
    pub fn new(store: Store, min_score: f64) -> Self {
        Self { store, min_score }
    }

    async fn sources(&self, project: ProjectId, question: &str) -> Result<Vec<Source>, StoreError> {
        let terms = terms::of_question(question);
        if terms.is_empty() {
            return Ok(Vec::new());
        }
        let frequencies = self.store.frequencies(project, &terms).await?;
        let question = Question::new(terms, &frequencies);
        let rarest = question.rarest();
        let found = self.store.best_chunks(project, &rarest, CANDIDATES).await?;
        drop(rarest);
        let min_score = self.min_score;
        let best = move || question.best(found, min_score, SOURCES);
        // Some milliseconds, in which others are served.
        let best = tokio::task::spawn_blocking(best).await?;
        let sources = best.into_iter().map(|(fit, chunk)| Source {
            id: format!("chunk_{}", chunk.id),
            content: chunk.content,
            metadata: chunk.place,
            score: fit.score,
        });
        Ok(sources.collect())
    }
}

impl Retrieval for DocumentSearch {
    fn search(
        &self,
        project: ProjectId,
        question: String,
    ) -> BoxFuture<Result<Vec<Source>, Unavailable>> {
        let search = self.clone();
        Box::pin(async move {
            let found = search.sources(project, &question).await;
            found.map_err(|error| Unavailable(error.to_string()))
        })
    }
}
