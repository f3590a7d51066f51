//! The responder that needs no model.

use futures_util::StreamExt as _;

use super::*;
use crate::model::prompt::tests::{prompt, source};

fn said(sources: &[(&str, Option<u32>, &str)], question: &str) -> String {
    let sources = sources
        .iter()
        .map(|(name, page, content)| source(name, *page, content));
    answer(&prompt(sources.collect(), Vec::new(), question))
}

const HANDBOOK: &str = "# Handbook\nThis is the handbook of the washing machine. The warranty period \
lasts two years\nfrom the day of purchase. The machine is blue.\n\n- Keep the invoice.\n- Clean the filter every month.";

#[test]
fn the_sentence_that_fits_best_comes_first_with_its_file_and_page() {
    let answer = said(
        &[("handbook.pdf", Some(3), HANDBOOK)],
        "How long is the warranty period?",
    );
    let first =
        "The warranty period lasts two years from the day of purchase. (handbook.pdf, page 3)";
    assert_eq!(answer.lines().next(), Some(first), "{answer}");
}

#[test]
fn headings_and_items_of_lists_are_sentences_of_their_own() {
    let answer = said(
        &[("handbook.md", None, HANDBOOK)],
        "how often must I clean the filter",
    );
    assert_eq!(answer, "- Clean the filter every month. (handbook.md)");
}

#[test]
fn case_diacritics_and_forms_of_a_word_make_no_difference() {
    for (question, sentence) in [
        ("WARRANTIES?", "The warranty lasts two years."),
        ("Que fait le café Élan ?", "L'ELAN est un cafe à Lyon."),
        ("Wie heißt der Bürgermeister", "Burgermeister ist Frau Ott."),
        ("фильтр", "Чистите ФИЛЬТРЫ каждый месяц."),
        ("保証期間", "保証期間は二年です。"),
    ] {
        let answer = said(&[("a.txt", None, sentence)], question);
        assert_eq!(answer, format!("{sentence} (a.txt)"), "{question}");
    }
}

#[test]
fn a_rare_word_weighs_more_than_one_that_stands_everywhere() {
    let text = "The machine is blue. The machine is loud. The machine is from Turin.";
    let answer = said(&[("a.txt", None, text)], "Is the machine Turin made?");
    assert!(
        answer.starts_with("The machine is from Turin. (a.txt)"),
        "{answer}"
    );
}

#[test]
fn an_answer_has_at_most_five_sentences_in_order_of_fit() {
    let text = "One warranty. Two warranty. Three warranty. Four warranty. Five warranty. Six warranty. \
                The warranty of the invoice.";
    let answer = said(&[("a.txt", None, text)], "warranty invoice");
    let lines: Vec<_> = answer.lines().collect();
    assert_eq!(lines.len(), 5, "{answer}");
    assert_eq!(lines[0], "The warranty of the invoice. (a.txt)");
}

#[test]
fn a_sentence_that_stands_in_two_overlapping_chunks_is_said_once() {
    let sentence = "The warranty period lasts two years from the day of purchase.";
    let chunks = [
        ("a.txt", None, sentence),
        ("a.txt", None, sentence),
        (
            "a.txt",
            None,
            "period lasts two years from the day of purchase.",
        ),
    ];
    let answer = said(&chunks, "How long is the warranty period?");
    assert_eq!(answer, format!("{sentence} (a.txt)"));
}

#[test]
fn it_says_so_when_nothing_was_found() {
    assert_eq!(said(&[], "How long is the warranty?"), NOTHING);
    let elsewhere = [("a.txt", None, "The moon is made of rock.")];
    assert_eq!(
        said(&elsewhere, "How long is the warranty of this?"),
        NOTHING
    );
    assert_eq!(said(&[("a.txt", None, "")], "?!"), NOTHING);
    assert_eq!(said(&[("a.txt", None, "... --- ...")], "?!"), NOTHING);
}

#[test]
fn a_huge_sentence_is_cut() {
    let text = format!("warranty {}", "é".repeat(100_000));
    let answer = said(&[("a.txt", None, &text)], "warranty");
    assert_eq!(answer.chars().count(), 600 + "… (a.txt)".chars().count());
}

#[tokio::test]
async fn the_answer_comes_word_by_word_each_with_the_space_behind_it() {
    let sources = vec![source(
        "my file.txt",
        None,
        "The warranty ends. No warranty here.",
    )];
    let pieces = Extractive.answer(prompt(sources, Vec::new(), "warranty"));
    let pieces: Vec<String> = pieces.map(Result::unwrap).collect().await;
    let expected = [
        "The ",
        "warranty ",
        "ends. ",
        "(my ",
        "file.txt)\n",
        "No ",
        "warranty ",
        "here. ",
        "(my ",
        "file.txt)",
    ];
    assert_eq!(pieces, expected);
}

#[test]
fn whatever_is_wished_the_model_is_called_extractive() {
    let wishes = Wishes {
        model: Some("gpt".to_owned()),
        temperature: Some(99.0),
    };
    assert_eq!(Extractive.settle(&wishes).unwrap().model, "extractive");
}
