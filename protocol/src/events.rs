//! The names of Socket.IO events, by the part of the program that hears or says them. Some are both: their
//! direction is told by who says them.

use crate::ids::OrganizationId;

// Live captions, from clients.
/// Join a room: `"session/channel"`, and optionally `{history: N}`.
pub const JOIN_ROOM: &str = "join_room";
/// Leave a room: `"session/channel"`.
pub const LEAVE_ROOM: &str = "leave_room";
/// Carry on with a fresh token: `{token}`.
pub const AUTHENTICATE: &str = "authenticate";
/// Follow an organization's sessions: its id.
pub const WATCH_ORGANIZATION_SESSION: &str = "watch_organization_session";
/// Stop following an organization's sessions: its id.
pub const UNWATCH_ORGANIZATION_SESSION: &str = "unwatch_organization_session";
/// Follow an organization's media: its id.
pub const WATCH_ORGANIZATION_MEDIA: &str = "watch_organization_media";
/// Stop following an organization's media: its id.
pub const UNWATCH_ORGANIZATION_MEDIA: &str = "unwatch_organization_media";
/// Follow LLM jobs: `{organizationId, conversationId?}`.
pub const LLM_JOIN: &str = "llm:join";
/// Stop following LLM jobs: `{organizationId, conversationId?}`.
pub const LLM_LEAVE: &str = "llm:leave";

// Live captions, to clients.
/// A line still being spoken, as the transcriber published it.
pub const PARTIAL: &str = "partial";
/// A finished line, as the transcriber published it.
pub const FINAL: &str = "final";
/// A translated line, as the transcriber published it.
pub const TRANSLATION: &str = "translation";
/// Access denied; a disconnect follows.
pub const UNAUTHORIZED: &str = "unauthorized";
/// The broker is there again.
pub const BROKER_OK: &str = "broker_ok";
/// The broker is away.
pub const BROKER_KO: &str = "broker_ko";
/// The token ends in a minute: `{expires_at}`.
pub const TOKEN_EXPIRING: &str = "token_expiring";
/// The server is about to stop: `{reconnect_in_ms}`.
pub const DRAINING: &str = "draining";
/// Recovery could not restore everything: `{room, from, to}`.
pub const GAP: &str = "gap";
/// Something failed; one shape for all families.
pub const ERROR: &str = "error";
/// The conversations of an organization that are being processed: an array.
pub const CONVERSATION_PROCESSING: &str = "conversation_processing";
/// A conversation's processing ended well: its id.
pub const CONVERSATION_PROCESSING_DONE: &str = "conversation_processing_done";
/// A conversation's processing failed: its id.
pub const CONVERSATION_PROCESSING_ERROR: &str = "conversation_processing_error";
/// A new conversation.
pub const CONVERSATION_CREATED: &str = "conversation_created";
/// A conversation is gone: `{id, status}`.
pub const CONVERSATION_DELETED: &str = "conversation_deleted";
/// A conversation moved: `{conversationIds, fromFolderId, toFolderId}`.
pub const CONVERSATION_FOLDER_CHANGED: &str = "conversation_folder_changed";
/// A new folder.
pub const FOLDER_CREATED: &str = "folder_created";
/// A folder changed.
pub const FOLDER_UPDATED: &str = "folder_updated";
/// A folder is gone: `{_id}`.
pub const FOLDER_DELETED: &str = "folder_deleted";
/// Folders are to be read again.
pub const FOLDERS_REFRESH: &str = "folders_refresh";
/// An LLM job goes on.
pub const LLM_JOB_UPDATE: &str = "llm:job:update";
/// An LLM job ended well.
pub const LLM_JOB_COMPLETE: &str = "llm:job:complete";
/// An LLM job failed, or may not be followed.
pub const LLM_JOB_ERROR: &str = "llm:job:error";

// Between switchboards.
/// Rights may have changed: `{session?, user?}`. No client hears of it.
pub const ACCESS_CHANGED: &str = "access_changed";

// Chat, from clients.
/// Join a project's room: `{project_id}`.
pub const JOIN_PROJECT: &str = "join_project";
/// Leave a project's room: `{project_id}`.
pub const LEAVE_PROJECT: &str = "leave_project";
/// Ask a question: `{chat_id, message, …}`.
pub const SEND_MESSAGE: &str = "send_message";
/// Stop a running answer: `{chat_id}`.
pub const CANCEL_MESSAGE: &str = "cancel_message";
/// The application's own ping, answered by [`PONG`].
pub const PING: &str = "ping";

// Chat, to clients.
/// Answer to [`PING`]: `{timestamp}`, epoch milliseconds.
pub const PONG: &str = "pong";
/// Said once at connect: `{status: "connected"}`.
pub const CONNECTION_STATUS: &str = "connection_status";
/// Answer to [`JOIN_PROJECT`].
pub const PROJECT_JOINED: &str = "project_joined";
/// Answer to [`LEAVE_PROJECT`].
pub const PROJECT_LEFT: &str = "project_left";
/// A question was taken: `{chat_id, status: "processing"}`.
pub const MESSAGE_RECEIVED: &str = "message_received";
/// What an answer is based on: `{chat_id, sources}`.
pub const MESSAGE_SOURCES: &str = "message_sources";
/// A piece of an answer: `{chat_id, token}`.
pub const MESSAGE_TOKEN: &str = "message_token";
/// The end of an answer: `{chat_id, metadata}`.
pub const MESSAGE_COMPLETE: &str = "message_complete";
/// How far a document is: `{document_id, status, progress}`.
pub const DOCUMENT_STATUS: &str = "document_status";
/// Something changed in a project: `{type, data}`.
pub const PROJECT_UPDATE: &str = "project_update";

// Voice.
/// A piece of speech, both ways: `{sessionId, audioData, sequenceNumber}`.
pub const AUDIO_CHUNK: &str = "audio-chunk";
/// The speaker cut in: `{sessionId}`.
pub const INTERRUPTION: &str = "interruption";
/// Begin a spoken conversation.
pub const CONVERSATION_START: &str = "conversation:start";
/// Answer to [`CONVERSATION_START`]: `{sessionId}`.
pub const CONVERSATION_STARTED: &str = "conversation:started";
/// End a spoken conversation: `{sessionId}`.
pub const CONVERSATION_END: &str = "conversation:end";
/// Answer to [`CONVERSATION_END`]: `{sessionId}`.
pub const CONVERSATION_ENDED: &str = "conversation:ended";
/// What was understood: `{sessionId, text, isFinal, timestamp}`.
pub const TRANSCRIPT: &str = "transcript";
/// What is answered: `{sessionId, text, timestamp}`.
pub const LLM_RESPONSE: &str = "llm-response";

// Voice agents, both ways.
/// One utterance or a piece of an answer: `{data, meta_info}`.
pub const AUDIO: &str = "audio";
/// The same in writing: `{data}`.
pub const TEXT: &str = "text";
/// Stop playing.
pub const CLEAR: &str = "clear";

/// The event that carries changes of an organization's sessions: `{added, removed, updated}`.
pub fn session_update(organization: &OrganizationId) -> String {
    format!("orga_{organization}_session_update")
}

/// Whether clients and servers keep this name for themselves, so that no packet may carry it.
pub fn is_reserved(name: &str) -> bool {
    const RESERVED: [&str; 6] = [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
    ];
    RESERVED.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_the_reference_clients_are_reserved() {
        for name in ["connect", "connect_error", "disconnect", "disconnecting"] {
            assert!(is_reserved(name), "{name}");
        }
        assert!(is_reserved("newListener") && is_reserved("removeListener"));
        for name in ["Connect", "connect ", "", ERROR, JOIN_ROOM, AUTHENTICATE] {
            assert!(!is_reserved(name), "{name}");
        }
    }

    #[test]
    fn session_updates_carry_the_organization_in_their_name() {
        let organization = "O1".parse().expect("an id");
        assert_eq!(session_update(&organization), "orga_O1_session_update");
    }
}
