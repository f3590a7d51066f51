//! The program: hands the command line and the environment to [`switchboard::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    // TLS clients take the process's provider; a second one would only mean that somebody was quicker.
    let _ = rustls::crypto::ring::default_provider().install_default();
    switchboard::cli::run(std::env::args_os(), std::env::vars_os())
}
