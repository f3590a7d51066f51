//! Questions to a real HTTP server, well-behaved or not.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::time::SystemTime;

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, LOCATION};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use futures_util::future::{LocalBoxFuture, join, join_all};
use futures_util::{FutureExt, stream};
use serde_json::{Value, json};
use switchboard_actors::ports::{Principal, Token};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

use super::*;

/// Long enough for anything but what is never answered.
const PATIENT: Duration = Duration::from_secs(30);
/// For what is never answered.
const HASTY: Duration = Duration::from_millis(100);

type Answer = dyn Fn(Value) -> LocalBoxFuture<'static, HttpResponse> + Send + Sync;

/// Path, `Authorization` and body of a question.
type Asked = (String, Option<String>, Value);

/// A backend on a free port.
struct Theirs {
    url: String,
    /// In order.
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Theirs {
    async fn start(
        answer: impl Fn(Value) -> LocalBoxFuture<'static, HttpResponse> + Send + Sync + 'static,
    ) -> Self {
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (log, answer): (_, Arc<Answer>) = (Arc::clone(&asked), Arc::new(answer));
        let handler = move |request: HttpRequest, body: web::Json<Value>| {
            let key = request.headers().get(AUTHORIZATION);
            let key = key.map(|key| key.to_str().unwrap().to_owned());
            let question = body.into_inner();
            let entry = (request.path().to_owned(), key, question.clone());
            log.lock().unwrap().push(entry);
            answer(question)
        };
        let app = move || App::new().default_service(web::to(handler.clone()));
        let server = HttpServer::new(app).workers(1).disable_signals();
        let server = server.bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/rights", server.addrs()[0]);
        actix_rt::spawn(server.run());
        Self { url, asked }
    }

    /// Answers every question by this status.
    async fn answering(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap();
        Self::start(move |_| async move { HttpResponse::build(status).finish() }.boxed_local())
            .await
    }

    fn access(&self, cache: Duration) -> HttpAccess {
        access(&self.url, PATIENT, cache)
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn access(url: &str, timeout: Duration, cache: Duration) -> HttpAccess {
    let config = AccessBackend {
        url: url.to_owned(),
        key: Some(Secret::new("our key")),
        timeout,
        cache,
    };
    HttpAccess::new(&config).unwrap()
}

fn ann() -> Identity {
    holder_of("ann's token")
}

fn holder_of(token: &str) -> Identity {
    Identity {
        principal: Principal::User {
            id: "ann".parse().unwrap(),
            admin: false,
        },
        expires_at: Some(SystemTime::now()),
        token: Some(Token::from(token)),
    }
}

fn join_session(id: &str) -> Action {
    Action::JoinSession(id.parse().unwrap())
}

#[actix_web::test]
async fn only_200_is_a_yes_and_only_401_403_and_404_are_a_no() {
    for (status, expected) in [
        (200, Some(true)),
        (401, Some(false)),
        (403, Some(false)),
        (404, Some(false)),
        (201, None),
        (204, None),
        (400, None),
        (405, None),
        (429, None),
        (500, None),
        (503, None),
    ] {
        let theirs = Theirs::answering(status).await;
        let access = theirs.access(Duration::ZERO);
        let answer = access.may(ann(), join_session("S")).await;
        assert_eq!(answer.ok(), expected, "{status}");
    }
}

#[actix_web::test]
async fn a_redirect_is_not_followed_and_is_no_answer() {
    let theirs = Theirs::start(|_| {
        let elsewhere = (LOCATION, "/yes");
        let found = HttpResponse::Found().insert_header(elsewhere).finish();
        async move { found }.boxed_local()
    })
    .await;
    let access = theirs.access(Duration::ZERO);
    assert!(access.may(ann(), join_session("S")).await.is_err());
    let asked = theirs.asked.lock().unwrap();
    let paths: Vec<&str> = asked.iter().map(|(path, ..)| &path[..]).collect();
    assert_eq!(paths, ["/rights"]);
}

#[actix_web::test]
async fn each_action_is_a_question_of_its_own_with_token_resource_and_our_key() {
    let theirs = Theirs::start(|question| {
        let yes = question["action"] == "watch_media";
        let status = if yes { 200 } else { 403 };
        let status = StatusCode::from_u16(status).unwrap();
        async move { HttpResponse::build(status).finish() }.boxed_local()
    })
    .await;
    let access = theirs.access(PATIENT);
    let acme = || "acme".parse().unwrap();
    let actions = [
        ("join_session", Action::JoinSession("acme".parse().unwrap())),
        ("watch_sessions", Action::WatchSessions(acme())),
        ("watch_media", Action::WatchMedia(acme())),
        ("follow_jobs", Action::FollowJobs(acme())),
        ("manage_sessions", Action::ManageSessions(acme())),
        ("manage_media", Action::ManageMedia(acme())),
        ("use_projects", Action::UseProjects(acme())),
        ("manage_projects", Action::ManageProjects(acme())),
    ];
    for (word, action) in actions {
        let allowed = access.may(ann(), action).await.unwrap();
        assert_eq!(allowed, word == "watch_media", "{word}");
        let asked = theirs.asked.lock().unwrap();
        let question = json!({"token": "ann's token", "action": word, "resource": "acme"});
        let expected = (
            "/rights".to_owned(),
            Some("Bearer our key".to_owned()),
            question,
        );
        assert_eq!(asked.last(), Some(&expected));
    }
    assert_eq!(theirs.asked(), 8);
}

#[actix_web::test]
async fn yes_and_no_hold_for_a_moment_for_that_token_and_that_resource_alone() {
    let theirs = Theirs::start(|question| {
        let no = question["resource"] == "closed";
        let status = StatusCode::from_u16(if no { 403 } else { 200 }).unwrap();
        async move { HttpResponse::build(status).finish() }.boxed_local()
    })
    .await;
    let access = theirs.access(PATIENT);
    for _ in 0..3 {
        assert!(access.may(ann(), join_session("open")).await.unwrap());
        assert!(!access.may(ann(), join_session("closed")).await.unwrap());
    }
    assert_eq!(theirs.asked(), 2);
    let other = holder_of("another token");
    assert!(access.may(other, join_session("open")).await.unwrap());
    assert_eq!(theirs.asked(), 3);

    let uncached = theirs.access(Duration::ZERO);
    for _ in 0..2 {
        assert!(uncached.may(ann(), join_session("open")).await.unwrap());
    }
    assert_eq!(theirs.asked(), 5);
}

#[actix_web::test]
async fn questions_that_differ_in_where_a_part_ends_are_not_one() {
    let digest = |token, action, resource| {
        let question = Question {
            token,
            action,
            resource,
        };
        question.digest()
    };
    assert_ne!(digest("ab", "c", "d"), digest("a", "bc", "d"));
    assert_ne!(digest("a", "b", "cd"), digest("a", "bc", "d"));
}

#[actix_web::test]
async fn a_failure_is_not_remembered() {
    let count = Arc::new(AtomicUsize::new(0));
    let theirs = Theirs::start(move |_| {
        let first = count.fetch_add(1, Ordering::Relaxed) == 0;
        let status = StatusCode::from_u16(if first { 500 } else { 200 }).unwrap();
        async move { HttpResponse::build(status).finish() }.boxed_local()
    })
    .await;
    let access = theirs.access(PATIENT);
    assert!(access.may(ann(), join_session("S")).await.is_err());
    assert!(access.may(ann(), join_session("S")).await.unwrap());
}

#[actix_web::test]
async fn equal_questions_at_the_same_moment_are_one_request() {
    let (began, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let gate = (Arc::clone(&began), Arc::clone(&go));
    let theirs = Theirs::start(move |_| {
        let (began, go) = gate.clone();
        async move {
            began.notify_one();
            go.notified().await;
            HttpResponse::Ok().finish()
        }
        .boxed_local()
    })
    .await;
    let access = theirs.access(PATIENT);
    let questions = join_all((0..50).map(|_| access.may(ann(), join_session("S"))));
    let release = async {
        // By now all fifty have been asked: they stand before this in the same task.
        began.notified().await;
        go.notify_one();
    };
    let (answers, ()) = join(questions, release).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap()));
    assert_eq!(theirs.asked(), 1);
}

#[actix_web::test]
async fn at_most_256_questions_are_out_at_once_and_all_are_answered() {
    let out: Arc<Mutex<(usize, usize)>> = Arc::default();
    let (full, seen) = (Arc::new(Semaphore::new(0)), Arc::clone(&out));
    let theirs = Theirs::start(move |_| {
        let (out, full) = (Arc::clone(&seen), Arc::clone(&full));
        async move {
            let now = {
                let mut out = out.lock().unwrap();
                out.0 += 1;
                out.1 = out.1.max(out.0);
                out.0
            };
            if now == MAX_QUESTIONS {
                full.add_permits(1_000);
            }
            full.acquire().await.unwrap().forget();
            out.lock().unwrap().0 -= 1;
            HttpResponse::Ok().finish()
        }
        .boxed_local()
    })
    .await;
    let access = theirs.access(PATIENT);
    let ids = (0..300).map(|number| join_session(&number.to_string()));
    let answers = join_all(ids.map(|action| access.may(ann(), action))).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap()));
    assert_eq!(out.lock().unwrap().1, MAX_QUESTIONS);
}

#[actix_web::test]
async fn a_backend_that_is_down_silent_or_no_http_server_is_not_available() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    // The kernel accepts, and nobody ever reads.
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let silent = access(&silent, HASTY, PATIENT);
    let fault = silent.may(ann(), join_session("S")).await.unwrap_err();
    assert!(!fault.to_string().contains("token"), "{fault}");

    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let down = access(&url, PATIENT, PATIENT);
    let fault = down.may(ann(), join_session("S")).await.unwrap_err();
    assert!(fault.to_string().contains("refused"), "{fault}");
    assert!(down.probe().await.is_err());

    let chatty = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .unwrap();
    let url = format!("http://{}", chatty.local_addr().unwrap());
    actix_rt::spawn(async move {
        while let Ok((mut stream, _)) = chatty.accept().await {
            let _ = stream.write_all(b"yes\r\n\r\n").await;
        }
    });
    let chatty = access(&url, PATIENT, PATIENT);
    assert!(chatty.may(ann(), join_session("S")).await.is_err());
}

#[actix_web::test]
async fn a_body_that_never_ends_or_never_comes_changes_nothing() {
    let theirs = Theirs::start(|question| {
        let chunk = || Ok::<_, actix_web::Error>(Bytes::from_static(&[b' '; 4096]));
        let response = match question["resource"].as_str() {
            Some("endless") => HttpResponse::Forbidden().streaming(stream::repeat_with(chunk)),
            _ => HttpResponse::Ok().streaming(stream::pending::<Result<Bytes, actix_web::Error>>()),
        };
        async move { response }.boxed_local()
    })
    .await;
    let access = theirs.access(PATIENT);
    assert!(!access.may(ann(), join_session("endless")).await.unwrap());
    assert!(access.may(ann(), join_session("hanging")).await.unwrap());
}

#[actix_web::test]
async fn a_backend_that_comes_back_is_asked_again() {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listener = listener.await.unwrap();
    let access = access(
        &format!("http://{}", listener.local_addr().unwrap()),
        PATIENT,
        PATIENT,
    );
    let theirs = async move {
        // The first connection ends without an answer, the second one is served.
        drop(listener.accept().await.unwrap());
        let (mut stream, _) = listener.accept().await.unwrap();
        let yes = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(yes).await.unwrap();
        // Until the client closes: an early end would overtake the answer.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    };
    actix_rt::spawn(theirs);
    assert!(access.may(ann(), join_session("S")).await.is_err());
    assert!(access.may(ann(), join_session("S")).await.unwrap());
}

#[actix_web::test]
async fn an_identity_without_its_token_is_not_let_in() {
    let theirs = Theirs::answering(200).await;
    let who = Identity {
        token: None,
        ..ann()
    };
    let access = theirs.access(PATIENT);
    assert!(access.may(who, join_session("S")).await.is_err());
    assert_eq!(theirs.asked(), 0);
}
