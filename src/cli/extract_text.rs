//! `switchboard extract-text`: reads one document from stdin and writes its pages to stdout. The server starts it for
//! each upload; nobody else needs it, so help does not show it.

use std::process::ExitCode;

use super::args::ExtractText;
use crate::documents::extract::worker;

pub(super) fn run(wanted: &ExtractText) -> anyhow::Result<ExitCode> {
    worker::run(wanted.kind, wanted.charset.as_deref())?;
    Ok(ExitCode::SUCCESS)
}
