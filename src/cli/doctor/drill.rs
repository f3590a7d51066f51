//! The link to the broker is cut, again and again, while finals are published: viewers hear of each outage once, and get
//! everything that was published while the link was up.

use std::time::{Duration, Instant};

use super::super::one_line;
use super::proxy::Proxy;
use super::report::Finding;
use super::stage::Stage;
use crate::config::{Config, MqttUrl};

/// Finals published between two cuts, all of which must arrive.
const FINALS_UP: usize = 10;
/// Finals published during a cut, which nobody can deliver.
const FINALS_DOWN: usize = 2;
/// How long the link stays cut, in turn.
const CUTS: [Duration; 3] = [
    Duration::from_millis(50),
    Duration::from_millis(300),
    Duration::from_secs(1),
];

/// What happened.
#[derive(Debug, Default)]
struct Record {
    cuts: usize,
    /// Numbers published while the link was up.
    up: Vec<u64>,
    /// How many were published while it was cut.
    down: usize,
    /// Numbers in the order of their arrival.
    arrived: Vec<u64>,
    /// `broker_ok` (true) and `broker_ko` (false), in their order.
    told: Vec<bool>,
    /// Longest time from the end of a cut to `broker_ok`.
    longest_return: Duration,
}

/// Cuts for `time`, at least once.
pub(super) async fn run(config: &Config, broker: &MqttUrl, time: Duration) -> Finding {
    let record = match try_run(config, broker, time).await {
        Ok(record) => record,
        Err(error) => {
            return Finding::failed(one_line(&error), "see the log: SWITCHBOARD_LOG=info");
        }
    };
    let finding = match record.faults() {
        None => Finding::ok(record.summary()),
        Some(faults) => Finding::failed(
            format!("{faults} ({})", record.summary()),
            "this should not happen: please report it",
        ),
    };
    let back = record.longest_return.as_secs_f64() * 1000.0;
    finding
        .with("cuts", record.cuts as f64)
        .with("longest_return_ms", back)
}

async fn try_run(config: &Config, broker: &MqttUrl, time: Duration) -> anyhow::Result<Record> {
    let proxy = Proxy::start(broker, &config.mqtt_tls).await?;
    let mut stage = Stage::open(config, proxy.url(broker), broker).await?;
    let cut = cut_for(&mut stage, &proxy, time).await;
    let diary = stage.diary();
    let arrived = diary.finals.iter().map(|(number, _)| *number).collect();
    let told = diary.told.clone();
    stage.close().await?;
    Ok(Record {
        arrived,
        told,
        ..cut?
    })
}

async fn cut_for(stage: &mut Stage, proxy: &Proxy, time: Duration) -> anyhow::Result<Record> {
    let mut record = Record::default();
    let begun = Instant::now();
    loop {
        for _ in 0..FINALS_UP {
            record.up.push(stage.publish().await?);
        }
        let last = *record.up.last().expect("finals were published");
        // A cut in the midst of them would make some of them impossible to deliver.
        let there = stage.until("a final", |d| d.finals.iter().any(|(n, _)| *n == last));
        if there.await.is_err() || (begun.elapsed() >= time && record.cuts > 0) {
            return Ok(record);
        }
        proxy.set_open(false);
        let outage = record.cuts * 2 + 1;
        stage
            .until("broker_ko", |diary| diary.told.len() >= outage)
            .await?;
        for _ in 0..FINALS_DOWN {
            stage.publish().await?;
            record.down += 1;
        }
        tokio::time::sleep(CUTS[record.cuts % CUTS.len()]).await;
        proxy.set_open(true);
        let opened = Instant::now();
        stage
            .until("broker_ok", |diary| diary.told.len() > outage)
            .await?;
        record.longest_return = record.longest_return.max(opened.elapsed());
        record.cuts += 1;
    }
}

impl Record {
    /// What went wrong, if something did.
    fn faults(&self) -> Option<String> {
        let mut faults = Vec::new();
        let missing = self
            .up
            .iter()
            .filter(|number| !self.arrived.contains(number));
        let missing = missing.count();
        if missing > 0 {
            faults.push(format!("{missing} finals are missing"));
        }
        let mut sorted = self.arrived.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let twice = self.arrived.len() - sorted.len();
        if twice > 0 {
            faults.push(format!("{twice} finals came twice"));
        }
        if self.arrived.windows(2).any(|pair| pair[1] < pair[0]) {
            faults.push("finals came out of order".to_owned());
        }
        let pairs = [false, true].repeat(self.cuts);
        if self.told != pairs {
            faults.push("broker_ko and broker_ok did not come in pairs".to_owned());
        }
        (!faults.is_empty()).then(|| faults.join(", "))
    }

    fn summary(&self) -> String {
        let ok = self.told.iter().filter(|is_up| **is_up).count();
        format!(
            "{} cuts, {} broker_ko, {ok} broker_ok; {} finals published while the link was up, {} during the cuts, {} arrived; \
             back after {} ms at most",
            self.cuts,
            self.told.len() - ok,
            self.up.len(),
            self.down,
            self.arrived.len(),
            self.longest_return.as_millis()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(up: &[u64], arrived: &[u64], told: &[bool]) -> Record {
        Record {
            cuts: 1,
            up: up.to_vec(),
            arrived: arrived.to_vec(),
            told: told.to_vec(),
            ..Record::default()
        }
    }

    #[test]
    fn only_what_was_published_while_the_link_was_up_has_to_arrive() {
        let pair = [false, true];
        assert_eq!(record(&[1, 2, 5], &[1, 2, 5], &pair).faults(), None);
        assert_eq!(record(&[1, 2, 5], &[1, 2, 4, 5], &pair).faults(), None);
        let faults =
            |arrived: &[u64], told: &[bool]| record(&[1, 2, 5], arrived, told).faults().unwrap();
        assert_eq!(faults(&[1, 5], &pair), "1 finals are missing");
        assert_eq!(faults(&[1, 2, 2, 5], &pair), "1 finals came twice");
        assert_eq!(faults(&[1, 5, 2], &pair), "finals came out of order");
        for told in [&[][..], &[false], &[true, false], &[false, false, true]] {
            let told = faults(&[1, 2, 5], told);
            assert_eq!(told, "broker_ko and broker_ok did not come in pairs");
        }
    }
}
