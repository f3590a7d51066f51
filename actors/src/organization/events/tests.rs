use serde_json::{Value, json};

use switchboard_protocol::ids::UserId;

use super::*;

fn organization() -> OrganizationId {
    "O".parse().unwrap()
}

fn read_media(event: &str, payload: &str) -> Result<MediaStatement, Refused> {
    media(&organization(), event, &Bytes::from(payload.to_owned()))
}

/// What a frame says to a client: the event's name and arguments.
fn said(frame: &Frame) -> Value {
    let packet = std::str::from_utf8(frame.payload()).unwrap();
    packet.strip_prefix("42").unwrap().parse().unwrap()
}

/// What media watchers are told of a publication that says something once, to all.
fn told(event: &str, payload: &Value) -> Result<Value, Refused> {
    Ok(match read_media(event, &payload.to_string())? {
        MediaStatement::Created(_, frame)
        | MediaStatement::Deleted(_, frame)
        | MediaStatement::Over(_, frame)
        | MediaStatement::Folder(_, frame)
        | MediaStatement::Other(frame) => said(&frame),
        MediaStatement::Processing(items) => said(&list(&items)),
    })
}

/// Who may hear of a folder.
fn readers(folder: &Value) -> Readers {
    match read_media("folder_updated", &folder.to_string()) {
        Ok(MediaStatement::Folder(readers, _)) => readers,
        other => panic!("{other:?}"),
    }
}

fn read_job(payload: &Value) -> Result<JobStatement, Refused> {
    job(&organization(), &Bytes::from(payload.to_string()))
}

#[test]
fn of_a_created_conversation_only_its_documented_fields_travel() {
    let document = json!({
        "_id": "c1", "name": "Talk", "organization": "O", "owner": "u1", "text": [{"words": ["secret"]}],
        "jobs": {"keyword": {"job_id": 1}, "transcription":
            {"state": "processing", "progress": 12.4, "job_id": "j", "endpoint": "http://inside"}},
    });
    let expected = json!(["conversation_created", {
        "_id": "c1", "name": "Talk", "organization": "O",
        "jobs": {"transcription": {"state": "processing", "progress": 12}},
    }]);
    assert_eq!(told("conversation_created", &document), Ok(expected));
}

#[test]
fn what_a_created_conversation_leaves_open_is_filled_in() {
    for (jobs, state, progress) in [
        (json!({}), "pending", 0),
        (json!({"transcription": {}}), "pending", 0),
        (
            json!({"transcription": {"state": "queued", "progress": "half"}}),
            "pending",
            0,
        ),
        (
            json!({"transcription": {"state": "done", "progress": 400}}),
            "done",
            100,
        ),
        (
            json!({"transcription": {"state": "error", "progress": -3}}),
            "error",
            0,
        ),
    ] {
        let document = json!({"_id": "c1", "name": "Talk", "jobs": jobs});
        let said = told("conversation_created", &document).unwrap();
        assert_eq!(said[1]["organization"], "O");
        let transcription = json!({"state": state, "progress": progress});
        assert_eq!(
            said[1]["jobs"],
            json!({"transcription": transcription}),
            "{jobs}"
        );
    }
    let bare = json!({"_id": "c1", "name": "Talk"});
    assert!(told("conversation_created", &bare).is_ok());
}

#[test]
fn whatever_names_another_organization_is_refused() {
    let other = Err(Refused::OtherOrganization);
    let created = json!({"_id": "c1", "name": "Talk", "organization": "P"});
    assert_eq!(told("conversation_created", &created), other);
    assert_eq!(told("conversation_processing", &json!([created])), other);
    for event in ["folder_created", "folder_updated"] {
        let folder = json!({"_id": "f1", "organizationId": "P"});
        assert_eq!(told(event, &folder), other);
    }
    let job = json!({"organizationId": "P", "jobId": "j", "status": "completed"});
    assert_eq!(read_job(&job), Err(Refused::OtherOrganization));
}

#[test]
fn a_deleted_conversation_is_its_id_and_a_status() {
    let deleted = |payload| told("conversation_deleted", &payload);
    let expected = json!(["conversation_deleted", {"id": "c1", "status": "deleted"}]);
    assert_eq!(deleted(json!({"id": "c1", "text": "secret"})), Ok(expected));
    let expected = json!(["conversation_deleted", {"id": "c1", "status": "done"}]);
    assert_eq!(deleted(json!({"id": "c1", "status": "done"})), Ok(expected));
    assert_eq!(deleted(json!({"_id": "c1"})), Err(Refused::Shape));
}

#[test]
fn what_is_over_is_told_by_a_string_and_nothing_else() {
    for event in [
        "conversation_processing_done",
        "conversation_processing_error",
    ] {
        assert_eq!(told(event, &json!("c1")), Ok(json!([event, "c1"])));
        for payload in [
            json!({"id": "c1"}),
            json!(1),
            json!(null),
            json!("a/b"),
            json!(""),
        ] {
            assert_eq!(told(event, &payload), Err(Refused::Shape), "{payload}");
        }
    }
}

#[test]
fn a_list_of_others_is_reduced_conversation_by_conversation() {
    let listed = json!([
        {"_id": "c1", "name": "Talk", "organization": "O", "text": "secret",
         "jobs": {"transcription": {"state": "started", "progress": 3, "job_id": "j"}}},
        {"_id": "c2", "name": "Other"},
    ]);
    let expected = json!(["conversation_processing", [
        {"_id": "c1", "name": "Talk", "jobs": {"transcription": {"state": "started", "progress": 3}}},
        {"_id": "c2", "name": "Other", "jobs": {"transcription": {"state": "pending", "progress": 0}}},
    ]]);
    assert_eq!(told("conversation_processing", &listed), Ok(expected));
    let no_list = json!({"_id": "c1", "name": "Talk"});
    assert_eq!(
        told("conversation_processing", &no_list),
        Err(Refused::Shape)
    );
}

#[test]
fn of_a_folder_only_its_documented_fields_travel() {
    let folder = json!({
        "_id": "f1", "name": "Plans", "organizationId": "O", "parentId": null, "color": "#fff", "emoji": "📁",
        "position": 2, "visibility": "organization", "owner": {"_id": "u1", "email": "a@b"},
        "members": ["u2", {"userId": "u3", "email": "c@d"}], "conversations": ["secret"],
    });
    let expected = json!({
        "_id": "f1", "name": "Plans", "organizationId": "O", "parentId": null, "color": "#fff", "emoji": "📁",
        "position": 2, "visibility": "organization", "owner": {"_id": "u1"}, "members": ["u2", {"userId": "u3"}],
    });
    for event in ["folder_created", "folder_updated"] {
        assert_eq!(told(event, &folder), Ok(json!([event, expected])));
    }
    let bare = json!({"_id": "f1"});
    assert_eq!(
        told("folder_updated", &bare),
        Ok(json!(["folder_updated", bare]))
    );
    assert_eq!(
        told("folder_updated", &json!({"name": "x"})),
        Err(Refused::Shape)
    );
}

#[test]
fn a_private_folder_is_for_its_owner_and_its_members() {
    let user = |id: &str| id.parse::<UserId>().unwrap();
    let private = readers(&json!({
        "_id": "f1", "visibility": "private", "owner": "owner",
        "members": ["a", {"userId": "b", "_id": "row"}, {"_id": "c"}, {"id": "d"}, {"right": 3}],
    }));
    for reader in ["owner", "a", "b", "c", "d"] {
        assert!(private.include(Some(&user(reader))), "{reader}");
    }
    assert!(!private.include(Some(&user("row"))), "no id of a user");
    assert!(!private.include(Some(&user("stranger"))));
    assert!(!private.include(None), "a guest");
    let of_nobody = readers(&json!({"_id": "f1", "visibility": "private"}));
    assert!(!of_nobody.include(Some(&user("owner"))));
    let open = readers(&json!({"_id": "f1", "visibility": "organization", "members": ["a"]}));
    assert!(open.include(None));
}

#[test]
fn the_smaller_folder_events_carry_what_is_documented() {
    let said = told("folder_deleted", &json!({"_id": "f1", "name": "x"}));
    assert_eq!(said, Ok(json!(["folder_deleted", {"_id": "f1"}])));
    let moved = json!({"conversationIds": ["c1"], "fromFolderId": null, "toFolderId": "f1"});
    let more =
        json!({"conversationIds": ["c1"], "fromFolderId": null, "toFolderId": "f1", "by": "u1"});
    let said = told("conversation_folder_changed", &more);
    assert_eq!(said, Ok(json!(["conversation_folder_changed", moved])));
    let said = told("folders_refresh", &json!({"more": 1}));
    assert_eq!(said, Ok(json!(["folders_refresh"])));
}

#[test]
fn the_status_names_the_event_of_a_job() {
    for (status, name) in [
        (json!("completed"), "llm:job:complete"),
        (json!("complete"), "llm:job:complete"),
        (json!("error"), "llm:job:error"),
        (json!("failed"), "llm:job:error"),
        (json!("processing"), "llm:job:update"),
        (json!("cancelled"), "llm:job:update"),
        (json!(null), "llm:job:update"),
        (json!(3), "llm:job:update"),
    ] {
        let job = json!({"organizationId": "O", "jobId": "j", "status": status});
        let frame = read_job(&job).unwrap().full;
        assert_eq!(said(&frame), json!([name, job]));
    }
    let silent = json!({"organizationId": "O", "jobId": "j"});
    assert_eq!(said(&read_job(&silent).unwrap().full)[0], "llm:job:update");
}

#[test]
fn a_job_passes_byte_for_byte_but_for_guests_who_are_spared_its_result() {
    let payload = r#"{"organizationId":"O", "jobId":"j","n":1.50,"conversationId":"c1","\u0072esult":"secret"}"#;
    let job = job(&organization(), &Bytes::from_static(payload.as_bytes())).unwrap();
    assert_eq!(job.conversation, Some("c1".parse().unwrap()));
    let full = std::str::from_utf8(job.full.payload()).unwrap();
    assert_eq!(full, format!(r#"42["llm:job:update",{payload}]"#));
    let expected =
        r#"42["llm:job:update",{"conversationId":"c1","jobId":"j","n":1.50,"organizationId":"O"}]"#;
    assert_eq!(
        std::str::from_utf8(job.for_guests.payload()).unwrap(),
        expected
    );
}

#[test]
fn a_job_without_its_ids_is_refused() {
    for payload in [
        json!({"jobId": "j"}),
        json!({"organizationId": "O"}),
        json!({"organizationId": "O", "jobId": ""}),
        json!({"organizationId": "O", "jobId": 1}),
        json!({"organizationId": 1, "jobId": "j"}),
        json!({"organizationId": "O", "jobId": "j", "conversationId": "a/b"}),
        json!(["O", "j", "c1", "done"]),
        json!(null),
    ] {
        assert_eq!(read_job(&payload), Err(Refused::Shape), "{payload}");
    }
    let twice = r#"{"organizationId":"O","organizationId":"P","jobId":"j"}"#;
    let twice = job(&organization(), &Bytes::from_static(twice.as_bytes()));
    assert_eq!(
        twice,
        Err(Refused::Shape),
        "clients would take the last one"
    );
    assert_eq!(job(&organization(), &Bytes::new()), Err(Refused::Shape));
}

#[test]
fn other_events_pass_as_they_are() {
    let payload = r#"{"b": 1.0,"a":[ ]}"#;
    let longest = format!("a{}", "9".repeat(63));
    for event in [
        "tag_created",
        "a",
        "quota:used",
        "x-y.z_0",
        "llm:quota",
        &longest,
    ] {
        let frame = match read_media(event, payload) {
            Ok(MediaStatement::Other(frame)) => frame,
            other => panic!("{event}: {other:?}"),
        };
        let packet = std::str::from_utf8(frame.payload()).unwrap();
        assert_eq!(packet, format!(r#"42["{event}",{payload}]"#));
    }
    match read_media("tag_created", "") {
        Ok(MediaStatement::Other(frame)) => assert_eq!(said(&frame), json!(["tag_created"])),
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_that_only_switchboard_may_say_are_refused() {
    let own = [
        "unauthorized",
        "broker_ok",
        "broker_ko",
        "partial",
        "final",
        "translation",
        "error",
        "token_expiring",
        "draining",
        "gap",
        "connection_status",
        "orga_O_session_update",
        "orga_x",
        "project_update",
        "pong",
        "message_token",
        "transcript",
        "llm-response",
        "audio-chunk",
        "audio",
        "conversation:started",
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
    ];
    for name in own {
        assert_eq!(read_media(name, "{}"), Err(Refused::ReservedName), "{name}");
    }
}

#[test]
fn what_is_no_name_of_an_event_is_refused() {
    let too_long = "a".repeat(65);
    for name in [
        "",
        "Upper",
        "1st",
        "_x",
        "a b",
        "a\"",
        "é",
        "a#",
        "camelCase",
        &too_long,
    ] {
        assert_eq!(read_media(name, "{}"), Err(Refused::Name), "{name}");
    }
}

#[test]
fn payloads_are_json_within_bounds_or_empty() {
    for broken in ["{", "nope", "1 2", "\u{1}"] {
        assert_eq!(
            read_media("tag_created", broken),
            Err(Refused::NotJson),
            "{broken}"
        );
        assert_eq!(
            job(&organization(), &Bytes::from(broken)),
            Err(Refused::NotJson)
        );
    }
    let of_bytes = |bytes: usize| format!("\"{}\"", "a".repeat(bytes - 2));
    assert!(read_media("tag_created", &of_bytes(ORGANIZATION_EVENT_BYTES)).is_ok());
    let larger = of_bytes(ORGANIZATION_EVENT_BYTES + 1);
    assert_eq!(read_media("tag_created", &larger), Err(Refused::TooLarge));
    assert_eq!(read_media("conversation_created", ""), Err(Refused::Shape));
    let deep = "[".repeat(200) + &"]".repeat(200);
    assert_eq!(read_media("tag_created", &deep), Err(Refused::NotJson));
}
