//! The fair run's lines under the tables: what a large room's bursts do to a small room, server by server.

use super::results::Results;
use super::server::Kind;
use super::table::{show, thousands};
use crate::runs::Findings;
use crate::tally::Latency;

/// The list under the tables; empty where no server did the run.
pub fn render(results: &Results, kinds: &[Kind]) -> String {
    let Some((crowd, bursts)) = kinds
        .iter()
        .flat_map(|&kind| results.of(kind, "fair"))
        .find_map(|found| Some((found.clients, found.bursts.as_ref()?)))
    else {
        return String::new();
    };
    let mut text = format!(
        "\nA room of {small} viewers beside one of {large} that gets bursts of {publications} publications; publish to \
         receipt in the small room, p50 / p99 / max without the bursts → with them:\n\n",
        small = bursts.small,
        large = thousands(Some((crowd - bursts.small) as f64)),
        publications = bursts.publications,
    );
    for &kind in kinds {
        text.push_str(&line(results, kind));
    }
    text
}

fn line(results: &Results, kind: Kind) -> String {
    let median = |pick: &dyn Fn(&Findings) -> Option<f64>| results.median(kind, "fair", pick);
    let calm = |pick: fn(Latency) -> u64| {
        median(&|found| Some(pick(found.bursts.as_ref()?.calm_latency_us) as f64 / 1e3))
    };
    let burst = |pick: fn(Latency) -> u64| {
        median(&|found| found.latency_us.map(|latency| pick(latency) as f64 / 1e3))
    };
    let picks: [fn(Latency) -> u64; 3] = [|all| all.p50, |all| all.p99, |all| all.max];
    let row = |figures: [Option<f64>; 3]| figures.map(|figure| show(figure, 1)).join(" / ");
    let Some((before, after)) = calm(picks[1]).zip(burst(picks[1])) else {
        return String::new();
    };
    let spread = median(&|found| found.bursts.as_ref().and_then(|bursts| bursts.spread_ms));
    format!(
        "- {}: {} → {} ms; p99 grows by {:.1} ms; a burst has reached everybody after {} ms\n",
        kind.title(),
        row(picks.map(calm)),
        row(picks.map(burst)),
        after - before,
        show(spread, 0)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::results::{Machine, Settings};
    use crate::runs::Bursts;

    #[test]
    fn a_line_says_by_how_much_the_99th_percentile_grows() {
        let latency = |p99| Latency {
            p50: 200,
            p99,
            p999: p99,
            max: p99,
        };
        let bursts = Bursts {
            small: 50,
            publications: 20,
            calm_latency_us: latency(900),
            spread_ms: Some(61.4),
            ..Bursts::default()
        };
        let found = Findings {
            mode: "fair".to_owned(),
            clients: 5_050,
            latency_us: Some(latency(21_000)),
            bursts: Some(bursts),
            ..Findings::default()
        };
        let mut results = Results::new(Machine::default(), Settings::default());
        results.add(Kind::Bare, "fair", Ok(vec![found]));
        let text = render(&results, &[Kind::Node, Kind::Bare]);
        assert!(text.contains("50 viewers beside one of 5,000"), "{text}");
        let line = "- bare writer: 0.2 / 0.9 / 0.9 → 0.2 / 21.0 / 21.0 ms; p99 grows by 20.1 ms; ";
        assert!(text.contains(line) && !text.contains("Node"), "{text}");
    }
}
