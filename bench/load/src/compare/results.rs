//! What the runs found, over all rounds, and the machine they ran on.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use clap::Args;
use serde::Serialize;

use super::ratios::{self, Row};
use super::series::Series;
use super::server::Kind;
use crate::runs::Findings;
use crate::tally::Faults;

/// The machine and the build, for the reader of a table.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct Machine {
    /// The commit that was measured.
    #[arg(long, default_value = "unknown")]
    pub commit: String,
    /// The day.
    #[arg(long, default_value = "unknown")]
    pub date: String,
    /// Versions of what the servers run on.
    #[arg(long, default_value = "")]
    pub versions: String,
    /// The processor's name.
    #[arg(skip)]
    pub processor: String,
    /// How many cores there are.
    #[arg(skip)]
    pub cores: usize,
    /// The kernel's release.
    #[arg(skip)]
    pub kernel: String,
}

impl Machine {
    /// The same, with what the kernel says filled in.
    pub fn seen(self) -> Self {
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let name = processors
            .lines()
            .find_map(|line| line.strip_prefix("model name"));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            processor: name
                .map_or("unknown", |name| name.trim_matches([' ', '\t', ':']))
                .into(),
            cores: processors
                .lines()
                .filter(|line| line.starts_with("processor"))
                .count(),
            kernel: kernel.trim().to_owned(),
            ..self
        }
    }
}

/// How much was measured.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Settings {
    /// Whether the runs were too short to mean anything.
    pub quick: bool,
    /// Publications per room that were on the way flat out.
    pub window: u64,
    /// Slices of the runs in slices.
    pub rounds: usize,
    /// Repetitions of the others.
    pub repeats: usize,
}

/// One finding and where it belongs.
#[derive(Debug, Serialize)]
pub struct Entry {
    /// The server's name.
    pub server: &'static str,
    /// What was found.
    #[serde(flatten)]
    pub findings: Findings,
}

/// All findings.
#[derive(Debug, Serialize)]
pub struct Results {
    /// Where they were made.
    pub machine: Machine,
    /// How they were made.
    #[serde(flatten)]
    pub settings: Settings,
    /// The findings, in the order in which they were made.
    pub entries: Vec<Entry>,
    /// `server run: reason` of each run that failed.
    pub failures: Vec<String>,
}

/// What is written as JSON.
#[derive(Serialize)]
struct Page<'a> {
    #[serde(flatten)]
    results: &'a Results,
    /// What the findings say of switchboard.
    ratios: Vec<Row>,
}

impl Results {
    /// None yet.
    pub fn new(machine: Machine, settings: Settings) -> Self {
        Self {
            machine,
            settings,
            entries: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Adds what a run found, or why it failed.
    pub fn add(&mut self, kind: Kind, run: &str, found: Result<Vec<Findings>>) {
        let server = kind.name();
        match found {
            Ok(found) => {
                let entries = found.into_iter().map(|findings| Entry { server, findings });
                self.entries.extend(entries);
            }
            Err(error) => {
                let failure = format!("{server} {run}: {error:#}");
                eprintln!("failed: {failure}");
                self.failures.push(failure);
            }
        }
    }

    /// The findings of one server's run.
    pub fn of(&self, kind: Kind, mode: &str) -> impl Iterator<Item = &Findings> {
        let wanted =
            move |entry: &&Entry| entry.server == kind.name() && entry.findings.mode == mode;
        self.entries
            .iter()
            .filter(wanted)
            .map(|entry| &entry.findings)
    }

    /// One figure of a server's run, by round.
    pub fn series(
        &self,
        kind: Kind,
        mode: &str,
        figure: impl Fn(&Findings) -> Option<f64>,
    ) -> Series {
        let value = |found: &Findings| Some((found.round, figure(found)?));
        Series(self.of(kind, mode).filter_map(value).collect())
    }

    /// Its median over the rounds; `None` where no round has it.
    pub fn median(
        &self,
        kind: Kind,
        mode: &str,
        figure: impl Fn(&Findings) -> Option<f64>,
    ) -> Option<f64> {
        self.series(kind, mode, figure).median()
    }

    /// The faults of all of a server's runs together, and how many viewers it threw out.
    pub fn faults(&self, kind: Kind) -> (Faults, usize) {
        let mut sum = (Faults::default(), 0);
        for entry in self
            .entries
            .iter()
            .filter(|entry| entry.server == kind.name())
        {
            let faults = entry.findings.faults.unwrap_or_default();
            sum.0.lost += faults.lost;
            sum.0.duplicated += faults.duplicated;
            sum.0.out_of_order += faults.out_of_order;
            sum.0.stray += faults.stray;
            sum.1 += entry.findings.thrown_out;
        }
        sum
    }

    /// Writes `{name}.md` and `{name}.json` into `folder`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, folder: &Path, name: &str, table: &str) -> Result<()> {
        fs::create_dir_all(folder).context("making the results folder")?;
        fs::write(folder.join(name).with_extension("md"), table).context("writing the table")?;
        let page = Page {
            results: self,
            ratios: ratios::rows(self),
        };
        let json = serde_json::to_string_pretty(&page).context("encoding the results")?;
        fs::write(
            folder.join(name).with_extension("json"),
            json + "
",
        )
        .context("writing the runs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_every_run_and_round_add_up() {
        let mut results = Results::new(Machine::default(), Settings::default());
        let faults = Some(Faults {
            lost: 2,
            ..Faults::default()
        });
        let found = Findings {
            faults,
            thrown_out: 1,
            ..Findings::default()
        };
        results.add(Kind::Node, "rate", Ok(vec![found.clone()]));
        results.add(Kind::Node, "flood", Ok(vec![found.clone()]));
        results.add(Kind::Bare, "flood", Ok(vec![found]));
        let (sum, thrown_out) = results.faults(Kind::Node);
        assert_eq!((sum.lost, thrown_out), (4, 2));
    }
}
