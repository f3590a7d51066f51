//! The commands. Reads the command line and the configuration, then does what was asked for.
//!
//! A fault prints one line on stderr, `switchboard: …`, and ends with 1, or with 2 where the command line itself
//! is wrong. Only what a command is for goes to stdout.

mod args;
mod check_config;
mod demo;
mod doctor;
mod extract_text;
mod migrate;
mod replay;
mod token;
mod watch;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;

use crate::application::{self, RunOptions, THIS_PROGRAM};
use crate::config::{Config, Settings};
use crate::tokens::TokenError;
use crate::{descriptors, telemetry};
use args::{Command, Invocation};

/// Runs the program with these arguments (the program's name first) and this environment.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> ExitCode {
    let invocation = match args::parse(arguments) {
        Ok(invocation) => invocation,
        Err(help) if !help.use_stderr() => {
            let printed = help.print();
            return if printed.is_ok() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            };
        }
        Err(error) => {
            complain(&args::one_line(&error));
            return ExitCode::from(2);
        }
    };
    match execute(invocation, environment) {
        Ok(code) => code,
        Err(error) => {
            complain(&one_line(&error));
            ExitCode::FAILURE
        }
    }
}

fn execute(
    invocation: Invocation,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> anyhow::Result<ExitCode> {
    let Invocation {
        flags,
        file,
        command,
    } = invocation;
    // It is given no settings, and is to do nothing before it has limited itself.
    if let Command::ExtractText(wanted) = &command {
        return extract_text::run(wanted);
    }
    let read = Settings::gather(&flags, environment, file.as_deref())
        .and_then(|settings| Ok((Config::from_settings(&settings)?, settings)));
    let (config, settings) = match (read, &command) {
        (Ok(read), _) => read,
        (Err(error), Command::Doctor(doctor)) => return doctor::misconfigured(doctor, &error),
        (Err(error), _) => return Err(error.into()),
    };
    telemetry::init(match command {
        Command::Doctor(_) => doctor::log_filter(&settings),
        _ => &config.log,
    })?;
    if matches!(command, Command::Demo | Command::Serve { .. }) {
        descriptors::prepare();
    }
    let command = async move {
        match command {
            Command::Demo => demo::run(settings).await,
            Command::Serve { no_migrate } => serve(config, !no_migrate).await,
            Command::Token(whom) => token::run(&config, whom).await,
            Command::Migrate => migrate::run(&config).await,
            Command::CheckConfig => check_config::run(&settings, &config).await,
            Command::Replay(replay) => replay::run(&config, replay).await,
            Command::Watch(watch) => watch::run(watch).await,
            Command::Doctor(doctor) => return doctor::run(&doctor, &settings, &config).await,
            Command::ExtractText(_) => unreachable!("it ran before the settings were read"),
        }?;
        Ok(ExitCode::SUCCESS)
    };
    // A task of its own: what stands here is polled at each turn of the thread, whatever it was woken for.
    let ended = actix::System::new().block_on(async { actix::spawn(command).await });
    ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

async fn serve(config: Config, migrate: bool) -> anyhow::Result<()> {
    if config.jwt_secret.is_none() && config.jwks.is_none() {
        return Err(TokenError::NoKey.into());
    }
    application::run(
        config,
        RunOptions {
            migrate,
            demo: false,
            program: THIS_PROGRAM,
        },
    )
    .await
}

/// Prints one line of a command's result; an error where nobody reads it any more.
fn print(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .context("stdout")
}

/// Letters of a fault that are printed.
const LONGEST_COMPLAINT: usize = 1_000;

/// Prints the one line of a fault, which may repeat what was configured: cut, and without what a terminal would obey.
/// There is nowhere to report that stderr is closed.
fn complain(line: &str) {
    let printable = |letter: char| {
        if letter.is_control() {
            '\u{fffd}'
        } else {
            letter
        }
    };
    let line: String = line
        .chars()
        .take(LONGEST_COMPLAINT)
        .map(printable)
        .collect();
    let _ = writeln!(std::io::stderr(), "switchboard: {line}");
}

/// Returns an error and its causes as one line. Many errors show their cause themselves: it is not said twice.
fn one_line(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if told.is_empty() {
            told = cause;
        } else if !told.contains(&cause) {
            told = format!("{told}: {cause}");
        }
    }
    let words: Vec<&str> = told.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_and_its_causes_are_one_line_without_repetition() {
        let error = anyhow::anyhow!("disk\nfull").context("cannot write: disk\nfull");
        assert_eq!(
            one_line(&error.context("saving")),
            "saving: cannot write: disk full"
        );
    }
}
