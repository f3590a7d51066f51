//! A process without a file descriptor left.

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use crate::support::mqtt::Client;
use crate::support::program::{FREE, Program};
use crate::support::viewer::Viewer;
use crate::support::{DEADLINE, OUTAGE_DEADLINE, eventually, http, tokens};

/// Allows the program descriptors with numbers below `limit`.
fn allow(program: &Program, limit: u64) {
    let limit = Rlimit {
        current: Some(limit),
        maximum: None,
    };
    let pid = Pid::from_child(&program.child);
    let hard = rustix::process::getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit {
        maximum: hard,
        ..limit
    };
    prlimit(Some(pid), Resource::Nofile, limit).expect("a child may be limited");
}

/// The numbers of the descriptors that the program has open.
fn open(program: &Program) -> Vec<u64> {
    let folder = format!("/proc/{}/fd", program.child.id());
    let entries = std::fs::read_dir(folder).expect("it runs");
    let number = |name: std::ffi::OsString| name.to_str()?.parse().ok();
    let numbers = entries.filter_map(|entry| number(entry.ok()?.file_name()));
    numbers.collect()
}

/// A room with one viewer in it, and its transcriber.
async fn captions(program: &mut Program) -> (std::net::SocketAddr, Viewer, Client) {
    let address = program.address("listening on http://").await;
    let broker = program.address("mqtt on ").await;
    let admin = format!("Bearer {}", tokens::admin());
    let headers = [
        ("authorization", &admin[..]),
        ("content-type", "application/json"),
    ];
    let put = "/api/v1/organizations/acme";
    let made = http::request(address, "PUT", put, &headers, r#"{"name":"Acme"}"#).await;
    assert_eq!(made.status, 201);
    let session =
        r#"{"id":"S","name":"S","organizationId":"acme","visibility":"public","channels":[]}"#;
    let made = http::request(address, "POST", "/api/v1/sessions", &headers, session).await;
    assert_eq!(made.status, 201);
    let mut viewer = Viewer::connect(address, &tokens::guest("S")).await;
    viewer.join("S/1").await;
    let publisher = Client::connect(broker, "transcriber").await;
    (address, viewer, publisher)
}

#[actix_web::test]
async fn hostile_56_without_descriptors_accepting_pauses_and_recovers_and_those_inside_are_served()
{
    let folder = tempfile::tempdir().unwrap();
    let more = [
        ("SWITCHBOARD_MAX_CONNECTIONS", "0"),
        ("SWITCHBOARD_WORKERS", "1"),
    ];
    let environment = [&FREE[..], &more].concat();
    let mut program = Program::start(folder.path(), &["serve"], &environment);
    let (address, mut viewer, publisher) = captions(&mut program).await;
    let topic = "transcriber/out/S/1/partial";
    publisher.send(topic, "1").await;
    viewer.expect("partial", "1").await;

    // Below what it has: not one more can be opened, and what is open stays so.
    let before = open(&program).len();
    allow(&program, 8);
    let mut waiting = Vec::new();
    for _ in 0..30 {
        waiting.push(http::connect(address).await);
    }
    program.error_with("accepting pauses").await;
    publisher.send(topic, "2").await;
    viewer.expect("partial", "2").await;
    assert!(open(&program).len() <= before);

    allow(&program, 1_024);
    let look = async || http::get(address, "/healthz").await.status;
    eventually("recovery", OUTAGE_DEADLINE, look, |status| *status == 200).await;
    drop(waiting);
    let left = async || open(&program).len();
    eventually("nothing to be left", DEADLINE, left, |n| *n <= before).await;
    publisher.send(topic, "3").await;
    viewer.expect("partial", "3").await;
    program.signal("TERM");
    assert_eq!(program.ended().await.code(), Some(0));
}
