//! The second table: the runs that show one more side of the servers each.

use std::fmt::Write as _;

use super::results::Results;
use super::server::Kind;
use super::table::{show, thousands};
use crate::runs::Findings;

/// A column: its title, the run, digits behind the point, and the figure.
type Column = (
    &'static str,
    &'static str,
    usize,
    fn(&Findings) -> Option<f64>,
);

/// What is asked of the way through the server, in milliseconds.
const MAX_ANSWER_P99_MS: u32 = 10;

const COLUMNS: [Column; 9] = [
    ("rooms of one: CPU µs per publication", "low", 2, |found| {
        found.server_cpu_us_per_publication
    }),
    ("p99 ms", "low", 1, |found| ms(found.latency_us?.p99)),
    ("a tenth polls: CPU µs per delivery", "mixed", 2, |found| {
        found.server_cpu_us_per_delivery
    }),
    ("p99 ms", "mixed", 1, |found| ms(found.latency_us?.p99)),
    ("all come back: seconds", "storm", 2, |found| {
        Some(found.seconds)
    }),
    ("CPU µs each", "storm", 0, |found| {
        found.server_cpu_us_per_connect
    }),
    (
        "recovery: CPU µs per missed final",
        "recovery",
        2,
        |found| found.server_cpu_us_per_delivery,
    ),
    ("CPU µs each", "recovery", 0, |found| {
        found.server_cpu_us_per_connect
    }),
    ("all there, p99 ms", "recovery", 1, |found| {
        ms(found.arrival_us?.p99)
    }),
];

fn ms(us: u64) -> Option<f64> {
    Some(us as f64 / 1e3)
}

/// The table, with the columns that any server has; empty where there is none.
pub fn render(results: &Results, kinds: &[Kind]) -> String {
    let is_there = |column: &&Column| {
        kinds
            .iter()
            .any(|&kind| results.of(kind, column.1).next().is_some())
    };
    let columns: Vec<_> = COLUMNS.iter().filter(is_there).collect();
    if columns.is_empty() {
        return String::new();
    }
    let titles: Vec<_> = columns.iter().map(|column| column.0).collect();
    let mut table = format!(
        "\n| Server | {} |\n| --- |{}\n",
        titles.join(" | "),
        " --- |".repeat(columns.len())
    );
    for &kind in kinds {
        let figures: Vec<_> = columns
            .iter()
            .map(|(_, run, decimals, figure)| show(results.median(kind, run, figure), *decimals))
            .collect();
        let _ = writeln!(table, "| {} | {} |", kind.title(), figures.join(" | "));
    }
    table
}

/// What a join with a history costs, one sentence; peers have none.
pub fn histories(results: &Results) -> String {
    let median =
        |pick: fn(&Findings) -> Option<f64>| results.median(Kind::Switchboard, "history", pick);
    let Some(cpu) = median(|found| found.server_cpu_us_per_connect) else {
        return String::new();
    };
    let sent = median(|found| Some(found.deliveries? as f64 / found.clients as f64));
    let p50 = median(|found| ms(found.arrival_us?.p50));
    let p99 = median(|found| ms(found.arrival_us?.p99));
    format!(
        "\nA join that asks for its room's last finals and gets {}: {cpu:.0} µs of CPU, connect and handshake included; \
         p50 / p99 from the first step to the last final {} / {} ms.\n",
        show(sent, 0),
        show(p50, 1),
        show(p99, 1)
    )
}

/// What a language model's answers cost, and how much later their tokens come by the way through the server, one sentence.
pub fn answers(results: &Results) -> String {
    let median =
        |pick: fn(&Findings) -> Option<f64>| results.median(Kind::Switchboard, "answers", pick);
    let Some(found) = results.of(Kind::Switchboard, "answers").next() else {
        return String::new();
    };
    let cpu = median(|found| found.server_cpu_us_per_delivery);
    let pace = median(|found| found.deliveries_per_second);
    let late = [
        median(|found| ms(found.latency_us?.p50)),
        median(|found| ms(found.latency_us?.p99)),
        median(|found| ms(found.latency_us?.max)),
    ];
    let late = late.map(|figure| show(figure, 1)).join(" / ");
    let all = results.of(Kind::Switchboard, "answers");
    let faults = all.filter_map(|found| found.faults);
    let [lost, duplicated, out_of_order, stray] = faults.fold([0; 4], |sum, more| {
        let more = [more.lost, more.duplicated, more.out_of_order, more.stray];
        std::array::from_fn(|place| sum[place] + more[place])
    });
    format!(
        "\n{} answers of a language model at once, together {} tokens/s: {} µs of CPU per token; p50 / p99 / max from the model's \
         write to the socket's read {late} ms (asked: p99 ≤ {MAX_ANSWER_P99_MS} ms); tokens lost / duplicated / out of order / \
         in another chat {lost} / {duplicated} / {out_of_order} / {stray}.\n",
        found.clients,
        thousands(pace),
        show(cpu, 1),
    )
}
