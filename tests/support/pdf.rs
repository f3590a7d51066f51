//! PDFs, written by hand: as small as they can be, or as nobody should write them.

use std::io::Write;

use flate2::{Compress, Compression, FlushCompress, Status};

/// The objects of a file, from number 1 on; the first is its catalog.
#[derive(Default)]
pub struct Pdf {
    objects: Vec<Vec<u8>>,
    /// More for the trailer.
    trailer: String,
}

impl Pdf {
    /// A file with a page for each of these content streams.
    pub fn of_pages(contents: &[&str]) -> Self {
        let numbers = (0..contents.len()).map(|page| 4 + 2 * page);
        let kids: String = numbers.map(|number| format!("{number} 0 R ")).collect();
        let mut pdf = Self::default()
            .object("<</Type/Catalog/Pages 2 0 R>>")
            .object(&format!(
                "<</Type/Pages/Count {}/Kids[{kids}]>>",
                contents.len()
            ))
            .object("<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>");
        for content in contents {
            let next = pdf.objects.len() + 2;
            pdf = pdf
                .object(&format!("{PAGE}/Contents {next} 0 R>>"))
                .stream("", content.as_bytes());
        }
        pdf
    }

    /// A file with one page, the content of which is compressed already.
    pub fn of_deflated(content: &[u8]) -> Self {
        let mut pdf = Self::of_pages(&[""]);
        pdf.objects.truncate(4);
        pdf.stream("/Filter/FlateDecode", content)
    }

    /// Adds an object.
    pub fn object(mut self, object: &str) -> Self {
        self.objects.push(object.as_bytes().to_vec());
        self
    }

    /// Adds a stream with these entries in its dictionary.
    pub fn stream(mut self, entries: &str, content: &[u8]) -> Self {
        let mut stream = format!("<<{entries}/Length {}>>stream\n", content.len()).into_bytes();
        stream.extend_from_slice(content);
        stream.extend_from_slice(b"\nendstream");
        self.objects.push(stream);
        self
    }

    /// Puts another object in the place of this one.
    pub fn replacing(mut self, number: usize, object: &str) -> Self {
        self.objects[number - 1] = object.as_bytes().to_vec();
        self
    }

    /// Adds entries to the trailer.
    pub fn with_trailer(mut self, entries: &str) -> Self {
        self.trailer.push_str(entries);
        self
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let mut file = b"%PDF-1.7\n".to_vec();
        let mut offsets = Vec::new();
        for (number, object) in (1..).zip(&self.objects) {
            offsets.push(file.len());
            writeln!(file, "{number} 0 obj").expect("memory takes everything");
            file.extend_from_slice(object);
            file.extend_from_slice(b"\nendobj\n");
        }
        let table = file.len();
        let size = offsets.len() + 1;
        let entries: String = offsets
            .iter()
            .map(|at| format!("{at:010} 00000 n \n"))
            .collect();
        write!(
            file,
            "xref\n0 {size}\n0000000000 65535 f \n{entries}trailer\n<</Size {size}/Root 1 0 R{}>>\n\
             startxref\n{table}\n%%EOF\n",
            self.trailer
        )
        .expect("memory takes everything");
        file
    }
}

/// The beginning of a page's dictionary.
const PAGE: &str = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>";

/// A content stream that writes these lines below each other.
pub fn lines(lines: &[&str]) -> String {
    let shown: String = lines
        .iter()
        .map(|line| format!("({line}) Tj T*\n"))
        .collect();
    format!("BT /F 12 Tf 14 TL 72 770 Td\n{shown}ET")
}

/// Data that inflates to `text`, so many times over.
pub fn deflated(text: &[u8], times: usize) -> Vec<u8> {
    let mut chunk = Vec::with_capacity(text.len() + 1024);
    // Without a header; a full flush makes it end with a whole byte, and forget what was before.
    let mut deflater = Compress::new(Compression::fast(), false);
    let status = deflater.compress_vec(text, &mut chunk, FlushCompress::Full);
    assert!(matches!(status, Ok(Status::Ok)), "{status:?}");
    assert_eq!(deflater.total_in(), text.len() as u64);
    let mut data = b"\x78\x01".to_vec();
    data.extend(chunk.repeat(times));
    // An empty last block; readers of PDF do not look at the checksum behind it.
    data.extend_from_slice(b"\x03\x00\0\0\0\0");
    data
}
