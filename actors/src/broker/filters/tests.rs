//! What the table sends, and when.

use super::*;

fn operations(table: &mut FilterTable) -> Vec<Operation> {
    std::iter::from_fn(|| table.next_operation()).collect()
}

/// Filters that wait in either queue.
fn queued(table: &FilterTable) -> usize {
    table.to_subscribe.len() + table.to_unsubscribe.len()
}

fn subscribe(filters: &[&str]) -> Operation {
    Operation::Subscribe(filters.iter().map(|f| f.to_string()).collect())
}

#[test]
fn nothing_is_sent_before_the_connection_is_up() {
    let mut table = FilterTable::default();
    table.want("a".into());
    assert_eq!(operations(&mut table), []);
    table.connected();
    assert_eq!(operations(&mut table), [subscribe(&["a"])]);
}

#[test]
fn a_filter_is_subscribed_once_however_often_it_is_wanted() {
    let mut table = FilterTable::default();
    table.connected();
    table.want("a".into());
    table.want("a".into());
    assert_eq!(operations(&mut table), [subscribe(&["a"])]);
    table.subscribed(&[("a".into(), true)]);
    table.want("a".into());
    assert_eq!(operations(&mut table), []);
    assert!(table.is_settled());
}

#[test]
fn an_unsubscribe_waits_for_the_answer_to_the_subscribe() {
    let mut table = FilterTable::default();
    table.connected();
    table.want("a".into());
    operations(&mut table);
    table.unwant("a");
    assert_eq!(operations(&mut table), []);
    table.subscribed(&[("a".into(), true)]);
    assert_eq!(operations(&mut table), [Operation::Unsubscribe("a".into())]);
    table.want("a".into());
    assert_eq!(
        operations(&mut table),
        [],
        "the SUBSCRIBE would overtake the UNSUBSCRIBE"
    );
    table.unsubscribed("a".into());
    assert_eq!(operations(&mut table), [subscribe(&["a"])]);
}

#[test]
fn wanting_again_before_anything_was_sent_sends_nothing_twice() {
    let mut table = FilterTable::default();
    table.connected();
    table.want("a".into());
    operations(&mut table);
    table.subscribed(&[("a".into(), true)]);
    table.unwant("a");
    table.want("a".into());
    assert_eq!(operations(&mut table), []);
    assert_eq!(table.answer("a"), Some(true));
}

#[test]
fn a_reconnect_subscribes_everything_wanted_once_and_nothing_else() {
    let mut table = FilterTable::default();
    table.connected();
    for filter in ["a", "b", "c"] {
        table.want(filter.into());
    }
    operations(&mut table);
    table.disconnected();
    table.unwant("b");
    table.connected();
    let sent = operations(&mut table);
    let [Operation::Subscribe(filters)] = &sent[..] else {
        panic!("{sent:?}")
    };
    let mut filters = filters.clone();
    filters.sort();
    assert_eq!(filters, ["a", "c"]);
    assert_eq!(table.wanted(), 2);
}

#[test]
fn packets_are_bounded_in_size_and_in_number() {
    let mut table = FilterTable::default();
    table.connected();
    let total = FILTERS_PER_PACKET * (PACKETS_UNANSWERED + 2);
    for i in 0..total {
        table.want(format!("f/{i}"));
    }
    let first = operations(&mut table);
    assert_eq!(first.len(), PACKETS_UNANSWERED);
    let mut sent = 0;
    let mut queue = VecDeque::from(first);
    while let Some(Operation::Subscribe(filters)) = queue.pop_front() {
        assert!(filters.len() <= FILTERS_PER_PACKET);
        sent += filters.len();
        let answers: Vec<_> = filters.into_iter().map(|f| (f, true)).collect();
        table.subscribed(&answers);
        queue.extend(operations(&mut table));
    }
    assert_eq!(sent, total);
    assert!(table.is_settled());
}

#[test]
fn a_refused_filter_is_asked_for_again_only_after_a_reconnect() {
    let mut table = FilterTable::default();
    table.connected();
    table.want("a".into());
    operations(&mut table);
    table.subscribed(&[("a".into(), false)]);
    assert_eq!(table.answer("a"), Some(false));
    assert_eq!(operations(&mut table), []);
    table.connected();
    assert_eq!(operations(&mut table), [subscribe(&["a"])]);
}

#[test]
fn coming_and_going_while_nothing_can_be_sent_leaves_nothing_behind() {
    let mut table = FilterTable::default();
    let churn = |table: &mut FilterTable| {
        for n in 0..1_000 {
            let filter = format!("f/{}", n % 10);
            table.want(filter.clone());
            table.unwant(&filter);
        }
    };
    churn(&mut table);
    assert_eq!((table.entries.len(), queued(&table)), (0, 0), "outage");
    table.connected();
    for n in 0..PACKETS_UNANSWERED {
        table.want(format!("silent/{n}"));
        operations(&mut table);
    }
    churn(&mut table);
    assert!(queued(&table) <= 10, "a broker that does not answer");
    assert_eq!(table.wanted(), PACKETS_UNANSWERED);
}

#[test]
fn what_is_wanted_goes_before_what_is_not() {
    let mut table = FilterTable::default();
    table.connected();
    table.want("old".into());
    operations(&mut table);
    table.subscribed(&[("old".into(), true)]);
    table.unwant("old");
    table.want("new".into());
    assert_eq!(table.next_operation(), Some(subscribe(&["new"])));
    table.subscribed(&[("new".into(), true)]);
    assert_eq!(
        table.next_operation(),
        Some(Operation::Unsubscribe("old".into()))
    );
}
