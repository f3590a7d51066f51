//! Which files are taken into projects.

/// What a document is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DocumentKind {
    /// Plain text.
    Text,
    /// Markdown.
    Markdown,
    /// HTML.
    Html,
    /// PDF.
    Pdf,
}

const WORDS: [(DocumentKind, &str); 4] = [
    (DocumentKind::Text, "text"),
    (DocumentKind::Markdown, "markdown"),
    (DocumentKind::Html, "html"),
    (DocumentKind::Pdf, "pdf"),
];

impl DocumentKind {
    /// By the file's name, else by what its sender calls it.
    pub fn of(filename: &str, content_type: Option<&str>) -> Option<Self> {
        let ending = filename.rsplit_once('.').map(|(_, ending)| ending);
        let ending = ending.unwrap_or_default().to_ascii_lowercase();
        match (ending.as_str(), content_type) {
            ("txt", _) => Some(Self::Text),
            ("md", _) => Some(Self::Markdown),
            ("html" | "htm", _) => Some(Self::Html),
            ("pdf", _) => Some(Self::Pdf),
            ("", Some("text/plain")) => Some(Self::Text),
            _ => None,
        }
    }

    /// How it is stored and given out.
    pub fn as_str(self) -> &'static str {
        let word = WORDS.iter().find(|(kind, _)| *kind == self);
        word.expect("every kind has a word").1
    }

    /// Reads it back.
    pub fn from_stored(word: &str) -> Option<Self> {
        let kind = WORDS.iter().find(|(_, stored)| *stored == word);
        kind.map(|(kind, _)| *kind)
    }
}
