//! What kinds of documents are taken.

/// A kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DocumentKind {
    /// Plain text.
    Text,
    /// Text with Markdown's headings, lists and so on.
    Markdown,
    /// A page of the web.
    Html,
    /// Pages to print.
    Pdf,
}

impl DocumentKind {
    /// The kind of a file by the extension of its name or, where that says nothing, by its media type. `None` is a
    /// kind that is not taken.
    pub fn of(filename: &str, content_type: Option<&str>) -> Option<Self> {
        let extension = filename.rsplit_once('.').map(|(_, extension)| extension);
        extension
            .and_then(Self::of_extension)
            .or_else(|| Self::of_media_type(content_type?))
    }

    fn of_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "txt" | "text" => Some(Self::Text),
            "md" | "markdown" => Some(Self::Markdown),
            "html" | "htm" => Some(Self::Html),
            "pdf" => Some(Self::Pdf),
            _ => None,
        }
    }

    fn of_media_type(media_type: &str) -> Option<Self> {
        let essence = media_type.split(';').next().unwrap_or_default();
        match essence.trim().to_ascii_lowercase().as_str() {
            "text/plain" => Some(Self::Text),
            "text/markdown" | "text/x-markdown" => Some(Self::Markdown),
            "text/html" | "application/xhtml+xml" => Some(Self::Html),
            "application/pdf" | "application/x-pdf" => Some(Self::Pdf),
            _ => None,
        }
    }

    /// The word that is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Pdf => "pdf",
        }
    }

    /// Reads what [`as_str`](Self::as_str) wrote.
    pub fn from_stored(word: &str) -> Option<Self> {
        [Self::Text, Self::Markdown, Self::Html, Self::Pdf]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_decides_before_the_media_type() {
        for (filename, content_type, kind) in [
            ("a.txt", Some("application/pdf"), Some(DocumentKind::Text)),
            ("notes.v2.MD", None, Some(DocumentKind::Markdown)),
            ("a.markdown", None, Some(DocumentKind::Markdown)),
            ("page.HTM", Some("text/plain"), Some(DocumentKind::Html)),
            ("a.pdf", None, Some(DocumentKind::Pdf)),
            (
                "README",
                Some("text/plain; charset=utf-8"),
                Some(DocumentKind::Text),
            ),
            ("scan", Some("Application/PDF"), Some(DocumentKind::Pdf)),
            ("a.docx", None, None),
            ("a.docx", Some("application/msword"), None),
            ("pdf", None, None),
            ("", None, None),
        ] {
            assert_eq!(DocumentKind::of(filename, content_type), kind, "{filename}");
        }
    }

    #[test]
    fn a_stored_kind_is_read_again_and_nothing_else() {
        for kind in [
            DocumentKind::Text,
            DocumentKind::Markdown,
            DocumentKind::Html,
            DocumentKind::Pdf,
        ] {
            assert_eq!(DocumentKind::from_stored(kind.as_str()), Some(kind));
        }
        assert_eq!(DocumentKind::from_stored("PDF"), None);
    }
}
