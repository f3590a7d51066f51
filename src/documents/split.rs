//! Cuts what a document says into the pieces that are searched.

use super::extract::Page;
use super::kind::DocumentKind;

/// A piece of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The page on which it begins.
    pub page: Option<u32>,
    /// Its words.
    pub text: String,
}

/// Cuts at empty lines.
pub fn split(_: DocumentKind, pages: &[Page]) -> Vec<Piece> {
    let pieces = pages.iter().flat_map(|page| {
        let texts = page.text.split("\n\n").map(str::trim);
        texts.filter(|text| !text.is_empty()).map(|text| Piece {
            page: page.number,
            text: text.to_owned(),
        })
    });
    pieces.collect()
}
