//! Numbered finals from the broker through the application to a viewer: all there, in order, and how fast.

use std::time::Duration;

use anyhow::bail;

use super::super::one_line;
use super::report::Finding;
use super::stage::Stage;
use crate::config::{Config, MqttUrl};

/// Finals that are published.
const FINALS: u64 = 20;

pub(super) async fn run(config: &Config, broker: &MqttUrl) -> Finding {
    match try_run(config, broker).await {
        Ok(latencies) => {
            let (p50, p99) = (percentile(&latencies, 50), percentile(&latencies, 99));
            let detail =
                format!("{FINALS} of {FINALS} finals in order, p50 {p50:.1} ms, p99 {p99:.1} ms");
            Finding::ok(detail).with("p50_ms", p50).with("p99_ms", p99)
        }
        Err(error) => Finding::failed(
            one_line(&error),
            "if the broker restricts topics, allow this user to write transcriber/out/# for the test",
        ),
    }
}

async fn try_run(config: &Config, broker: &MqttUrl) -> anyhow::Result<Vec<Duration>> {
    let mut stage = Stage::open(config, broker.clone(), broker).await?;
    let exercised = exercise(&mut stage).await;
    let latencies = stage.latencies();
    stage.close().await?;
    exercised.map(|()| latencies)
}

async fn exercise(stage: &mut Stage) -> anyhow::Result<()> {
    for _ in 0..FINALS {
        stage.publish().await?;
    }
    let all = stage.until("the finals", |diary| diary.finals.len() as u64 >= FINALS);
    if all.await.is_err() {
        let arrived = stage.diary().finals.len();
        bail!("{arrived} of {FINALS} finals arrived that the broker has acknowledged");
    }
    let numbers: Vec<u64> = stage
        .diary()
        .finals
        .iter()
        .map(|(number, _)| *number)
        .collect();
    if !numbers.iter().copied().eq(1..=FINALS) {
        bail!("finals arrived out of order: {numbers:?}");
    }
    Ok(())
}

/// Milliseconds that so many percent stay below or reach.
fn percentile(latencies: &[Duration], percent: usize) -> f64 {
    let mut sorted = latencies.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted
        .get(rank)
        .map_or(0.0, |took| took.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let latencies: Vec<_> = (1..=20).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&latencies, 50), 10.0);
        assert_eq!(percentile(&latencies, 99), 20.0);
        assert_eq!(percentile(&latencies[..1], 50), 20.0);
        assert_eq!(percentile(&[], 99), 0.0);
    }
}
