//! A file as browsers send it: `multipart/form-data` with the file in the field `file`, and nothing else. Read piece by
//! piece, and no further than it may be large.

use std::time::Duration;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, BytesMut};
use futures_util::StreamExt;
use utoipa::ToSchema;

use super::super::error::{self, ApiError};
use crate::documents::DocumentKind;
use crate::session_body::check_text;

/// The only field.
const FIELD: &str = "file";
/// The longest name of a file, in characters.
const MAX_FILENAME: usize = 255;
/// The longest name of an encoding.
const MAX_CHARSET: usize = 64;
/// How long a file may take to arrive.
const DEADLINE: Duration = Duration::from_secs(600);

/// A form with a file.
#[derive(ToSchema)]
pub(in crate::http::api) struct UploadForm {
    /// Text, Markdown, HTML or PDF, with a file name.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    #[expect(dead_code, reason = "describes the form, which is read piece by piece")]
    file: Bytes,
}

/// A file that arrived.
pub(super) struct Upload {
    /// Its name, without a path.
    pub(super) filename: String,
    /// What it is written in.
    pub(super) kind: DocumentKind,
    /// Its characters' encoding, where its sender says so.
    pub(super) charset: Option<String>,
    /// The file; not empty.
    pub(super) content: Bytes,
}

/// Reads the form to its end. `max_bytes` is of the file.
pub(super) async fn read(form: Multipart, max_bytes: usize) -> Result<Upload, ApiError> {
    let read = tokio::time::timeout(DEADLINE, read_form(form, max_bytes)).await;
    read.unwrap_or(Err(ApiError::TooSlow))
}

async fn read_form(mut form: Multipart, max_bytes: usize) -> Result<Upload, ApiError> {
    let mut upload = None;
    while let Some(field) = form.next().await {
        let field = field.map_err(fault)?;
        if field.name() != Some(FIELD) || upload.is_some() {
            let rule =
                format!("the form must have one file, in the field {FIELD}, and nothing else");
            return Err(ApiError::Invalid(rule));
        }
        upload = Some(read_file(field, max_bytes).await?);
    }
    upload
        .ok_or_else(|| ApiError::Invalid(format!("the form must have a file in the field {FIELD}")))
}

async fn read_file(mut field: Field, max_bytes: usize) -> Result<Upload, ApiError> {
    let filename = filename(&field)?;
    let sent_as = field.content_type();
    let kind = DocumentKind::of(&filename, sent_as.map(|kind| kind.essence_str()));
    let kind = kind.ok_or(ApiError::UnknownKind)?;
    let charset = sent_as.and_then(|kind| kind.get_param("charset"));
    let charset = charset.map(|charset| charset.as_str().to_owned());
    let mut content = BytesMut::new();
    while let Some(piece) = field.next().await {
        let piece = piece.map_err(fault)?;
        if content.len() + piece.len() > max_bytes {
            return Err(ApiError::FileTooLarge { max_bytes });
        }
        content.extend_from_slice(&piece);
    }
    if content.is_empty() {
        return Err(ApiError::Invalid("the file is empty".to_owned()));
    }
    Ok(Upload {
        filename,
        kind,
        charset: charset.filter(|charset| charset.len() <= MAX_CHARSET),
        content: content.freeze(),
    })
}

/// The name that a file was sent with; some clients send its path along.
fn filename(field: &Field) -> Result<String, ApiError> {
    let disposition = field.content_disposition();
    let sent = disposition.and_then(|disposition| disposition.get_filename());
    let name = sent.unwrap_or_default().rsplit(['/', '\\']).next();
    let name = name.unwrap_or_default().trim();
    check_text("the file's name", name, MAX_FILENAME)?;
    match name {
        "." | ".." => Err(ApiError::Invalid(
            "the file's name is a folder's".to_owned(),
        )),
        name => Ok(name.to_owned()),
    }
}

fn fault(fault: MultipartError) -> ApiError {
    match fault {
        MultipartError::ContentTypeMissing
        | MultipartError::ContentTypeParse
        | MultipartError::ContentTypeIncompatible => ApiError::NotMultipart,
        MultipartError::Payload(fault) => error::payload(&fault),
        MultipartError::Incomplete => error::payload(&PayloadError::Incomplete(None)),
        fault => ApiError::Malformed(format!("the form cannot be read: {fault}")),
    }
}
