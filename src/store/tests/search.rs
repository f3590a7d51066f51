//! Questions and what is found for them.

use switchboard_actors::ports::{Retrieval, Source};
use switchboard_protocol::ids::ProjectId;

use super::documents::{completed, with_projects};
use super::*;
use crate::documents::DocumentSearch;

on_both_databases! {
    the_best_five_chunks_are_sources_best_first_with_scores_from_0_to_1
    what_fits_less_than_the_least_score_is_no_source
    a_question_finds_words_in_other_spellings_and_scripts
    no_question_breaks_the_search_or_finds_what_it_does_not_say
    chunks_of_other_projects_are_never_found
}

async fn search(store: &Store, project: ProjectId, question: &str) -> Vec<Source> {
    search_above(store, project, question, 0.3).await
}

async fn search_above(
    store: &Store,
    project: ProjectId,
    question: &str,
    min_score: f64,
) -> Vec<Source> {
    let search = DocumentSearch::new(store.clone(), min_score, None);
    let found = search.search(project, question.to_owned()).await;
    found.expect(question)
}

fn contents(sources: &[Source]) -> Vec<&str> {
    let contents = sources.iter().map(|source| source.content.as_str());
    contents.collect()
}

async fn the_best_five_chunks_are_sources_best_first_with_scores_from_0_to_1(database: &Fixture) {
    let (store, project, _) = with_projects(database).await;
    let chunks = [
        "The weather is fine today.",
        "The school's budget for 2024 was approved.",
        "A budget is a plan.",
        "Budgets, budgets: the budget of the school in 2024 and after.",
        "Schools open at eight.",
        "In 2024 the budget grew.",
        "The budget of 2024.",
        "2024: the school.",
    ];
    let document = completed(&store, project, &chunks).await;
    let question = "What is the school's budget for 2024?";
    let found = search(&store, project, question).await;
    let best = [chunks[1], chunks[3]];
    assert_eq!(found.len(), 5);
    assert!(
        found[..2]
            .iter()
            .all(|source| best.contains(&&*source.content))
    );
    assert!(found[..2].iter().all(|source| source.score > 0.99));
    for pair in found.windows(2) {
        assert!(pair[0].score >= pair[1].score, "{found:?}");
    }
    for source in &found {
        assert!((0.3..=1.0).contains(&source.score), "{source:?}");
        let number = source.id.strip_prefix("chunk_").unwrap();
        assert!(number.parse::<u64>().unwrap() > 0);
        let place = &source.metadata;
        assert_eq!(place.document_id, document);
        assert_eq!(chunks[place.chunk_index as usize], source.content);
        assert_eq!(place.filename, "a.txt");
    }
}

async fn what_fits_less_than_the_least_score_is_no_source(database: &Fixture) {
    let (store, project, _) = with_projects(database).await;
    completed(&store, project, &["red green", "blue", "yellow"]).await;
    let question = "red green blue brown";
    let found = search_above(&store, project, question, 0.3).await;
    assert_eq!(contents(&found), ["red green"]);
    let found = search_above(&store, project, question, 0.0).await;
    assert_eq!(contents(&found), ["red green", "blue"]);
    let found = search_above(&store, project, question, 1.0).await;
    assert_eq!(found, []);
}

async fn a_question_finds_words_in_other_spellings_and_scripts(database: &Fixture) {
    let (store, project, _) = with_projects(database).await;
    let chunks = [
        "L’été dernier, la fête a coûté 300 €.",
        "Die STRASSENBAHN fährt um sechs.",
        "東京都の予算は増えた。",
        "Годовой отчёт о бюджете",
        "ميزانية المدرسة لهذا العام",
        "हिन्दी में बजट",
    ];
    completed(&store, project, &chunks).await;
    for (question, expected) in [
        ("combien a coute la FETE ?", 0),
        ("Wann fahrt die Straßenbahn?", 1),
        ("予算", 2),
        ("Где отчет?", 3),
        ("المدرسة", 4),
        ("हिन्दी", 5),
    ] {
        let found = search(&store, project, question).await;
        assert_eq!(contents(&found), [chunks[expected]], "{question}");
    }
}

async fn no_question_breaks_the_search_or_finds_what_it_does_not_say(database: &Fixture) {
    let (store, project, _) = with_projects(database).await;
    completed(&store, project, &["the budget of the school", "rain"]).await;
    let many: Vec<String> = (0..10_000).map(|n| format!("word{n}")).collect();
    let long = "x".repeat(100_000);
    for question in [
        "",
        " \t\n",
        "\"",
        "\" OR *",
        "' | ! :* & ( )",
        "*",
        "\0",
        "a\0b \u{0}",
        "^ NEAR(a b, 3) {terms}: - + AND NOT OR",
        "terms:x) OR rowid > 0 --",
        "'; DROP TABLE chunks; --",
        "$1 ?1 :x @x %s \\ \\' \u{202e}",
        "#1 #17 # 1",
        "😀 \u{301}\u{301}\u{300}",
        &many.join(" "),
        &long,
    ] {
        let found = search(&store, project, question).await;
        assert_eq!(found, [], "{question:.40}");
    }
    for question in [
        "budget\" OR *",
        "\0budget\0",
        "budget' | '",
        "BUDGET:*",
        "(budget",
        "budget NOT",
    ] {
        let found = search(&store, project, question).await;
        assert_eq!(
            contents(&found),
            ["the budget of the school"],
            "{question:?}"
        );
    }
    let found = search(&store, project, "of the").await;
    assert_eq!(found.len(), 1, "words without a meaning, but no others");
}

async fn chunks_of_other_projects_are_never_found(database: &Fixture) {
    let (store, project, other) = with_projects(database).await;
    completed(&store, other, &["a secret budget", "#1 budget"]).await;
    assert_eq!(search(&store, project, "secret budget").await, []);
    completed(&store, project, &["our budget"]).await;
    let found = search_above(&store, project, "secret budget", 0.0).await;
    assert_eq!(contents(&found), ["our budget"]);
    let found = search_above(&store, other, "secret budget", 0.0).await;
    assert_eq!(contents(&found), ["a secret budget", "#1 budget"]);
}
