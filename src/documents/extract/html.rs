//! The text of a page of the web, without what is around it. Reads its tags one after the other and builds no tree: no
//! nesting is too deep for that, and there is nothing but the text in memory.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use super::ExtractError;
use super::charset::decode;

/// Where a charset is looked for, as browsers do.
const META_BYTES: usize = 1024;

/// Reads a page. The charset that it names itself counts where none was `named` by whoever sent it.
pub(super) fn read(content: &[u8], named: Option<&str>) -> Result<String, ExtractError> {
    let own = own_charset(content);
    let html = decode(content, named.or(own.as_deref()))?;
    let tokenizer = Tokenizer::new(Reader::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    // The sink asks for nothing that would stop the tokenizer.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    Ok(tokenizer.sink.page.into_inner().text)
}

/// What `<meta charset=…>`, or the longer form with `content="…; charset=…"`, says.
fn own_charset(content: &[u8]) -> Option<String> {
    let start = &content[..content.len().min(META_BYTES)];
    let start = String::from_utf8_lossy(start).to_ascii_lowercase();
    let (_, rest) = start.split_once("charset")?;
    let label = rest.trim_start().strip_prefix('=')?;
    let label = label.trim_start().trim_start_matches(['"', '\'']);
    let label = label.split(['"', '\'', ';', '>', '/', ' ']).next()?;
    // It has just been read as ASCII.
    (!label.starts_with("utf-16")).then(|| label.to_owned())
}

/// What an element does to the text.
enum Role {
    /// Its text is not the page's: code, or what is on every page of a site.
    Skipped,
    /// It begins a heading of this level.
    Heading(usize),
    Paragraph,
    Line,
    Item,
    Cell,
    /// White space in it means something.
    Verbatim,
    /// It is a part of its line.
    Inline,
}

impl Role {
    fn of(name: &str) -> Self {
        match name {
            "aside" | "button" | "dialog" | "footer" | "iframe" | "math" | "nav" | "noscript"
            | "object" | "script" | "select" | "style" | "svg" | "template" | "textarea" => {
                Self::Skipped
            }
            "title" | "h1" => Self::Heading(1),
            "h2" => Self::Heading(2),
            "h3" => Self::Heading(3),
            "h4" | "h5" | "h6" => Self::Heading(4),
            "article" | "blockquote" | "body" | "dl" | "figure" | "form" | "header" | "hr"
            | "main" | "ol" | "p" | "section" | "table" | "ul" => Self::Paragraph,
            "address" | "br" | "caption" | "dd" | "div" | "dt" | "figcaption" | "option" | "tr" => {
                Self::Line
            }
            "li" => Self::Item,
            "td" | "th" => Self::Cell,
            "pre" => Self::Verbatim,
            _ => Self::Inline,
        }
    }
}

/// How the tokenizer has to read what is in an element that holds no elements.
fn raw_kind(name: &str) -> Option<RawKind> {
    match name {
        "script" => Some(RawKind::ScriptData),
        "style" | "iframe" | "noembed" | "noframes" | "xmp" => Some(RawKind::Rawtext),
        "title" | "textarea" => Some(RawKind::Rcdata),
        _ => None,
    }
}

/// What stands between a word and the next, from the least to the most.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    #[default]
    Nothing,
    Space,
    Cell,
    Line,
    Paragraph,
}

impl Gap {
    fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Space => " ",
            Self::Cell => " | ",
            Self::Line => "\n",
            Self::Paragraph => "\n\n",
        }
    }
}

/// The sink of the tokenizer, which lends itself out only as shared.
#[derive(Default)]
struct Reader {
    page: RefCell<PageText>,
}

/// The text so far.
#[derive(Default)]
struct PageText {
    text: String,
    /// What comes before the next word.
    gap: Gap,
    /// And then this, such as a heading's mark.
    mark: String,
    /// The element whose text is skipped, and how many of its name are open.
    skipped: Option<(String, usize)>,
    /// How many `<pre>` are open.
    verbatim: usize,
}

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let mut page = self.page.borrow_mut();
        match token {
            Token::CharacterTokens(letters) => page.say(&letters),
            Token::TagToken(tag) => {
                page.tag(&tag);
                if let (TagKind::StartTag, Some(kind)) = (tag.kind, raw_kind(&tag.name)) {
                    return TokenSinkResult::RawData(kind);
                }
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl PageText {
    fn tag(&mut self, tag: &Tag) {
        let is_start = tag.kind == TagKind::StartTag;
        if let Some((name, open)) = &mut self.skipped {
            if **name == *tag.name {
                *open = if is_start { *open + 1 } else { *open - 1 };
            }
            if *open == 0 {
                self.skipped = None;
            }
            return;
        }
        if !is_start {
            // Of what is empty, there is nothing to mark.
            self.mark.clear();
        }
        match Role::of(&tag.name) {
            Role::Skipped if is_start => self.skipped = Some((tag.name.to_string(), 1)),
            Role::Heading(level) if is_start => self.apart(Gap::Paragraph, &"#".repeat(level)),
            Role::Skipped | Role::Heading(_) | Role::Paragraph => self.apart(Gap::Paragraph, ""),
            Role::Item if is_start => self.apart(Gap::Line, "-"),
            Role::Item | Role::Line => self.apart(Gap::Line, ""),
            Role::Cell => self.apart(Gap::Cell, ""),
            Role::Verbatim => {
                self.apart(Gap::Paragraph, "");
                let open = self.verbatim;
                self.verbatim = if is_start {
                    open + 1
                } else {
                    open.saturating_sub(1)
                };
            }
            Role::Inline => {}
        }
    }

    fn apart(&mut self, gap: Gap, mark: &str) {
        self.gap = self.gap.max(gap);
        if !mark.is_empty() {
            mark.clone_into(&mut self.mark);
        }
    }

    fn say(&mut self, letters: &str) {
        if self.skipped.is_some() {
            return;
        }
        for letter in letters.chars() {
            if letter.is_whitespace() && self.verbatim == 0 {
                self.gap = self.gap.max(Gap::Space);
            } else {
                self.push(letter);
            }
        }
    }

    fn push(&mut self, letter: char) {
        if !self.text.is_empty() {
            self.text.push_str(self.gap.as_str());
        }
        if !self.mark.is_empty() {
            self.text.push_str(&self.mark);
            self.text.push(' ');
            self.mark.clear();
        }
        self.gap = Gap::Nothing;
        self.text.push(letter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(html: &str) -> String {
        read(html.as_bytes(), None).expect("it is UTF-8")
    }

    #[test]
    fn a_page_is_its_headings_paragraphs_lists_and_tables() {
        let html = "<!doctype html><html><head><title>A &amp; B</title><meta charset=utf-8></head>\
            <body><h2>The\n <em>first</em></h2><p>One <b>bold</b>,\n two.<p>Three<br>four\
            <ul><li>a</li><li><p>b</ul><table><tr><th>x<th>y<tr><td>1<td>2</table>\
            <pre>if a {\n    b\n}</pre>&eacute;nd</body>";
        let expected = "# A & B\n\n## The first\n\nOne bold, two.\n\nThree\nfour\n\n- a\n\n- b\n\n\
            x | y\n1 | 2\n\nif a {\n    b\n}\n\nénd";
        assert_eq!(text(html), expected);
    }

    #[test]
    fn code_styles_and_navigation_are_not_the_page() {
        let html = "<style>p { color: red }</style><nav><ul><li>Home<nav>x</nav></ul></nav>\
            <script>if (a < b) { document.write('<p>') }</script><p>Words<!-- not these -->.</p>\
            <svg><text>icon</text></svg><footer>Imprint</footer><textarea><p>typed</textarea>";
        assert_eq!(text(html), "Words.");
    }

    #[test]
    fn broken_and_deeply_nested_pages_are_read() {
        assert_eq!(text("</p></nav><p>a</b><div>b</ul"), "a\nb");
        let deep = format!("{}core{}", "<div><b>".repeat(200_000), "</div>".repeat(100));
        assert_eq!(text(&deep), "core");
        assert_eq!(text("<nav><p>a"), "");
        assert_eq!(text("<ul><li></ul><h1></h1>a"), "a");
    }

    #[test]
    fn the_charset_is_the_one_that_was_named_or_the_page_s_own() {
        let own =
            b"<meta http-equiv=content-type content='text/html; charset=ISO-8859-1'>Gr\xfc\xdfe";
        assert_eq!(read(own, None).unwrap(), "Grüße");
        let short = b"<META CharSet = \"windows-1251\"/>\xcf\xf0";
        assert_eq!(read(short, None).unwrap(), "Пр");
        assert_eq!(read(short, Some("latin1")).unwrap(), "Ïð");
        assert_eq!(read(b"<p>Gr\xfc\xdfe", None), Err(ExtractError::NotUtf8));
        let wide = "<meta charset=utf-16>plain";
        assert_eq!(text(wide), "plain");
    }
}
