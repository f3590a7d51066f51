//! `switchboard replay`: publishes a recorded transcript to the broker in real time.

use std::io::{IsTerminal, Write};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use switchboard_protocol::ids::RoomId;

use super::args::Replay;
use crate::config::{Config, Mqtt, MqttUrl, reachable};
use crate::transcript::{BrokerLink, Recording, Run, play, timeline};

/// How long the broker may take to accept.
const BROKER_DEADLINE: Duration = Duration::from_secs(5);
/// Silence before a recording begins again.
const BETWEEN_RUNS: Duration = Duration::from_secs(1);

pub(super) async fn run(config: &Config, replay: Replay) -> anyhow::Result<()> {
    let name = replay.file.display().to_string();
    let recording = Recording::read(&replay.file).with_context(|| name.clone())?;
    let room = RoomId::new(&replay.session, &replay.channel);
    let broker = broker(config)?;
    let link = BrokerLink::connect(&broker, &config.mqtt_tls, BROKER_DEADLINE).await?;
    let mut progress = Progress::new(format!("{name} → {room}"));
    let mut first_segment = 0;
    loop {
        let run = Run {
            started: SystemTime::now(),
            first_segment,
        };
        let items = timeline(vec![(room.clone(), recording.publications(run))]);
        play(&link, &items, replay.speed, |count, at| {
            progress.show(count, items.len(), at)
        })
        .await?;
        progress.end();
        if !replay.repeat {
            return super::print(&format!("published {} for {room} at {broker}", items.len()));
        }
        first_segment += recording.segments();
        tokio::time::sleep(BETWEEN_RUNS).await;
    }
}

/// Returns the broker to publish to: the configured one, else the embedded one of a server on this machine.
fn broker(config: &Config) -> anyhow::Result<MqttUrl> {
    match &config.mqtt {
        Mqtt::External(url) => Ok(url.clone()),
        Mqtt::Embedded { listen } if listen.port() == 0 => {
            bail!("which broker? mqtt_listen has port 0; name it with --mqtt-url")
        }
        Mqtt::Embedded { listen } => Ok(MqttUrl::plain(reachable(*listen))),
    }
}

/// One line on a terminal's stderr that rewrites itself; nothing elsewhere.
struct Progress {
    title: String,
    shown: bool,
}

impl Progress {
    fn new(title: String) -> Self {
        Self {
            title,
            shown: std::io::stderr().is_terminal(),
        }
    }

    fn show(&mut self, count: usize, of: usize, at: Duration) {
        if self.shown {
            let (minutes, seconds) = (at.as_secs() / 60, at.as_secs() % 60);
            let title = &self.title;
            // A terminal that is gone ends the program by its own signal.
            let _ = write!(
                std::io::stderr(),
                "\r\x1b[K{title}  {minutes:02}:{seconds:02}  {count}/{of}"
            );
        }
    }

    fn end(&mut self) {
        if self.shown {
            let _ = writeln!(std::io::stderr());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layer;

    #[test]
    fn the_default_broker_is_the_embedded_one_on_this_machine() {
        let found = |key, value: &str| {
            let flags = Layer::from([(key, value.to_owned())]);
            broker(&Config::load(&flags, [], None).unwrap()).map(|url| url.to_string())
        };
        assert_eq!(
            found("mqtt_listen", "0.0.0.0:1884").unwrap(),
            "mqtt://127.0.0.1:1884"
        );
        assert_eq!(
            found("mqtt_listen", "[::]:1884").unwrap(),
            "mqtt://[::1]:1884"
        );
        assert_eq!(
            found("mqtt_url", "mqtts://far").unwrap(),
            "mqtts://far:8883"
        );
        assert!(found("mqtt_listen", "127.0.0.1:0").is_err());
    }
}
