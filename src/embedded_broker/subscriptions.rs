//! Topics, filters, and who subscribed what: a tree with one node per level of a filter.
//!
//! Looking up a topic costs its levels, however many filters there are. Pure; the router owns it.

use std::collections::HashMap;
use std::str::Split;

use rumqttc::mqttbytes::{self, QoS};

/// Levels of a topic or filter. Beyond, it is refused: lookups recurse once per level.
pub(super) const MAX_LEVELS: usize = 128;

/// Names one connection for as long as the broker runs; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ConnectionId(pub(super) u64);

/// Whether a client may publish to `topic`: neither empty, nor wildcards, nor NUL, nor too deep.
pub(super) fn valid_topic(topic: &str) -> bool {
    !topic.is_empty() && mqttbytes::valid_topic(topic) && !topic.contains('\0') && !too_deep(topic)
}

/// Whether `filter` is well-formed; [`refused_filter`] may still apply.
pub(super) fn valid_filter(filter: &str) -> bool {
    mqttbytes::valid_filter(filter) && !filter.contains('\0')
}

/// Whether a well-formed `filter` asks for what this broker does not offer.
pub(super) fn refused_filter(filter: &str) -> bool {
    filter.starts_with("$share/") || too_deep(filter)
}

fn too_deep(path: &str) -> bool {
    path.split('/').nth(MAX_LEVELS).is_some()
}

/// Whether a valid `filter` matches a valid `topic`.
///
/// The codec's own `matches` panics on a first character outside ASCII and lets no filter at all
/// match a topic that begins with `$`.
pub(super) fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

/// All subscriptions of all connections.
#[derive(Default)]
pub(super) struct Subscriptions {
    root: Node,
}

#[derive(Default)]
struct Node {
    /// By level; `+` and `#` are ordinary keys, as no valid topic has such a level.
    children: HashMap<Box<str>, Node>,
    /// Whose filter ends here, and the QoS granted for it.
    subscribers: HashMap<ConnectionId, QoS>,
}

impl Subscriptions {
    /// Adds a subscription, or replaces its QoS.
    pub(super) fn insert(&mut self, filter: &str, connection: ConnectionId, qos: QoS) {
        let mut node = &mut self.root;
        for level in filter.split('/') {
            node = node.children.entry(level.into()).or_default();
        }
        node.subscribers.insert(connection, qos);
    }

    /// Removes a subscription and the branches that it alone kept.
    pub(super) fn remove(&mut self, filter: &str, connection: ConnectionId) {
        self.root.remove(filter.split('/'), connection);
    }

    /// Puts into `found` each connection that is to get `topic`, once, with its highest QoS.
    pub(super) fn find(&self, topic: &str, found: &mut Vec<(ConnectionId, QoS)>) {
        found.clear();
        self.root
            .find(topic.split('/'), !topic.starts_with('$'), found);
        if found.len() > 1 {
            found.sort_unstable_by_key(|&(id, qos)| (id, std::cmp::Reverse(qos as u8)));
            found.dedup_by_key(|&mut (id, _)| id);
        }
    }
}

impl Node {
    fn remove(&mut self, mut levels: Split<'_, char>, connection: ConnectionId) {
        let Some(level) = levels.next() else {
            self.subscribers.remove(&connection);
            return;
        };
        if let Some(child) = self.children.get_mut(level) {
            child.remove(levels, connection);
            if child.children.is_empty() && child.subscribers.is_empty() {
                self.children.remove(level);
            }
        }
    }

    /// `wildcards` is off at the root for a topic that begins with `$`, and on below.
    fn find(
        &self,
        mut levels: Split<'_, char>,
        wildcards: bool,
        found: &mut Vec<(ConnectionId, QoS)>,
    ) {
        if wildcards && let Some(rest) = self.children.get("#") {
            rest.append_subscribers(found);
        }
        let Some(level) = levels.next() else {
            self.append_subscribers(found);
            return;
        };
        if wildcards && let Some(any) = self.children.get("+") {
            any.find(levels.clone(), true, found);
        }
        if let Some(same) = self.children.get(level) {
            same.find(levels, true, found);
        }
    }

    fn append_subscribers(&self, found: &mut Vec<(ConnectionId, QoS)>) {
        found.extend(
            self.subscribers
                .iter()
                .map(|(&connection, &qos)| (connection, qos)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ConnectionId = ConnectionId(1);
    const B: ConnectionId = ConnectionId(2);

    fn found(subscriptions: &Subscriptions, topic: &str) -> Vec<(ConnectionId, QoS)> {
        let mut found = Vec::new();
        subscriptions.find(topic, &mut found);
        found
    }

    #[test]
    fn tree_and_direct_match_agree_with_the_specification() {
        let table = [
            ("a/b", "a/b", true),
            ("a/b", "a/b/c", false),
            ("a/b", "a", false),
            ("a/b", "A/b", false),
            ("a/+", "a/b", true),
            ("a/+", "a/", true),
            ("a/+", "a", false),
            ("a/+", "a/b/c", false),
            ("+/b", "a/b", true),
            ("+/b", "/b", true),
            ("+", "a", true),
            ("+", "/a", false),
            ("+/+", "/a", true),
            ("/+", "/a", true),
            ("a/+/c", "a/b/c", true),
            ("a/+/c", "a/b/d", false),
            ("#", "a", true),
            ("#", "/", true),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("a/#", "ab", false),
            ("+/#", "a/b", true),
            ("#", "$SYS/x", false),
            ("+/x", "$SYS/x", false),
            ("$SYS/#", "$SYS/x", true),
            ("$SYS/+", "$SYS/x", true),
            ("a/+", "a/$x", true),
            ("é/#", "é/ü", true),
            ("a//b", "a//b", true),
            ("a/+/b", "a//b", true),
        ];
        for (filter, topic, expected) in table {
            assert!(
                valid_filter(filter) && valid_topic(topic),
                "{filter} {topic}"
            );
            assert_eq!(matches(filter, topic), expected, "{filter} against {topic}");
            let mut tree = Subscriptions::default();
            tree.insert(filter, A, QoS::AtMostOnce);
            assert_eq!(
                !found(&tree, topic).is_empty(),
                expected,
                "{filter} tree {topic}"
            );
        }
    }

    #[test]
    fn overlapping_filters_give_one_delivery_with_the_highest_qos() {
        let mut tree = Subscriptions::default();
        tree.insert("a/b", A, QoS::AtMostOnce);
        tree.insert("a/#", A, QoS::AtLeastOnce);
        tree.insert("+/b", A, QoS::AtMostOnce);
        tree.insert("a/b", B, QoS::AtMostOnce);
        let expected = [(A, QoS::AtLeastOnce), (B, QoS::AtMostOnce)];
        assert_eq!(found(&tree, "a/b"), expected);
    }

    #[test]
    fn removing_the_last_subscription_leaves_no_branch() {
        let mut tree = Subscriptions::default();
        tree.insert("a/b/c", A, QoS::AtMostOnce);
        tree.insert("a/b", B, QoS::AtMostOnce);
        tree.remove("a/b/c", B);
        assert_eq!(found(&tree, "a/b/c"), [(A, QoS::AtMostOnce)]);
        tree.remove("a/b/c", A);
        assert_eq!(found(&tree, "a/b"), [(B, QoS::AtMostOnce)]);
        tree.remove("a/b", B);
        assert!(tree.root.children.is_empty());
    }

    #[test]
    fn malformed_topics_and_filters_are_told_apart_from_refused_ones() {
        for topic in ["", "a/+", "#", "a\0b", &"/".repeat(MAX_LEVELS)] {
            assert!(!valid_topic(topic), "{topic:?}");
        }
        for filter in ["", "a#", "a/#/b", "a+", "+a/b", "a\0"] {
            assert!(!valid_filter(filter), "{filter:?}");
        }
        for filter in ["$share/group/a", &"/".repeat(MAX_LEVELS)] {
            assert!(valid_filter(filter) && refused_filter(filter), "{filter:?}");
        }
        let deepest = "/".repeat(MAX_LEVELS - 1);
        assert!(valid_topic(&deepest) && !refused_filter(&deepest));
    }
}
