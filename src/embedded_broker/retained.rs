//! The last retained message of each topic, bounded in number and bytes. Pure; the router owns it.

use std::collections::HashMap;

use bytes::Bytes;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::Publish;

use super::Limits;
use super::subscriptions::matches;

/// What is kept of a retained publication; its topic is the key.
struct Kept {
    payload: Bytes,
    qos: QoS,
}

/// All retained messages.
pub(super) struct Retained {
    messages: HashMap<String, Kept>,
    /// Bytes of all topics and payloads.
    bytes: usize,
    max_messages: usize,
    max_bytes: usize,
    /// Whether the last message found no room, so that the log says it once.
    full: bool,
}

impl Retained {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            messages: HashMap::new(),
            bytes: 0,
            max_messages: limits.retained_messages,
            max_bytes: limits.retained_bytes,
            full: false,
        }
    }

    /// Replaces the message of the publication's topic; an empty payload clears it.
    ///
    /// Without room for the new message its topic has none: the old one would be out of date.
    pub(super) fn store(&mut self, publication: &Publish) {
        let topic = &publication.topic;
        if let Some(old) = self.messages.remove(topic) {
            self.bytes -= topic.len() + old.payload.len();
        }
        if publication.payload.is_empty() {
            return;
        }
        let size = topic.len() + publication.payload.len();
        let full = self.messages.len() >= self.max_messages || self.bytes + size > self.max_bytes;
        if full && !self.full {
            log::warn!(
                "no room for more retained MQTT messages ({} bytes kept)",
                self.bytes
            );
        }
        self.full = full;
        if !full {
            self.bytes += size;
            // A copy, because the payload is a slice that keeps its whole read buffer alive.
            let payload = Bytes::copy_from_slice(&publication.payload);
            self.messages.insert(
                topic.clone(),
                Kept {
                    payload,
                    qos: publication.qos,
                },
            );
        }
    }

    /// The retained publications that `filter` matches, each with the QoS it was published with.
    pub(super) fn matching(&self, filter: &str) -> Vec<Publish> {
        let publication = |topic: &String, kept: &Kept| {
            Publish::from_bytes(topic, kept.qos, kept.payload.clone())
        };
        if filter.contains(['+', '#']) {
            let all = self
                .messages
                .iter()
                .filter(|(topic, _)| matches(filter, topic));
            all.map(|(topic, kept)| publication(topic, kept)).collect()
        } else {
            let exact = self.messages.get_key_value(filter);
            exact
                .map(|(topic, kept)| publication(topic, kept))
                .into_iter()
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retained(max_messages: usize, max_bytes: usize) -> Retained {
        Retained::new(&Limits {
            retained_messages: max_messages,
            retained_bytes: max_bytes,
            ..Limits::default()
        })
    }

    fn store(retained: &mut Retained, topic: &str, payload: &str) {
        retained.store(&Publish::new(topic, QoS::AtMostOnce, payload));
    }

    fn payloads(retained: &Retained, filter: &str) -> Vec<String> {
        let found = retained.matching(filter);
        let text = |p: &Publish| String::from_utf8_lossy(&p.payload).into_owned();
        let mut payloads: Vec<_> = found.iter().map(text).collect();
        payloads.sort();
        payloads
    }

    #[test]
    fn the_last_message_of_a_topic_is_kept_until_an_empty_one() {
        let mut kept = retained(10, 1_000);
        store(&mut kept, "a/b", "1");
        store(&mut kept, "a/b", "2");
        store(&mut kept, "a/c", "3");
        assert_eq!(payloads(&kept, "a/b"), ["2"]);
        assert_eq!(payloads(&kept, "a/+"), ["2", "3"]);
        store(&mut kept, "a/b", "");
        assert_eq!(payloads(&kept, "#"), ["3"]);
        store(&mut kept, "a/c", "");
        assert_eq!(kept.bytes, 0);
    }

    #[test]
    fn number_and_bytes_are_bounded_and_an_outdated_message_is_not_kept() {
        let mut kept = retained(2, 10);
        for topic in ["a", "b", "c"] {
            store(&mut kept, topic, "123");
        }
        assert_eq!(payloads(&kept, "#").len(), 2);
        store(&mut kept, "a", "1234567");
        assert_eq!(payloads(&kept, "a"), Vec::<String>::new());
        assert_eq!(payloads(&kept, "#").len(), 1);
        store(&mut kept, "c", "123");
        assert_eq!(payloads(&kept, "#").len(), 2);
    }
}
