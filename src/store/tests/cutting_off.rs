//! Writes that are given up between a question to the server and its answer, as a time limit, a request that is gone or
//! the program's end do it. SQLite's driver has no such gap: its thread takes back what nobody waits for.

use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use url::Url;

use super::documents::{LONG, taken, with_projects};
use super::*;

/// More than the store has connections, so that each of them is asked.
const ASKED: usize = 24;

#[tokio::test]
async fn a_write_that_is_cut_off_anywhere_leaves_no_transaction_behind() {
    let Some(database) = Fixture::postgres().await else {
        return;
    };
    let (witness, project, _) = with_projects(&database).await;
    let (url, gate) = gated(&database.url).await;
    let store = Store::connect(&url).await.unwrap();
    let lease = taken(&witness, project).await;
    let mut questions = 0;
    loop {
        gate.hold_the_answer_to(questions);
        let is_done = tokio::select! {
            begun = store.begin_chunks(&lease, 1, 30) => begun.is_ok(),
            () = gate.held.notified() => false,
        };
        gate.open.send_replace(true);
        if is_done {
            break;
        }
        // Within a transaction that somebody has left open, this would lock the row and be seen by nobody.
        let renewed = join_all((0..ASKED).map(|_| store.renew_lease(&lease, LONG))).await;
        assert!(
            renewed.iter().all(Result::is_ok),
            "{questions}: {renewed:?}"
        );
        let begun = witness.begin_chunks(&lease, 1, 30).await;
        assert!(begun.is_ok(), "{questions}: {begun:?}");
        questions += 1;
    }
    // Checking the connection, BEGIN, three statements and COMMIT.
    assert!(questions >= 5, "{questions}");
    store.close().await;
    witness.close().await;
    database.end().await;
}

/// Between the store and its server.
struct Gate {
    /// Questions that are answered before it closes; none: it stays open.
    left: Mutex<Option<usize>>,
    /// Answers pass.
    open: watch::Sender<bool>,
    /// A question is with the server, and its answer does not pass.
    held: Notify,
}

/// The same database behind a gate.
async fn gated(url: &str) -> (String, Arc<Gate>) {
    let server = Url::parse(url).unwrap();
    let address = format!("{}:{}", server.host().unwrap(), server.port().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut url = server;
    url.set_ip_host([127, 0, 0, 1].into()).unwrap();
    url.set_port(Some(listener.local_addr().unwrap().port()))
        .unwrap();
    let gate = Arc::new(Gate {
        left: Mutex::new(None),
        open: watch::Sender::new(true),
        held: Notify::new(),
    });
    let shared = gate.clone();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(&address).await.unwrap();
            let (near, far) = (near.into_split(), far.into_split());
            tokio::spawn(shared.clone().questions(near.0, far.1));
            tokio::spawn(shared.clone().answers(far.0, near.1));
        }
    });
    (url.to_string(), gate)
}

impl Gate {
    fn hold_the_answer_to(&self, question: usize) {
        *self.left.lock().unwrap() = Some(question);
    }

    async fn questions(self: Arc<Self>, mut client: OwnedReadHalf, mut server: OwnedWriteHalf) {
        let mut bytes = vec![0; 65_536];
        while let Ok(read @ 1..) = client.read(&mut bytes).await {
            let is_last = {
                let mut left = self.left.lock().unwrap();
                let is_last = *left == Some(0);
                *left = left.and_then(|left| left.checked_sub(1));
                is_last
            };
            if is_last {
                self.open.send_replace(false);
            }
            if server.write_all(&bytes[..read]).await.is_err() {
                return;
            }
            if is_last {
                self.held.notify_one();
            }
        }
    }

    async fn answers(self: Arc<Self>, mut server: OwnedReadHalf, mut client: OwnedWriteHalf) {
        let (mut bytes, mut open) = (vec![0; 65_536], self.open.subscribe());
        while let Ok(read @ 1..) = server.read(&mut bytes).await {
            if open.wait_for(|open| *open).await.is_err()
                || client.write_all(&bytes[..read]).await.is_err()
            {
                return;
            }
        }
    }
}
