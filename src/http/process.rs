//! What the system knows of this process, under the names that Prometheus' own clients use. Read at each scrape from
//! Linux' `/proc`; elsewhere, or where it cannot be read, there is nothing of it.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Clock ticks in a second, in all that `/proc` says to programs: 100 on every Linux.
const TICKS: f64 = 100.0;

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let stat = Stat::read();
        let cpu = stat
            .as_ref()
            .map(|stat| ConstCounter::new(stat.cpu_seconds));
        put(
            &mut encoder,
            "process_cpu_seconds",
            "Processor time that the process has used",
            cpu,
        )?;
        let started =
            stat.and_then(|stat| Some(ConstGauge::new(boot_seconds()? + stat.start_seconds)));
        let help = "When the process started, in seconds since 1970";
        put(&mut encoder, "process_start_time_seconds", help, started)?;
        let memory = resident_bytes().map(ConstGauge::new);
        put(
            &mut encoder,
            "process_resident_memory_bytes",
            "Memory that the process occupies",
            memory,
        )?;
        let open = open_descriptors().map(ConstGauge::new);
        put(
            &mut encoder,
            "process_open_fds",
            "File descriptors that are open",
            open,
        )?;
        let most = Some(ConstGauge::new(crate::descriptors::limit()));
        put(
            &mut encoder,
            "process_max_fds",
            "File descriptors that may be open",
            most,
        )
    }
}

fn put(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    metric: Option<impl EncodeMetric>,
) -> fmt::Result {
    let Some(metric) = metric else {
        return Ok(());
    };
    let kind = metric.metric_type();
    metric.encode(encoder.encode_descriptor(name, help, None, kind)?)
}

/// What stands in `/proc/self/stat` (man 5 proc).
struct Stat {
    cpu_seconds: f64,
    /// Since the system started.
    start_seconds: f64,
}

impl Stat {
    fn read() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/self/stat").ok()?)
    }

    fn parse(stat: &str) -> Option<Self> {
        // The second field is the program's name in parentheses, with anything in it.
        let (_, fields) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let seconds = |field: usize| Some(fields.get(field - 3)?.parse::<f64>().ok()? / TICKS);
        Some(Self {
            cpu_seconds: seconds(14)? + seconds(15)?,
            start_seconds: seconds(22)?,
        })
    }
}

/// When the system started, in seconds since 1970.
fn boot_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

fn resident_bytes() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn open_descriptors() -> Option<i64> {
    let folder = "/proc/self/fd";
    // Since Linux 6.2 the folder's size is their number; counting many of them takes milliseconds.
    match fs::metadata(folder).ok()?.len() {
        0 => i64::try_from(fs::read_dir(folder).ok()?.count()).ok(),
        known => i64::try_from(known).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_name_with_parentheses_and_spaces_does_not_shift_the_fields() {
        let before = "7 (a b) (c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 1200 1 2";
        let stat = Stat::parse(before).unwrap();
        assert_eq!((stat.cpu_seconds, stat.start_seconds), (3.0, 12.0));
        for broken in [
            "",
            "7 (a) S 1 2",
            "7 (a) S x x x x x x x x x x x x x x x x x x x x",
        ] {
            assert!(Stat::parse(broken).is_none(), "{broken}");
        }
    }
}
