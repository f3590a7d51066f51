//! The demo says enough, and gives away no more than it should.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use switchboard_actors::ports::{Authenticator, Principal};
use switchboard_protocol::topics::CaptionKind;

use super::*;
use crate::tokens::{TokenIssuer, TokenVerifier};
use crate::transcript::Run;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const RUN: Run = Run {
    started: SystemTime::UNIX_EPOCH,
    first_segment: 0,
};

#[test]
fn every_channel_speaks_for_three_minutes_with_several_speakers() {
    for (room, recording) in SESSIONS.iter().flat_map(DemoSession::recordings) {
        let out = recording.publications(RUN);
        let first = out.first().unwrap().at;
        let last = out.last().unwrap().at;
        assert!(first < Duration::from_secs(5), "{room}");
        let length = last - first;
        assert!(length > Duration::from_secs(180), "{room}: {length:?}");
        let payload = |one: &[u8]| serde_json::from_slice::<Value>(one).unwrap();
        let finals = out.iter().filter(|one| one.kind == CaptionKind::Final);
        let speakers: BTreeSet<String> = finals
            .map(|one| payload(&one.payload)["locutor"].to_string())
            .collect();
        assert!(speakers.len() >= 3, "{room}: {speakers:?}");
    }
}

#[test]
fn the_lecture_is_translated_and_interpreted_and_partials_rewrite_themselves() {
    let [(floor, said), (interpretation, heard)] = &SESSIONS[0].recordings()[..] else {
        panic!("two channels");
    };
    assert_eq!(
        (floor.as_str(), interpretation.as_str()),
        ("demo-lecture/1", "demo-lecture/2")
    );
    let said = said.publications(RUN);
    let count = |kind| said.iter().filter(|one| one.kind == kind).count();
    assert_eq!(
        count(CaptionKind::FinalTranslation),
        count(CaptionKind::Final)
    );
    assert_eq!(
        count(CaptionKind::PartialTranslation),
        count(CaptionKind::Final)
    );
    let text = |needle: &str| {
        said.iter()
            .any(|one| std::str::from_utf8(&one.payload).unwrap().contains(needle))
    };
    assert!(text("where the blue line meats") && text("where the blue line meets"));
    let heard = heard.publications(RUN);
    assert!(
        heard
            .iter()
            .all(|one| { serde_json::from_slice::<Value>(&one.payload).unwrap()["lang"] == "fr" })
    );
}

#[tokio::test]
async fn seeding_twice_leaves_one_set_of_public_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("demo.db").display());
    let store = Store::connect(&url).await.unwrap();
    store.migrate().await.unwrap();
    seed(&store).await.unwrap();
    seed(&store).await.unwrap();
    let sessions = store.sessions_of(&organization(), None, 10).await.unwrap();
    assert_eq!(sessions.len(), SESSIONS.len());
    assert!(
        sessions
            .iter()
            .all(|one| one.visibility == Visibility::Public)
    );
    for (id, expected) in [(USER, Role::Maintainer), (VISITOR, Role::Member)] {
        let role = store.member_role(&organization(), &user(id)).await.unwrap();
        assert_eq!(role, Some(expected));
    }
    store.close().await;
}

#[tokio::test]
async fn seeding_twice_leaves_one_project_with_one_document_and_one_chat() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("demo.db").display());
    let store = Store::connect(&url).await.unwrap();
    store.migrate().await.unwrap();
    seed(&store).await.unwrap();
    seed(&store).await.unwrap();
    let projects = store.projects_of(&organization(), None, 10).await.unwrap();
    let ids: Vec<_> = projects.iter().map(|project| project.id).collect();
    assert_eq!(ids, [reading::project()]);
    let documents = store.documents_of(ids[0], None, 10).await.unwrap();
    let names: Vec<_> = documents.iter().map(|one| &one.filename[..]).collect();
    assert_eq!(names, ["readers-notes.txt"]);
    assert_eq!(store.chats_of(ids[0], None, 10).await.unwrap().len(), 1);
    store.close().await;
}

#[test]
fn the_page_gets_a_guests_token_for_each_session_and_a_plain_members_and_no_other() {
    let issuer = TokenIssuer::new(SECRET).unwrap();
    let verifier = TokenVerifier::from_secret(SECRET).unwrap();
    let info = DemoInfo::issue(&issuer);
    for session in &info.sessions {
        let identity = verifier.authenticate(&session.token).unwrap();
        let expected = Principal::Guest {
            session: session.id.parse().unwrap(),
            organization: Some(organization()),
        };
        assert_eq!(identity.principal, expected);
    }
    let identity = verifier.authenticate(&info.dashboard.token).unwrap();
    let expected = Principal::User {
        id: user(VISITOR),
        admin: false,
    };
    assert_eq!(identity.principal, expected);
    let json = serde_json::to_value(&info).unwrap();
    assert_eq!(json["dashboard"]["id"], "demo");
    assert_eq!(json["sessions"][0]["channels"][1]["language"], "fr");
    assert_eq!(json["projects"][0]["id"], 1);
    assert_eq!(
        json.to_string().matches("eyJ").count() / 2,
        SESSIONS.len() + 1
    );
}

#[test]
fn the_announcement_has_the_pages_addresses_and_a_token_of_each_kind_on_a_line_each() {
    let issuer = TokenIssuer::new(SECRET).unwrap();
    let verifier = TokenVerifier::from_secret(SECRET).unwrap();
    let text = announcement("http", "0.0.0.0:8080".parse().unwrap(), &issuer);
    let lines: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.split_once(": "))
        .collect();
    let labels: Vec<&str> = lines.iter().map(|(label, _)| *label).collect();
    let expected = [
        "page",
        "dashboard",
        "chat",
        "user token",
        "guest token",
        "admin token",
    ];
    assert_eq!(labels, expected);
    assert_eq!(lines[0].1, "http://127.0.0.1:8080/");
    assert_eq!(lines[1].1, "http://127.0.0.1:8080/?organization=demo");
    assert_eq!(lines[2].1, "http://127.0.0.1:8080/?project=1");
    for (label, token) in &lines[3..] {
        assert!(verifier.authenticate(token).is_ok(), "{label}");
    }
}
