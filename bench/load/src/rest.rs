//! The few REST calls that give switchboard its sessions; the peers keep no store and need none.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::rooms;
use crate::token::{Signer, WATCHER};

/// Creates the public sessions of the first `rooms` rooms, each in an organization of the same name.
///
/// # Errors
/// When the server refuses one of them.
pub fn create_sessions(server: SocketAddr, signer: &Signer, rooms: usize) -> Result<()> {
    let token = signer.admin()?;
    for (session, channels) in rooms::sessions(rooms) {
        let path = format!("/api/v1/organizations/{session}");
        call(server, &token, "PUT", &path, &json!({ "name": session }))?;
        let channel = |index| json!({ "index": index, "name": "c", "language": "en" });
        let channels: Vec<_> = (1..=channels).map(channel).collect();
        let body = json!({
            "id": session,
            "name": session,
            "organizationId": session,
            "visibility": "public",
            "channels": channels,
        });
        call(server, &token, "POST", "/api/v1/sessions", &body)?;
    }
    Ok(())
}

/// Creates organizations, each with the watcher as its member.
///
/// # Errors
/// When the server refuses one of them.
pub fn create_organizations(server: SocketAddr, signer: &Signer, names: &[String]) -> Result<()> {
    let token = signer.admin()?;
    for name in names {
        let path = format!("/api/v1/organizations/{name}");
        call(server, &token, "PUT", &path, &json!({ "name": name }))?;
        let member = format!("{path}/members/{WATCHER}");
        call(server, &token, "PUT", &member, &json!({ "role": "member" }))?;
    }
    Ok(())
}

/// Creates a project whose organization has the watcher as its member, and `count` chats in it; their ids.
///
/// # Errors
/// When the server refuses one of them.
pub fn create_chats(server: SocketAddr, signer: &Signer, count: usize) -> Result<(u64, Vec<u64>)> {
    let organization = "bench";
    create_organizations(server, signer, &[organization.to_owned()])?;
    let token = signer.watcher(0)?;
    let create = |path: &str, body: &Value| {
        let created = call(server, &token, "POST", path, body)?;
        created["id"].as_u64().context("no id of what was created")
    };
    let body = json!({ "name": "bench", "organization": organization });
    let project = create("/api/v1/projects", &body)?;
    let path = format!("/api/v1/projects/{project}/chats");
    let chats: Result<_> = (0..count).map(|_| create(&path, &json!({}))).collect();
    Ok((project, chats?))
}

/// The JSON of the answer; null where it has none.
fn call(server: SocketAddr, token: &str, method: &str, path: &str, body: &Value) -> Result<Value> {
    let patience = Duration::from_secs(5);
    let mut stream = TcpStream::connect_timeout(&server, patience).context("REST")?;
    stream.set_read_timeout(Some(patience))?;
    let body = body.to_string();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {server}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .with_context(|| format!("{method} {path}"))?;
    let answer = String::from_utf8_lossy(&answer);
    ensure!(
        answer.starts_with("HTTP/1.1 2"),
        "{method} {path}: {answer}"
    );
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok(serde_json::from_str(body).unwrap_or(Value::Null))
}
