//! What runs in the process that reads a file: limits itself before it looks at the first byte, reads the file from
//! stdin, and writes its pages, or why there are none, to stdout as JSON. It opens no file and no socket.

use std::io::{Read, Write};

use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};

use super::charset::decode;
use super::tidy::tidy;
use super::{ExtractError, MAX_TEXT_BYTES, Page, html, pdf};
use crate::documents::DocumentKind;

/// Memory that the process may map, its program included.
const MEMORY_BYTES: u64 = 1024 * 1024 * 1024;
/// Seconds of one processor that it may use. It is asked to end then (SIGXCPU), and killed a second later.
const CPU_SECONDS: u64 = 30;

/// What is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// In the document's order; at least one.
    Pages(Vec<Page>),
    /// Why there are none.
    Refused(ExtractError),
}

/// Reads a file from stdin and answers on stdout.
pub(crate) fn run(kind: DocumentKind, charset: Option<&str>) -> std::io::Result<()> {
    limit()?;
    let mut content = Vec::new();
    std::io::stdin().lock().read_to_end(&mut content)?;
    let answer = match read(kind, charset, content) {
        Ok(pages) => Answer::Pages(pages),
        Err(error) => Answer::Refused(error),
    };
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &answer)?;
    out.flush()
}

fn limit() -> std::io::Result<()> {
    let at_most = |current: u64, maximum: u64| Rlimit {
        current: Some(current),
        maximum: Some(maximum),
    };
    setrlimit(Resource::As, at_most(MEMORY_BYTES, MEMORY_BYTES))?;
    setrlimit(Resource::Cpu, at_most(CPU_SECONDS, CPU_SECONDS + 1))?;
    setrlimit(Resource::Core, at_most(0, 0))?;
    setrlimit(Resource::Fsize, at_most(0, 0))?;
    Ok(())
}

pub(super) fn read(
    kind: DocumentKind,
    charset: Option<&str>,
    content: Vec<u8>,
) -> Result<Vec<Page>, ExtractError> {
    let pages = match kind {
        DocumentKind::Pdf => pdf::read(content)?,
        DocumentKind::Html => whole(&html::read(&content, charset)?),
        DocumentKind::Text | DocumentKind::Markdown => whole(&decode(&content, charset)?),
    };
    if pages.is_empty() {
        return Err(ExtractError::Empty);
    }
    if pages.iter().map(|page| page.text.len()).sum::<usize>() > MAX_TEXT_BYTES {
        return Err(ExtractError::TooLarge);
    }
    Ok(pages)
}

/// A document without pages.
fn whole(text: &str) -> Vec<Page> {
    let text = tidy(text);
    let page = (!text.is_empty()).then_some(Page { number: None, text });
    page.into_iter().collect()
}
