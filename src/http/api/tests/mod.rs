//! The REST interface's promises, through the real application service, store and tokens.

mod conversations;
mod documents;
mod events;
mod faults;
mod guests;
mod hostile;
mod hostile_callers;
mod openapi;
mod projects;
mod rights;
mod transcripts;
mod uploads;

use std::net::SocketAddr;
use std::time::Duration;

use actix::prelude::*;
use actix_http::Request;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::header::{self, HeaderMap};
use actix_web::{App, Error, test};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::access::StoreAccess;
use crate::documents::Wake;
use crate::store::Role;
use crate::tokens::TokenVerifier;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// The largest document, in bytes.
const MAX_DOCUMENT: usize = 100_000;
const HOUR: Duration = Duration::from_secs(3600);

/// The interface over a fresh database, with ready tokens.
struct Api<S> {
    service: S,
    store: Store,
    issuer: TokenIssuer,
    broker: Addr<Broker>,
    _folder: TempDir,
}

/// Stands for the BrokerActor: keeps what it is to publish.
#[derive(Default)]
struct Broker(Vec<Publish>);

impl Actor for Broker {
    type Context = Context<Self>;
}

impl Handler<Publish> for Broker {
    type Result = ();

    fn handle(&mut self, publish: Publish, _: &mut Self::Context) {
        self.0.push(publish);
    }
}

/// What was published since the last time.
#[derive(Message)]
#[rtype(result = "Vec<Publish>")]
struct TakePublished;

impl Handler<TakePublished> for Broker {
    type Result = Vec<Publish>;

    fn handle(&mut self, _: TakePublished, _: &mut Self::Context) -> Vec<Publish> {
        std::mem::take(&mut self.0)
    }
}

/// An answer, read to its end.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    /// Status and error code, the empty text without one.
    fn fault(&self) -> (u16, &str) {
        (
            self.status,
            self.body["error"]["code"].as_str().unwrap_or_default(),
        )
    }
}

/// Starts the interface, with an issuer or without.
async fn api_with(
    with_issuer: bool,
) -> Api<impl Service<Request, Response = ServiceResponse, Error = Error>> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    let store = Store::connect(&url).await.unwrap();
    store.migrate().await.unwrap();
    let issuer = TokenIssuer::new(SECRET).unwrap();
    let broker = Broker::default().start();
    let state = web::Data::new(ApiState::new(
        store.clone(),
        Arc::new(TokenVerifier::from_secret(SECRET).unwrap()),
        Arc::new(StoreAccess::new(store.clone())),
        with_issuer.then(|| issuer.clone()),
        broker.clone().recipient(),
        Intake::new(MAX_DOCUMENT, Wake::default()),
    ));
    let service = test::init_service(App::new().app_data(state).configure(configure)).await;
    Api {
        service,
        store,
        issuer,
        broker,
        _folder: folder,
    }
}

async fn api() -> Api<impl Service<Request, Response = ServiceResponse, Error = Error>> {
    api_with(true).await
}

impl<S: Service<Request, Response = ServiceResponse, Error = Error>> Api<S> {
    fn admin(&self) -> String {
        self.issuer.issue_admin(HOUR)
    }

    fn user(&self, id: &str) -> String {
        self.issuer.issue_user(&id.parse().unwrap(), HOUR)
    }

    fn guest(&self, session: &str) -> String {
        let organization = "acme".parse().unwrap();
        self.issuer
            .issue_guest(&session.parse().unwrap(), &organization, HOUR)
    }

    /// Topics (without their beginning, `switchboard/organizations/`) and payloads published since the last time.
    async fn published(&self) -> Vec<(String, String)> {
        let published = self.broker.send(TakePublished).await.unwrap();
        let read = |publish: Publish| {
            let topic = publish.topic.as_str();
            let short = topic.strip_prefix("switchboard/organizations/");
            let payload = String::from_utf8(publish.payload.to_vec()).unwrap();
            (short.unwrap_or(topic).to_owned(), payload)
        };
        published.into_iter().map(read).collect()
    }

    /// Organization `acme` with `boss` (meeting_manager), `ann` (quick_meeting), `uma` (uploader) and `mia` (member),
    /// and organization `other` with `eve`, its admin.
    async fn with_people(self) -> Self {
        for (organization, user, role) in [
            ("acme", "boss", Role::MeetingManager),
            ("acme", "ann", Role::QuickMeeting),
            ("acme", "uma", Role::Uploader),
            ("acme", "mia", Role::Member),
            ("other", "eve", Role::Admin),
        ] {
            let organization = organization.parse().unwrap();
            self.store
                .put_organization(&organization, "Name")
                .await
                .unwrap();
            self.store
                .put_member(&organization, &user.parse().unwrap(), role)
                .await
                .unwrap();
        }
        self
    }

    /// Creates session `id` of `acme`, with these fields besides the required ones.
    async fn session(&self, id: &str, fields: Value) {
        let mut body = session(id);
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        let answer = self
            .call(Method::POST, "/sessions", &self.admin(), body)
            .await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    /// Calls with a JSON body; `null` is none. The token may be empty: then there is no header.
    async fn call(&self, method: Method, path: &str, token: &str, body: Value) -> Answer {
        let mut request = test::TestRequest::default()
            .method(method)
            .uri(&route(path));
        if !token.is_empty() {
            request = request.insert_header((header::AUTHORIZATION, format!("Bearer {token}")));
        }
        if !body.is_null() {
            request = request.set_json(body);
        }
        self.send(request).await
    }

    async fn send(&self, request: test::TestRequest) -> Answer {
        self.send_from("127.0.0.1", request).await
    }

    /// Sends as a client of this address.
    async fn send_from(&self, address: &str, request: test::TestRequest) -> Answer {
        let peer = SocketAddr::new(address.parse().unwrap(), 4711);
        let request = request.peer_addr(peer).to_request();
        let response = test::call_service(&self.service, request).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = test::read_body(response).await;
        let body = match bytes.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&bytes).expect("every body is JSON"),
        };
        Answer {
            status,
            headers,
            body,
        }
    }
}

fn route(path: &str) -> String {
    format!("/api/v1{path}")
}

/// A session's required fields.
fn session(id: &str) -> Value {
    json!({
        "id": id, "name": "Weekly", "organizationId": "acme", "visibility": "private",
        "channels": [{"index": 1, "name": "French", "language": "fr"}, {"index": 0, "name": "Floor", "language": "en"}],
    })
}

#[actix_web::test]
async fn an_administrator_sets_up_an_organization_from_nothing() {
    let api = api().await;
    let admin = api.admin();
    let named = json!({"name": "Acme"});
    let created = api
        .call(Method::PUT, "/organizations/acme", &admin, named.clone())
        .await;
    assert_eq!(
        (created.status, &created.body),
        (201, &json!({"id": "acme", "name": "Acme"}))
    );
    assert_eq!(
        api.call(Method::PUT, "/organizations/acme", &admin, named)
            .await
            .status,
        200
    );

    let path = "/organizations/acme/members/auth0%7Cann%2Fb";
    let member = api
        .call(
            Method::PUT,
            path,
            &admin,
            json!({"role": "meeting_manager"}),
        )
        .await;
    let expected =
        json!({"organizationId": "acme", "user": "auth0|ann/b", "role": "meeting_manager"});
    assert_eq!((member.status, member.body), (201, expected));

    let created = api
        .call(
            Method::POST,
            "/sessions",
            &api.user("auth0|ann/b"),
            session("s"),
        )
        .await;
    assert_eq!(created.status, 201);
    assert_eq!(
        api.call(Method::DELETE, path, &admin, Value::Null)
            .await
            .status,
        204
    );
    assert_eq!(
        api.call(Method::DELETE, path, &admin, Value::Null)
            .await
            .status,
        404
    );
    let refused = api
        .call(
            Method::POST,
            "/sessions",
            &api.user("auth0|ann/b"),
            session("t"),
        )
        .await;
    assert_eq!(refused.fault(), (403, "forbidden"));
}

#[actix_web::test]
async fn a_session_is_created_read_changed_and_deleted() {
    let api = api().await.with_people().await;
    let boss = api.user("boss");
    let mut body = session("s");
    body["owner"] = json!("ann");
    body["password"] = json!("open sesame");
    let created = api.call(Method::POST, "/sessions", &boss, body).await;
    assert_eq!(created.status, 201);
    let mut view = created.body;
    assert!(view["createdAt"].as_u64().unwrap() > 1_700_000_000_000);
    assert_eq!(view["channels"][0]["index"], 0, "channels are in order");
    assert_eq!(view["hasPassword"], true);
    assert!(!view.to_string().contains("argon2") && !view.to_string().contains("sesame"));

    assert_eq!(
        api.call(Method::GET, "/sessions/s", &boss, Value::Null)
            .await
            .body,
        view
    );
    let patch = json!({"name": "Monthly", "owner": null, "password": null, "record": true});
    let patched = api.call(Method::PATCH, "/sessions/s", &boss, patch).await;
    assert_eq!(patched.status, 200);
    for (field, value) in [("name", json!("Monthly")), ("hasPassword", json!(false))] {
        view[field] = value;
    }
    view["record"] = json!(true);
    view["updatedAt"] = patched.body["updatedAt"].clone();
    view.as_object_mut().unwrap().remove("owner");
    assert_eq!(patched.body, view);
    assert_eq!(
        api.call(Method::DELETE, "/sessions/s", &boss, Value::Null)
            .await
            .status,
        204
    );
    let gone = api
        .call(Method::GET, "/sessions/s", &boss, Value::Null)
        .await;
    assert_eq!(gone.fault(), (404, "not_found"));
}

#[actix_web::test]
async fn a_session_without_an_id_gets_one_of_its_own() {
    let api = api().await.with_people().await;
    let mut body = session("x");
    body.as_object_mut().unwrap().remove("id");
    let one = api
        .call(Method::POST, "/sessions", &api.admin(), body.clone())
        .await
        .body;
    let two = api
        .call(Method::POST, "/sessions", &api.admin(), body)
        .await
        .body;
    assert_ne!(one["id"], two["id"]);
    assert_eq!(one["id"].as_str().unwrap().len(), 36);
}
