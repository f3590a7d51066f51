//! What the doctor found: one line a check, and a verdict; or all of it as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// As it should.
    Ok,
    /// It works, and somebody should look at it.
    Warning,
    /// It does not work.
    Failed,
    /// It was not tried, because of another that failed.
    Skipped,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
        }
    }
}

/// What a check found. Neither text may hold a secret.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) state: State,
    /// What was seen.
    pub(super) detail: String,
    /// What to do about it; none where there is nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
    /// Figures by name, with their unit in it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) figures: BTreeMap<&'static str, f64>,
}

impl Finding {
    pub(super) fn ok(detail: impl Into<String>) -> Self {
        Self::new(State::Ok, detail, None)
    }

    pub(super) fn warning(detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(State::Warning, detail, Some(advice.into()))
    }

    pub(super) fn failed(detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(State::Failed, detail, Some(advice.into()))
    }

    pub(super) fn skipped(detail: impl Into<String>) -> Self {
        Self::new(State::Skipped, detail, None)
    }

    fn new(state: State, detail: impl Into<String>, advice: Option<String>) -> Self {
        let line = |text: &str| crate::cli::watch::screen::plain(&one_line(text));
        Self {
            state,
            detail: line(&detail.into()),
            advice: advice.map(|advice| line(&advice)),
            figures: BTreeMap::new(),
        }
    }

    pub(super) fn is_good(&self) -> bool {
        self.state != State::Failed
    }

    /// Adds a figure, rounded to thousandths.
    pub(super) fn with(mut self, name: &'static str, value: f64) -> Self {
        let rounded = (value * 1000.0).round() / 1000.0;
        self.figures.insert(name, rounded);
        self
    }
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// A check and what it found.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    #[serde(flatten)]
    finding: Finding,
}

/// What has been found so far, printed as it comes or as JSON at the end.
#[derive(Debug)]
pub(super) struct Report {
    checks: Vec<Check>,
    is_json: bool,
}

impl Report {
    pub(super) fn new(is_json: bool) -> Self {
        Self {
            checks: Vec::new(),
            is_json,
        }
    }

    /// Takes a finding in; its line is printed at once.
    pub(super) fn add(&mut self, name: &'static str, finding: Finding) -> anyhow::Result<()> {
        let check = Check { name, finding };
        if !self.is_json {
            crate::cli::print(&check.line())?;
        }
        self.checks.push(check);
        Ok(())
    }

    /// Whether nothing failed so far.
    pub(super) fn is_good(&self) -> bool {
        self.names(State::Failed).is_empty()
    }

    /// Prints the verdict.
    pub(super) fn conclude(&self) -> anyhow::Result<()> {
        if self.is_json {
            let verdict = match (self.is_good(), self.names(State::Warning).is_empty()) {
                (true, true) => State::Ok,
                (true, false) => State::Warning,
                (false, _) => State::Failed,
            };
            let report = serde_json::json!({ "verdict": verdict, "checks": self.checks });
            return crate::cli::print(&serde_json::to_string_pretty(&report)?);
        }
        crate::cli::print(&self.verdict_line())
    }

    fn verdict_line(&self) -> String {
        let (failed, warned) = (self.names(State::Failed), self.names(State::Warning));
        match (&failed[..], &warned[..]) {
            ([], []) => "verdict: healthy".to_owned(),
            ([], _) => format!("verdict: works, look at {}", warned.join(", ")),
            _ => format!("verdict: FAILED, look at {}", failed.join(", ")),
        }
    }

    fn names(&self, state: State) -> Vec<&'static str> {
        let checks = self.checks.iter();
        let named = checks.filter(|check| check.finding.state == state);
        named.map(|check| check.name).collect()
    }
}

impl Check {
    fn line(&self) -> String {
        let Finding {
            state,
            detail,
            advice,
            ..
        } = &self.finding;
        let line = format!("{:<8} {}: {detail}", state.word(), self.name);
        match advice {
            Some(advice) => format!("{line}; {advice}"),
            None => line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_is_one_line_whatever_it_saw() {
        let finding = Finding::failed("refused:\nnot \u{1b}[31mauthorized", "do\nthat");
        let check = Check {
            name: "broker",
            finding,
        };
        assert_eq!(
            check.line(),
            "FAILED   broker: refused: not authorized; do that"
        );
    }

    #[test]
    fn the_verdict_names_what_failed() {
        let mut report = Report::new(true);
        report.add("a", Finding::ok("x")).unwrap();
        assert_eq!(report.verdict_line(), "verdict: healthy");
        report.add("b", Finding::warning("x", "y")).unwrap();
        assert_eq!(report.verdict_line(), "verdict: works, look at b");
        assert!(report.is_good());
        report.add("c", Finding::failed("x", "y")).unwrap();
        report.add("d", Finding::skipped("x")).unwrap();
        assert_eq!(report.verdict_line(), "verdict: FAILED, look at c");
        assert!(!report.is_good());
    }
}
