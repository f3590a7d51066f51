//! `switchboard doctor`: tries what the server needs with the user's own configuration, and says what to do about what
//! does not work. First each thing by itself, then all of it together: the application, started in this process on a
//! free port with the configured broker and database, and a client. With `--drill` the link to the broker is cut, again
//! and again. Leaves nothing behind: no session, no final, nothing retained.

mod broker;
mod chat;
mod checks;
mod database;
mod drill;
mod loopback;
mod proxy;
mod report;
mod stage;
mod viewer;

use std::process::ExitCode;

use crate::config::{Config, ConfigError, Mqtt, MqttUrl, Settings, Source};
use crate::embedded_broker::{EmbeddedBroker, Options};

use super::args::Doctor;
use report::{Finding, Report};

/// Runs every check; the exit code says whether none failed.
pub(super) async fn run(
    doctor: &Doctor,
    settings: &Settings,
    config: &Config,
) -> anyhow::Result<ExitCode> {
    let mut report = Report::new(doctor.json);
    report.add("configuration", checks::configuration(settings))?;
    examine(doctor, config, &mut report).await?;
    conclude(&report)
}

/// Reports a configuration with which nothing can be tried.
pub(super) fn misconfigured(doctor: &Doctor, error: &ConfigError) -> anyhow::Result<ExitCode> {
    let mut report = Report::new(doctor.json);
    let advice = "correct it, `switchboard serve --help` lists the keys";
    report.add("configuration", Finding::failed(error.to_string(), advice))?;
    conclude(&report)
}

fn conclude(report: &Report) -> anyhow::Result<ExitCode> {
    report.conclude()?;
    Ok(match report.is_good() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

async fn examine(doctor: &Doctor, config: &Config, report: &mut Report) -> anyhow::Result<()> {
    report.add("descriptors", checks::descriptors())?;
    report.add("clock", checks::clock())?;
    for address in &config.listen {
        report.add(
            "listen",
            checks::listen(*address, config.tls.is_some()).await,
        )?;
    }
    if let Some(files) = &config.tls {
        report.add("certificate", checks::certificate(files))?;
    }
    report.add("tokens", checks::tokens(config).await)?;
    report.add("access", checks::access(config).await)?;
    chat::examine(config, report).await?;
    let is_usable = database::examine(config, report).await?;
    let Some((broker, _embedded)) = reach_broker(config, report).await? else {
        let finding = Finding::skipped("needs the broker");
        return report.add("loop-back", finding);
    };
    if !is_usable {
        let finding = Finding::skipped("needs the database with its schema up to date");
        return report.add("loop-back", finding);
    }
    let finding = loopback::run(config, &broker).await;
    report.add("loop-back", finding)?;
    if let Some(time) = doctor.drill {
        let finding = drill::run(config, &broker, time).await;
        report.add("drill", finding)?;
    }
    Ok(())
}

/// The broker to try everything with, if it can be reached: the configured one, or an embedded one of the doctor's own,
/// because the configured port may be that of a server which runs.
async fn reach_broker(
    config: &Config,
    report: &mut Report,
) -> anyhow::Result<Option<(MqttUrl, Option<EmbeddedBroker>)>> {
    let (url, embedded) = match &config.mqtt {
        Mqtt::External(url) => (url.clone(), None),
        Mqtt::Embedded { listen } => {
            report.add("embedded broker", checks::embedded_broker(*listen))?;
            let broker =
                EmbeddedBroker::bind(([127, 0, 0, 1], 0).into(), Options::default()).await?;
            (MqttUrl::plain(broker.local_addr()), Some(broker))
        }
    };
    match broker::Probe::connect(&url, &config.mqtt_tls).await {
        Ok(mut probe) => {
            let (trip, rights) = (probe.round_trip().await, probe.rights().await);
            let is_good = trip.is_good() && rights.is_good();
            report.add("broker", trip)?;
            report.add("broker rights", rights)?;
            Ok(is_good.then_some((url, embedded)))
        }
        Err(finding) => {
            report.add("broker", finding)?;
            Ok(None)
        }
    }
}

/// What somebody asked to have logged; by default only what nobody provoked.
pub(super) fn log_filter(settings: &Settings) -> &str {
    let log = settings.get("log");
    match (log.source, &log.value) {
        (Source::Default, _) | (_, None) => "error",
        (_, Some(filter)) => filter,
    }
}

/// Sixteen digits that nobody can guess.
fn random() -> anyhow::Result<String> {
    Ok(format!("{:016x}", getrandom::u64()?))
}
