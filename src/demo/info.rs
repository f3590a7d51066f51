//! What the demo tells about itself: to the page as JSON, to whoever started it on standard output.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;
use switchboard_protocol::ids::ProjectId;

use super::{
    DemoSession, ORGANIZATION, ORGANIZATION_NAME, SESSIONS, USER, VISITOR, organization, reading,
    user,
};
use crate::config::reachable;
use crate::store::Channel;
use crate::tokens::TokenIssuer;

/// How long the tokens are good for that the command prints.
const TOKEN_LIFE: Duration = Duration::from_secs(7 * 86_400);
/// How long a page's token is good for; the page fetches a new one when it ends.
const PAGE_TOKEN_LIFE: Duration = Duration::from_secs(3_600);

/// What the page learns, as JSON, at its address `demo.json`. Holds tokens of guests and of a plain member, fresh at
/// each call: whoever can reach the page can read it.
#[derive(Clone, Debug, Serialize)]
pub struct DemoInfo {
    /// The organization's id.
    pub organization: String,
    /// Its sessions.
    pub sessions: Vec<SessionInfo>,
    /// Its dashboard.
    pub dashboard: DashboardInfo,
    /// Its projects; the dashboard's token opens them.
    pub projects: Vec<ProjectInfo>,
}

/// A session that the page can show.
#[derive(Clone, Debug, Serialize)]
pub struct SessionInfo {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// A sentence about it.
    pub description: String,
    /// Its channels.
    pub channels: Vec<Channel>,
    /// A guest token for it.
    pub token: String,
}

/// A project that the page can show.
#[derive(Clone, Debug, Serialize)]
pub struct ProjectInfo {
    /// Its id.
    pub id: ProjectId,
    /// What people call it.
    pub name: String,
    /// A sentence about it.
    pub description: String,
}

/// The dashboard that the page can show.
#[derive(Clone, Debug, Serialize)]
pub struct DashboardInfo {
    /// The organization's id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// A sentence about it.
    pub description: String,
    /// The token of a plain member.
    pub token: String,
}

impl DemoInfo {
    /// Makes the page's information, with fresh tokens.
    pub fn issue(issuer: &TokenIssuer) -> Self {
        let session = |session: &DemoSession| SessionInfo {
            id: session.id.to_owned(),
            name: session.name.to_owned(),
            description: session.description.to_owned(),
            channels: session.channels(),
            token: issuer.issue_guest(&session.id(), &organization(), PAGE_TOKEN_LIFE),
        };
        Self {
            organization: ORGANIZATION.to_owned(),
            sessions: SESSIONS.iter().map(session).collect(),
            dashboard: DashboardInfo {
                id: ORGANIZATION.to_owned(),
                name: ORGANIZATION_NAME.to_owned(),
                description: "Who is live, and how far the uploaded recordings are".to_owned(),
                token: issuer.issue_user(&user(VISITOR), PAGE_TOKEN_LIFE),
            },
            projects: vec![ProjectInfo {
                id: reading::project(),
                name: reading::NAME.to_owned(),
                description: reading::DESCRIPTION.to_owned(),
            }],
        }
    }
}

/// Returns what the command prints: the addresses of the page, of its dashboard and of its chat, and a token of each kind as a
/// plain JWT, a line each.
/// `listening` is the first address of the server, which speaks `scheme`; one that means all interfaces is shown as this
/// machine's own.
pub fn announcement(scheme: &str, listening: SocketAddr, issuer: &TokenIssuer) -> String {
    let page = reachable(listening);
    let user = issuer.issue_user(&user(USER), TOKEN_LIFE);
    let guest = issuer.issue_guest(&SESSIONS[0].id(), &organization(), TOKEN_LIFE);
    let admin = issuer.issue_admin(TOKEN_LIFE);
    let project = reading::project();
    format!(
        "page: {scheme}://{page}/\ndashboard: {scheme}://{page}/?organization={ORGANIZATION}\n\
         chat: {scheme}://{page}/?project={project}\nuser token: {user}\nguest token: {guest}\nadmin token: {admin}"
    )
}
