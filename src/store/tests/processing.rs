//! Processors at work on a database: what becomes of documents, and what is told of them.

use std::collections::HashMap;

use actix::prelude::*;
use serde_json::Value;
use switchboard_actors::broker::Publish;
use switchboard_actors::metrics::Metrics;
use switchboard_actors::ports::Retrieval;
use switchboard_protocol::ids::{DocumentId, ProjectId};
use switchboard_protocol::topics;
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::documents::{new_document, with_projects};
use super::*;
use crate::documents::extract::Extractor;
use crate::documents::{DocumentSearch, Processor};

on_both_databases! {
    a_document_is_found_after_a_progress_that_moves
    a_document_without_text_fails_with_a_sentence
    what_a_processor_that_died_has_left_is_done_by_the_next
    a_document_that_was_interrupted_three_times_fails
    a_processor_that_stops_gives_back_what_it_works_on
    a_document_that_is_deleted_meanwhile_is_not_heard_of_again
    processors_share_the_work_and_do_nothing_twice
}

const DEADLINE: Duration = Duration::from_secs(60);

/// Stands for the BrokerActor: passes on what it is to publish.
struct Broker(mpsc::UnboundedSender<Publish>);

impl Actor for Broker {
    type Context = Context<Self>;
}

impl Handler<Publish> for Broker {
    type Result = ();

    fn handle(&mut self, publish: Publish, _: &mut Self::Context) {
        // Nobody listens any more at the end of a test.
        let _ = self.0.send(publish);
    }
}

/// What processors tell.
struct Told(mpsc::UnboundedReceiver<Publish>);

impl Told {
    /// The next word of a document: status, progress, error.
    async fn next(&mut self) -> (u64, String, u64, Option<String>) {
        let told = tokio::time::timeout(DEADLINE, self.0.recv()).await;
        let told = told.expect("nothing more is told").unwrap();
        let (project, event) = topics::parse_project_event(&told.topic).unwrap();
        assert_eq!((project.get(), event), (1, "document_status"));
        let data: Value = serde_json::from_slice(&told.payload).unwrap();
        (
            data["document_id"].as_u64().unwrap(),
            data["status"].as_str().unwrap().to_owned(),
            data["progress"].as_u64().unwrap(),
            data["error"].as_str().map(str::to_owned),
        )
    }

    /// Everything up to the end of one document.
    async fn until_ended(
        &mut self,
        document: DocumentId,
    ) -> Vec<(u64, String, u64, Option<String>)> {
        let mut all = Vec::new();
        loop {
            let said = self.next().await;
            let is_end = said.0 == document.get() && said.1 != "processing";
            all.push(said);
            if is_end {
                return all;
            }
        }
    }

    /// Waits until this document has so many percent.
    async fn until_progress(&mut self, document: DocumentId, progress: u64) {
        loop {
            let (id, status, reached, _) = self.next().await;
            assert_eq!(status, "processing");
            if id == document.get() && reached >= progress {
                return;
            }
        }
    }
}

/// Runs a test where actors can be.
async fn with_broker(test: impl AsyncFnOnce(Recipient<Publish>, Told)) {
    let run = async {
        let (sender, told) = mpsc::unbounded_channel();
        let broker = Broker(sender).start();
        test(broker.recipient(), Told(told)).await;
    };
    LocalSet::new().run_until(run).await;
}

fn start(store: &Store, events: &Recipient<Publish>) -> Processor {
    let extractor = Extractor::in_process();
    Processor::start(
        store.clone(),
        events.clone(),
        extractor,
        None,
        &Metrics::default(),
    )
}

async fn put(store: &Store, project: ProjectId, content: &str) -> DocumentId {
    let new = new_document(project, "a.txt", content.as_bytes());
    store.create_document(new).await.unwrap().id
}

/// A text of many chunks, each with a number of its own.
fn long_text() -> String {
    let sentence = "Much is said here that fills a chunk and means nothing at all. ".repeat(18);
    let chunk = |number| format!("number{number} {sentence}\n\n");
    (0..1_500).map(chunk).collect()
}

async fn sources(store: &Store, project: ProjectId, question: &str) -> usize {
    let search = DocumentSearch::new(store.clone(), 0.3, None);
    let found = search.search(project, question.to_owned()).await;
    found.unwrap().len()
}

async fn stop(processor: Processor) {
    processor.stop(DEADLINE).await;
}

async fn a_document_is_found_after_a_progress_that_moves(database: &Fixture) {
    let (store, project, _) = with_projects(database).await;
    with_broker(async |events, mut told| {
        let processor = start(&store, &events);
        let document = put(&store, project, &long_text()).await;
        processor.waker().wake();
        let said = told.until_ended(document).await;
        let progress: Vec<u64> = said.iter().map(|(_, _, progress, _)| *progress).collect();
        assert_eq!(progress[..2], [0, 30]);
        assert!(progress.is_sorted() && progress.len() >= 6, "{progress:?}");
        let last = (document.get(), "completed".to_owned(), 100, None);
        assert_eq!(said.last(), Some(&last));
        let done = store.document(document).await.unwrap().unwrap();
        assert_eq!(done.status, DocumentStatus::Completed);
        assert!(done.chunks >= 1_500, "{done:?}");
        assert_eq!(sources(&store, project, "number1499").await, 1);
        stop(processor).await;
    })
    .await;
}

async fn a_document_without_text_fails_with_a_sentence(database: &Fixture) {
    let (store, project, _) = with_projects(database).await;
    with_broker(async |events, mut told| {
        let document = put(&store, project, " \n\n \t").await;
        // It is there before the processor: found without being told.
        let processor = start(&store, &events);
        let said = told.until_ended(document).await;
        let (_, status, progress, error) = said.last().unwrap();
        assert_eq!((status.as_str(), *progress), ("failed", 0));
        let failed = store.document(document).await.unwrap().unwrap();
        assert_eq!(failed.status, DocumentStatus::Failed);
        assert!(
            error
                .as_ref()
                .is_some_and(|error| error.contains("the document"))
        );
        assert_eq!(&failed.error, error);
        stop(processor).await;
    })
    .await;
}

async fn what_a_processor_that_died_has_left_is_done_by_the_next(database: &Fixture) {
    let (store, project, _) = with_projects(database).await;
    with_broker(async |events, mut told| {
        let document = put(&store, project, "The budget of the school.").await;
        let dead = store.take_document(Duration::ZERO).await.unwrap().unwrap();
        store.begin_chunks(&dead, 2, 30).await.unwrap();
        let half = NewChunk {
            index: 0,
            page: None,
            content: "unicorn".into(),
            terms: "unicorn".into(),
        };
        store.add_chunks(&dead, &[half], 60).await.unwrap();
        let processor = start(&store, &events);
        let said = told.until_ended(document).await;
        assert_eq!(said.last().unwrap().1, "completed");
        assert_eq!(sources(&store, project, "unicorn").await, 0);
        assert_eq!(sources(&store, project, "budget").await, 1);
        stop(processor).await;
    })
    .await;
}

async fn a_document_that_was_interrupted_three_times_fails(database: &Fixture) {
    let (store, project, _) = with_projects(database).await;
    with_broker(async |events, mut told| {
        let document = put(&store, project, "The budget.").await;
        for tries in 1..=3 {
            let lease = store.take_document(Duration::ZERO).await.unwrap();
            assert_eq!(lease.unwrap().tries, tries);
        }
        let processor = start(&store, &events);
        let why = "processing was interrupted 3 times".to_owned();
        let failed = (document.get(), "failed".to_owned(), 0, Some(why));
        assert_eq!(told.until_ended(document).await, [failed]);
        stop(processor).await;
    })
    .await;
}

async fn a_processor_that_stops_gives_back_what_it_works_on(database: &Fixture) {
    let (store, project, _) = with_projects(database).await;
    with_broker(async |events, mut told| {
        let document = put(&store, project, &long_text()).await;
        let processor = start(&store, &events);
        told.until_progress(document, 31).await;
        stop(processor).await;
        let waiting = store.document(document).await.unwrap().unwrap();
        let state = (waiting.status, waiting.progress, waiting.chunks);
        assert_eq!(state, (DocumentStatus::Waiting, 0, 0));
        let term = crate::documents::terms::terms("number0");
        let left = store.frequencies(project, &term).await.unwrap();
        assert_eq!(left.containing, [0]);
        // It counts as no try, and the next one begins anew.
        let again = start(&store, &events);
        let said = told.until_ended(document).await;
        assert_eq!(said.last().unwrap().1, "completed");
        assert_eq!(sources(&store, project, "number1499").await, 1);
        stop(again).await;
    })
    .await;
}

async fn a_document_that_is_deleted_meanwhile_is_not_heard_of_again(database: &Fixture) {
    let (store, project, _) = with_projects(database).await;
    with_broker(async |events, mut told| {
        let document = put(&store, project, &long_text()).await;
        let processor = start(&store, &events);
        told.until_progress(document, 30).await;
        assert!(store.delete_document(document).await.unwrap());
        let next = put(&store, project, "The budget.").await;
        processor.waker().wake();
        let said = told.until_ended(next).await;
        let of_the_first = said.iter().filter(|(id, ..)| *id == document.get());
        let mut of_the_first = of_the_first.map(|(_, status, ..)| status.as_str());
        // What was written before it was deleted may still be told.
        assert!(
            of_the_first.all(|status| status == "processing"),
            "{said:?}"
        );
        assert_eq!(sources(&store, project, "number0").await, 0);
        assert_eq!(sources(&store, project, "budget").await, 1);
        stop(processor).await;
    })
    .await;
}

async fn processors_share_the_work_and_do_nothing_twice(database: &Fixture) {
    let (store, project, _) = with_projects(database).await;
    let twin = database.store().await;
    with_broker(async |events, mut told| {
        let mut open = HashMap::new();
        for number in 0..8 {
            let content = format!("The budget of year{number}.");
            open.insert(put(&store, project, &content).await.get(), 0);
        }
        let processors = [start(&store, &events), start(&twin, &events)];
        while open.values().any(|completed| *completed == 0) {
            let (document, status, ..) = told.next().await;
            *open.get_mut(&document).unwrap() += usize::from(status == "completed");
        }
        for processor in processors {
            stop(processor).await;
        }
        assert!(told.0.is_empty(), "nothing is done twice");
        assert!(open.values().all(|completed| *completed == 1), "{open:?}");
        for number in 0..8 {
            let question = format!("year{number}");
            assert_eq!(sources(&store, project, &question).await, 1);
        }
    })
    .await;
}
