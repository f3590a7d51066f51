//! Text out of files: what is read of good ones, and that bad ones hurt nobody.

use std::path::PathBuf;

use bytes::Bytes;
use switchboard::documents::DocumentKind;
use switchboard::documents::extract::{ExtractError, Extractor, Page};
use tempfile::TempDir;

use crate::support::pdf::{self, Pdf};

/// Bytes that the server's memory may grow while its processes read a bomb of 3 GiB.
const GROWTH: u64 = 512 << 20;

/// An extractor whose processes can be told from those of other tests.
struct Reader {
    extractor: Extractor,
    program: PathBuf,
    _folder: TempDir,
}

impl Reader {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("switchboard");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_switchboard"), &program).unwrap();
        Self {
            extractor: Extractor::new(program.clone()),
            program,
            _folder: folder,
        }
    }

    /// Reads a file, and sees that its process is gone.
    async fn read(
        &self,
        kind: DocumentKind,
        charset: Option<&str>,
        content: impl Into<Bytes>,
    ) -> Result<Vec<Page>, ExtractError> {
        let read = self.extractor.extract(kind, charset, content.into()).await;
        assert!(!self.is_running(), "its process goes on");
        read
    }

    async fn pdf(&self, pdf: &Pdf) -> Result<Vec<Page>, ExtractError> {
        self.read(DocumentKind::Pdf, None, pdf.bytes()).await
    }

    fn is_running(&self) -> bool {
        let name = self.program.as_os_str().as_encoded_bytes();
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let line = |process: std::fs::DirEntry| std::fs::read(process.path().join("cmdline"));
        processes
            .filter_map(|process| line(process).ok())
            .any(|line| line.starts_with(name))
    }
}

fn page(number: Option<u32>, text: &str) -> Page {
    let text = text.to_owned();
    Page { number, text }
}

/// Memory that this process has used at most, in bytes.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.unwrap().trim().trim_end_matches(" kB");
    kibibytes.parse::<u64>().unwrap() * 1024
}

#[actix_web::test]
async fn texts_are_read_by_their_charset() {
    let reader = Reader::new();
    let utf_16: Vec<u8> = "\u{feff}Grüße\r\n"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    for (kind, charset, content) in [
        (DocumentKind::Text, None, "Grüße".as_bytes()),
        (DocumentKind::Markdown, None, &utf_16),
        (DocumentKind::Text, Some("Latin1"), b"Gr\xfc\xdfe"),
        (
            DocumentKind::Html,
            None,
            b"<meta charset=latin1><p>Gr\xfc\xdfe",
        ),
    ] {
        let read = reader.read(kind, charset, content.to_vec()).await;
        assert_eq!(read, Ok(vec![page(None, "Grüße")]), "{kind:?}");
    }
}

#[actix_web::test]
async fn what_is_no_text_is_refused_with_the_reason() {
    let reader = Reader::new();
    for (kind, charset, content, error) in [
        (DocumentKind::Text, None, &b""[..], ExtractError::Empty),
        (
            DocumentKind::Markdown,
            None,
            b" \n\t\r\n",
            ExtractError::Empty,
        ),
        (
            DocumentKind::Html,
            None,
            b"<script>let a = 1</script>",
            ExtractError::Empty,
        ),
        (
            DocumentKind::Text,
            None,
            b"Gr\xfc\xdfe",
            ExtractError::NotUtf8,
        ),
        (
            DocumentKind::Text,
            Some("klingon"),
            b"Gr\xfc\xdfe",
            ExtractError::NotUtf8,
        ),
        (
            DocumentKind::Text,
            None,
            b"\x00\x01\x02\x03",
            ExtractError::NotText,
        ),
        (DocumentKind::Pdf, None, b"", ExtractError::Damaged),
        (
            DocumentKind::Pdf,
            None,
            b"just some words",
            ExtractError::Damaged,
        ),
    ] {
        assert_eq!(reader.read(kind, charset, content).await, Err(error));
    }
    let long = "a line of a long text\n".repeat(800_000);
    let read = reader.read(DocumentKind::Text, None, long).await;
    assert_eq!(read, Err(ExtractError::TooLarge));
}

#[actix_web::test]
async fn a_pdf_is_read_page_by_page() {
    let reader = Reader::new();
    let first = pdf::lines(&[
        "Chapter \\(one\\)",
        "It is efficient, and over-",
        "whelming.",
    ]);
    let kerned = "BT /F 12 Tf 72 700 Td [(W)80(ords)-300(apart)]TJ 0 -40 Td (Caf\\351) Tj ET";
    let pdf = Pdf::of_pages(&[&first, "0 0 m 9 9 l S", kerned]);
    let pages = [
        page(Some(1), "Chapter (one)\nIt is efficient, and overwhelming."),
        page(Some(3), "Words apart\n\nCafé"),
    ];
    assert_eq!(reader.pdf(&pdf).await, Ok(pages.to_vec()));
    // Its cross-references are wrong, and are found again.
    let mut shifted = b"%PDF-1.7\n% something more\n".to_vec();
    shifted.extend_from_slice(&pdf.bytes()[9..]);
    let read = reader.read(DocumentKind::Pdf, None, shifted).await;
    assert_eq!(read, Ok(pages.to_vec()));
}

#[actix_web::test]
async fn words_that_are_drawn_twice_are_read_once() {
    let bold = "BT 2 Tr /F 12 Tf 72 700 Td (Filled and outlined) Tj ET \
        BT 0 Tr /F 12 Tf 72 650 Td (Shifted) Tj ET BT /F 12 Tf 72.3 650 Td (Shifted) Tj ET";
    let read = Reader::new().pdf(&Pdf::of_pages(&[bold])).await;
    assert_eq!(
        read,
        Ok(vec![page(Some(1), "Filled and outlined\n\nShifted")])
    );
}

#[actix_web::test]
async fn a_pdf_without_text_or_with_a_password_says_so() {
    let reader = Reader::new();
    let empty = Pdf::of_pages(&["0 0 m 9 9 l S", ""]);
    assert_eq!(reader.pdf(&empty).await, Err(ExtractError::Empty));
    assert_eq!(
        reader.pdf(&Pdf::of_pages(&[])).await,
        Err(ExtractError::Empty)
    );
    let key = "00".repeat(32);
    let locked = Pdf::of_pages(&[&pdf::lines(&["secret"])]).with_trailer(&format!(
        "/ID[<00><00>]/Encrypt<</Filter/Standard/V 2/R 3/Length 128/P -4/O<{key}>/U<{key}>>>"
    ));
    assert_eq!(reader.pdf(&locked).await, Err(ExtractError::Encrypted));
    let whole = Pdf::of_pages(&[&pdf::lines(&["words"])]).bytes();
    let begun = whole[..whole.len() / 20].to_vec();
    let read = reader.read(DocumentKind::Pdf, None, begun).await;
    assert_eq!(read, Err(ExtractError::Damaged));
}

#[actix_web::test]
async fn a_bomb_dressed_as_pdf_hurts_only_the_process_that_reads_it() {
    let reader = Reader::new();
    let before = most_memory();
    let line = b"BT /F 12 Tf 72 700 Td (boom) Tj ET\n".repeat(30_000);
    let bomb = Pdf::of_deflated(&pdf::deflated(&line, 3_100));
    assert!(bomb.bytes().len() < 64 << 20);
    let read = reader.pdf(&bomb).await;
    assert_eq!(read, Err(ExtractError::TooMuchMemory));
    assert!(most_memory() < before + GROWTH);
    let good = Pdf::of_pages(&[&pdf::lines(&["still here"])]);
    assert_eq!(
        reader.pdf(&good).await,
        Ok(vec![page(Some(1), "still here")])
    );
}

#[actix_web::test]
async fn text_without_end_is_refused() {
    // Each letter of the font stands for 400.
    let letters = "0061".repeat(400);
    let map = format!(
        "/CIDInit/ProcSet findresource begin 12 dict begin begincmap /CMapName/M def\n\
         1 begincodespacerange <00><ff> endcodespacerange\n\
         1 beginbfchar <61> <{letters}> endbfchar endcmap end end"
    );
    let content = format!("BT /F 12 Tf 72 700 Td ({}) Tj ET", "a".repeat(50_000));
    let font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 6 0 R>>";
    let pdf = Pdf::of_pages(&[&content])
        .replacing(3, font)
        .stream("", map.as_bytes());
    // A slow machine may have used up its reader's time before.
    let read = Reader::new().pdf(&pdf).await;
    let refused = [ExtractError::TooLarge, ExtractError::TookTooLong];
    assert!(read.is_err_and(|error| refused.contains(&error)));
}

#[actix_web::test]
async fn cycles_and_deep_nesting_in_a_pdf_come_to_an_end() {
    let reader = Reader::new();
    let words = pdf::lines(&["words"]);
    let one = || Pdf::of_pages(&[&words]);
    let own_child = one().replacing(2, "<</Type/Pages/Count 9/Kids[2 0 R 2 0 R 4 0 R]>>");
    let own_parent = one().replacing(4, "<</Type/Page/Parent 4 0 R/Contents 4 0 R>>");
    let form = "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 6 0 R>>>>";
    let own_form = Pdf::of_pages(&["/X Do"])
        .replacing(
            4,
            "<</Type/Page/Parent 2 0 R/Contents 5 0 R/Resources<</XObject<</X 6 0 R>>>>>>",
        )
        .stream(form, b"/X Do /X Do");
    let nested = format!("{}{words}", "[".repeat(2_000_000));
    let deep_content = Pdf::of_pages(&[&nested]);
    let deep_object = one().replacing(3, &"<</A[".repeat(2_000_000));
    let own_length = one().replacing(5, "<</Length 5 0 R>>stream\nBT ET\nendstream");
    let own_before = one().with_trailer("/Prev 0/XRefStm 9");
    for (name, pdf) in [
        ("kids", own_child),
        ("parent", own_parent),
        ("form", own_form),
        ("content", deep_content),
        ("object", deep_object),
        ("length", own_length),
        ("table", own_before),
    ] {
        let read = reader.pdf(&pdf).await;
        assert!(!read.is_err_and(|error| error.is_retryable()), "{name}");
    }
    assert_eq!(reader.pdf(&one()).await, Ok(vec![page(Some(1), "words")]));
}

#[actix_web::test]
async fn a_bomb_dressed_as_html_hurts_nobody() {
    let reader = Reader::new();
    let deep = format!("{}core", "<div><span><table><td>".repeat(200_000));
    let read = reader.read(DocumentKind::Html, None, deep).await;
    assert_eq!(read, Ok(vec![page(None, "core")]));
    let many = format!("<p {}>words", "a ".repeat(20_000));
    let read = reader.read(DocumentKind::Html, None, many).await;
    assert_eq!(read, Ok(vec![page(None, "words")]));
    let open = format!("words{}", "<!--<".repeat(1_000_000));
    let read = reader.read(DocumentKind::Html, None, open).await;
    assert_eq!(read, Ok(vec![page(None, "words")]));
}
