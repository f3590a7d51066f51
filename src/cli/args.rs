//! The command line: commands and their arguments by clap's derive, one flag for each key of the
//! configuration table, and every fault as one line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use switchboard_protocol::ids::{ChannelId, RoomId, SessionId, UserId};

use crate::config::Layer;
use crate::config::keys::{Fallback, KEYS, Key};
use crate::documents::DocumentKind;

/// Bounds of a drill.
const SHORTEST_DRILL: Duration = Duration::from_secs(1);
const LONGEST_DRILL: Duration = Duration::from_secs(12 * 3600);
/// Longest life of a token.
const LONGEST_TTL: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Routes live captions and conversations between an MQTT broker and Socket.IO clients
#[derive(Debug, Parser)]
#[command(name = "switchboard", version, disable_help_subcommand = true)]
pub struct Cli {
    /// Configuration file (TOML)
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start everything on embedded defaults, with live sessions to look at
    #[command(after_help = "Example:\n  switchboard demo --listen 127.0.0.1:9000")]
    Demo,
    /// Start the server
    #[command(after_help = "Example:\n  \
        SWITCHBOARD_JWT_SECRET=… switchboard serve --listen 0.0.0.0:8080 --mqtt-url mqtt://broker")]
    Serve {
        /// Leave the database's schema as it is
        #[arg(long)]
        no_migrate: bool,
    },
    /// Print a token, signed by the configured secret
    #[command(subcommand)]
    Token(TokenFor),
    /// Bring the database's schema up to date
    #[command(
        after_help = "Example:\n  switchboard migrate --database-url sqlite://switchboard.db"
    )]
    Migrate,
    /// Print the configuration that would be used, and try broker and database
    #[command(after_help = "Example:\n  switchboard check-config --config switchboard.toml")]
    CheckConfig,
    /// Try everything the server needs, and a viewer, with this configuration
    #[command(
        after_help = "Examples:\n  switchboard doctor --config switchboard.toml\n  \
        switchboard doctor --drill 5m --json"
    )]
    Doctor(Doctor),
    /// Publish a recorded transcript to the broker in real time
    #[command(after_help = "Examples:\n  \
        switchboard replay talk.vtt --session demo-lecture --channel 1\n  \
        switchboard replay talk.jsonl --session S --channel 1 --speed 4 --mqtt-url mqtt://broker")]
    Replay(Replay),
    /// Show a room's captions in the terminal
    #[command(after_help = "Examples:\n  switchboard watch demo-lecture/1\n  \
        switchboard watch S/1 --url https://captions.example.org --token \"$TOKEN\"")]
    Watch(Watch),
    /// Read a document from stdin and write its text to stdout
    #[command(hide = true)]
    ExtractText(ExtractText),
}

/// Whom a token is for.
#[derive(Debug, Subcommand)]
pub enum TokenFor {
    /// A person with an account
    #[command(after_help = "Example:\n  switchboard token user ann --ttl 8h")]
    User {
        /// The user's id
        id: UserId,
        #[command(flatten)]
        life: Life,
    },
    /// A viewer of one public session
    #[command(after_help = "Example:\n  switchboard token guest --session demo-lecture")]
    Guest {
        /// The session, which must be in the database and public
        #[arg(long)]
        session: SessionId,
        #[command(flatten)]
        life: Life,
    },
    /// REST administration
    #[command(after_help = "Example:\n  switchboard token admin --ttl 10m")]
    Admin {
        #[command(flatten)]
        life: Life,
    },
}

/// How long a token is good for.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Life {
    /// How long it is good for, such as 30m or 7d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = ttl)]
    pub ttl: Duration,
}

/// How thoroughly to look, and how to tell.
#[derive(Debug, clap::Args)]
pub struct Doctor {
    /// Cut the link to the broker again and again, for this time
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "1m", value_parser = drill)]
    pub drill: Option<Duration>,
    /// Tell it as JSON
    #[arg(long)]
    pub json: bool,
}

/// What to replay, and where.
#[derive(Debug, clap::Args)]
pub struct Replay {
    /// The recording: .jsonl, .srt or .vtt
    pub file: PathBuf,
    /// The session it is published for
    #[arg(long)]
    pub session: SessionId,
    /// The session's channel
    #[arg(long)]
    pub channel: ChannelId,
    /// How many times as fast as it was spoken
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// Begin again at the end, until stopped
    #[arg(long = "loop")]
    pub repeat: bool,
}

/// What to watch, and where.
#[derive(Debug, clap::Args)]
pub struct Watch {
    /// The room
    #[arg(value_name = "SESSION/CHANNEL")]
    pub room: RoomId,
    /// Address of the server
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub url: url::Url,
    /// Token to connect with; without it the server is asked for a guest token of the session
    #[arg(long)]
    pub token: Option<String>,
}

/// How to read a document.
#[derive(Debug, clap::Args)]
pub struct ExtractText {
    /// What it is
    #[arg(long, value_parser = kind)]
    pub kind: DocumentKind,
    /// Charset of a text that is not UTF-8
    #[arg(long)]
    pub charset: Option<String>,
}

/// A command line that has been read.
#[derive(Debug)]
pub struct Invocation {
    /// The keys that flags set.
    pub flags: Layer,
    /// The configuration file.
    pub file: Option<PathBuf>,
    /// What to do.
    pub command: Command,
}

/// Reads the command line; asking for help or the version is an "error" too.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, clap::Error> {
    let command = KEYS
        .iter()
        .fold(Cli::command(), |command, key| command.arg(flag(key)));
    let matches = command.try_get_matches_from(arguments)?;
    let cli = Cli::from_arg_matches(&matches)?;
    Ok(Invocation {
        flags: layer(&matches),
        file: cli.config,
        command: cli.command,
    })
}

/// Returns the flag of a key: known to every command, shown by `--help` and not by `-h`.
fn flag(key: &'static Key) -> Arg {
    let default = match key.fallback {
        Fallback::Value(text) | Fallback::Computed(text) => format!("default: {text}"),
        Fallback::Unset(meaning) => format!("unset: {meaning}"),
    };
    Arg::new(key.name)
        .long(key.flag())
        .value_name(key.value)
        .help(format!("{} [{default}]", key.doc))
        .help_heading("Configuration")
        .hide_short_help(true)
        .global(true)
}

fn layer(matches: &ArgMatches) -> Layer {
    let given = KEYS
        .iter()
        .filter(|key| matches.value_source(key.name) == Some(ValueSource::CommandLine));
    given
        .filter_map(|key| Some((key.name, matches.get_one::<String>(key.name)?.clone())))
        .collect()
}

/// Returns a fault of the command line as one line, with clap's hint where it has one.
pub fn one_line(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "say what to do; `switchboard --help` lists the commands".to_owned();
    }
    let text = error.to_string();
    let told = text.split("\n\nUsage:").next().unwrap_or_default();
    let told = told
        .split("\n\nFor more information")
        .next()
        .unwrap_or_default();
    let words: Vec<&str> = told.split_whitespace().collect();
    let line = words.join(" ");
    line.trim_start_matches("error: ").replace(" tip: ", "; ")
}

fn ttl(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time < Duration::from_secs(1) => Err("at least 1s".to_owned()),
        Ok(time) if time > LONGEST_TTL => Err("at most 10 years".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(error.to_string()),
    }
}

fn drill(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if (SHORTEST_DRILL..=LONGEST_DRILL).contains(&time) => Ok(time),
        Ok(_) => Err("between 1s and 12h".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn kind(text: &str) -> Result<DocumentKind, String> {
    let kind = DocumentKind::from_stored(text);
    kind.ok_or_else(|| "text, markdown, html or pdf is wanted".to_owned())
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.01..=1000.0).contains(&speed) => Ok(speed),
        _ => Err("a number between 0.01 and 1000 is wanted".to_owned()),
    }
}

#[cfg(test)]
mod tests;
