//! Socket.IO 5 as its public suite has it: connect, namespaces, disconnect, events, acks and attachments.

use tokio_tungstenite::tungstenite::Message;

use crate::support::echo::EchoServer;
use crate::support::viewer::{End, Viewer};

/// A socket connected to the root namespace, its first event read.
async fn connected(server: &EchoServer) -> Viewer {
    let mut socket = Viewer::open(server.address, "", &[]).await;
    socket.enter("").await.unwrap();
    assert_eq!(socket.packet().await, r#"42["auth",{}]"#);
    socket
}

#[actix_web::test]
async fn a_connect_is_answered_with_a_sid_and_brings_its_auth_to_the_service() {
    let server = EchoServer::start_quiet().await;
    for (connect, answered, auth) in [
        ("40", r#"40{"sid":""#, r#"42["auth",{}]"#),
        (
            r#"40{"token":"123"}"#,
            r#"40{"sid":""#,
            r#"42["auth",{"token":"123"}]"#,
        ),
        (
            "40/custom,",
            r#"40/custom,{"sid":""#,
            r#"42/custom,["auth",{}]"#,
        ),
        (
            "40/custom",
            r#"40/custom,{"sid":""#,
            r#"42/custom,["auth",{}]"#,
        ),
        (
            r#"40/custom,{"token":"abc"}"#,
            r#"40/custom,{"sid":""#,
            r#"42/custom,["auth",{"token":"abc"}]"#,
        ),
    ] {
        let mut socket = Viewer::open(server.address, "", &[]).await;
        socket.send(connect).await;
        let answer = socket.packet().await;
        assert!(answer.starts_with(answered), "{connect}: {answer}");
        assert_eq!(socket.packet().await, auth, "{connect}");
    }
    server.stop().await;
}

#[actix_web::test]
async fn an_unknown_namespace_is_refused_and_the_others_stay() {
    let server = EchoServer::start_quiet().await;
    let mut socket = connected(&server).await;
    for connect in ["40/random", "40/random,", r#"40/random,{"token":1}"#] {
        socket.send(connect).await;
        let refused = r#"44/random,{"message":"Invalid namespace"}"#;
        assert_eq!(socket.packet().await, refused);
    }
    socket.send(r#"42["message",1]"#).await;
    assert_eq!(socket.packet().await, r#"42["message-back",1]"#);
    drop(socket);
    server.stop().await;
}

#[actix_web::test]
async fn hostile_27_a_connection_without_a_connect_is_closed_after_its_timeout() {
    let server = EchoServer::start_quiet().await;
    let mut silent = Viewer::open(server.address, "", &[]).await;
    let mut refused = Viewer::open(server.address, "", &[]).await;
    refused.send("40/random").await;
    let mut left = connected(&server).await;
    left.send("41").await;
    for socket in [&mut silent, &mut refused, &mut left] {
        let (_, end) = socket.ended().await;
        assert_eq!(end, End::Closed(1008));
    }
    drop((silent, refused, left));
    server.stop().await;
}

#[actix_web::test]
async fn a_disconnect_leaves_one_namespace_and_keeps_connection_and_others() {
    let server = EchoServer::start_quiet().await;
    let mut socket = connected(&server).await;
    socket.send("40/custom").await;
    assert!(socket.packet().await.starts_with("40/custom,"));
    assert_eq!(socket.packet().await, r#"42/custom,["auth",{}]"#);
    socket.send("41/custom").await;
    socket.send(r#"42["message","to the root"]"#).await;
    assert_eq!(socket.packet().await, r#"42["message-back","to the root"]"#);
    socket.send("41").await;
    // The connection is still there, and may connect anew.
    socket.send("40").await;
    assert!(socket.packet().await.starts_with(r#"40{"sid":""#));
    assert_eq!(socket.packet().await, r#"42["auth",{}]"#);
    drop(socket);
    server.stop().await;
}

#[actix_web::test]
async fn after_a_disconnect_pings_go_on() {
    let server = EchoServer::start().await;
    let mut socket = connected(&server).await;
    socket.send("41").await;
    assert_eq!(socket.message().await, Some(Message::text("2")));
    drop(socket);
    server.stop().await;
}

#[actix_web::test]
async fn events_come_back_with_their_arguments_as_they_were_written() {
    let server = EchoServer::start_quiet().await;
    let mut socket = connected(&server).await;
    for arguments in [
        r#"1,"2",{"3":[true]}"#,
        r#"1.50,1e3,-0.0,{"b":1,"a":2,"__proto__":{"x":1},"constructor":null}"#,
        r#""\u00e9\ud83d\ude00é""#,
        "null",
    ] {
        socket.send(&format!(r#"42["message",{arguments}]"#)).await;
        assert_eq!(
            socket.packet().await,
            format!(r#"42["message-back",{arguments}]"#)
        );
        socket
            .send(&format!(r#"42456["message-with-ack",{arguments}]"#))
            .await;
        assert_eq!(socket.packet().await, format!("43456[{arguments}]"));
    }
    socket.send(r#"42["message"]"#).await;
    assert_eq!(socket.packet().await, r#"42["message-back"]"#);
    socket.send(r#"420["message-with-ack"]"#).await;
    assert_eq!(socket.packet().await, "430[]");
    drop(socket);
    server.stop().await;
}

#[actix_web::test]
async fn attachments_come_back_in_order_behind_their_packet() {
    let server = EchoServer::start_quiet().await;
    let mut socket = connected(&server).await;
    let placeholders = r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}"#;
    for (sent, back) in [
        (
            format!(r#"452-["message",{placeholders}]"#),
            format!(r#"452-["message-back",{placeholders}]"#),
        ),
        (
            format!(r#"452-789["message-with-ack",{placeholders}]"#),
            format!("462-789[{placeholders}]"),
        ),
    ] {
        socket.send(&sent).await;
        socket.send_binary(&[1, 2, 3]).await;
        socket.send_binary(&[4, 5, 6]).await;
        assert_eq!(socket.message().await, Some(Message::text(back)));
        assert_eq!(socket.message().await, Some(Message::binary(vec![1, 2, 3])));
        assert_eq!(socket.message().await, Some(Message::binary(vec![4, 5, 6])));
    }
    drop(socket);
    server.stop().await;
}

#[actix_web::test]
async fn attachments_come_back_as_base64_over_polling() {
    let server = EchoServer::start_quiet().await;
    let mut poller = crate::support::http::Poller::open(server.address, "/socket.io/").await;
    poller.send("40").await;
    assert!(poller.packet().await.starts_with(r#"40{"sid":""#));
    assert_eq!(poller.packet().await, r#"42["auth",{}]"#);
    let event = r#"451-["message",{"_placeholder":true,"num":0}]"#;
    poller.send(format!("{event}\x1ebAQID")).await;
    let back = r#"451-["message-back",{"_placeholder":true,"num":0}]"#;
    assert_eq!(poller.packet().await, back);
    assert_eq!(poller.packet().await, "bAQID");
    poller.close().await;
    server.stop().await;
}

#[actix_web::test]
async fn a_malformed_packet_closes_the_connection() {
    let server = EchoServer::start_quiet().await;
    for packet in ["4abc", "42{}", r#"42abc["message-with-ack",1]"#] {
        let mut fresh = Viewer::open(server.address, "", &[]).await;
        fresh.send(packet).await;
        assert_eq!(fresh.ended().await.1, End::Closed(1002), "{packet}");
        let mut socket = connected(&server).await;
        socket.send(packet).await;
        assert_eq!(socket.ended().await.1, End::Closed(1002), "{packet}");
    }
    server.stop().await;
}

#[actix_web::test]
async fn many_events_sent_at_once_are_answered_in_their_order() {
    let server = EchoServer::start_quiet().await;
    let mut socket = connected(&server).await;
    let send = 1_000;
    for n in 0..send {
        socket
            .send(&format!(r#"42{n}["message-with-ack",{n}]"#))
            .await;
    }
    for n in 0..send {
        assert_eq!(socket.packet().await, format!("43{n}[{n}]"));
    }
    drop(socket);
    server.stop().await;
}
