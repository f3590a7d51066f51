//! The OpenAPI document against the routes.

use super::*;

#[actix_web::test]
async fn the_document_describes_every_route_and_each_of_them_answers() {
    let api = api().await;
    let document = api
        .call(Method::GET, "/openapi.json", "", Value::Null)
        .await;
    assert_eq!(document.status, 200);
    assert_eq!(document.body["servers"][0]["url"], "/api/v1");
    let mut described = Vec::new();
    for (path, methods) in document.body["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            let concrete = path.replace(['{', '}'], "");
            let call = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = api.call(call, &concrete, "", Value::Null).await;
            // Without a token: refused by the handler, which proves that it is there.
            assert!(
                [401, 404].contains(&answer.status),
                "{method} {path}: {}",
                answer.body
            );
            assert_ne!(answer.fault().1, "unknown_route");
            described.push(format!("{method} {path}"));
        }
    }
    described.sort();
    let expected = [
        "DELETE /conversations/{id}",
        "DELETE /organizations/{id}/members/{user}",
        "DELETE /projects/{id}",
        "DELETE /projects/{id}/chats/{chat}",
        "DELETE /projects/{id}/documents/{document}",
        "DELETE /sessions/{id}",
        "GET /chat-sockets",
        "GET /conversations/{id}",
        "GET /organizations/{id}/projects",
        "GET /organizations/{id}/sessions",
        "GET /projects/{id}",
        "GET /projects/{id}/chats",
        "GET /projects/{id}/chats/{chat}",
        "GET /projects/{id}/chats/{chat}/messages",
        "GET /projects/{id}/documents",
        "GET /projects/{id}/documents/{document}",
        "GET /sessions/{id}",
        "GET /sessions/{id}/channels/{index}/transcript",
        "PATCH /conversations/{id}",
        "PATCH /sessions/{id}",
        "POST /conversations",
        "POST /organizations/{id}/events",
        "POST /projects",
        "POST /projects/{id}/chats",
        "POST /projects/{id}/documents",
        "POST /projects/{id}/events",
        "POST /sessions",
        "POST /sessions/{id}/guest-token",
        "PUT /organizations/{id}",
        "PUT /organizations/{id}/members/{user}",
    ];
    assert_eq!(described, expected);
    let upload = &document.body["paths"]["/projects/{id}/documents"]["post"]["requestBody"];
    let form = &upload["content"]["multipart/form-data"]["schema"]["$ref"];
    assert_eq!(form, "#/components/schemas/UploadForm");
    let schemas = &document.body["components"]["schemas"];
    assert_eq!(schemas["CreateSession"]["additionalProperties"], false);
    assert_eq!(schemas["Role"]["enum"][3], "meeting_manager");
    assert_eq!(
        schemas["MessageView"]["properties"]["role"]["type"],
        "string"
    );
}
