//! The results as Markdown: one row per server, one table for the crowd, one for the growing room.

use std::fmt::Write as _;

use super::extras;
use super::fairness;
use super::results::Results;
use super::server::Kind;
use crate::runs::Findings;

const HEAD: &str = "\
| Server | deliveries/s flat out | core used flat out | lost / duplicated / out of order / stray \
| p50 / p99 at 50,000/s | CPU µs per delivery at 50,000/s | × bare \
| RSS KiB per idle connection | connects/s | CPU µs per connect |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
";

/// The whole page, medians over the rounds.
pub fn render(results: &Results, kinds: &[Kind]) -> String {
    let mut page = preface(results);
    page.push_str(&overview(results, kinds));
    page.push_str(&growth(results, kinds));
    page.push_str(&extras::render(results, kinds));
    page.push_str(&extras::histories(results));
    page.push_str(&watchers(results));
    page.push_str(&fairness::render(results, kinds));
    page.push_str(&extras::answers(results));
    for &kind in kinds {
        let thrown_out = results.faults(kind).1;
        if thrown_out > 0 {
            let _ = writeln!(page, "\n{} threw out {thrown_out} viewers.", kind.title());
        }
    }
    for failure in &results.failures {
        let _ = writeln!(page, "\nFailed: {failure}");
    }
    page
}

fn preface(results: &Results) -> String {
    let machine = &results.machine;
    let (cores, kernel) = (machine.cores, &machine.kernel);
    let warning = if results.settings.quick {
        " **A quick run: figures mean little.**"
    } else {
        ""
    };
    format!(
        "Commit {}, {}; {}, {cores} cores, Linux {kernel}; {}. Server on one core; load, broker and \
         1,000 viewers in 10 rooms on another; flat out with {} publications per room on the way; medians of {} rounds \
         in slices and of {} with fresh servers.{warning}\n\n",
        machine.commit,
        machine.date,
        machine.processor,
        machine.versions,
        results.settings.window,
        results.settings.rounds,
        results.settings.repeats,
    )
}

/// The first table; empty where none of its runs took place.
fn overview(results: &Results, kinds: &[Kind]) -> String {
    let runs = ["rate", "flood", "connect", "idle"];
    let took_place = |kind| {
        runs.iter()
            .any(|run| results.of(kind, run).next().is_some())
    };
    if !kinds.iter().copied().any(took_place) {
        return String::new();
    }
    let rows: String = kinds.iter().map(|&kind| row(results, kind)).collect();
    format!("{HEAD}{rows}")
}

fn row(results: &Results, kind: Kind) -> String {
    let per_delivery =
        |kind| results.series(kind, "rate", |found| found.server_cpu_us_per_delivery);
    let own = per_delivery(kind);
    let ratio = own.over(&per_delivery(Kind::Bare)).median();
    let latency = |pick: fn(&Findings) -> Option<u64>| {
        show(
            results.median(kind, "rate", |found| pick(found).map(|us| us as f64 / 1e3)),
            1,
        )
    };
    let (faults, _) = results.faults(kind);
    let busy = results.median(kind, "flood", |found| Some(found.server_busy * 100.0));
    let cells = [
        kind.title().to_owned(),
        thousands(results.median(kind, "flood", |found| found.deliveries_per_second)),
        format!("{} %", show(busy, 0)),
        format!(
            "{} / {} / {} / {}",
            faults.lost, faults.duplicated, faults.out_of_order, faults.stray
        ),
        format!(
            "{} / {} ms",
            latency(|found| found.latency_us.map(|us| us.p50)),
            latency(|found| found.latency_us.map(|us| us.p99))
        ),
        show(own.median(), 2),
        show(ratio, 2),
        show(
            results.median(kind, "idle", |found| found.rss_kib_per_connection),
            1,
        ),
        thousands(results.median(kind, "connect", |found| found.connects_per_second)),
        show(
            results.median(kind, "connect", |found| found.server_cpu_us_per_connect),
            0,
        ),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// CPU per delivery and p99 by the size of the one room.
fn growth(results: &Results, kinds: &[Kind]) -> String {
    let mut sizes: Vec<_> = kinds
        .iter()
        .flat_map(|&kind| results.of(kind, "grow").map(|found| found.clients))
        .collect();
    sizes.sort_unstable();
    sizes.dedup();
    if sizes.is_empty() {
        return String::new();
    }
    let mut table =
        "\nOne room that grows, 50,000 deliveries/s: CPU µs per delivery, p99.\n\n".to_owned();
    let heads: String = sizes
        .iter()
        .map(|&size| format!(" {size} viewers |"))
        .collect();
    let _ = writeln!(
        table,
        "| Server |{heads}\n| --- |{}",
        " --- |".repeat(sizes.len())
    );
    for &kind in kinds {
        let cells: String = sizes
            .iter()
            .map(|&size| growth_cell(results, kind, size))
            .collect();
        let _ = writeln!(table, "| {} |{cells}", kind.title());
    }
    table
}

fn growth_cell(results: &Results, kind: Kind, size: usize) -> String {
    let at_size = |pick: fn(&Findings) -> Option<f64>| {
        results.median(kind, "grow", |found| {
            if found.clients == size {
                pick(found)
            } else {
                None
            }
        })
    };
    let cpu = at_size(|found| found.server_cpu_us_per_delivery);
    let late = at_size(|found| found.latency_us.map(|us| us.p99 as f64 / 1e3));
    format!(" {}, {} ms |", show(cpu, 2), show(late, 1))
}

/// What organizations' watchers cost, one sentence; peers have none.
fn watchers(results: &Results) -> String {
    let median =
        |pick: fn(&Findings) -> Option<f64>| results.median(Kind::Switchboard, "watch", pick);
    let Some(crowd) = results.of(Kind::Switchboard, "watch").next() else {
        return String::new();
    };
    let cpu = median(|found| found.server_cpu_us_per_publication.map(|us| us / 1e3));
    let p50 = median(|found| found.latency_us.map(|us| us.p50 as f64 / 1e3));
    let p99 = median(|found| found.latency_us.map(|us| us.p99 as f64 / 1e3));
    format!(
        "\nThe list of 1,000 sessions over {} organizations, one session changed, {} watchers: {} ms of CPU per list, \
         p50 / p99 from publish to receipt {} / {} ms.\n",
        crowd.rooms,
        thousands(Some(crowd.clients as f64)),
        show(cpu, 1),
        show(p50, 1),
        show(p99, 1)
    )
}

/// A figure, or a dash where there is none.
pub(super) fn show(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
}

/// A whole number with commas.
pub(super) fn thousands(value: Option<f64>) -> String {
    let digits = show(value, 0);
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.chars().count() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::results::{Machine, Settings};

    #[test]
    fn numbers_read_well() {
        let shown = [Some(1_234_567.0), Some(999.0), Some(1_000.0), None].map(thousands);
        assert_eq!(shown, ["1,234,567", "999", "1,000", "–"]);
    }

    #[test]
    fn each_server_has_its_row_and_the_ratio_is_to_bare() {
        let mut results = Results::new(Machine::default(), Settings::default());
        for (kind, cpu) in [(Kind::Node, 10.0), (Kind::Bare, 4.0)] {
            let server_cpu_us_per_delivery = Some(cpu);
            let mode = "rate".to_owned();
            let found = Findings {
                mode,
                server_cpu_us_per_delivery,
                ..Findings::default()
            };
            results.add(kind, "rate", Ok(vec![found]));
        }
        let page = render(&results, &[Kind::Node, Kind::Bare]);
        assert!(page.contains("| 10.00 | 2.50 |"), "{page}");
        assert!(page.contains("| 4.00 | 1.00 |"), "{page}");
    }
}
