//! Documents and their chunks.

use switchboard_protocol::ids::{DocumentId, MAX_NUMBER, ProjectId};

use super::*;
use crate::documents::DocumentKind;
use crate::documents::terms::{self, Term};
use crate::store::document_model::{MAX_DOCUMENTS, MAX_PROJECT_CHUNKS};

on_both_databases! {
    a_document_is_read_as_it_was_put_there_until_it_is_deleted
    a_project_has_a_bounded_number_of_documents
    pages_of_documents_cover_those_of_their_project_once
    a_file_is_read_back_byte_for_byte_until_it_is_processed
    chunks_are_found_when_all_of_them_are_there_and_not_before
    a_document_that_fails_leaves_no_chunk_and_no_file
    a_project_has_a_bounded_number_of_chunks
    terms_are_counted_and_found_by_word_and_by_beginning
    the_chunks_with_the_heaviest_terms_come_first
    a_deleted_document_or_project_takes_its_chunks_and_their_terms_along
}

pub(super) const LONG: Duration = Duration::from_secs(600);

/// A store with the organization `acme` and its projects 1 and 17.
pub(super) async fn with_projects(database: &Fixture) -> (Store, ProjectId, ProjectId) {
    let store = database.store().await;
    let acme = organization("acme");
    store.put_organization(&acme, "Acme").await.unwrap();
    let [one, other] = [1, 17].map(|id| ProjectId::try_from(id).unwrap());
    for id in [one, other] {
        let new = NewProject {
            id: Some(id),
            organization: acme.clone(),
            name: "Handbook".into(),
        };
        store.create_project(new).await.unwrap();
    }
    (store, one, other)
}

pub(super) fn new_document(project: ProjectId, filename: &str, content: &[u8]) -> NewDocument {
    NewDocument {
        project,
        filename: filename.to_owned(),
        kind: DocumentKind::Text,
        charset: None,
        content: content.to_vec().into(),
    }
}

/// Puts a document there and takes it.
pub(super) async fn taken(store: &Store, project: ProjectId) -> Lease {
    let new = new_document(project, "a.txt", b"text");
    let document = store.create_document(new).await.unwrap();
    let lease = store.take_document(LONG).await.unwrap().unwrap();
    assert_eq!(lease.document, document.id);
    lease
}

pub(super) fn chunks(contents: &[&str]) -> Vec<NewChunk> {
    let chunk = |(index, content): (u32, &&str)| NewChunk {
        index,
        page: None,
        content: (*content).to_owned(),
        terms: terms::indexed(content),
    };
    (0..).zip(contents).map(chunk).collect()
}

/// A document that is searched.
pub(super) async fn completed(store: &Store, project: ProjectId, contents: &[&str]) -> DocumentId {
    let (lease, new) = (taken(store, project).await, chunks(contents));
    store.begin_chunks(&lease, new.len(), 30).await.unwrap();
    store.add_chunks(&lease, &new, 90).await.unwrap();
    store.complete_document(&lease, new.len()).await.unwrap();
    lease.document
}

/// Puts a document with these chunks there that is not completed.
pub(super) async fn begun(store: &Store, project: ProjectId, contents: &[&str]) -> DocumentId {
    let (lease, new) = (taken(store, project).await, chunks(contents));
    store.begin_chunks(&lease, new.len(), 30).await.unwrap();
    store.add_chunks(&lease, &new, 90).await.unwrap();
    lease.document
}

/// What is found for each of these words alone.
pub(super) async fn found(store: &Store, project: ProjectId, words: &[&str]) -> Vec<String> {
    let terms: Vec<Term> = words.iter().flat_map(|word| terms::terms(word)).collect();
    let asked: Vec<(&Term, u32)> = terms.iter().map(|term| (term, 1)).collect();
    let found = store.best_chunks(project, &asked, 100).await.unwrap();
    found.into_iter().map(|chunk| chunk.content).collect()
}

pub(super) async fn counted(store: &Store, project: ProjectId, words: &str) -> (u64, Vec<u64>) {
    let counted = store.frequencies(project, &terms::terms(words)).await;
    let Frequencies { chunks, containing } = counted.unwrap();
    (chunks, containing)
}

pub(super) async fn status(store: &Store, id: DocumentId) -> (DocumentStatus, u8, u32) {
    let document = store.document(id).await.unwrap().unwrap();
    (document.status, document.progress, document.chunks)
}

pub(super) fn is_lost(done: Result<(), StoreError>) -> bool {
    matches!(done, Err(StoreError::LeaseLost(_)))
}

async fn a_document_is_read_as_it_was_put_there_until_it_is_deleted(database: &Fixture) {
    let (store, project, _) = with_projects(database).await;
    let new = NewDocument {
        kind: DocumentKind::Pdf,
        charset: Some("latin1".into()),
        ..new_document(project, "é 'x\" ; --.pdf", &[0; 70])
    };
    let created = store.create_document(new).await.unwrap();
    assert!(created.created_at_ms > 1_700_000_000_000);
    let expected = Document {
        id: created.id,
        project,
        filename: "é 'x\" ; --.pdf".into(),
        kind: DocumentKind::Pdf,
        bytes: 70,
        status: DocumentStatus::Waiting,
        progress: 0,
        error: None,
        chunks: 0,
        created_at_ms: created.created_at_ms,
        updated_at_ms: created.created_at_ms,
    };
    assert_eq!(created, expected);
    let read = store.document(created.id).await.unwrap();
    assert_eq!(read.as_ref(), Some(&created));
    assert!(store.delete_document(created.id).await.unwrap());
    assert!(!store.delete_document(created.id).await.unwrap());
    assert_eq!(store.document(created.id).await.unwrap(), None);
    let new = new_document(project, "b.txt", b"b");
    let next = store.create_document(new).await.unwrap();
    assert!(next.id > created.id, "no id is given twice");

    let unknown = ProjectId::try_from(MAX_NUMBER).unwrap();
    let orphan = store.create_document(new_document(unknown, "c.txt", b"c"));
    assert!(matches!(
        orphan.await,
        Err(StoreError::UnknownProject(id)) if id == unknown
    ));
}

async fn a_project_has_a_bounded_number_of_documents(database: &Fixture) {
    let (store, project, other) = with_projects(database).await;
    let fill = format!(
        "INSERT INTO documents (project_id, filename, kind, bytes, status, progress, chunks, tries, lease_until, \
         created_at, updated_at) WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {MAX_DOCUMENTS}) \
         SELECT 1, 'f', 'text', 1, 'completed', 100, 0, 1, 0, 0, 0 FROM n"
    );
    database.execute(&fill).await;
    let new = |project| store.create_document(new_document(project, "a.txt", b"a"));
    new(project).await.unwrap();
    let full = new(project).await;
    assert!(matches!(full, Err(StoreError::TooManyDocuments(id)) if id == project));
    new(other).await.unwrap();
}

async fn pages_of_documents_cover_those_of_their_project_once(database: &Fixture) {
    let (store, project, other) = with_projects(database).await;
    let mut ours = Vec::new();
    for _ in 0..3 {
        for (id, is_ours) in [(project, true), (other, false)] {
            let new = new_document(id, "a.txt", b"a");
            let created = store.create_document(new).await.unwrap();
            ours.extend(is_ours.then_some(created));
        }
    }
    let first = store.documents_of(project, None, 2).await.unwrap();
    assert_eq!(first, ours[..2]);
    let last = Some(first[1].id);
    let rest = store.documents_of(project, last, 2).await.unwrap();
    assert_eq!(rest, ours[2..]);
}

async fn a_file_is_read_back_byte_for_byte_until_it_is_processed(database: &Fixture) {
    let (store, project, _) = with_projects(database).await;
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let new = NewDocument {
        charset: Some("latin1".into()),
        ..new_document(project, "a.txt", &content)
    };
    store.create_document(new).await.unwrap();
    let lease = store.take_document(LONG).await.unwrap().unwrap();
    assert_eq!(lease.charset.as_deref(), Some("latin1"));
    assert_eq!((lease.kind, lease.tries), (DocumentKind::Text, 1));
    assert!(store.upload(&lease).await.unwrap() == content);
    store.complete_document(&lease, 0).await.unwrap();
    let gone = store.upload(&lease).await;
    assert!(matches!(gone, Err(StoreError::LeaseLost(_))));
}

async fn chunks_are_found_when_all_of_them_are_there_and_not_before(database: &Fixture) {
    let (store, project, _) = with_projects(database).await;
    let lease = taken(&store, project).await;
    let contents: Vec<String> = (0..40).map(|n| format!("budget w{n}\0")).collect();
    let contents: Vec<&str> = contents.iter().map(String::as_str).collect();
    let mut new = chunks(&contents);
    new[0].page = Some(7);
    store.begin_chunks(&lease, 40, 30).await.unwrap();
    store.add_chunks(&lease, &new[..25], 60).await.unwrap();
    let half = (DocumentStatus::Processing, 60, 0);
    assert_eq!(status(&store, lease.document).await, half);
    assert_eq!(found(&store, project, &["budget"]).await, [""; 0]);
    assert_eq!(counted(&store, project, "budget").await.0, 0);
    store.add_chunks(&lease, &new[25..], 90).await.unwrap();
    store.complete_document(&lease, 40).await.unwrap();
    let done = (DocumentStatus::Completed, 100, 40);
    assert_eq!(status(&store, lease.document).await, done);
    assert_eq!(found(&store, project, &["budget"]).await.len(), 40);
    assert_eq!(counted(&store, project, "budget").await, (40, vec![40]));

    let [term] = &terms::terms("w0")[..] else {
        panic!("one term")
    };
    let best = store.best_chunks(project, &[(term, 1)], 9).await.unwrap();
    let [chunk] = &best[..] else {
        panic!("{best:?}")
    };
    let place = &chunk.place;
    assert_eq!((place.document_id, place.chunk_index), (lease.document, 0));
    assert_eq!((place.filename.as_str(), place.page), ("a.txt", Some(7)));
    assert_eq!(chunk.content, "budget w0\u{fffd}");
    let nothing = store.take_document(Duration::ZERO).await.unwrap();
    assert_eq!(nothing, None);
}

async fn a_document_that_fails_leaves_no_chunk_and_no_file(database: &Fixture) {
    let (store, project, _) = with_projects(database).await;
    let lease = taken(&store, project).await;
    store.begin_chunks(&lease, 1, 30).await.unwrap();
    store
        .add_chunks(&lease, &chunks(&["half"]), 60)
        .await
        .unwrap();
    store.fail_document(&lease, "it is \0 empty").await.unwrap();
    let failed = store.document(lease.document).await.unwrap().unwrap();
    assert_eq!(failed.error.as_deref(), Some("it is \u{fffd} empty"));
    let expected = (DocumentStatus::Failed, 0, 0);
    assert_eq!(status(&store, lease.document).await, expected);
    assert_eq!(counted(&store, project, "half").await, (0, vec![0]));
    assert!(store.upload(&lease).await.is_err());
    let nothing = store.take_document(Duration::ZERO).await.unwrap();
    assert_eq!(nothing, None);
}

async fn a_project_has_a_bounded_number_of_chunks(database: &Fixture) {
    let (store, project, other) = with_projects(database).await;
    let lease = taken(&store, project).await;
    let room = usize::try_from(MAX_PROJECT_CHUNKS).unwrap() - 10;
    store.complete_document(&lease, room).await.unwrap();
    let lease = taken(&store, project).await;
    let full = store.begin_chunks(&lease, 11, 30).await;
    assert!(matches!(full, Err(StoreError::TooManyChunks(id)) if id == project));
    store.begin_chunks(&lease, 10, 30).await.unwrap();
    let elsewhere = taken(&store, other).await;
    store.begin_chunks(&elsewhere, 11, 30).await.unwrap();
}

async fn terms_are_counted_and_found_by_word_and_by_beginning(database: &Fixture) {
    let (store, project, other) = with_projects(database).await;
    let contents = [
        "Été à la campagne",
        "Das Straßenfest, die STRASSE",
        "東京都の予算",
        "ОТЧЁТ о бюджете",
        "ميزانية المدرسة",
        "हिन्दी में बजट",
        "#1 17 or and not near",
    ];
    completed(&store, project, &contents).await;
    completed(&store, other, &["Ete des autres", "#1 budget"]).await;
    for (word, expected) in [
        ("ete", 0),
        ("STRASSEN", 1),
        ("京都", 2),
        ("予算", 2),
        ("отчет", 3),
        ("бюдж", 3),
        ("المدرسة", 4),
        ("हिन्दी", 5),
        ("near", 6),
        ("17", 6),
    ] {
        let all = found(&store, project, &[word]).await;
        assert_eq!(all, [contents[expected]], "{word}");
        assert_eq!(counted(&store, project, word).await, (7, vec![1]), "{word}");
    }
    for word in ["et", "strassenfeste", "京", "autres", "budget", "nea"] {
        assert_eq!(found(&store, project, &[word]).await, [""; 0], "{word}");
        assert_eq!(counted(&store, project, word).await.1, [0], "{word}");
    }
    let both = counted(&store, other, "ete nowhere budget").await;
    assert_eq!(both, (2, vec![1, 0, 1]));
    assert_eq!(counted(&store, other, "").await, (2, vec![]));
}

async fn the_chunks_with_the_heaviest_terms_come_first(database: &Fixture) {
    let (store, project, _) = with_projects(database).await;
    let contents = ["red", "red green", "green blue", "blue", "red green blue"];
    completed(&store, project, &contents).await;
    let words = terms::terms("red green blue");
    let asked: Vec<(&Term, u32)> = words.iter().zip([5, 2, 4]).collect();
    let best = store.best_chunks(project, &asked, 4).await.unwrap();
    let best: Vec<&str> = best.iter().map(|chunk| chunk.content.as_str()).collect();
    assert_eq!(best, ["red green blue", "red green", "green blue", "red"]);
}

async fn a_deleted_document_or_project_takes_its_chunks_and_their_terms_along(database: &Fixture) {
    let (store, project, other) = with_projects(database).await;
    let first = completed(&store, project, &["budget one", "more"]).await;
    completed(&store, project, &["budget two"]).await;
    completed(&store, other, &["budget three"]).await;
    let waiting = taken(&store, project).await;
    assert!(store.delete_document(first).await.unwrap());
    assert_eq!(found(&store, project, &["budget"]).await, ["budget two"]);
    assert_eq!(
        counted(&store, project, "budget more").await,
        (1, vec![1, 0])
    );

    assert!(store.delete_project(project).await.unwrap());
    assert_eq!(counted(&store, project, "budget").await, (0, vec![0]));
    assert_eq!(store.documents_of(project, None, 9).await.unwrap(), []);
    assert!(is_lost(store.renew_lease(&waiting, LONG).await));
    assert!(store.upload(&waiting).await.is_err());
    let new = chunks(&["late"]);
    assert!(is_lost(store.add_chunks(&waiting, &new, 50).await));
    assert_eq!(found(&store, other, &["budget"]).await, ["budget three"]);
    assert!(!store.delete_project(project).await.unwrap());
}
