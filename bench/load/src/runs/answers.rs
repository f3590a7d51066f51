//! Answers of a language model, all at once: each viewer asks in a chat of its own, and the tokens are timed from the model's
//! write to the viewer's read.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;

use super::{Findings, Flow, IN_FLIGHT, Target};
use crate::crowd::Crowd;
use crate::driver::Driver;
use crate::model::Order;
use crate::process::Process;
use crate::rest;
use crate::tally::Faults;
use crate::token::Signer;

/// How long nothing may come while answers are on the way.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who asks, and what is answered. The server's language model must be this tool's `model`.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Viewers, each with a chat in the one project.
    #[arg(long, default_value_t = 200)]
    pub clients: usize,
    /// Tokens of each answer.
    #[arg(long, default_value_t = 250)]
    pub tokens: u32,
    /// Tokens per second of each answer.
    #[arg(long, default_value_t = 50.0)]
    pub pace: f64,
    /// Tokens of the answers before, which are not measured.
    #[arg(long, default_value_t = 50)]
    pub warm: u32,
}

/// Runs it.
///
/// # Errors
/// When the server, the broker or the model fails.
pub fn run(options: &Options, target: &Target) -> Result<Findings> {
    let signer = Signer::new(&target.secret);
    let (project, chats) = rest::create_chats(target.server, &signer, options.clients)?;
    let names: Vec<String> = chats.iter().map(u64::to_string).collect();
    let crowd = Crowd::Project(project);
    let mut driver = Driver::new(target.server, target.mqtt, names, signer, crowd)?;
    let process = Process::open(target.pid)?;
    driver.open(options.clients, IN_FLIGHT)?;
    answer(&mut driver, options, 0, options.warm)?;
    process.wait_quiet()?;
    driver.viewers.tally.restart_clock();
    let (start, before) = (process.moment()?, Flow::of(&driver));
    answer(&mut driver, options, options.warm, options.tokens)?;
    let spent = start.until(process.moment()?);
    let flow = Flow::of(&driver).since(before);
    let said = (options.warm + options.tokens) as u64 * options.clients as u64;
    let found = Findings::new("answers", 1, &driver, spent).with_flow(flow, &driver, spent);
    let faults = Faults {
        lost: said.saturating_sub(driver.viewers.tally.deliveries),
        ..driver.faults()
    };
    Ok(Findings {
        publications: None,
        server_cpu_us_per_publication: None,
        faults: Some(faults),
        ..found
    })
}

/// All viewers ask, and all answers are waited for.
fn answer(driver: &mut Driver, options: &Options, first: u32, count: u32) -> Result<()> {
    let chats = driver.viewers.names().to_vec();
    let ended = driver.viewers.tally.answers + chats.len();
    driver.viewers.say(|room| {
        let order = Order {
            // As of partials: the receiver knows its room by it.
            topic: room as u16 * 2,
            first,
            count,
            pace: options.pace,
        };
        let (chat, line) = (&chats[room], order.line());
        format!("42[\"send_message\",{{\"chat_id\":{chat},\"message\":\"{line}\"}}]")
    })?;
    let (mut seen, mut since) = (0, Instant::now());
    while driver.viewers.tally.answers < ended {
        driver.turn(Duration::from_millis(20))?;
        let tally = &driver.viewers.tally;
        let now = tally.deliveries + tally.answers as u64;
        if now > seen {
            (seen, since) = (now, Instant::now());
        }
        let missing = ended - tally.answers;
        let (gone, reason) = driver.viewers.gone();
        ensure!(gone == 0, "a viewer failed: {}", reason.unwrap_or_default());
        ensure!(
            since.elapsed() < PATIENCE,
            "stuck: {missing} answers are missing"
        );
    }
    Ok(())
}
