//! HTTPS and WSS: the same promises as without encryption, and those of the certificate.

use std::net::SocketAddr;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::http::{self, Poller};
use crate::support::program::{FREE, Program};
use crate::support::server::TestServer;
use crate::support::tls::{self, Authority};
use crate::support::viewer::{End, Viewer, websocket};
use crate::support::{DEADLINE, eventually, tokens, within};

const TOPIC: &str = "transcriber/out/S/1/final";

/// A server that speaks TLS, reached by clients that do not through `server.address`.
struct Encrypted {
    server: TestServer,
    authority: Authority,
    /// Where it listens itself.
    address: SocketAddr,
}

impl Encrypted {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    async fn start_with(settings: &[(&str, &str)]) -> Self {
        let authority = Authority::new();
        let (certificate, key) = authority.install();
        let pair = [("tls_cert", &certificate[..]), ("tls_key", &key)];
        let mut server = TestServer::start_with(&[&pair[..], settings].concat()).await;
        let address = server.address;
        server.address = authority.tunnel(address).await;
        Self {
            server,
            authority,
            address,
        }
    }
}

#[actix_web::test]
async fn https_answers_by_tls_1_2_and_1_3_and_speaks_http_1_alone() {
    let Encrypted {
        server,
        authority,
        address,
    } = Encrypted::start().await;
    for version in rustls::ALL_VERSIONS {
        let client = authority.client(&[version], &["h2", "http/1.1"]);
        let mut stream = tls::connect(address, &client).await.unwrap();
        let (_, connection) = stream.get_ref();
        assert_eq!(connection.protocol_version(), Some(version.version));
        assert_eq!(connection.alpn_protocol(), Some(&b"http/1.1"[..]));
        let request = http::request_bytes("GET", "/readyz", &[], "");
        stream.write_all(&request).await.unwrap();
        let mut answer = Vec::new();
        let read = within("an answer", stream.read_to_end(&mut answer)).await;
        read.expect("the stream ends with a goodbye of TLS");
        assert!(answer.starts_with(b"HTTP/1.1 200 "));
    }
    // Nobody is left in the belief that HTTP/2 is spoken, and no stranger's authority is believed in.
    let client = authority.client(rustls::ALL_VERSIONS, &["h2"]);
    assert!(tls::connect(address, &client).await.is_err());
    let stranger = Authority::new().any_client();
    assert!(tls::connect(address, &stranger).await.is_err());
    server.stop().await;
}

#[actix_web::test]
async fn plain_http_to_a_tls_port_is_refused_at_once_and_counted() {
    let Encrypted {
        server, address, ..
    } = Encrypted::start().await;
    let mut stream = http::connect(address).await;
    let request = http::request_bytes("GET", "/readyz", &[], "");
    stream.write_all(&request).await.unwrap();
    let answer = http::read_to_end(&mut stream).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    let failed = r#"tls_handshakes_failed_total{reason="error"}"#;
    server.metric_becomes(failed, 1).await;
    server.stop().await;
}

#[actix_web::test]
async fn hostile_77_a_slow_tls_hello_is_cut_and_counted_while_others_are_served() {
    let Encrypted {
        server, address, ..
    } = Encrypted::start_with(&[("tls_timeout_ms", "2000")]).await;
    let mut viewer = server.viewer().await;
    viewer.join("S/1").await;
    let mut silent = http::connect(address).await;
    let mut halting = http::connect(address).await;
    // The header of a hello of 512 bytes, and its first ones.
    halting.write_all(&[22, 3, 1, 2, 0, 1, 0]).await.unwrap();
    let (nothing, nothing_either) = tokio::join!(
        http::read_to_end(&mut silent),
        http::read_to_end(&mut halting),
    );
    assert_eq!((nothing, nothing_either), (Vec::new(), Vec::new()));
    let failed = r#"tls_handshakes_failed_total{reason="timeout"}"#;
    server.metric_becomes(failed, 2).await;
    viewer.expect_silence().await;
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn captions_come_in_order_over_wss_also_to_a_reader_that_is_slower_than_a_burst() {
    for workers in ["1", "3"] {
        let Encrypted {
            server,
            authority,
            address,
        } = Encrypted::start_with(&[("workers", workers)]).await;
        let publisher = server.publisher().await;
        let narrow = authority.narrow_tunnel(address).await;
        let mut slow = Viewer::connect_narrow(narrow, &tokens::guest("S")).await;
        slow.join("S/1").await;
        let mut member = server.viewer().await;
        member.join("S/1").await;
        // Together less than an outbox holds, and more than the buffers below it.
        let filler = "x".repeat(2_000);
        let payload = |n: usize| match n % 50 {
            0 => format!(r#"[{n},"{}"]"#, filler.repeat(10)),
            _ => format!(r#"[{n},"{filler}"]"#),
        };
        for round in 0..3 {
            let finals = round * 350..(round + 1) * 350;
            for n in finals.clone() {
                publisher.send(TOPIC, payload(n)).await;
            }
            for n in finals.clone() {
                member.expect("final", &payload(n)).await;
            }
            for n in finals {
                slow.expect("final", &payload(n)).await;
            }
        }
        slow.expect_silence().await;
        member.expect_silence().await;
        drop((slow, member));
        server.stop().await;
    }
}

#[actix_web::test]
async fn a_viewer_over_wss_that_does_not_read_is_cut_at_its_bound_and_the_room_gets_everything() {
    let Encrypted {
        server,
        authority,
        address,
    } = Encrypted::start().await;
    let publisher = server.publisher().await;
    let narrow = authority.narrow_tunnel(address).await;
    let mut stalled = Viewer::connect_narrow(narrow, &tokens::guest("S")).await;
    stalled.join("S/1").await;
    let mut member = server.viewer().await;
    member.join("S/1").await;
    let text = "x".repeat(20_000);
    for n in 0..400 {
        let payload = format!(r#"[{n},"{text}"]"#);
        publisher.send(TOPIC, payload.clone()).await;
        member.expect("final", &payload).await;
    }
    let cut = r#"sockets_stalled_total{reason="bytes"}"#;
    server.metric_becomes(cut, 1).await;
    server.metric_becomes("members", 1).await;
    drop((stalled, member));
    server.stop().await;
}

#[actix_web::test]
async fn a_websocket_over_tls_is_closed_by_a_frame_and_a_goodbye_of_tls() {
    let Encrypted {
        server,
        authority,
        address,
    } = Encrypted::start().await;
    let mut viewer = server.viewer().await;
    viewer.send("x").await;
    assert_eq!(viewer.ended().await, (Vec::new(), End::Closed(1002)));
    // The same below WebSocket: nothing but an orderly end follows the frame.
    let mut stream = tls::connect(address, &authority.any_client())
        .await
        .unwrap();
    let target = "/socket.io/?EIO=4&transport=websocket";
    let request = format!(
        "GET {target} HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    // A text frame that is not masked, in the same packet as the request.
    let bytes = [request.as_bytes(), &[0x81, 1, b'2']].concat();
    stream.write_all(&bytes).await.unwrap();
    let mut answer = Vec::new();
    let read = within("the end", stream.read_to_end(&mut answer)).await;
    read.expect("the stream ends with a goodbye of TLS");
    let text = String::from_utf8_lossy(&answer);
    assert!(text.starts_with("HTTP/1.1 101 "), "{text}");
    assert!(text.contains("unmasked frame"), "{text}");
    drop(stream);
    server.stop().await;
}

#[actix_web::test]
async fn polling_and_the_upgrade_work_over_https() {
    let Encrypted { server, .. } = Encrypted::start().await;
    let publisher = server.publisher().await;
    let mut poller = Poller::open(server.address, "/socket.io/").await;
    poller.connect(&tokens::guest("S")).await;
    poller.send(r#"420["join_room","S/1"]"#).await;
    assert_eq!(poller.packet().await, r#"430[{"ok":true}]"#);
    publisher.send(TOPIC, "1").await;
    assert_eq!(poller.packet().await, r#"42["final",1]"#);

    let target = format!("/socket.io/?EIO=4&transport=websocket&sid={}", poller.sid);
    let mut socket = websocket(server.address, &target, &[]).await.unwrap();
    let waiting = poller.begin_poll().await;
    socket.send("2probe").await;
    assert_eq!(socket.packet().await, "3probe");
    let released = http::answer(waiting).await.expect("the poll is released");
    assert_eq!(released.text(), "6");
    publisher.send(TOPIC, "2").await;
    socket.send("5").await;
    publisher.send(TOPIC, "3").await;
    socket.expect("final", "2").await;
    socket.expect("final", "3").await;
    drop(socket);
    server.stop().await;
}

#[actix_web::test]
async fn the_pages_own_origin_is_https() {
    // Nobody uses the sessions that are opened.
    let Encrypted { server, .. } = Encrypted::start_with(&[("connect_timeout_ms", "100")]).await;
    for (origin, polled, upgraded) in [("http://", 403, false), ("https://", 200, true)] {
        let host = server.address.to_string();
        let origin = format!("{origin}{host}");
        let headers = [("host", &host[..]), ("origin", &origin)];
        let target = "/socket.io/?EIO=4&transport=polling";
        let answer = http::request(server.address, "GET", target, &headers, "").await;
        assert_eq!(answer.status, polled, "{origin}");
        let target = "/socket.io/?EIO=4&transport=websocket";
        let socket = websocket(server.address, target, &headers[1..]).await;
        assert_eq!(socket.is_ok(), upgraded, "{origin}");
    }
    server.stop().await;
}

/// The program with this pair of files, and its address.
async fn program(authority: &Authority, certificate: &str, key: &str) -> (Program, SocketAddr) {
    let pair = [
        ("SWITCHBOARD_TLS_CERT", certificate),
        ("SWITCHBOARD_TLS_KEY", key),
    ];
    let environment = [&FREE[..], &pair].concat();
    let mut program = Program::start(authority.folder(), &["serve"], &environment);
    let address = program.address("listening on https://").await;
    (program, address)
}

#[actix_web::test]
async fn a_new_certificate_is_shown_to_newcomers_and_open_connections_stay() {
    let authority = Authority::new();
    let (certificate, key) = authority.install();
    let (mut program, address) = program(&authority, &certificate, &key).await;
    let client = authority.any_client();
    let first = CertificateDer::from_pem_file(&certificate).unwrap();
    assert_eq!(tls::shown(address, &client).await, first);
    let tunnel = authority.tunnel(address).await;
    let mut viewer = Viewer::open(tunnel, "", &[]).await;

    // A pair that does not belong together changes nothing.
    let second = authority.issue();
    authority.file("cert.pem", &second.certificate);
    program.signal("HUP");
    program
        .error_with("the key is of another certificate")
        .await;
    assert_eq!(tls::shown(address, &client).await, first);

    authority.file("key.pem", &second.key);
    program.signal("HUP");
    let second = CertificateDer::from_pem_file(&certificate).unwrap();
    let look = async || tls::shown(address, &client).await;
    eventually("the new certificate", DEADLINE, look, |c| *c == second).await;
    program.error_with("new certificate in use sha256=").await;

    // The connection from before still works.
    let token = tokens::user("ann");
    let entered = viewer.enter(&format!(r#"{{"token":"{token}"}}"#)).await;
    assert_eq!(entered, Ok(()));
    program.signal("TERM");
    assert!(matches!(viewer.ended().await.1, End::Closed(_)));
    drop(viewer);
    assert_eq!(program.ended().await.code(), Some(0));
}

#[actix_web::test]
async fn a_pair_that_cannot_be_used_stops_the_start_by_one_line() {
    let authority = Authority::new();
    let (certificate, key) = authority.install();
    let other = authority.file("other.pem", &authority.issue().key);
    let garbage = authority.file("garbage.pem", "-----BEGIN hush\nhush");
    let missing = "missing.pem";
    for (certificate, key, part) in [
        (Some(&certificate[..]), None, "needs tls_key"),
        (None, Some(&key[..]), "needs tls_cert"),
        (Some(missing), Some(&key), "missing.pem: No such file"),
        (
            Some(&certificate),
            Some(missing),
            "missing.pem: No such file",
        ),
        (Some(&key), Some(&key), "key.pem: no certificate"),
        (
            Some(&certificate),
            Some(&certificate),
            "cert.pem: no private key",
        ),
        (Some(&garbage), Some(&key), "garbage.pem: "),
        (
            Some(&certificate),
            Some(&other),
            "the key is of another certificate",
        ),
    ] {
        let set = [
            ("SWITCHBOARD_TLS_CERT", certificate),
            ("SWITCHBOARD_TLS_KEY", key),
        ];
        let set = set
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let environment: Vec<_> = FREE.into_iter().chain(set).collect();
        let mut program = Program::start(authority.folder(), &["serve"], &environment);
        assert!(!program.ended().await.success(), "{part}");
        assert_eq!(program.rest_of_lines().await, [] as [String; 0]);
        let errors = program.rest_of_errors().await;
        assert!(
            errors.len() == 1 && errors[0].contains(part) && !errors[0].contains("hush"),
            "{part}: {errors:?}"
        );
    }
}

#[actix_web::test]
async fn check_config_names_the_certificate_or_what_is_wrong_with_it() {
    let authority = Authority::new();
    let (certificate, key) = authority.install();
    let check = async |certificate: &str| {
        let pair = [
            ("SWITCHBOARD_TLS_CERT", certificate),
            ("SWITCHBOARD_TLS_KEY", &key),
        ];
        let environment = [&FREE[..], &pair].concat();
        let mut program = Program::start(authority.folder(), &["check-config"], &environment);
        let is_good = program.ended().await.success();
        let lines = program.rest_of_lines().await;
        (is_good, lines.join("\n"), program.rest_of_errors().await)
    };
    let (is_good, lines, errors) = check(&certificate).await;
    assert!(is_good, "{errors:?}");
    assert!(
        lines.contains("\ntls: HTTPS, certificate with SHA-256 "),
        "{lines}"
    );
    let (is_good, _, errors) = check("missing.pem").await;
    assert!(!is_good);
    assert!(errors.concat().contains("tls: missing.pem: "), "{errors:?}");
}
