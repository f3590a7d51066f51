//! Taking turns with other load processes, one a server: who waits does nothing but answer heartbeats.
//!
//! A line `.` on standard output says that a turn is over, a line on standard input that the next has come.

use std::io::stdin;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::driver::Driver;

/// The line that ends a turn.
pub const END: &str = ".";
/// How long the viewers are waited for at a time, and so how late a turn may begin.
const NAP: Duration = Duration::from_millis(20);

/// The turns of this process.
pub enum Turns {
    /// Nobody else is there: it is always its turn.
    Alone,
    /// Each line heard begins a turn.
    Told(Receiver<()>),
}

impl Turns {
    /// Alone, or told by standard input.
    pub fn new(told: bool) -> Self {
        if !told {
            return Self::Alone;
        }
        let (begin, turns) = channel();
        thread::spawn(move || {
            for line in stdin().lines() {
                if line.is_err() || begin.send(()).is_err() {
                    return;
                }
            }
        });
        Self::Told(turns)
    }

    /// Ends the present turn and waits for the next; the viewers' heartbeats are answered meanwhile.
    ///
    /// # Errors
    /// When the broker fails, or whoever gives the turns has gone.
    pub fn next(&self, driver: &mut Driver) -> Result<()> {
        let Self::Told(turns) = self else {
            return Ok(());
        };
        println!("{END}");
        loop {
            match turns.try_recv() {
                Ok(()) => return Ok(()),
                Err(TryRecvError::Empty) => driver.turn(NAP)?,
                Err(TryRecvError::Disconnected) => bail!("nobody gives turns any more"),
            }
        }
    }
}
