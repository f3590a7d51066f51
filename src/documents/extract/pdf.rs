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
        let text = lines.finish().ok_or(ExtractError::TooLarge)?;
        let text = rejoin(&tidy(&text));
        room = room.saturating_sub(text.len());
        if !text.is_empty() {
            let number = Some(number);
            pages.push(Page { number, text });
        }
    }
    Ok(pages)
}

/// Puts words together that were broken at the ends of lines.
fn rejoin(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let begun = joined.strip_suffix("-\n").unwrap_or_default();
        if begun.ends_with(char::is_lowercase) && line.starts_with(char::is_lowercase) {
            joined.truncate(begun.len());
        }
        joined.push_str(line);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_was_broken_at_the_end_of_a_line_is_whole_again() {
        assert_eq!(rejoin("it is over-\nwhelm-\ning"), "it is overwhelming");
        for whole in [
            "- a\n- b",
            "Jean-\nPaul",
            "1-\nb",
            "a-\n\nb",
            "a -\nb",
            "a-",
        ] {
            assert_eq!(rejoin(whole), whole);
        }
    }
}
