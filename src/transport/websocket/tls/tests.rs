//! Through buffers that are soon full, with a real outbox and a real client.

use std::net::Ipv4Addr;
use std::time::Duration;

use rcgen::CertifiedKey;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use switchboard_actors::limits::TLS_BUFFER_BYTES;
use switchboard_actors::metrics::Metrics;
use switchboard_actors::outbox::OutboxLimits;
use switchboard_protocol::frame::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::{TlsAcceptor, TlsConnector, client};

use super::*;

/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(30);
/// Both of a connection's buffers, in bytes: smaller than one record.
const NARROW: u32 = 4096;

/// A server's stream and its client's, through buffers that are soon full.
async fn pair() -> (TlsStream<TcpStream>, client::TlsStream<TcpStream>) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let provider = Arc::new(ring::default_provider());
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(NARROW).unwrap();
    let connect = socket.connect(listener.local_addr().unwrap());
    let (accepted, connected) = tokio::join!(listener.accept(), connect);
    let (accepted, _) = accepted.unwrap();
    let accepted_socket = SockRef::from(&accepted);
    accepted_socket
        .set_send_buffer_size(NARROW as usize)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(server));
    let connector = TlsConnector::from(Arc::new(client));
    let name = ServerName::try_from("localhost").unwrap();
    let accept = acceptor.accept_with(accepted, |connection| {
        connection.set_buffer_limit(Some(TLS_BUFFER_BYTES));
    });
    let (server, client) = tokio::join!(accept, connector.connect(name, connected.unwrap()));
    (server.unwrap(), client.unwrap())
}

fn outbox(bytes: usize) -> Arc<Outbox> {
    let limits = OutboxLimits {
        bytes,
        frames: 100_000,
    };
    Outbox::new(limits, Metrics::default())
}

/// Frames of many sizes, some larger than a record and one larger than the buffer of the connection.
fn frames() -> Vec<Frame> {
    let size = |n: usize| match n {
        500 => 3 * TLS_BUFFER_BYTES,
        n if n % 100 == 0 => 20_000,
        n => n % 300,
    };
    (0..1_500)
        .map(|n| Frame::text(format!("{n} {}", "x".repeat(size(n)))))
        .collect()
}

fn bytes(frames: &[Frame]) -> Vec<u8> {
    frames.iter().flat_map(|f| f.websocket().to_vec()).collect()
}

/// Reads to the end: `Ok` after a goodbye of TLS.
async fn read(client: &mut client::TlsStream<TcpStream>) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    let end = tokio::time::timeout(LONG, client.read_to_end(&mut read));
    end.await.expect("the stream ends").map(|_| read)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_thread_sends_reaches_a_slow_reader_whole_and_in_order() {
    let (server, mut client) = pair().await;
    let (_reader, wire) = split(server);
    let outbox = outbox(64 * 1024 * 1024);
    outbox.attach(Arc::new(wire));
    let frames = frames();
    let sender = {
        let (outbox, frames) = (Arc::clone(&outbox), frames.clone());
        std::thread::spawn(move || {
            for (n, some) in frames.chunks(7).enumerate() {
                match n % 2 {
                    0 => outbox.send_all(some),
                    _ => some.iter().for_each(|frame| outbox.send(frame.clone())),
                }
            }
            outbox.waiting()
        })
    };
    let waiting = tokio::task::spawn_blocking(|| sender.join().unwrap());
    assert!(waiting.await.unwrap() > 0, "the stream was never full");
    let goodbye = Frame::close(1000, "done");
    outbox.finish(std::slice::from_ref(&goodbye));
    let read = read(&mut client).await.expect("a goodbye of TLS");
    assert!(read == bytes(&[&frames[..], &[goodbye]].concat()));
}

#[tokio::test]
async fn what_the_stream_does_not_take_leaves_without_a_further_frame() {
    let (server, mut client) = pair().await;
    let (_reader, wire) = split(server);
    let outbox = outbox(1);
    outbox.attach(Arc::new(wire));
    // More than the kernel's buffers hold, and less than the connection's: nothing is left to the outbox.
    let frame = Frame::text("x".repeat(TLS_BUFFER_BYTES - 1_000));
    outbox.send(frame.clone());
    assert_eq!(outbox.waiting(), 0);
    let mut read = vec![0; frame.len()];
    let all = tokio::time::timeout(LONG, client.read_exact(&mut read));
    all.await.expect("all of it comes").unwrap();
    assert!(read == frame.websocket()[..]);
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_goodbye_is_cut_off_when_nobody_reads_it() {
    let (server, mut client) = pair().await;
    let (reader, wire) = split(server);
    let link = Arc::downgrade(&wire.0);
    let outbox = outbox(TLS_BUFFER_BYTES);
    outbox.attach(Arc::new(wire));
    outbox.finish(&[Frame::text("x".repeat(TLS_BUFFER_BYTES - 1_000))]);
    drop((reader, outbox));
    assert!(link.upgrade().is_some(), "the rest was written at once");
    tokio::time::sleep(CLOSE_LINGER * 2).await;
    assert!(link.upgrade().is_none(), "the connection is kept");
    tokio::time::resume();
    assert!(
        read(&mut client).await.is_err(),
        "the end is no orderly one"
    );
}

#[tokio::test]
async fn what_is_read_is_what_was_sent_and_the_ways_to_end_differ() {
    let sent = bytes(&frames());
    for says_goodbye in [true, false] {
        let (server, mut client) = pair().await;
        let (mut reader, _wire) = split(server);
        let send = async {
            client.write_all(&sent).await.unwrap();
            client.flush().await.unwrap();
            match says_goodbye {
                true => client.shutdown().await.unwrap(),
                false => client.get_mut().0.shutdown().await.unwrap(),
            }
        };
        let mut received = Vec::new();
        let receive = reader.read_to_end(&mut received);
        let both = async { tokio::join!(send, receive) };
        let ((), end) = tokio::time::timeout(LONG, both).await.expect("it ends");
        assert_eq!(end.is_ok(), says_goodbye);
        assert!(received == sent);
    }
}

#[tokio::test]
async fn bytes_that_are_no_tls_end_the_connection() {
    let (server, mut client) = pair().await;
    let (mut reader, _wire) = split(server);
    client
        .get_mut()
        .0
        .write_all(b"GET / HTTP/1.1\r\n")
        .await
        .unwrap();
    let error = reader.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    // It was told so.
    assert!(client.read_u8().await.is_err());
}
