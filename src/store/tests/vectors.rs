//! Vectors and what is near to them. PostgreSQL's tests are skipped on a server without pgvector.

use switchboard_protocol::ids::{DocumentId, ProjectId};

use super::documents::{begun, completed, with_projects};
use super::*;

on_both_databases! {
    chunks_are_found_by_their_vectors_nearest_first_with_scores_from_0_to_1
    vectors_of_other_projects_models_and_lengths_are_not_compared
    chunks_without_vectors_are_listed_until_they_have_them
    vectors_go_with_their_document_and_none_is_put_for_a_chunk_that_is_gone
    the_table_of_vectors_is_made_once_by_however_many
    a_long_vector_is_kept_number_by_number
}

/// A store with two projects and a table of vectors; none where that cannot be had.
async fn with_vectors(database: &Fixture) -> Option<(Store, ProjectId, ProjectId)> {
    let (store, one, other) = with_projects(database).await;
    match store.prepare_vectors().await {
        Ok(()) => Some((store, one, other)),
        Err(error @ StoreError::NoVectors(_)) if database.is_postgres() => {
            assert!(error.to_string().contains("pgvector"), "{error}");
            eprintln!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Puts these vectors to the chunks that have none yet, in their order.
async fn put(store: &Store, model: &str, vectors: &[&[f32]]) {
    let chunks = store
        .chunks_without_vectors(model, None, 0, 500)
        .await
        .unwrap();
    let vectors = vectors.iter().map(|vector| vector.to_vec());
    let put: Vec<(u64, Vec<f32>)> = chunks.iter().map(|chunk| chunk.id).zip(vectors).collect();
    store.put_vectors(model, &put).await.unwrap();
}

async fn nearest(
    store: &Store,
    project: ProjectId,
    model: &str,
    vector: &[f32],
) -> Vec<(f64, String)> {
    let found = store.nearest(project, model, vector, 3).await.unwrap();
    found
        .into_iter()
        .map(|(score, chunk)| (score, chunk.content))
        .collect()
}

async fn without(store: &Store, model: &str, document: Option<DocumentId>) -> Vec<String> {
    let chunks = store
        .chunks_without_vectors(model, document, 0, 500)
        .await
        .unwrap();
    chunks.into_iter().map(|chunk| chunk.content).collect()
}

async fn chunks_are_found_by_their_vectors_nearest_first_with_scores_from_0_to_1(
    database: &Fixture,
) {
    let Some((store, project, _)) = with_vectors(database).await else {
        return;
    };
    let document = completed(&store, project, &["north", "east", "north-east", "south"]).await;
    put(
        &store,
        "m",
        &[&[0.0, 2.0], &[1.0, 0.0], &[0.5, 0.5], &[0.0, -1.0]],
    )
    .await;
    let found = store.nearest(project, "m", &[0.0, 7.5], 9).await.unwrap();
    let expected = [
        ("north", 1.0),
        ("north-east", std::f64::consts::FRAC_1_SQRT_2),
        ("east", 0.0),
        ("south", 0.0),
    ];
    assert_eq!(found.len(), expected.len());
    for ((score, chunk), (content, near)) in found.iter().zip(expected) {
        assert_eq!(chunk.content, content);
        assert!(
            (score - near).abs() < 1e-5 && (0.0..=1.0).contains(score),
            "{content} {score}"
        );
        assert_eq!(chunk.place.document_id, document);
    }
    assert_eq!(found[1].1.place.chunk_index, 2);
    assert_eq!(nearest(&store, project, "m", &[0.0, 1.0]).await.len(), 3);
}

async fn vectors_of_other_projects_models_and_lengths_are_not_compared(database: &Fixture) {
    let Some((store, project, other)) = with_vectors(database).await else {
        return;
    };
    completed(&store, project, &["ours"]).await;
    put(&store, "m", &[&[1.0, 0.0]]).await;
    completed(&store, other, &["theirs"]).await;
    put(&store, "m", &[&[1.0, 0.0]]).await;
    let ours = [(1.0, "ours".to_owned())];
    assert_eq!(nearest(&store, project, "m", &[1.0, 0.0]).await, ours);
    assert_eq!(nearest(&store, project, "other", &[1.0, 0.0]).await, []);
    assert_eq!(nearest(&store, project, "m", &[1.0, 0.0, 0.0]).await, []);
    // Another model's takes its place.
    put(&store, "other", &[&[1.0, 0.0, 0.0]]).await;
    assert_eq!(
        nearest(&store, project, "other", &[1.0, 0.0, 0.0]).await,
        ours
    );
    assert_eq!(nearest(&store, project, "m", &[1.0, 0.0]).await, []);
}

async fn chunks_without_vectors_are_listed_until_they_have_them(database: &Fixture) {
    let Some((store, project, _)) = with_vectors(database).await else {
        return;
    };
    let first = completed(&store, project, &["a", "b"]).await;
    let begun = begun(&store, project, &["c"]).await;
    assert_eq!(without(&store, "m", None).await, ["a", "b"]);
    assert_eq!(without(&store, "m", Some(first)).await, ["a", "b"]);
    assert_eq!(without(&store, "m", Some(begun)).await, ["c"]);
    put(&store, "m", &[&[1.0]]).await;
    assert_eq!(without(&store, "m", None).await, ["b"]);
    assert_eq!(without(&store, "other", None).await, ["a", "b"]);
    let all = store
        .chunks_without_vectors("other", None, 0, 1)
        .await
        .unwrap();
    let rest = store
        .chunks_without_vectors("other", None, all[0].id, 9)
        .await
        .unwrap();
    assert_eq!((all.len(), rest.len()), (1, 1));
    // What is not completed is not found, vector or not.
    let chunk = store
        .chunks_without_vectors("m", Some(begun), 0, 9)
        .await
        .unwrap();
    store
        .put_vectors("m", &[(chunk[0].id, vec![1.0])])
        .await
        .unwrap();
    assert_eq!(
        nearest(&store, project, "m", &[1.0]).await,
        [(1.0, "a".to_owned())]
    );
}

async fn vectors_go_with_their_document_and_none_is_put_for_a_chunk_that_is_gone(
    database: &Fixture,
) {
    let Some((store, project, _)) = with_vectors(database).await else {
        return;
    };
    let document = completed(&store, project, &["a"]).await;
    let chunk = store.chunks_without_vectors("m", None, 0, 9).await.unwrap();
    let vector = [(chunk[0].id, vec![1.0, 1.0])];
    store.put_vectors("m", &vector).await.unwrap();
    assert!(store.delete_document(document).await.unwrap());
    store.put_vectors("m", &vector).await.unwrap();
    completed(&store, project, &["b"]).await;
    assert_eq!(nearest(&store, project, "m", &[1.0, 1.0]).await, []);
    assert_eq!(without(&store, "m", None).await, ["b"]);
}

async fn the_table_of_vectors_is_made_once_by_however_many(database: &Fixture) {
    let Some((store, project, _)) = with_vectors(database).await else {
        return;
    };
    completed(&store, project, &["a"]).await;
    put(&store, "m", &[&[1.0]]).await;
    let another = database.store().await;
    let made = futures_util::future::join_all((0..8).map(|_| another.prepare_vectors())).await;
    assert!(made.into_iter().all(|made| made.is_ok()));
    assert_eq!(nearest(&another, project, "m", &[1.0]).await.len(), 1);
}

async fn a_long_vector_is_kept_number_by_number(database: &Fixture) {
    let Some((store, project, _)) = with_vectors(database).await else {
        return;
    };
    completed(&store, project, &["a", "b"]).await;
    let number = |place: u16| (f32::from(place) * 0.37).sin() * 1e-3;
    let long: Vec<f32> = (0..8_192).map(number).collect();
    let mut changed = long.clone();
    changed[8_191] += 0.02;
    put(&store, "m", &[&changed, &long]).await;
    let found = nearest(&store, project, "m", &long).await;
    assert_eq!(found[0].1, "b");
    assert!(found[0].0 > 0.999_999 && found[1].0 < 0.99, "{found:?}");
}
