//! The list of all sessions, of which each publication changes one.

use crate::payload::{Mark, PARTIAL_BYTES};

/// The topic of the list.
pub const TOPIC: &str = "system/out/sessions/statuses";

/// The sessions of some organizations, as JSON.
pub struct Statuses {
    /// By organization.
    organizations: Vec<String>,
    /// All sessions, those of organization `k` at `k`, `k + count`, `k + 2 * count`, …
    sessions: Vec<String>,
}

impl Statuses {
    /// `count` sessions, spread over `organizations`.
    pub fn new(organizations: &[String], count: usize) -> Self {
        let mut statuses = Self {
            organizations: organizations.to_vec(),
            sessions: vec![String::new(); count],
        };
        for number in 0..count {
            statuses.sessions[number] = statuses.session(number, "");
        }
        statuses
    }

    /// Changes one session of the organization with this number, by its mark, and writes the list into `out`.
    pub fn write(&mut self, organization: usize, mark: Mark, out: &mut Vec<u8>) {
        let mut payload = Vec::new();
        mark.write_payload(PARTIAL_BYTES, &mut payload);
        let payload = String::from_utf8(payload).expect("a payload is JSON");
        let fields = payload.trim_start_matches('{').trim_end_matches('}');
        self.sessions[organization] = self.session(organization, &format!("{fields},"));
        out.push(b'[');
        out.extend_from_slice(self.sessions.join(",").as_bytes());
        out.push(b']');
    }

    /// One session as a scheduler publishes it, some 1,200 bytes.
    fn session(&self, number: usize, more: &str) -> String {
        let organization = &self.organizations[number % self.organizations.len()];
        let channel = |index: usize| {
            format!(
                "{{\"id\":{index},\"streamStatus\":\"active\",\"translations\":[\"en\",\"fr\"],\"diarization\":false,\
                 \"keepAudio\":true,\"compressAudio\":true,\"enableLiveTranscripts\":true,\"streamEndpoints\":\
                 {{\"srt\":\"srt://ingest.example:8889?streamid={number},{index}\",\"rtmp\":null,\"ws\":\"wss://ingest.example/{number},{index}\"}},\
                 \"transcriberProfile\":{{\"id\":3,\"config\":{{\"type\":\"microsoft\",\"name\":\"main\",\"description\":\
                 \"the profile of most meetings\",\"languages\":[{{\"candidate\":\"en-US\"}}],\"region\":\"westeurope\",\"key\":\"0123456789abcdef\"}}}}}}"
            )
        };
        format!(
            "{{{more}\"id\":\"session-{number}\",\"name\":\"Meeting number {number}\",\"status\":\"active\",\"organizationId\":\
             \"{organization}\",\"visibility\":\"organization\",\"scheduleOn\":null,\"endOn\":null,\"autoStart\":true,\"autoEnd\":true,\
             \"channels\":[{},{}]}}",
            channel(0),
            channel(1)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_json_and_one_session_carries_the_mark() {
        let organizations = ["a".to_owned(), "b".to_owned()];
        let mut statuses = Statuses::new(&organizations, 5);
        let mark = Mark {
            topic: 2,
            sequence: 7,
            published: 9,
        };
        let mut bytes = Vec::new();
        statuses.write(1, mark, &mut bytes);
        let list: Vec<serde_json::Value> = serde_json::from_slice(&bytes).unwrap();
        let marked = list.iter().filter(|session| session["bench"].is_string());
        let marked: Vec<_> = marked.map(|session| &session["organizationId"]).collect();
        assert_eq!((list.len(), marked), (5, vec![&serde_json::json!("b")]));
        assert_eq!(Mark::find(&bytes), Some(mark));
    }
}
