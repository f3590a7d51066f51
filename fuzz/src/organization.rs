//! What others publish about an organization: what is passed on is a whole event, and nobody else's.
//!
//! The input's first line is the event's name, the rest its payload.

use bytes::Bytes;
use bytestring::ByteString;
use serde_json::Value;
use switchboard_actors::organization::events::{self, MediaStatement};
use switchboard_protocol::events as names;
use switchboard_protocol::frame::Frame;
use switchboard_protocol::ids::OrganizationId;
use switchboard_protocol::socketio::{Body, Decoder, Event};

/// An event of the organization `O1`.
pub fn events(input: &[u8]) {
    let (name, payload) = super::first_line(input);
    let (Ok(name), payload) = (std::str::from_utf8(name), Bytes::copy_from_slice(payload)) else {
        return;
    };
    let organization: OrganizationId = "O1".parse().expect("an id");
    if events::is_job(name) {
        job(&organization, &payload);
    } else {
        media(&organization, name, &payload);
    }
}

fn job(organization: &OrganizationId, payload: &Bytes) {
    let Ok(job) = events::job(organization, payload) else {
        return;
    };
    let (full, for_guests) = (event(&job.full), event(&job.for_guests));
    assert_eq!(full.name, for_guests.name);
    assert!(events::is_job(&full.name));
    if let Some(full) = argument(&full) {
        assert_eq!(full["organizationId"], organization.as_str());
    }
    if let Some(for_guests) = argument(&for_guests) {
        assert_eq!(for_guests.get("result"), None, "a result for guests");
    }
}

fn media(organization: &OrganizationId, name: &str, payload: &Bytes) {
    let Ok(statement) = events::media(organization, name, payload) else {
        return;
    };
    let frame = match statement {
        MediaStatement::Processing(items) => events::list(&items),
        MediaStatement::Created(_, frame)
        | MediaStatement::Deleted(_, frame)
        | MediaStatement::Over(_, frame)
        | MediaStatement::Folder(_, frame)
        | MediaStatement::Other(frame) => frame,
    };
    let event = event(&frame);
    assert!(!names::is_reserved(&event.name) && !event.name.starts_with("orga_"));
    assert!(event.args.len() <= 1);
    let is_ours = [
        names::CONVERSATION_CREATED,
        names::FOLDER_CREATED,
        names::FOLDER_UPDATED,
    ];
    if let Some(argument) = argument(&event).filter(|_| is_ours.contains(&name)) {
        let named = &argument["organizationId"];
        assert!(named.is_null() || named == organization.as_str());
    }
}

/// What a client reads.
fn event(frame: &Frame) -> Event {
    let packet = std::str::from_utf8(frame.payload()).expect("events are text");
    let message = packet.strip_prefix('4').expect("an Engine.IO message");
    let packet = Decoder::for_client(0).text(ByteString::from(message));
    match packet
        .expect("a client can read it")
        .map(|packet| packet.body)
    {
        Some(Body::Event { event, ack: None }) => event,
        other => panic!("an event became {other:?}"),
    }
}

/// The event's argument; none where it holds what not every reader takes, such as half a surrogate.
fn argument(event: &Event) -> Option<Value> {
    serde_json::from_str(event.args.first()?.get()).ok()
}
