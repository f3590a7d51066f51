//! Switchboard held against the bare limit and each peer: ratios within each round, and whether they are what was asked.

use std::fmt::Write as _;

use serde::Serialize;

use super::results::Results;
use super::series::Spread;
use super::server::Kind;
use super::targets::{Bound, TARGETS, Target};

/// What was reached in one kind of work.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The work, and the unit of the figure.
    pub work: &'static str,
    /// Switchboard's figure.
    pub figure: Spread,
    /// What is asked of it.
    pub asked: Option<Bound>,
    /// Its ratios: to the bare limit, to Node, to socketioxide.
    pub ratios: [Ratio; 3],
    /// Whether all that is asked was reached; absent where nothing is asked, or what it takes was not measured.
    pub reached: Option<bool>,
    #[serde(skip)]
    decimals: usize,
}

/// Switchboard's figure over another server's.
#[derive(Debug, Serialize)]
pub struct Ratio {
    /// The other server.
    pub to: &'static str,
    /// The ratios of the rounds; absent where the other was not measured.
    pub ratio: Option<Spread>,
    /// What is asked.
    pub asked: Option<Bound>,
}

/// All work that switchboard did.
pub fn rows(results: &Results) -> Vec<Row> {
    TARGETS
        .iter()
        .filter_map(|target| row(results, target))
        .collect()
}

fn row(results: &Results, target: &Target) -> Option<Row> {
    let own = (target.figure)(results, Kind::Switchboard);
    let figure = own.spread()?;
    let ratios = [target.limit, Kind::Node, Kind::Socketioxide].map(|kind| {
        let asked = target.asked.iter().find(|(of, _)| *of == kind);
        Ratio {
            to: kind.name(),
            ratio: own.over(&(target.figure)(results, kind)).spread(),
            asked: asked.map(|&(_, bound)| bound),
        }
    });
    let of_ratios = ratios
        .iter()
        .filter_map(|ratio| Some((ratio.asked?, ratio.ratio)));
    let of_figure = target.own.map(|bound| (bound, Some(figure)));
    let verdicts: Option<Vec<bool>> = of_ratios
        .chain(of_figure)
        .map(|(bound, value)| Some(bound.holds(value?.median)))
        .collect();
    Some(Row {
        work: target.work,
        figure,
        asked: target.own,
        ratios,
        reached: verdicts
            .filter(|verdicts| !verdicts.is_empty())
            .map(|verdicts| !verdicts.contains(&false)),
        decimals: target.decimals,
    })
}

/// The table of the ratios; empty where switchboard did nothing.
pub fn render(results: &Results) -> String {
    let rows = rows(results);
    if rows.is_empty() {
        return String::new();
    }
    let mut table = "\nSwitchboard against the others: the median of the ratios within each round, the lowest and the highest \
         of them, and what is asked.\n\n\
         | Work | switchboard | ÷ bare limit | ÷ Node | ÷ socketioxide | reached |\n\
         | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for row in &rows {
        let figure = cell(Some(row.figure), row.asked, row.decimals);
        let ratios = row
            .ratios
            .each_ref()
            .map(|ratio| cell(ratio.ratio, ratio.asked, 2))
            .join(" | ");
        let reached = match row.reached {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "–",
        };
        let _ = writeln!(table, "| {} | {figure} | {ratios} | {reached} |", row.work);
    }
    table
}

fn cell(spread: Option<Spread>, asked: Option<Bound>, decimals: usize) -> String {
    let Some(Spread {
        median,
        lowest,
        highest,
        ..
    }) = spread
    else {
        return "–".to_owned();
    };
    let asked = match asked {
        Some(Bound::AtMost(bound)) => format!(" ≤ {bound}"),
        Some(Bound::AtLeast(bound)) => format!(" ≥ {bound}"),
        None => String::new(),
    };
    format!("{median:.decimals$}{asked} ({lowest:.decimals$}–{highest:.decimals$})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::results::{Machine, Settings};
    use crate::runs::Findings;

    fn rate(results: &mut Results, kind: Kind, costs: [f64; 2]) {
        let found = (1..).zip(costs).map(|(round, cost)| Findings {
            mode: "rate".to_owned(),
            round,
            server_cpu_us_per_delivery: Some(cost),
            ..Findings::default()
        });
        results.add(kind, "rate", Ok(found.collect()));
    }

    #[test]
    fn a_target_is_reached_when_every_ratio_is_as_asked() {
        let mut results = Results::new(Machine::default(), Settings::default());
        rate(&mut results, Kind::Switchboard, [2.0, 4.0]);
        rate(&mut results, Kind::Bare, [2.0, 4.0]);
        rate(&mut results, Kind::Node, [4.0, 8.0]);
        assert_eq!(rows(&results)[0].reached, None, "no socketioxide");
        rate(&mut results, Kind::Socketioxide, [3.0, 6.0]);
        assert_eq!(rows(&results)[0].reached, Some(true));
        let table = render(&results);
        assert!(table.contains("| 0.50 ≤ 0.5 (0.50–0.50) |"), "{table}");
        assert!(table.contains("| 3.00 (2.00–4.00) |"), "{table}");
    }

    #[test]
    fn one_ratio_that_is_too_high_misses_the_target() {
        let mut results = Results::new(Machine::default(), Settings::default());
        rate(&mut results, Kind::Switchboard, [2.0, 2.6]);
        for kind in [Kind::Bare, Kind::Node, Kind::Socketioxide] {
            rate(&mut results, kind, [4.0, 4.0]);
        }
        assert_eq!(rows(&results)[0].reached, Some(false));
    }
}
