//! Gives every SQLite connection that the process opens from now on the functions of sqlite-vec, such as
//! `vec_distance_cosine`. The extension is linked into the program: no file is loaded, and SQLite's loading of
//! extensions stays off. This crate is the only one of the workspace that calls C, and does nothing else.

use std::ffi::{c_char, c_int};
use std::sync::OnceLock;

use libsqlite3_sys::{SQLITE_OK, sqlite3, sqlite3_api_routines, sqlite3_auto_extension};
// Links the library that holds `sqlite3_vec_init`, which it declares without its parameters.
use sqlite_vec as _;

#[allow(
    unsafe_code,
    reason = "the entry point of an extension, as SQLite defines them all"
)]
unsafe extern "C" {
    fn sqlite3_vec_init(
        connection: *mut sqlite3,
        error: *mut *mut c_char,
        api: *const sqlite3_api_routines,
    ) -> c_int;
}

/// Registers the extension for all connections that are opened after this; what was opened before goes without. Does
/// nothing after the first time. The error is SQLite's code.
pub fn register() -> Result<(), i32> {
    static REGISTERED: OnceLock<c_int> = OnceLock::new();
    #[allow(unsafe_code, reason = "an extension cannot be registered otherwise")]
    // SAFETY: the function is an extension's entry point, compiled for being linked in (SQLITE_CORE, so that it does
    // not use the API's table), it lives as long as the program, and SQLite guards its list of them by a mutex.
    let register = || unsafe { sqlite3_auto_extension(Some(sqlite3_vec_init)) };
    match *REGISTERED.get_or_init(register) {
        SQLITE_OK => Ok(()),
        code => Err(code),
    }
}
