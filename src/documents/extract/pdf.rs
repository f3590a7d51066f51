//! The text of a PDF, page by page. Runs in the process that reads files, where it can hurt nobody.

use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro_interpret::kurbo::{Affine, Rect};
use hayro_interpret::{
    Context, InterpreterCache, InterpreterSettings, RenderContent, interpret_page,
};

use super::lines::Lines;
use super::tidy::tidy;
use super::{ExtractError, MAX_PAGES, MAX_TEXT_BYTES, Page};

/// Reads a PDF. A page without text is left out.
pub(super) fn read(content: Vec<u8>) -> Result<Vec<Page>, ExtractError> {
    let pdf = Pdf::new(content).map_err(|error| match error {
        // What needs no password to be read is read, encrypted or not.
        LoadPdfError::Decryption(DecryptionError::InvalidEncryption) => ExtractError::Damaged,
        LoadPdfError::Decryption(_) => ExtractError::Encrypted,
        LoadPdfError::Invalid => ExtractError::Damaged,
    })?;
    if pdf.pages().len() > MAX_PAGES {
        return Err(ExtractError::TooLarge);
    }
    let cache = InterpreterCache::new();
    let settings = InterpreterSettings {
        render_content: RenderContent::PAGE,
        ..InterpreterSettings::default()
    };
    let mut pages = Vec::new();
    let mut room = MAX_TEXT_BYTES;
    for (number, page) in (1..).zip(pdf.pages().iter()) {
        let mut lines = Lines::new(room);
        // Only where glyphs are to each other matters, so the page's size does not.
        let unit = Rect::new(0.0, 0.0, 1.0, 1.0);
        let mut context =
            Context::new(Affine::IDENTITY, unit, &cache, pdf.xref(), settings.clone());
        interpret_page(page, &mut context, &mut lines);
        let text = tidy(&lines.finish().ok_or(ExtractError::TooLarge)?);
        room = room.saturating_sub(text.len());
        if !text.is_empty() {
            let number = Some(number);
            pages.push(Page { number, text });
        }
    }
    Ok(pages)
}
