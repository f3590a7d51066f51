//! The database: reachable, up to date, writable, and of one time with us.

use std::time::{Duration, Instant};

use super::report::{Finding, Report};
use crate::config::Config;
use crate::store::{Store, StoreError, Trial};

/// How far clocks may be apart: switchboards that share a database order finals by their clocks.
const CLOCKS_APART: Duration = Duration::from_secs(1);
/// What to do about a database that is not there.
const NOT_THERE: &str =
    "see that SWITCHBOARD_DATABASE_URL is right, and the server runs or the folder exists";

/// Reports on it; false where the application cannot be tried with it.
pub(super) async fn examine(config: &Config, report: &mut Report) -> anyhow::Result<bool> {
    let url = config.database_url.expose();
    match Store::is_missing_file(url) {
        Ok(false) => {}
        Ok(true) => {
            let finding = Finding::warning(
                "the file does not exist yet",
                "`switchboard migrate` makes it, `serve` too",
            );
            report.add("database", finding)?;
            return Ok(false);
        }
        Err(error) => {
            report.add("database", Finding::failed(error.to_string(), NOT_THERE))?;
            return Ok(false);
        }
    }
    let begun = Instant::now();
    let store = match Store::connect(url).await {
        Ok(store) => store,
        Err(error) => {
            report.add("database", Finding::failed(error.to_string(), NOT_THERE))?;
            return Ok(false);
        }
    };
    let answer = store.ping().await;
    report.add("database", answered(answer, begun.elapsed()))?;
    let is_usable = examine_open(&store, report).await;
    store.close().await;
    is_usable
}

fn answered(answer: Result<(), StoreError>, took: Duration) -> Finding {
    let ms = took.as_secs_f64() * 1000.0;
    match answer {
        Ok(()) => Finding::ok(format!("opened and asked in {ms:.1} ms")).with("open_ms", ms),
        Err(error) => Finding::failed(error.to_string(), NOT_THERE),
    }
}

async fn examine_open(store: &Store, report: &mut Report) -> anyhow::Result<bool> {
    match store.check_schema().await {
        Ok(()) => report.add("schema", Finding::ok("up to date"))?,
        Err(StoreError::SchemaBehind) => {
            let finding = Finding::warning(
                "migrations are pending",
                "`switchboard migrate` applies them, `serve` too",
            );
            report.add("schema", finding)?;
            return Ok(false);
        }
        Err(error) => {
            report.add("schema", Finding::failed(error.to_string(), NOT_THERE))?;
            return Ok(false);
        }
    }
    let finding = match store.try_out().await {
        Ok(trial) => tried(trial),
        Err(error) => Finding::failed(
            error.to_string(),
            "see that the file or the database user may write, and that nobody holds a lock",
        ),
    };
    let is_good = finding.is_good();
    report.add("database writes", finding)?;
    Ok(is_good)
}

fn tried(trial: Trial) -> Finding {
    let ms = trial.took.as_secs_f64() * 1000.0;
    let written = format!("written, read and rolled back in {ms:.1} ms");
    let apart = trial.clock_ahead_ms.unwrap_or_default();
    let finding = match apart.unsigned_abs() > CLOCKS_APART.as_millis() as u64 {
        true => Finding::warning(
            format!("{written}; its server's clock is {apart} ms ahead of this machine's"),
            "keep both clocks right (NTP)",
        ),
        false => Finding::ok(written),
    };
    finding.with("write_ms", ms)
}
