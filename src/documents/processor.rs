//! Processes the documents that wait in the store, off the actors: takes one by a lease, has its text taken out and cut,
//! indexes the chunks in batches, and tells the project's room at each step.
//!
//! Switchboards that share a database share the work, and take over from one that died when its lease ends. Nothing of a
//! document is found before all of it is indexed.

mod failure;

use std::sync::Arc;
use std::time::Duration;

use actix::Recipient;
use switchboard_actors::broker::Publish;
use switchboard_actors::metrics::{Metrics, Reason};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::events::Progress;
use super::extract::{Extractor, Page};
use super::kind::DocumentKind;
use super::meaning::Meaning;
use super::{split, terms};
use crate::store::{Lease, MAX_CHUNKS, NewChunk, Store, StoreError};
use failure::{Failure, MAX_TRIES, Verdict};

/// Documents that are processed at once.
const AT_ONCE: usize = 2;
/// How long a document is left to a switchboard that says nothing of it.
const LEASE: Duration = Duration::from_secs(60);
/// How often it says that it is still at it.
const RENEWAL: Duration = Duration::from_secs(10);
/// What others have put into the database, or left there, is seen after this at the latest.
const POLL: Duration = Duration::from_secs(3);
/// Chunks of one write.
const BATCH: usize = 256;
/// The progress when a document's text is there, in percent.
const EXTRACTED: u8 = 30;
/// The progress when its last chunk is written, in percent.
const INDEXED: u8 = 90;

/// Processes documents while it lives.
pub struct Processor {
    wake: Wake,
    stop: watch::Sender<bool>,
    workers: JoinSet<()>,
}

/// Says that there is a document to process; clones wake the same processor.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// Has the processor look at once, instead of within seconds.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

impl Processor {
    /// Starts it, within a Tokio runtime. What becomes of documents is told to `events`.
    pub fn start(
        store: Store,
        events: Recipient<Publish>,
        extractor: Extractor,
        meaning: Option<Meaning>,
        metrics: &Metrics,
    ) -> Self {
        let (wake, (stop, stopped)) = (Wake::default(), watch::channel(false));
        let mut workers = JoinSet::new();
        for _ in 0..AT_ONCE {
            let worker = Worker {
                store: store.clone(),
                events: events.clone(),
                extractor: extractor.clone(),
                meaning: meaning.clone(),
                metrics: metrics.clone(),
                wake: wake.clone(),
                stop: stopped.clone(),
            };
            workers.spawn(worker.run());
        }
        Self {
            wake,
            stop,
            workers,
        }
    }

    /// What wakes it after an upload.
    pub fn waker(&self) -> Wake {
        self.wake.clone()
    }

    /// Gives back what is being processed, for another switchboard or the next start, if that is possible within
    /// `deadline`; else that is free when its lease ends.
    pub async fn stop(mut self, deadline: Duration) {
        self.stop.send_replace(true);
        let ended = async { while self.workers.join_next().await.is_some() {} };
        if tokio::time::timeout(deadline, ended).await.is_err() {
            log::warn!("documents that are being processed wait for their leases to end");
        }
    }
}

struct Worker {
    store: Store,
    events: Recipient<Publish>,
    extractor: Extractor,
    /// Gives chunks their vectors; none: they are found by their words.
    meaning: Option<Meaning>,
    metrics: Metrics,
    wake: Wake,
    stop: watch::Receiver<bool>,
}

impl Worker {
    async fn run(self) {
        let mut stop = self.stop.clone();
        while !*stop.borrow() {
            match self.store.take_document(LEASE).await {
                Ok(Some(lease)) => {
                    self.serve(&lease).await;
                    continue;
                }
                Ok(None) if self.catches_up().await => continue,
                Ok(None) => {}
                Err(error) => tell_operators(&error),
            }
            tokio::select! {
                () = self.wake.0.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    /// Gives some chunks their vectors that have none; false where there is nothing to do, or it cannot be done now.
    async fn catches_up(&self) -> bool {
        let Some(meaning) = &self.meaning else {
            return false;
        };
        let caught_up = meaning.catch_up().await;
        caught_up.unwrap_or_else(|error| {
            log::debug!("chunks wait for vectors reason={:?}", error.to_string());
            false
        })
    }

    /// Processes a document, unless the program ends or the lease is lost meanwhile.
    async fn serve(&self, lease: &Lease) {
        self.metrics.documents_processing.inc();
        let mut stop = self.stop.clone();
        let processed = tokio::select! {
            processed = self.process(lease) => processed,
            lost = self.keep(lease) => Err(Failure::Store(lost)),
            _ = stop.wait_for(|stop| *stop) => Err(Failure::Stopped),
        };
        let reason = match processed {
            Ok(()) => {
                self.tell(lease, &Progress::completed(lease.document));
                "completed"
            }
            Err(failure) => self.end(lease, failure).await,
        };
        self.metrics.documents_processing.dec();
        let processed = &self.metrics.documents_processed;
        processed.get_or_create(&Reason { reason }).inc();
    }

    async fn process(&self, lease: &Lease) -> Result<(), Failure> {
        if lease.tries > MAX_TRIES {
            let why = format!("processing was interrupted {MAX_TRIES} times");
            return Err(Failure::Refused(why));
        }
        let Lease { document, kind, .. } = *lease;
        self.tell(lease, &Progress::processing(document, 0));
        let content = self.store.upload(lease).await?;
        let charset = lease.charset.as_deref();
        let pages = self.extractor.extract(kind, charset, content).await?;
        let chunks = tokio::task::spawn_blocking(move || cut(kind, &pages)).await;
        let chunks = chunks.map_err(|_| {
            Failure::Again("the document could not be cut into chunks".to_owned())
        })??;
        self.store
            .begin_chunks(lease, chunks.len(), EXTRACTED)
            .await?;
        self.tell(lease, &Progress::processing(document, EXTRACTED));
        self.index(lease, &chunks).await?;
        Ok(self.store.complete_document(lease, chunks.len()).await?)
    }

    async fn index(&self, lease: &Lease, chunks: &[NewChunk]) -> Result<(), Failure> {
        let (mut done, mut told) = (0, EXTRACTED);
        let mut tell = |progress| {
            if progress > told {
                self.tell(lease, &Progress::processing(lease.document, progress));
                told = progress;
            }
        };
        // With vectors, words are the first half of it.
        let all = match self.meaning {
            Some(_) => 2 * chunks.len(),
            None => chunks.len(),
        };
        for batch in chunks.chunks(BATCH) {
            done += batch.len();
            let progress = progress(done, all);
            self.store.add_chunks(lease, batch, progress).await?;
            tell(progress);
        }
        if let Some(meaning) = &self.meaning {
            let embedded = |count| {
                done += count;
                tell(progress(done, all));
            };
            meaning.index(lease.document, embedded).await?;
        }
        Ok(())
    }

    /// Keeps the lease; resolves when it is lost.
    async fn keep(&self, lease: &Lease) -> StoreError {
        loop {
            tokio::time::sleep(RENEWAL).await;
            match self.store.renew_lease(lease, LEASE).await {
                Err(error @ StoreError::LeaseLost(_)) => return error,
                // The next one may go well, and is soon enough.
                Err(error) => tell_operators(&error),
                Ok(()) => {}
            }
        }
    }

    /// Ends what went wrong, and says in a word how.
    async fn end(&self, lease: &Lease, failure: Failure) -> &'static str {
        log::debug!(
            "a document is not indexed document={} try={} reason={failure:?}",
            lease.document,
            lease.tries
        );
        if let Failure::Store(error) = &failure {
            tell_operators(error);
        }
        let verdict = failure.verdict(lease.tries);
        let ended = match &verdict {
            Verdict::Fail(why) => self.store.fail_document(lease, why).await,
            Verdict::Release(pause, is_try) => {
                self.store.release_document(lease, *pause, *is_try).await
            }
            Verdict::Leave => Ok(()),
        };
        if let Err(error) = ended {
            tell_operators(&error);
            return Verdict::Leave.word();
        }
        if let Verdict::Fail(why) = &verdict {
            self.tell(lease, &Progress::failed(lease.document, why));
        }
        verdict.word()
    }

    fn tell(&self, lease: &Lease, progress: &Progress) {
        self.events.do_send(progress.publish(lease.project));
    }
}

/// Cuts a document into chunks, ready to be indexed. Takes a while.
fn cut(kind: DocumentKind, pages: &[Page]) -> Result<Vec<NewChunk>, Failure> {
    let pieces = split::split(kind, pages);
    let refused = |why: &str| Err(Failure::Refused(why.to_owned()));
    match pieces.len() {
        0 => return refused("the document has no text"),
        1..=MAX_CHUNKS => {}
        _ => {
            return refused(&format!(
                "the document is too long: more than {MAX_CHUNKS} chunks"
            ));
        }
    }
    let chunk = |(index, piece): (u32, split::Piece)| NewChunk {
        index,
        page: piece.page,
        terms: terms::indexed(&piece.text),
        content: piece.text,
    };
    Ok((0..).zip(pieces).map(chunk).collect())
}

/// The progress when `done` of `all` chunks are written.
fn progress(done: usize, all: usize) -> u8 {
    let way = usize::from(INDEXED - EXTRACTED) * done / all.max(1);
    u8::try_from(way).map_or(INDEXED, |way| EXTRACTED + way)
}

/// Logs what operators do not learn otherwise: the store tells of its absence once, and a lost lease is no fault.
fn tell_operators(error: &StoreError) {
    if !error.is_absence()
        && !matches!(
            error,
            StoreError::LeaseLost(_) | StoreError::TooManyChunks(_)
        )
    {
        log::error!(
            "documents cannot be processed reason={:?}",
            error.to_string()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Page {
        Page {
            number: Some(1),
            text: text.to_owned(),
        }
    }

    #[test]
    fn the_programs_end_is_no_try_and_a_store_that_is_away_leaves_the_document() {
        let released = Verdict::Release(Duration::ZERO, false);
        assert_eq!(Failure::Stopped.verdict(3), released);
        let away = Failure::Store(StoreError::TooLate(LEASE));
        assert_eq!(away.verdict(3), Verdict::Leave);
        let lost = Failure::Store(StoreError::LeaseLost(1.try_into().unwrap()));
        assert_eq!(lost.verdict(1), Verdict::Leave);
        let full = Failure::Store(StoreError::TooManyChunks(7.try_into().unwrap()));
        let why = "project 7 has no room for this document: it may have 100000 chunks";
        assert_eq!(full.verdict(1), Verdict::Fail(why.to_owned()));
    }

    #[test]
    fn a_document_without_text_or_with_too_much_is_refused() {
        let why = |text: &str| match cut(DocumentKind::Text, &[page(text)]) {
            Err(Failure::Refused(why)) => why,
            cut => panic!("{cut:?}"),
        };
        assert_eq!(why(" \n\n "), "the document has no text");
        let sentence = "A sentence that fills a piece of its own, more or less. ".repeat(40);
        let long = format!("{sentence}\n\n").repeat(MAX_CHUNKS + 1);
        assert_eq!(
            why(&long),
            "the document is too long: more than 20000 chunks"
        );
    }

    #[test]
    fn chunks_are_numbered_and_found_by_their_terms() {
        let chunks = cut(DocumentKind::Text, &[page("Été, été!")]).unwrap();
        assert_eq!(chunks.len(), 1);
        let NewChunk {
            index, page, terms, ..
        } = &chunks[0];
        assert_eq!((*index, *page, terms.as_str()), (0, Some(1), "ete"));
    }

    #[test]
    fn the_progress_moves_from_the_text_to_the_last_chunk() {
        assert_eq!(progress(1, 20_000), EXTRACTED);
        assert_eq!(progress(10_000, 20_000), 60);
        assert_eq!(progress(20_000, 20_000), INDEXED);
    }
}
