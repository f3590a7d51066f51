//! A file for decoders that read one.

use std::io::{Seek, Write};
use std::path::Path;

/// Calls `read` with the path of a file that holds `bytes`.
pub fn with_file<T>(bytes: &[u8], read: impl FnOnce(&Path) -> T) -> T {
    thread_local! {
        static FILE: std::cell::RefCell<tempfile::NamedTempFile> =
            tempfile::NamedTempFile::new().expect("a temporary file").into();
    }
    FILE.with_borrow_mut(|file| {
        file.as_file().set_len(0).expect("it is ours");
        file.rewind().expect("it is ours");
        file.write_all(bytes).expect("there is room");
        read(file.path())
    })
}
